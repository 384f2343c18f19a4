"""`vrfer-train evaluate`: measures a network, and keeps the figures for `vrfer-train table`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vrfer.errors import DataError
from vrfer.training.begin import check_chosen
from vrfer.training.by_name import network_path
from vrfer.training.checkpoint import load_state
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
    SplitName,
    evaluate_bag_of_words,
    evaluate_checkpoint,
    evaluate_file,
    is_locator,
    open_network,
    splits_of,
)
from vrfer.training.figures_files import write_figures
from vrfer.training.locating.evaluate import evaluate_locator
from vrfer.training.printing import print_measures, print_table, progress_bar
from vrfer.training.recipe import Data, Occlusion, Region
from vrfer.training.recipe_file import recipe_of
from vrfer.training.subject import (
    Subject,
    TestedOn,
    of_bag_of_words,
    of_checkpoint,
    of_network,
)


def evaluate_command(
    model: Annotated[
        Path,
        typer.Argument(
            parser=network_path,
            metavar="FILE|NAME",
            help="A network (.onnx, or a shipped one's name), a checkpoint (.pt), or a bag of "
            "words (.npz).",
        ),
    ],
    folder: DataOption = None,
    split: Annotated[
        SplitName | None, typer.Option(help="What to measure on.", show_default="all")
    ] = None,
    dataset: Annotated[
        TestedOn | None,
        typer.Option(help="What to measure on.", show_default="ferplus, or what it was trained on"),
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
            "--disturbed",
            help="Networks and checkpoints: what shifts, scales, turns and headsets cost.",
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the figures as JSON, too, for `table`.")
    ] = None,
) -> None:
    """Measure a network: a classifier on FER+ or other faces, a locator on photographs."""
    hidden = {"--region": region is not None, "--occlusion": occlusion is not None}
    if is_locator(model):
        given = {
            f"--split {split}": split not in (None, "validation"),
            f"--dataset {dataset}": dataset is not None,
            "--disturbed": disturbed,
        }
        refuse(
            {**hidden, **given},
            str(model),
            "A locator is measured on the validation split; leave it out.",
        )
        _evaluate_locator(model, data_folder(folder), out)
        return
    if model.suffix != ".pt" and any(hidden.values()):
        raise DataError(
            f"--region and --occlusion do not go with {model}",
            "It has its region; name a checkpoint (.pt).",
        )
    elsewhere = {name: disturbed and given for name, given in hidden.items()}
    remedy = "Leave it out: faces are disturbed as the network's own stage saw them."
    refuse(elsewhere, "--disturbed", remedy)
    no_network = {"--disturbed": disturbed and model.suffix == ".npz"}
    refuse(no_network, str(model), "Name a network (.onnx) or a checkpoint (.pt).")
    if out is not None:
        check_chosen(model)
    subject, asked = _about(model, dataset, region, occlusion)
    if occlusion is not None and subject.tested_on != "lower-half":
        raise DataError(
            f"{model} is measured on full faces, of which nothing is hidden",
            "Add --region lower-half, or leave --occlusion out.",
        )
    splits = splits_of(subject.dataset) if split is None else (split,)
    data = load(folder, asked)
    if model.suffix == ".pt":
        measures = evaluate_checkpoint(model, data, splits, region=region, occlusion=occlusion)
    elif model.suffix == ".npz":
        with progress_bar("classifying faces") as on_face:
            measures = evaluate_bag_of_words(model, data, splits, on_face=on_face)
    else:
        measures = evaluate_file(model, data, splits)
    if not measures:
        raise DataError(f"there are no pictures to measure {model} on", "Choose another --split.")
    lost = losses(model, data, splits) if disturbed else []
    if out is not None:
        figures = {"subject": asdict(subject), "measures": [asdict(found) for found in measures]}
        if disturbed:
            figures["disturbed"] = [asdict(one) for one in lost]
        write_figures(out, model, figures)
    print_measures(measures)
    if disturbed:
        print_table(losses_table(lost))


def _about(
    model: Path, dataset: TestedOn | None, region: Region | None, occlusion: Occlusion | None
) -> tuple[Subject, Data]:
    """Return what is measured, and the data to load for it."""
    if model.suffix == ".pt":
        trained = load_state(model).recipe.data
        tested = dataset or _own(trained)
        subject = of_checkpoint(model, tested, region=region, occlusion=occlusion)
    elif model.suffix == ".npz":
        subject, trained = of_bag_of_words(model, dataset or "ferplus")
    else:
        contract = open_network(model)[1]
        subject = of_network(model, dataset or "ferplus")
        trained = Data(face_px=contract.crop.face_px, folder=recipe_of(contract).data.folder)
    return subject, trained.model_copy(update={"dataset": subject.dataset})


def _own(trained: Data) -> TestedOn:
    return "ferplus" if trained.dataset == "ferplus+affectnet" else trained.dataset


def _evaluate_locator(model: Path, folder: Path, out: Path | None) -> None:
    photographs_folder(folder)
    evaluation = evaluate_locator(model, folder, cache_folder())
    if out is not None:
        write_figures(out, model, evaluation.document())
    print_table(evaluation.table())
