"""How a run begins or goes on: its weights, its pictures, its teachers' answers."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vrfer.errors import RecipeError
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.ferplus import FaceSet
from vrfer.training.live_teachers import check_sees
from vrfer.training.nets import create_network
from vrfer.training.photograph_faces import PhotographFaces
from vrfer.training.provenance import file_in_brief, file_in_words
from vrfer.training.recipe import Recipe
from vrfer.training.runs import check_same_recipe
from vrfer.training.starts import begin_network
from vrfer.training.teachers import Lessons, lessons

LAST = "last.pt"


@dataclass(frozen=True, slots=True)
class Given:
    """The checkpoints and weights that a run is given on its way."""

    after: Path | None = None
    """A `<region>.pt` of another run; its stage and those before it are taken over."""
    start: Path | None = None
    """Folder of the starting weights, a checkpoint or an exported network: where it begins."""
    teachers: Sequence[Path] = ()
    """Checkpoints or exported networks that stages with `distillation` learn from; asked once."""
    live_teachers: Sequence[Path] = ()
    """The same for those with `distillation.live`; asked about every drawn picture."""


NOTHING_GIVEN = Given()
"""A run from random weights without teachers."""


def check_given(recipe: Recipe, out: Path, given: Given) -> None:
    """Say what is missing or too much, before anything that takes long.

    Raises:
        RecipeError: Starting weights or teachers are missing, are not asked for, or are what a run
            goes on from; a stage freezes more layers than the network has.
    """
    for checkpoint in (given.after, given.start, *given.teachers, *given.live_teachers):
        if checkpoint is not None:
            check_chosen(checkpoint)
    begins = given.after is None and not (out / LAST).exists()
    if begins and recipe.start != "scratch" and given.start is None:
        raise RecipeError(
            f"recipe {recipe.name} starts from a {recipe.start}", "Name it with --start."
        )
    if recipe.start == "scratch" and given.start is not None:
        raise RecipeError(f"recipe {recipe.name} starts from scratch", "Leave --start out.")
    taught = any(stage.distillation is not None for stage in recipe.stages)
    if given.teachers and not taught:
        raise RecipeError(
            f"recipe {recipe.name} has no stage that learns from teachers", "Leave --teacher out."
        )
    if begins and taught and not given.teachers:
        raise RecipeError(
            f"recipe {recipe.name} learns from teachers",
            "Name one or more checkpoints with --teacher.",
        )
    asked = [stage for stage in recipe.stages if stage.asks_live_teachers]
    if begins and asked and not given.live_teachers:
        raise _without_live_teachers(recipe)
    if given.live_teachers and not asked:
        raise RecipeError(
            f"recipe {recipe.name} has no stage that asks live teachers",
            "Leave --live-teacher out.",
        )
    for stage in asked:
        check_sees(given.live_teachers, stage.region)
    if frozen := max(stage.frozen for stage in recipe.stages):
        create_network(recipe, mean_gray=0).freeze(frozen)


def _without_live_teachers(recipe: Recipe) -> RecipeError:
    return RecipeError(
        f"recipe {recipe.name} asks live teachers about every picture",
        "Name one or more networks with --live-teacher, also where a run goes on.",
    )


def check_chosen(checkpoint: Path) -> None:
    """Do nothing unless a checkpoint is what a classifier's run goes on from, not its best epoch.

    Raises:
        RecipeError: It is.
    """
    if checkpoint.name == LAST:
        raise RecipeError(
            f"{checkpoint} is for going on with the run; its weights were not chosen on validation",
            "Name full-face.pt or lower-half.pt beside it.",
        )


def begin(recipe: Recipe, out: Path, faces: FaceSet, given: Given) -> RunState:
    """Return the run in a folder, or a new one.

    Args:
        recipe: The experiment.
        out: Folder of the run.
        faces: The labelled training faces.
        given: What the run starts from.

    Raises:
        RecipeError: The folder holds another experiment, or what was given cannot be used.
    """
    mean_gray = float(faces.faces.mean())
    if (out / LAST).exists():
        state = load_state(out / LAST)
        check_same_recipe(state.recipe, recipe, out)
        if not math.isclose(state.mean_gray, mean_gray):
            raise RecipeError(
                f"{out} holds a run on other pictures, such as a dry run",
                "Name another folder with --out, or delete this one.",
            )
        if recipe.start == "checkpoint" and given.start is not None:
            _check_same_start(state, given.start, out)
        return state
    if given.after is not None:
        return _taken_over(recipe, given.after)
    network, lineage = begin_network(recipe, faces.faces, mean_gray=mean_gray, start=given.start)
    return RunState(recipe, mean_gray, network.state_dict(), lineage)


def _check_same_start(state: RunState, start: Path, out: Path) -> None:
    if file_in_words(start) != state.lineage:
        raise RecipeError(
            f"the run in {out} began from other weights than {start}",
            "Leave --start out to go on with it, or name another folder with --out.",
        )


def _taken_over(recipe: Recipe, after: Path) -> RunState:
    other = load_state(after)
    taken = other.stage + 1
    beside = after.with_name(LAST)
    if beside.exists() and load_state(beside).stage < taken:
        raise RecipeError(
            f"the stage of {after} is not finished", "Go on with its run first: the same command."
        )
    shared = ("network", "start", "seed", "data_dependent_init", "input", "data", "augmentation")
    reasons = [
        f"{name} differs" for name in shared if getattr(recipe, name) != getattr(other.recipe, name)
    ]
    if recipe.stages[:taken] != other.recipe.stages[:taken]:
        reasons.append("the earlier stages differ")
    elif taken >= len(recipe.stages):
        reasons.append("no stage is left to train")
    if reasons:
        raise RecipeError(
            f"{after} does not fit recipe {recipe.name}: {reasons[0]}",
            "The earlier stages, the network, the seed and the data must be those of both recipes.",
        )
    return RunState(
        recipe,
        other.mean_gray,
        other.network,
        other.lineage,
        taught_by=other.taught_by,
        live_teachers=other.live_teachers,
        stage=taken,
        history=list(other.history),
    )


def gather(
    state: RunState,
    faces: FaceSet,
    given: Given,
    photographs: PhotographFaces | None,
) -> Lessons:
    """Return what a run learns from, and note it in its state.

    Raises:
        RecipeError: Teachers or photographs are missing, or others than when the run began.
    """
    recipe, teachers = state.recipe, given.teachers
    if any(stage.asks_live_teachers for stage in recipe.stages[state.stage :]):
        _note_live_teachers(state, given.live_teachers)
    if recipe.data.photographs and photographs is None:
        raise RecipeError(
            f"recipe {recipe.name} learns from photographs", "See docs/data.md for where they lie."
        )
    digest = "" if photographs is None else photographs.digest()
    asked = _checksums(teachers)
    if state.taught is not None:
        for then, now, what in (
            ([state.photographs], [digest], "photographs"),
            (state.taught_sha256, asked, "teachers"),
        ):
            if any(then) and any(now) and not set(now) <= set(then):
                raise RecipeError(
                    f"the run began with other {what}", "Name another folder with --out."
                )
    elif any(stage.distillation is not None for stage in recipe.stages[state.stage :]):
        if not teachers:
            raise RecipeError(
                f"recipe {recipe.name} learns from teachers",
                "Name one or more checkpoints with --teacher.",
            )
        named = [file_in_brief(path) for path in teachers]
        state.taught_by = tuple(dict.fromkeys([*state.taught_by, *named]))
        state.taught_sha256 = tuple(asked)
        state.photographs = digest
    learned = lessons(faces, teachers, photographs, taught=state.taught)
    state.taught = learned.taught
    return learned


def _note_live_teachers(state: RunState, live_teachers: Sequence[Path]) -> None:
    if not live_teachers:
        raise _without_live_teachers(state.recipe)
    checksums = _checksums(live_teachers)
    if state.live_sha256 and list(state.live_sha256) != checksums:
        raise RecipeError(
            "the run began with other live teachers", "Name another folder with --out."
        )
    state.live_sha256 = tuple(checksums)
    named = [file_in_brief(path) for path in live_teachers]
    state.live_teachers = tuple(dict.fromkeys([*state.live_teachers, *named]))


def _checksums(paths: Sequence[Path]) -> list[str]:
    """Return files' checksums, sorted; those that cannot be read were named before."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
