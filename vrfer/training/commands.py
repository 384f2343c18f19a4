"""The commands of `vrfer-train`: they parse, call one function each, and print."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import platformdirs
import typer
from rich.console import Console
from rich.markdown import Markdown

from vrfer.command_line import STOPPED, stopped_by_signals
from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.shipped import shipped
from vrfer.training.card import confusion_table, measures_table, recall_table
from vrfer.training.display import FitDisplay
from vrfer.training.evaluate import (
    SPLITS,
    SplitName,
    evaluate_checkpoint,
    evaluate_file,
    open_network,
)
from vrfer.training.export import export
from vrfer.training.ferplus import FerPlus, load_ferplus
from vrfer.training.loop import fit
from vrfer.training.measure import Measures
from vrfer.training.recipe import Occlusion, Region, read_recipe

app = typer.Typer(
    help="Trains, measures and exports vrfer's networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="VRFER_DATA",
        help="Folder that holds fer2013/ (see docs/data.md).",
        show_default="the environment variable VRFER_DATA",
    ),
]


@app.command("data")
def data_command(folder: DataOption = None) -> None:
    """Read FER+ and say what is there: pictures a split, a class and a list."""
    ferplus = _load(folder)
    lines = [
        "| labels, split | pictures | " + " | ".join(EXPRESSIONS) + " |",
        "|---|---|" + "---|" * len(EXPRESSIONS),
    ]
    for labels in ("majority", "soft"):
        for split in ("train", "validation", "test"):
            faces = ferplus.split(split, labels=labels)
            lists = [(f"{labels}, {split}", faces)]
            if split == "train":
                lists.append((f"{labels}, train, leak-free", ferplus.leak_free(faces)))
            if split == "test":
                lists.append((f"{labels}, test-deduplicated", ferplus.deduplicated_test(faces)))
            for name, some in lists:
                counts = np.bincount(some.labels, minlength=len(EXPRESSIONS))
                lines.append(f"| {name} | {len(some)} | {' | '.join(map(str, counts))} |")
    _print_table(lines)


@app.command("fit")
def fit_command(
    recipe: Annotated[str, typer.Argument(help="Name of a shipped recipe, or a .toml file.")],
    folder: DataOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="runs/NAME")
    ] = None,
    control: Annotated[
        bool, typer.Option("--control", help="The same run without DSD's zeroing.")
    ] = False,
    after: Annotated[
        Path | None,
        typer.Option(help="Take over the stages up to this <region>.pt of another run."),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed than the recipe's.")] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="A few pictures an epoch: tries the recipe out.")
    ] = False,
) -> None:
    """Train by a recipe. The same command goes on with a run that was stopped."""
    chosen = read_recipe(recipe_path(recipe))
    if seed is not None:
        chosen = chosen.model_copy(update={"seed": seed})
    chosen = chosen.control() if control else chosen
    name = chosen.name if seed is None else f"{chosen.name}-seed{seed}"
    if dry_run:
        chosen, name = chosen.shortened(), f"{name}-dry-run"
    run_folder = Path("runs") / name if out is None else out
    data = _load(folder)
    with stopped_by_signals() as stop, FitDisplay(chosen, run_folder, stop) as display:
        try:
            state = fit(
                chosen,
                data,
                run_folder,
                accelerator=accelerator,
                after=after,
                dry_run=dry_run,
                watcher=display.watcher,
            )
        except KeyboardInterrupt:
            display.say(f"Stopped. The same command goes on from {run_folder}.")
            raise typer.Exit(STOPPED) from None
    last = state.history[-1]
    typer.echo(f"Done: {run_folder / f'{last.region}.pt'}. Next: vrfer-train export, or evaluate.")


@app.command("evaluate")
def evaluate_command(
    model: Annotated[Path, typer.Argument(help="A network (.onnx), or a checkpoint (.pt).")],
    folder: DataOption = None,
    split: Annotated[
        SplitName | None, typer.Option(help="What to measure on.", show_default="all")
    ] = None,
    region: Annotated[
        Region | None,
        typer.Option(
            help="Checkpoints only: what the network may see.", show_default="its stage's"
        ),
    ] = None,
    occlusion: Annotated[
        Occlusion | None,
        typer.Option(
            help="Checkpoints only: how an upper half is hidden.", show_default="its stage's"
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON, too.")] = None,
) -> None:
    """Measure a network on FER+: accuracy, interval, recall, macro-F1, confusion, ECE, KL."""
    splits = SPLITS if split is None else (split,)
    if model.suffix != ".pt" and (region is not None or occlusion is not None):
        raise DataError(
            f"--region and --occlusion do not go with {model}",
            "An exported network has its region; name a checkpoint (.pt).",
        )
    data = _load(folder)
    if model.suffix == ".pt":
        measures = evaluate_checkpoint(
            model,
            data,
            splits,
            region=region,
            occlusion=occlusion,
        )
    else:
        measures = evaluate_file(model, data, splits)
    if out is not None:
        _write_figures(out, model, measures)
    _print_measures(measures)


@app.command("export")
def export_command(
    checkpoint: Annotated[Path, typer.Argument(help="A <region>.pt that fit wrote.")],
    out: Annotated[Path, typer.Option(help="The .onnx file; its card goes beside it.")],
    folder: DataOption = None,
) -> None:
    """Write a network as ONNX with its contract and card, compared with torch and measured."""
    if out.suffix != ".onnx":
        raise DataError(f"{out} is no name for a network", "Let it end in .onnx.")
    _print_measures(export(checkpoint, _load(folder), out))
    typer.echo(f"Wrote {out} and {out.with_suffix('.md')}.")


@app.command()
def models() -> None:
    """List the shipped networks."""
    lines = ["| network | sees | test accuracy | file |", "|---|---|---|---|"]
    for path in sorted(shipped("models").glob("*.onnx")):
        _, contract = open_network(path)
        tested = [f for f in contract.figures if f.split == "test"]
        accuracy = f"{tested[0].accuracy:.2%}" if tested else "-"
        lines.append(f"| {contract.name} | {contract.region} | {accuracy} | {path.name} |")
    _print_table(lines)


@app.command()
def recipes() -> None:
    """List the shipped recipes."""
    for path in sorted(shipped("training").glob("*.toml")):
        recipe = read_recipe(path)
        typer.echo(f"{recipe.name}\n    {recipe.about}")


def recipe_path(text: str) -> Path:
    """Return the file of a shipped recipe's name, or of a path."""
    path = Path(text)
    named = shipped("training") / f"{text}.toml"
    return named if not path.exists() and named.is_file() else path


def _load(folder: Path | None) -> FerPlus:
    if folder is None:
        raise DataError(
            "no data folder is named", "Use --data FOLDER, or set VRFER_DATA (docs/data.md)."
        )
    return load_ferplus(folder / "fer2013", cache=platformdirs.user_cache_path("vrfer"))


def _print_measures(measures: Sequence[Measures]) -> None:
    _print_table(measures_table(measures))
    _print_table(recall_table(measures))
    for found in measures:
        typer.echo(f"Confusion, {found.split}:")
        _print_table(confusion_table(found))


def _print_table(lines: Sequence[str]) -> None:
    console = Console()
    if console.is_terminal:
        console.print(Markdown("\n".join(lines)))
    else:
        typer.echo("\n".join(lines) + "\n")


def _write_figures(out: Path, model: Path, measures: Sequence[Measures]) -> None:
    content = {"model": model.name, "measures": [asdict(found) for found in measures]}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as err:
        raise DataError(f"{out} cannot be written: {err.strerror or err}", "Name another.") from err
