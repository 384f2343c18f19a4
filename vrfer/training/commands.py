"""The commands of `vrfer-train`: they parse, call one function each, and print."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, get_args

import numpy as np
import typer

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.locator import LocatorContract, open_locator
from vrfer.shipped import shipped
from vrfer.training.checkpoint import kind_of
from vrfer.training.compare import compare, comparison_table
from vrfer.training.data_folder import (
    DataOption,
    cache_folder,
    data_folder,
    load,
    photographs_folder,
    refuse,
)
from vrfer.training.disturbances import losses, losses_table
from vrfer.training.evaluate import (
    SPLITS,
    SplitName,
    evaluate_checkpoint,
    evaluate_file,
    kind_of_file,
    open_network,
)
from vrfer.training.export import Precision, export
from vrfer.training.fit_command import fit_command
from vrfer.training.locating.card import locator_table
from vrfer.training.locating.checkpoint import KIND
from vrfer.training.locating.evaluate import evaluate_locator
from vrfer.training.locating.export import export_locator
from vrfer.training.locating.photographs import load_photographs
from vrfer.training.printing import print_measures, print_table, write_figures
from vrfer.training.recipe import Occlusion, Region, read_recipe

app = typer.Typer(
    help="Trains, measures and exports vrfer's networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("data")
def data_command(folder: DataOption = None) -> None:
    """Read the data and say what is there: pictures a split, a class and a list."""
    folder = data_folder(folder)
    ferplus = load(folder)
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
        found = load_photographs(folder / "faces", cache_folder())
        typer.echo(
            f"Photographs of faces: {len(found.train)} train, {len(found.validation)} validation.\n"
            f"Rooms: {len(found.rooms)} train, {len(found.held_out_rooms)} held out."
        )


app.command("fit")(fit_command)


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
    disturbed: Annotated[
        bool,
        typer.Option(
            "--disturbed", help="Networks only: what shifts, scales and turns of the face cost."
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the figures as JSON, too.")] = None,
) -> None:
    """Measure a network: a classifier on FER+, a locator on photographs."""
    if _is_locator(model):
        given = {
            f"--split {split}": split not in (None, "validation"),
            "--region": region is not None,
            "--occlusion": occlusion is not None,
            "--disturbed": disturbed,
        }
        refuse(given, str(model), "A locator is measured on the validation split; leave it out.")
        folder = data_folder(folder)
        photographs_folder(folder)
        evaluation = evaluate_locator(model, folder, cache_folder())
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
    refuse({"--disturbed": disturbed and model.suffix == ".pt"}, str(model), "Export it first.")
    data = load(folder)
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
    lost = losses(model, data, splits) if disturbed else []
    if out is not None:
        figures = {"measures": [asdict(found) for found in measures]}
        if disturbed:
            figures["disturbed"] = [asdict(one) for one in lost]
        write_figures(out, model, figures)
    print_measures(measures)
    if disturbed:
        print_table(losses_table(lost))


@app.command("compare")
def compare_command(
    first: Annotated[Path, typer.Argument(help="A network (.onnx).")],
    second: Annotated[Path, typer.Argument(help="Another.")],
    folder: DataOption = None,
    split: Annotated[
        SplitName | None, typer.Option(help="What to compare on.", show_default="all")
    ] = None,
) -> None:
    """Compare two networks picture by picture: is the difference more than chance?"""
    found = compare(first, second, load(folder), SPLITS if split is None else (split,))
    print_table(comparison_table(first.stem, second.stem, found))


@app.command("export")
def export_command(
    checkpoint: Annotated[
        Path, typer.Argument(help="A .pt that fit wrote: <region>.pt, or a locator's last.pt.")
    ],
    out: Annotated[Path, typer.Option(help="The .onnx file; its card goes beside it.")],
    folder: DataOption = None,
    precision: Annotated[
        Precision,
        typer.Option(help="int8-stored: a quarter of the size; int8: faster, too."),
    ] = "int8-stored",
    final: Annotated[
        bool, typer.Option(help="Measure the test splits, too; not while networks are chosen.")
    ] = True,
) -> None:
    """Write a network as ONNX with its contract and card, compared with torch and measured."""
    if out.suffix != ".onnx":
        raise DataError(f"{out} is no name for a network", "Let it end in .onnx.")
    if _is_locator(checkpoint):
        photographs = load_photographs(photographs_folder(data_folder(folder)), cache_folder())
        print_table(locator_table(export_locator(checkpoint, photographs, out)))
    else:
        splits = SPLITS if final else SPLITS[:1]
        data = load(folder)
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


def _is_locator(model: Path) -> bool:
    """Whether a checkpoint (.pt) or an exported network is a locator."""
    if model.suffix == ".pt":
        return kind_of(model) == KIND
    return kind_of_file(model) in get_args(LocatorContract.model_fields["kind"].annotation)
