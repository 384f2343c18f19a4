"""Checkpoints of a run: written whole or not at all, and read without running any code."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from vrfer.errors import DataError, RecipeError
from vrfer.replacing import sync_folder
from vrfer.training.recipe import Recipe

SCHEMA_VERSION = 1
Restored = TypeVar("Restored")


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one epoch did."""

    stage: int
    """Index of the recipe's stage."""
    region: str
    epoch: int
    """Counted from 0 within the stage."""
    phase: str
    learning_rate: float
    loss: float
    """Mean training loss, nats."""
    validation_accuracy: float
    """Share of right answers on the validation split's majority labels, 0-1."""


@dataclass(slots=True, eq=False)
class RunState:
    """Everything that a run needs to go on exactly where it stopped.

    Random numbers need no state: each epoch seeds its generators from (seed, stage, epoch).
    """

    recipe: Recipe
    mean_gray: float
    """Mean gray value of the training pictures, 0-255."""
    network: dict[str, Any]
    lineage: str = "random weights"
    """Where the first weights came from."""
    optimizer: dict[str, Any] | None = None
    average: dict[str, Any] | None = None
    """The moving average of the weights, where the stage keeps one."""
    taught: Tensor | None = None
    """N x 8 probabilities that teachers gave for the training pictures."""
    taught_by: tuple[str, ...] = ()
    """The teachers, each in words."""
    taught_sha256: tuple[str, ...] = ()
    """Checksums of their files, sorted; empty in older checkpoints."""
    live_teachers: tuple[str, ...] = ()
    """The live teachers, each in words; they are asked anew about every drawn picture."""
    live_sha256: tuple[str, ...] = ()
    """Checksums of their files, sorted: whether a run goes on with the same ones."""
    averaged_of: tuple[str, ...] = ()
    """The networks whose weights this one is the mean of, each in words."""
    photographs: str = ""
    """Digest of the photographs' faces that belong to `taught`."""
    stage: int = 0
    """Index of the stage to go on with; the number of stages when all is done."""
    epoch: int = 0
    """Next epoch of that stage, counted from 0."""
    lowest_error: float = float("inf")
    """Lowest validation error of this stage so far, for the plateau rule."""
    stagnant_epochs: int = 0
    """Epochs since that error was reached or the learning rate was last divided."""
    drops: int = 0
    """How often the plateau rule has divided the learning rate by 10."""
    best_accuracy: float = -1.0
    """Highest validation accuracy among this stage's selectable epochs."""
    history: list[EpochResult] = field(default_factory=list)

    @property
    def measured(self) -> dict[str, Any]:
        """The weights that validation measured: the moving average where the stage keeps one."""
        return self.network if self.average is None else self.average


def save_state(state: RunState, path: Path) -> None:
    """Write a checkpoint; an existing file is replaced only once the new one is complete.

    Raises:
        DataError: The disk is full or the folder cannot be written.
    """
    content = {
        **{name: getattr(state, name) for name in RunState.__slots__},
        "recipe": state.recipe.model_dump(mode="json"),
        "history": [asdict(result) for result in state.history],
    }
    write_checkpoint(content, path)


def write_checkpoint(content: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values; an existing file is replaced once the new one is complete.

    Raises:
        DataError: The disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save({"schema_version": SCHEMA_VERSION, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except (OSError, RuntimeError) as err:  # torch reports a full disk as RuntimeError
        with suppress(OSError):
            temporary.unlink()
        raise DataError(
            f"the checkpoint {path} could not be written: {err}",
            "Free some space and start the same command again; it goes on from the last "
            "checkpoint.",
        ) from err


def kind_of(path: Path) -> str | None:
    """Return what kind of run a checkpoint belongs to; those of classifiers name none.

    Raises:
        RecipeError: The file is missing, damaged, or no checkpoint of vrfer.
    """
    return read_checkpoint(path, lambda content: content.get("kind"))


def load_state(path: Path) -> RunState:
    """Read a checkpoint.

    Raises:
        RecipeError: The file is missing, damaged, or no checkpoint of vrfer.
    """
    return read_checkpoint(path, _restored)


def _restored(content: dict[str, Any]) -> RunState:
    if content.get("kind") is not None:
        raise ValueError(f"it is a {content['kind']}'s")
    content["recipe"] = Recipe.model_validate(content["recipe"])
    content["history"] = [EpochResult(**result) for result in content["history"]]
    for name in ("taught_by", "live_teachers"):  # as they were once: all of them in one text
        if isinstance(content.get(name), str):
            content[name] = tuple(filter(None, [content[name]]))
    return RunState(**content)


def read_checkpoint(path: Path, restore: Callable[[dict[str, Any]], Restored]) -> Restored:
    """Read a checkpoint and turn its content into a run's state.

    Args:
        path: The file.
        restore: Makes the state; it may raise anything where the content does not fit.

    Raises:
        RecipeError: The file is missing, damaged, or no checkpoint of vrfer.
    """
    if not path.is_file():
        raise RecipeError(
            f"there is no checkpoint {path}", "Name a .pt file that vrfer-train fit wrote."
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        _check_version(content.pop("schema_version"))
        return restore(content)
    except Exception as err:  # damaged pickles may raise anything at all
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise RecipeError(
            f"{path} is no checkpoint of vrfer that can be read ({reason})",
            "Name another. A run whose own checkpoint is damaged begins anew once that is deleted.",
        ) from err


def _check_version(version: int) -> None:
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema version {version} instead of {SCHEMA_VERSION}")
