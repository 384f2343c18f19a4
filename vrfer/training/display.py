"""What a person sees of a training: a bar with the time left, or a line an epoch; TensorBoard."""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars
from torch.utils.tensorboard import SummaryWriter

from vrfer.training.checkpoint import EpochResult
from vrfer.training.loop import Progress, Watcher
from vrfer.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is; the time left is that of its part."""

    part: int
    """Counts the parts, such as stages, whose epochs take about the same time each."""
    name: str
    """What is going on, such as a stage's phase; may be empty."""
    epoch: int
    """Counted from 0 within the part."""
    epochs: int
    """Epochs of the part."""
    batches_done: float = 0.0
    """Share of this epoch's batches, 0-1."""


class RunDisplay:
    """Shows any run; a context manager."""

    def __init__(
        self, folder: Path, stop: threading.Event, *, left: str = "left", silent: bool = False
    ) -> None:
        """Prepare the display.

        Args:
            folder: The run's folder; TensorBoard's files go there.
            stop: Ends the run with KeyboardInterrupt after the batch at hand. An interrupt at
                any other place could leave TensorBoard's queue locked, and hang at the end.
            left: What stands behind the time left.
            silent: Show and write nothing: one of several processes speaks for all.
        """
        self._silent = silent
        self._stop = stop
        self._left = left
        self._console = Console()
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=silent or not self._console.is_terminal,
        )
        self._task = self._bars.add_task("starting", left="")
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._part_began = (-1, 0, 0.0)
        """Part, first epoch seen of it, and when that began."""

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing and close TensorBoard's file."""
        self._bars.stop()
        if self._writer is not None:
            self._writer.close()

    def say(self, text: str) -> None:
        """Print a line."""
        if self._silent:
            return
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def after_batch(self, at: Place) -> None:
        """Move the bar.

        Raises:
            KeyboardInterrupt: The run is to stop.
        """
        if self._stop.is_set():
            raise KeyboardInterrupt
        part, first, began_s = self._part_began
        if part != at.part:
            self._part_began = (at.part, at.epoch, time.monotonic())
            return
        done = at.epoch - first + at.batches_done
        left_s = (time.monotonic() - began_s) / done * (at.epochs - first - done)
        self._bars.update(
            self._task,
            description=f"{at.name}, epoch {at.epoch + 1} of {at.epochs}".removeprefix(", "),
            completed=100 * (at.epoch + at.batches_done) / at.epochs,
            left=f"{_duration(left_s)} {self._left}",
        )

    def after_epoch(
        self, at: Place, said: str, scalars: Mapping[str, float], epochs_so_far: int
    ) -> None:
        """Print a line with the time left, and give TensorBoard its figures.

        Args:
            at: The epoch that is done.
            said: What the line says of it.
            scalars: Figures by their names in TensorBoard.
            epochs_so_far: Finished epochs over all parts.
        """
        part, first, began_s = self._part_began
        per_epoch_s = (time.monotonic() - began_s) / (at.epoch - first + 1)
        left_s = per_epoch_s * (at.epochs - at.epoch - 1) if part == at.part else math.nan
        where = f"{at.name} epoch {at.epoch + 1}/{at.epochs}".lstrip()
        self.say(f"{where}: {said}, {_duration(left_s)} {self._left}")
        if self._silent:
            return
        if self._writer is None:
            self._writer = SummaryWriter(
                str(self._folder / "tensorboard"), purge_step=epochs_so_far
            )
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, epochs_so_far)


class FitDisplay(RunDisplay):
    """Shows the training of a classifier, whose parts are its stages."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        stop: threading.Event,
        *,
        timing: bool = False,
        silent: bool = False,
    ) -> None:
        """Prepare the display.

        Args:
            recipe: The run's recipe, for the numbers of epochs.
            folder: The run's folder.
            stop: Ends the run after the batch at hand.
            timing: Say how long the steps waited for their pictures.
            silent: Show and write nothing.
        """
        super().__init__(folder, stop, left="left in this stage", silent=silent)
        self._recipe = recipe
        self.watcher = Watcher(
            on_batch=self._on_batch,
            on_epoch=self._on_epoch,
            on_timing=self._on_timing if timing else lambda waited: None,
        )

    def _on_timing(self, waited: float) -> None:
        self.say(f"steps waited for their pictures {waited:.1%} of the time")

    def _on_batch(self, at: Progress) -> None:
        epochs = self._recipe.stages[at.stage].epochs
        name = f"{at.region} {at.phase}"
        self.after_batch(Place(at.stage, name, at.epoch, epochs, at.batch / at.batches))

    def _on_epoch(self, result: EpochResult, epochs_so_far: int) -> None:
        epochs = self._recipe.stages[result.stage].epochs
        name = f"{result.region} {result.phase}"
        self.after_epoch(
            Place(result.stage, name, result.epoch, epochs),
            f"learning rate {result.learning_rate:.2g}, loss {result.loss:.4f}, "
            f"validation {result.validation_accuracy:.2%}",
            {
                "loss/training": result.loss,
                "accuracy/validation": result.validation_accuracy,
                "learning rate": result.learning_rate,
            },
            epochs_so_far,
        )


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "?"
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
