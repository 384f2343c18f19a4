"""The commands of `vrfer-train`: they parse, call one function each, and print."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.locator import LocatorContract, open_locator
from vrfer.shipped import shipped
from vrfer.training.average import average
from vrfer.training.by_name import network_folders, network_path, short_name
from vrfer.training.checkpoint import load_state
from vrfer.training.compare import compare, comparison_table
from vrfer.training.data_folder import (
    DataOption,
    cache_folder,
    data_folder,
    load,
    photographs_folder,
    refuse,
)
from vrfer.training.evaluate import SPLITS, SplitName, is_locator, open_network, splits_of
from vrfer.training.evaluate_command import evaluate_command
from vrfer.training.explain_command import explain_command
from vrfer.training.export import Precision, export
from vrfer.training.ferplus import Split
from vrfer.training.fit_command import fit_command
from vrfer.training.locating.card import locator_table
from vrfer.training.locating.export import export_locator
from vrfer.training.locating.photographs import load_photographs
from vrfer.training.printing import print_measures, print_table
from vrfer.training.recalibrate import recalibrate
from vrfer.training.recipe import Data, Dataset, Labels
from vrfer.training.recipe_file import read_recipe, recipe_of
from vrfer.training.table_command import table_command

SPLIT_NAMES: tuple[Split, ...] = ("train", "validation", "test")

app = typer.Typer(
    help="Trains, measures and exports vrfer's networks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command("data")
def data_command(
    folder: DataOption = None,
    dataset: Annotated[Dataset, typer.Option(help="Which data set to read.")] = "ferplus",
    pictures: Annotated[
        str, typer.Option(help="`folders`: their name inside the data's folder.")
    ] = "pictures",
) -> None:
    """Read the data and say what is there: pictures a split, a class and a list."""
    folder = data_folder(folder)
    data = load(folder, Data(dataset=dataset, folder=pictures))
    kinds: tuple[Labels, ...] = ("majority",)
    if dataset == "ferplus":
        kinds = ("majority", "soft", "multi-target")
    lines = [
        "| labels, split | pictures | " + " | ".join(EXPRESSIONS) + " |",
        "|---|---|" + "---|" * len(EXPRESSIONS),
    ]
    for labels in kinds:
        for split in SPLIT_NAMES:
            faces = data.split(split, labels=labels)
            lists = [(f"{labels}, {split}", faces)]
            if split == "train":
                lists.append((f"{labels}, train, leak-free", data.leak_free(faces)))
            if split == "test":
                lists.append((f"{labels}, test-deduplicated", data.deduplicated_test(faces)))
            for name, some in lists:
                counts = np.bincount(some.labels, minlength=len(EXPRESSIONS))
                lines.append(f"| {name} | {len(some)} | {' | '.join(map(str, counts))} |")
    print_table(lines)
    if dataset == "ferplus" and (folder / "faces").is_dir():
        found = load_photographs(folder / "faces", cache_folder())
        typer.echo(
            f"Photographs of faces: {len(found.train)} train, {len(found.validation)} validation.\n"
            f"Rooms: {len(found.rooms)} train, {len(found.held_out_rooms)} held out."
        )


app.command("fit")(fit_command)
app.command("evaluate")(evaluate_command)
app.command("explain")(explain_command)
app.command("table")(table_command)


@app.command("compare")
def compare_command(
    first: Annotated[
        Path,
        typer.Argument(
            parser=network_path,
            metavar="FILE|NAME",
            help="A network (.onnx, or a shipped one's name), a checkpoint (.pt) or a bag of "
            "words (.npz).",
        ),
    ],
    second: Annotated[
        Path, typer.Argument(parser=network_path, metavar="FILE|NAME", help="Another.")
    ],
    folder: DataOption = None,
    split: Annotated[
        SplitName | None, typer.Option(help="What to compare on.", show_default="all")
    ] = None,
) -> None:
    """Compare two networks picture by picture: is the difference more than chance?"""
    found = compare(first, second, load(folder), SPLITS if split is None else (split,))
    print_table(comparison_table(short_name(first), short_name(second), found))


@app.command("export")
def export_command(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            parser=network_path,
            metavar="FILE|NAME",
            help="A .pt that fit wrote: <region>.pt, or a locator's last.pt. A network (.onnx, or "
            "a shipped one's name) is calibrated anew and keeps its precision.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The .onnx file; its card goes beside it.")],
    folder: DataOption = None,
    precision: Annotated[
        Precision | None,
        typer.Option(
            help="Checkpoints only. int8-stored: a quarter of the size; int8: faster, too.",
            show_default="int8-stored",
        ),
    ] = None,
    final: Annotated[
        bool, typer.Option(help="Measure the test splits, too; not while networks are chosen.")
    ] = True,
) -> None:
    """Write a network as ONNX with its contract and card, compared with torch and measured."""
    if out.suffix != ".onnx":
        raise DataError(f"{out} is no name for a network", "Let it end in .onnx.")
    given = {f"--precision {precision}": precision is not None}
    if is_locator(checkpoint):
        refuse({**given, "--no-final": not final}, str(checkpoint), "Leave it out for a locator.")
        photographs = load_photographs(photographs_folder(data_folder(folder)), cache_folder())
        print_table(locator_table(export_locator(checkpoint, photographs, out)))
    else:
        if checkpoint.suffix == ".onnx":
            refuse(given, str(checkpoint), "An exported network keeps its precision; leave it out.")
            about = recipe_of(open_network(checkpoint)[1]).data
            splits = splits_of(about.dataset, final=final)
            print_measures(recalibrate(checkpoint, load(folder, about), out, splits=splits))
        else:
            about = load_state(checkpoint).recipe.data
            splits = splits_of(about.dataset, final=final)
            how = precision or "int8-stored"
            data = load(folder, about)
            print_measures(export(checkpoint, data, out, precision=how, splits=splits))
    typer.echo(f"Wrote {out} and {out.with_suffix('.md')}.")


@app.command("average")
def average_command(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(help="Two or more <region>.pt that began from the same weights."),
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint to write (.pt).")],
) -> None:
    """Average the weights of several trainings of one lineage; the last one's recipe stays.

    Their mean often answers better than each of them. Measure it before you trust it: networks
    that did not begin from the same weights are none at all once averaged.
    """
    if out.suffix != ".pt":
        raise DataError(f"{out} is no name for a checkpoint", "Let it end in .pt.")
    average(checkpoints, out)
    typer.echo(f"Wrote {out}. Next: vrfer-train evaluate, or fit --start.")


@app.command()
def models() -> None:
    """List the shipped networks."""
    lines = ["| network | sees | measured | file |", "|---|---|---|---|"]
    for path in (path for one in network_folders() for path in sorted(one.glob("*.onnx"))):
        if is_locator(path):
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
    """List the shipped recipes; fit and others take their names."""
    folder = shipped("training")
    for path in sorted(folder.rglob("*.toml"), key=lambda path: (len(path.parts), path)):
        name = path.relative_to(folder).with_suffix("").as_posix()
        typer.echo(f"{name}\n    {read_recipe(path).about}")
