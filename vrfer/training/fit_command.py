"""`vrfer-train fit`: trains by a recipe, or goes on with a run that was stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vrfer.command_line import STOPPED, stopped_by_signals
from vrfer.crop import CropGeometry
from vrfer.locator import LOCATOR_FILE
from vrfer.shipped import shipped
from vrfer.training.bag_of_words import fit_bag_of_words
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.begin import Given, check_given
from vrfer.training.by_name import network_path, recipe_path
from vrfer.training.data_folder import (
    DataOption,
    cache_folder,
    data_folder,
    load,
    photographs_folder,
    refuse,
)
from vrfer.training.display import FitDisplay, RunDisplay
from vrfer.training.fabric import leads
from vrfer.training.locating.display import LocatorDisplay
from vrfer.training.locating.loop import LAST, fit_locator
from vrfer.training.locating.photographs import load_photographs
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.loop import fit, training_faces
from vrfer.training.photograph_faces import PhotographFaces, photograph_faces
from vrfer.training.printing import progress_bar
from vrfer.training.recipe import Recipe
from vrfer.training.recipe_file import read_recipe
from vrfer.training.runs import alone_in
from vrfer.training.starts import usual_start

DRY_RUN_FACES = 64
"""Of a bag of words; networks take fewer."""


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
            parser=network_path,
            metavar="FILE|NAME",
            help="The starting weights: a file or a folder (docs/data.md), a checkpoint, or a "
            "network that export wrote: a file, or the name of a shipped one, such as lower-face.",
            show_default="backbones/ in the data's folder",
        ),
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(
            parser=network_path,
            metavar="FILE|NAME",
            help="A checkpoint or exported network to learn from (a file, or a shipped one's name, "
            "such as full-face); may be given several times.",
        ),
    ] = None,
    live_teacher: Annotated[
        list[Path] | None,
        typer.Option(
            parser=network_path,
            metavar="FILE|NAME",
            help="A checkpoint or exported network that is asked about every picture as it is "
            "drawn (recipes with distillation.live); may be given several times.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Another seed than the recipe's.")
    ] = None,
    accelerator: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    at_once: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Most pictures a process computes at once: a batch goes through in parts. For "
            "little memory; 32 is faster on a CPU. Batch normalisation averages over a part.",
            show_default="a whole batch",
        ),
    ] = None,
    timing: Annotated[
        bool, typer.Option("--timing", help="Say how long the steps waited for their pictures.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="A few pictures an epoch: tries the recipe out.")
    ] = False,
) -> None:
    """Train by a recipe. The same command goes on with a run that was stopped.

    On several GPUs: torchrun --nproc-per-node N --no-python -- vrfer-train fit RECIPE.
    """
    chosen = read_recipe(recipe_path(recipe))
    if seed is not None:
        chosen = chosen.model_copy(update={"seed": seed})
    if not isinstance(chosen, Recipe):
        options = {
            "--control": control,
            "--after": after is not None,
            "--start": start is not None,
            "--teacher": bool(teacher),
            "--live-teacher": bool(live_teacher),
            "--at-once": at_once is not None,
            "--timing": timing,
        }
        refuse(options, chosen.name, "It has neither stages nor zeroing; leave it out.")
        if isinstance(chosen, BagOfWordsRecipe):
            elsewhere = {f"--accelerator {accelerator}": accelerator not in ("auto", "cpu")}
            refuse(elsewhere, chosen.name, "It is fitted on the processor; leave it out.")
    elif control:
        chosen = chosen.control()
    name = chosen.name if seed is None else f"{chosen.name}-seed{seed}"
    if dry_run:
        chosen, name = chosen.shortened(), f"{name}-dry-run"
    run_folder = Path("runs") / name if out is None else out
    folder = data_folder(folder)
    if isinstance(chosen, LocatorRecipe):
        best = _fit_locator(chosen, folder, run_folder, accelerator, dry_run)
    elif isinstance(chosen, BagOfWordsRecipe):
        best = _fit_bag_of_words(chosen, folder, run_folder, dry_run)
    else:
        start = start or usual_start(chosen.start, folder / "backbones")
        given = Given(after, start, teacher or (), live_teacher or ())
        how = How(accelerator, at_once, timing, dry_run)
        best = _fit_classifier(chosen, folder, run_folder, given, how)
    if leads():
        then = "evaluate" if best.suffix == ".npz" else "export, or evaluate"
        typer.echo(f"Done: {best}. Next: vrfer-train {then}.")


@dataclass(frozen=True, slots=True)
class How:
    """What changes how a run computes; of what comes out, batch normalisation alone notices."""

    accelerator: str
    at_once: int | None
    timing: bool
    dry_run: bool


def _fit_classifier(recipe: Recipe, folder: Path, out: Path, given: Given, how: How) -> Path:
    check_given(recipe, out, given)
    data = load(folder, recipe.data)
    faces = _photograph_faces(folder, recipe.data.face_px, how) if recipe.data.photographs else None
    with (
        stopped_by_signals() as stop,
        FitDisplay(recipe, out, stop, timing=how.timing, silent=not leads()) as display,
        _says_when_stopped(display, out),
    ):
        state = fit(
            recipe,
            data,
            out,
            accelerator=how.accelerator,
            given=given,
            photographs=faces,
            dry_run=how.dry_run,
            at_once=how.at_once,
            watcher=display.watcher,
        )
    return out / f"{state.history[-1].region}.pt"


def _fit_bag_of_words(recipe: BagOfWordsRecipe, folder: Path, out: Path, dry_run: bool) -> Path:
    faces = training_faces(load(folder, recipe.data), recipe.data)
    if dry_run:
        faces = faces.take(np.arange(len(faces)) < DRY_RUN_FACES)
    with alone_in(out), progress_bar("describing faces") as on_progress:
        return fit_bag_of_words(recipe, faces, out, on_progress)


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
            photographs_folder(folder),
            cache_folder(),
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


def _photograph_faces(folder: Path, face_px: int, how: How) -> PhotographFaces:
    """Cut the photographs' faces with the shipped locator; thousands take minutes, once."""
    photographs = load_photographs(photographs_folder(folder), cache_folder()).train
    if how.dry_run:
        photographs = photographs.take(np.arange(min(16, len(photographs))))
    with progress_bar("cutting faces out of the photographs") as on_face:
        return photograph_faces(
            photographs,
            shipped("models") / LOCATOR_FILE,
            cache_folder(),
            geometry=CropGeometry(face_px=face_px),
            on_face=on_face,
        )
