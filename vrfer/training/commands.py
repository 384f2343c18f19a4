"""The commands of `vrfer-train`: they parse, call one function each, and print."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import platformdirs
import typer
from rich.console import Console
from rich.progress import Progress

from vrfer.command_line import STOPPED, stopped_by_signals
from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.locator import LOCATOR_FILE, LocatorContract, open_locator
from vrfer.shipped import shipped
from vrfer.training.checkpoint import kind_of
from vrfer.training.display import FitDisplay, RunDisplay
from vrfer.training.evaluate import (
    SPLITS,
    SplitName,
    evaluate_checkpoint,
    evaluate_file,
    kind_of_file,
    open_network,
)
from vrfer.training.export import Precision, export
from vrfer.training.ferplus import FerPlus, load_ferplus
from vrfer.training.locating.card import locator_table
from vrfer.training.locating.checkpoint import KIND
from vrfer.training.locating.display import LocatorDisplay
from vrfer.training.locating.evaluate import evaluate_locator
from vrfer.training.locating.export import export_locator
from vrfer.training.locating.loop import LAST, fit_locator
from vrfer.training.locating.photographs import load_photographs
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.loop import fit
from vrfer.training.photograph_faces import PhotographFaces, photograph_faces
from vrfer.training.printing import print_measures, print_table, write_figures
from vrfer.training.recipe import Occlusion, Recipe, Region, read_recipe

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
        help="Folder that holds fer2013/ and, for the locator, faces/ (see docs/data.md).",
        show_default="the environment variable VRFER_DATA",
    ),
]


@app.command("data")
def data_command(folder: DataOption = None) -> None:
    """Read the data and say what is there: pictures a split, a class and a list."""
    folder = _data_folder(folder)
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
    print_table(lines)
    if (folder / "faces").is_dir():
        found = load_photographs(folder / "faces", _cache())
        typer.echo(
            f"Photographs of faces: {len(found.train)} train, {len(found.validation)} validation.\n"
            f"Rooms: {len(found.rooms)} train, {len(found.held_out_rooms)} held out."
        )


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
    start: Annotated[
        Path | None,
        typer.Option(
            help="The starting weights: their folder, or a checkpoint (docs/data.md).",
            show_default="backbones/ in the data's folder",
        ),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint to learn from; may be given several times."),
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
    if isinstance(chosen, LocatorRecipe):
        given = {
            "--control": control,
            "--after": after is not None,
            "--start": start is not None,
            "--teacher": bool(teacher),
        }
        _refuse(given, chosen.name, "The locator has neither stages nor zeroing; leave it out.")
    elif control:
        chosen = chosen.control()
    name = chosen.name if seed is None else f"{chosen.name}-seed{seed}"
    if dry_run:
        chosen, name = chosen.shortened(), f"{name}-dry-run"
    run_folder = Path("runs") / name if out is None else out
    folder = _data_folder(folder)
    if isinstance(chosen, LocatorRecipe):
        best = _fit_locator(chosen, folder, run_folder, accelerator, dry_run)
    else:
        best = _fit_classifier(
            chosen,
            folder,
            run_folder,
            accelerator,
            after,
            folder / "backbones" if start is None else start,
            teacher or [],
            dry_run,
        )
    typer.echo(f"Done: {best}. Next: vrfer-train export, or evaluate.")


def _fit_classifier(
    recipe: Recipe,
    folder: Path,
    out: Path,
    accelerator: str,
    after: Path | None,
    start: Path,
    teachers: list[Path],
    dry_run: bool,
) -> Path:
    data = _load(folder)
    faces = _photograph_faces(folder) if recipe.data.photographs else None
    with (
        stopped_by_signals() as stop,
        FitDisplay(recipe, out, stop) as display,
        _says_when_stopped(display, out),
    ):
        state = fit(
            recipe,
            data,
            out,
            accelerator=accelerator,
            after=after,
            start=start,
            teachers=teachers,
            photographs=faces,
            dry_run=dry_run,
            watcher=display.watcher,
        )
    return out / f"{state.history[-1].region}.pt"


def _fit_locator(
    recipe: LocatorRecipe, folder: Path, out: Path, accelerator: str, dry_run: bool
) -> Path:
    with (
        stopped_by_signals() as stop,
        LocatorDisplay(recipe, out, stop) as display,
        _says_when_stopped(display, out),
    ):
        fit_locator(
            recipe,
            _photographs(folder),
            _cache(),
            out,
            accelerator=accelerator,
            dry_run=dry_run,
            watcher=display.watcher,
        )
    return out / LAST


@contextmanager
def _says_when_stopped(display: RunDisplay, folder: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        display.say(f"Stopped. The same command goes on from {folder}.")
        raise typer.Exit(STOPPED) from None


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
    """Measure a network: a classifier on FER+, a locator on photographs."""
    if _is_locator(model):
        given = {
            f"--split {split}": split not in (None, "validation"),
            "--region": region is not None,
            "--occlusion": occlusion is not None,
        }
        _refuse(given, str(model), "A locator is measured on the validation split; leave it out.")
        folder = _data_folder(folder)
        _photographs(folder)
        evaluation = evaluate_locator(model, folder, _cache())
        if out is not None:
            write_figures(out, model, evaluation.document())
        print_table(evaluation.table())
        return
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
        write_figures(out, model, {"measures": [asdict(found) for found in measures]})
    print_measures(measures)


@app.command("export")
def export_command(
    checkpoint: Annotated[
        Path, typer.Argument(help="A .pt that fit wrote: <region>.pt, or a locator's last.pt.")
    ],
    out: Annotated[Path, typer.Option(help="The .onnx file; its card goes beside it.")],
    folder: DataOption = None,
    precision: Annotated[
        Precision,
        typer.Option(help="int8-stored: a quarter of the size; int8: two to three times as fast."),
    ] = "int8-stored",
    final: Annotated[
        bool, typer.Option(help="Measure the test splits, too; not while networks are chosen.")
    ] = True,
) -> None:
    """Write a network as ONNX with its contract and card, compared with torch and measured."""
    if out.suffix != ".onnx":
        raise DataError(f"{out} is no name for a network", "Let it end in .onnx.")
    if _is_locator(checkpoint):
        photographs = load_photographs(_photographs(_data_folder(folder)), _cache())
        print_table(locator_table(export_locator(checkpoint, photographs, out)))
    else:
        splits = SPLITS if final else SPLITS[:1]
        data = _load(folder)
        print_measures(export(checkpoint, data, out, precision=precision, splits=splits))
    typer.echo(f"Wrote {out} and {out.with_suffix('.md')}.")


@app.command()
def models() -> None:
    """List the shipped networks."""
    lines = ["| network | sees | measured | file |", "|---|---|---|---|"]
    for path in sorted(shipped("models").glob("*.onnx")):
        if _is_locator(path):
            located = open_locator(path)[1]
            row = (located.name, "lower face", _headset_error(located))
        else:
            contract = open_network(path)[1]
            tested = [f"{f.accuracy:.2%} right" for f in contract.figures if f.split == "test"]
            row = (contract.name, contract.region, tested[0] if tested else "-")
        lines.append(f"| {' | '.join((*row, path.name))} |")
    print_table(lines)


def _headset_error(contract: LocatorContract) -> str:
    errors = [f.headset_error for f in contract.figures]
    return f"off by {errors[0]:.3f} face widths under a headset" if errors else "-"


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


def _is_locator(model: Path) -> bool:
    """Whether a checkpoint (.pt) or an exported network is a locator."""
    if model.suffix == ".pt":
        return kind_of(model) == KIND
    return kind_of_file(model) in get_args(LocatorContract.model_fields["kind"].annotation)


def _refuse(given: dict[str, bool], name: str, remedy: str) -> None:
    """Refuse the first option that was given and does not go with a locator."""
    for option, is_given in given.items():
        if is_given:
            raise DataError(f"{option} does not go with {name}", remedy)


def _data_folder(folder: Path | None) -> Path:
    if folder is None:
        raise DataError(
            "no data folder is named", "Use --data FOLDER, or set VRFER_DATA (docs/data.md)."
        )
    return folder


def _cache() -> Path:
    return platformdirs.user_cache_path("vrfer")


def _load(folder: Path | None) -> FerPlus:
    return load_ferplus(_data_folder(folder) / "fer2013", cache=_cache())


def _photograph_faces(folder: Path) -> PhotographFaces:
    """Cut the photographs' faces with the shipped locator; thousands take minutes, once."""
    data = load_photographs(_photographs(folder), _cache())
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("cutting faces out of the photographs", total=None)
        return photograph_faces(
            data.train,
            shipped("models") / LOCATOR_FILE,
            _cache(),
            on_face=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _photographs(folder: Path) -> Path:
    """Return the folder of the locator's photographs, before anything is begun without them."""
    photographs = folder / "faces"
    if not photographs.is_dir():
        raise DataError(
            f"the folder {photographs} is not there",
            "The locator is trained and measured on photographs (docs/data.md).",
        )
    return photographs
