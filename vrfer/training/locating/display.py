"""Shows the training of the locator."""

import threading
from pathlib import Path

from vrfer.training.display import Place, RunDisplay
from vrfer.training.locating.checkpoint import LocatorEpoch
from vrfer.training.locating.loop import LocatorWatcher
from vrfer.training.locating.recipe import LocatorRecipe


class LocatorDisplay(RunDisplay):
    """Shows a run of one part; a context manager."""

    def __init__(self, recipe: LocatorRecipe, folder: Path, stop: threading.Event) -> None:
        """Prepare the display.

        Args:
            recipe: The run's recipe, for the number of epochs.
            folder: The run's folder; TensorBoard's files go there.
            stop: Ends the run after the batch at hand.
        """
        super().__init__(folder, stop)
        self._epochs = recipe.epochs
        self.watcher = LocatorWatcher(
            on_batch=self._on_batch, on_epoch=self._on_epoch, on_note=self.say
        )

    def _on_batch(self, epoch: int, batch: int, batches: int) -> None:
        self.after_batch(Place(0, "", epoch, self._epochs, batch / batches))

    def _on_epoch(self, result: LocatorEpoch) -> None:
        found = result.measures
        self.after_epoch(
            Place(0, "", result.epoch, self._epochs),
            f"loss {result.loss:.4f}, error bare {found.bare_error:.4f}, with a headset "
            f"{found.headset_error:.4f} face widths, recall {found.recall:.2%}, false "
            f"{found.false_share:.2%}, mined {result.mined}",
            {
                "loss/training": result.loss,
                "error/bare": found.bare_error,
                "error/headset": found.headset_error,
                "crop/shift": found.crop_shift,
                "crop/scale": found.crop_scale,
                "verdict/recall": found.recall,
                "verdict/false share": found.false_share,
                "verdict/headset told": found.headset_told,
                "mined": result.mined,
            },
            result.epoch + 1,
        )
