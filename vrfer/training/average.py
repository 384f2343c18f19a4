"""Weights averaged over several trainings of one lineage (model soups)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vrfer.errors import RecipeError
from vrfer.training.begin import check_chosen
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.predict import finished_stage
from vrfer.training.provenance import in_words


def averaged(paths: Sequence[Path]) -> RunState:
    """Return a run whose network is the mean of several networks' weights.

    Networks that began from the same weights lie in one valley of the loss, and their mean often
    answers better than each (Wortsman et al., "Model soups", ICML 2022). Those that did not are no
    network at all once averaged: measure the outcome.

    Args:
        paths: Two checkpoints or more of the same architecture and region; recipe and input size
            are the last one's.

    Raises:
        RecipeError: A checkpoint cannot be used, or they do not fit together.
    """
    if len(paths) < 2:
        raise RecipeError("one checkpoint has no average", "Name two or more.")
    for path in paths:
        check_chosen(path)
    states = [load_state(path) for path in paths]
    last = states[-1]
    for path, state in zip(paths, states, strict=True):
        if _kind(state) != _kind(last):
            raise RecipeError(
                f"{path} holds {_kind(state)}, and {paths[-1]} holds {_kind(last)}",
                "Average networks of one architecture, which see the same of a face.",
            )
    network = {name: _mean([state.measured[name] for state in states]) for name in last.measured}
    names = "; ".join(in_words(state) for state in states)
    return replace(
        last,
        network=network,
        lineage=f"the average of {len(states)} networks' weights: {names}",
        optimizer=None,
        average=None,
    )


def _kind(state: RunState) -> str:
    recipe = state.recipe
    return f"a {recipe.network} of the {finished_stage(state).region}, scale {recipe.input.scale:g}"


def _mean(values: list[Tensor]) -> Tensor:
    if not values[-1].is_floating_point():
        return values[-1]  # a count of batches
    return torch.stack([one.float() for one in values]).mean(dim=0).to(values[-1].dtype)
