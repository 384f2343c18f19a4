"""Weights averaged over several trainings of one lineage (model soups)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vrfer.errors import RecipeError
from vrfer.training.begin import LAST, check_chosen
from vrfer.training.checkpoint import RunState, load_state, save_state
from vrfer.training.predict import finished_stage
from vrfer.training.provenance import average_in_words, in_brief


def average(paths: Sequence[Path], out: Path) -> None:
    """Write a checkpoint whose network is the mean of several networks' weights.

    Networks that began from the same weights lie in one valley of the loss, and their mean often
    answers better than each (Wortsman et al., "Model soups", ICML 2022). Those that did not are no
    network at all once averaged: measure the outcome.

    Args:
        paths: Two checkpoints or more of the same architecture, which see the same of a face. The
            input's size and the rest of the recipe are the last one's.
        out: The checkpoint to write.

    Raises:
        RecipeError: A checkpoint cannot be used, they do not fit together, or `out` exists or lies
            in a run's folder.
        DataError: It cannot be written.
    """
    if len(paths) < 2:
        raise RecipeError("one checkpoint has no average", "Name two or more.")
    if out.name == LAST or out.exists() or out.with_name(LAST).exists():
        raise RecipeError(
            f"{out} is a run's, or exists", "Name another file in a folder of its own with --out."
        )
    for path in paths:
        check_chosen(path)
    states = [load_state(path) for path in paths]
    last = states[-1]
    for path, state in zip(paths, states, strict=True):
        _check_fits(path, state, paths[-1], last)
    names = tuple(in_brief(state) for state in states)
    recipe = last.recipe.model_copy(
        update={
            "name": f"{last.recipe.name}-average",
            "about": f"The average of {len(states)} networks' weights (vrfer-train average).",
        }
    )
    mean = RunState(
        recipe,
        last.mean_gray,
        {name: _mean([state.measured[name] for state in states]) for name in last.measured},
        average_in_words(names),
        taught_by=last.taught_by,
        live_teachers=last.live_teachers,
        averaged_of=names,
        stage=last.stage,
        history=last.history,
    )
    save_state(mean, out)


def _check_fits(path: Path, state: RunState, last_path: Path, last: RunState) -> None:
    kinds = [_kind(state), _kind(last)]
    shapes = [{name: one.shape for name, one in each.measured.items()} for each in (state, last)]
    if kinds[0] != kinds[1] or shapes[0] != shapes[1]:
        other = kinds[1] if kinds[0] != kinds[1] else f"{kinds[1]} of other shapes"
        raise RecipeError(
            f"{path} holds {kinds[0]}, and {last_path} holds {other}",
            "Average networks of one architecture, which see the same of a face.",
        )


def _kind(state: RunState) -> str:
    recipe, stage = state.recipe, finished_stage(state)
    hidden = f" ({stage.occlusion})" if stage.region == "lower-half" else ""
    return f"a {recipe.network} of the {stage.region}{hidden}, scale {recipe.input.scale:g}"


def _mean(values: list[Tensor]) -> Tensor:
    if not values[-1].is_floating_point():
        return values[-1]  # a count of batches
    return torch.stack([one.float() for one in values]).mean(dim=0).to(values[-1].dtype)
