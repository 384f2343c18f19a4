"""What a person sees of a training: a bar with the time left, or a line an epoch; TensorBoard."""

import math
import threading
import time
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars
from torch.utils.tensorboard import SummaryWriter

from vrfer.training.checkpoint import EpochResult
from vrfer.training.loop import Progress, Watcher
from vrfer.training.recipe import Recipe


class FitDisplay:
    """Shows a run; a context manager."""

    def __init__(self, recipe: Recipe, folder: Path, stop: threading.Event) -> None:
        """Prepare the display.

        Args:
            recipe: The run's recipe, for the numbers of epochs.
            folder: The run's folder; TensorBoard's files go there.
            stop: Ends the run with KeyboardInterrupt after the batch at hand. An interrupt at
                any other place could leave TensorBoard's queue locked, and hang at the end.
        """
        self._stop = stop
        self._recipe = recipe
        self._console = Console()
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bars.add_task("starting", left="")
        self._folder = folder
        self._writer: SummaryWriter | None = None
        self._epochs = sum(stage.epochs for stage in recipe.stages)
        self._stage_began = (-1, 0, 0.0)
        """Stage, first epoch seen of it, and when that began."""
        self.watcher = Watcher(on_batch=self._on_batch, on_epoch=self._on_epoch)

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
        self._console.print(text, highlight=False, soft_wrap=True)

    def _on_batch(self, at: Progress) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        stage, first, began_s = self._stage_began
        if stage != at.stage:
            self._stage_began = (at.stage, at.epoch, time.monotonic())
            return
        done = at.epoch - first + at.batch / at.batches
        epochs = self._recipe.stages[at.stage].epochs
        left_s = (time.monotonic() - began_s) / done * (epochs - first - done)
        self._bars.update(
            self._task,
            description=f"{at.region} {at.phase}, epoch {at.epoch + 1} of {epochs}",
            completed=100 * (at.epoch + at.batch / at.batches) / epochs,
            left=f"{_duration(left_s)} left in this stage",
        )

    def _on_epoch(self, result: EpochResult, epochs_so_far: int) -> None:
        epochs = self._recipe.stages[result.stage].epochs
        stage, first, began_s = self._stage_began
        per_epoch_s = (time.monotonic() - began_s) / (result.epoch - first + 1)
        left_s = per_epoch_s * (epochs - result.epoch - 1) if stage == result.stage else math.nan
        self.say(
            f"{result.region} {result.phase} epoch {result.epoch + 1}/{epochs}: "
            f"learning rate {result.learning_rate:.2g}, loss {result.loss:.4f}, "
            f"validation {result.validation_accuracy:.2%}, {_duration(left_s)} left in this stage"
        )
        if self._writer is None:
            self._writer = SummaryWriter(
                str(self._folder / "tensorboard"), purge_step=epochs_so_far
            )
        for name, value in (
            ("loss/training", result.loss),
            ("accuracy/validation", result.validation_accuracy),
            ("learning rate", result.learning_rate),
        ):
            self._writer.add_scalar(name, value, epochs_so_far)


def _duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "?"
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
