"""Checkpoints of a locator run."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vrfer.locator import LocatorMeasures
from vrfer.square import Square
from vrfer.training.checkpoint import read_checkpoint, write_checkpoint
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.locating.samples import Mined
from vrfer.training.locating.scenes import SceneKey
from vrfer.training.runs import check_same_recipe

KIND = "locator"
"""What these checkpoints call themselves (`vrfer.training.checkpoint.kind_of`)."""


@dataclass(frozen=True, slots=True)
class LocatorEpoch:
    """What one epoch did."""

    epoch: int
    """Counted from 0."""
    loss: float
    mined: int
    """False finds that the next epochs draw from."""
    measures: LocatorMeasures


@dataclass(slots=True, eq=False)
class LocatorRun:
    """Everything that a run needs to go on exactly where it stopped."""

    recipe: LocatorRecipe
    network: dict[str, Any]
    averaged: dict[str, Any]
    optimizer: dict[str, Any] | None = None
    epoch: int = 0
    """Next epoch."""
    mined: list[Mined] = field(default_factory=list)
    history: list[LocatorEpoch] = field(default_factory=list)


def save_run(run: LocatorRun, path: Path) -> None:
    """Write a checkpoint whole or not at all.

    Raises:
        DataError: The disk is full or the folder cannot be written.
    """
    write_checkpoint(
        {
            "kind": KIND,
            "recipe": run.recipe.model_dump(mode="json"),
            "network": run.network,
            "averaged": run.averaged,
            "optimizer": run.optimizer,
            "epoch": run.epoch,
            "mined": [asdict(one) for one in run.mined],
            "history": [
                {**asdict(one), "measures": one.measures.model_dump()} for one in run.history
            ],
        },
        path,
    )


def load_run(path: Path, recipe: LocatorRecipe | None = None) -> LocatorRun:
    """Read a checkpoint.

    Args:
        path: The file.
        recipe: What it must be a run of; None takes any.

    Raises:
        RecipeError: The file is missing, damaged, no locator's, or of another recipe.
    """
    run = read_checkpoint(path, _restored)
    if recipe is not None:
        check_same_recipe(run.recipe, recipe, path.parent)
    return run


def _restored(content: dict[str, Any]) -> LocatorRun:
    if content.pop("kind", None) != KIND:
        raise ValueError("it is not a locator's")
    content["recipe"] = LocatorRecipe.model_validate(content["recipe"])
    content["mined"] = [
        Mined(SceneKey(**one["scene"]), Square(**one["square"])) for one in content["mined"]
    ]
    content["history"] = [
        LocatorEpoch(**{**one, "measures": LocatorMeasures(**one["measures"])})
        for one in content["history"]
    ]
    return LocatorRun(**content)
