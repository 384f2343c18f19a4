"""Trains the tiny recipe and kills itself: killed_run.py FOLDER STAGE,EPOCH,BATCH...

BATCH 0 means after the epoch. The kill is the system's own, so that nothing is tidied up. Several
places share one start of torch: each has its own fork and its own folder below FOLDER.
"""

import os
import signal
import sys
from pathlib import Path

import torch
from training.made_up import made_up_ferplus, tiny_recipe

from vrfer.training.checkpoint import EpochResult
from vrfer.training.loop import Progress, Watcher, fit


def die() -> None:
    """End at once; Windows knows no SIGKILL, its SIGTERM does the same."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def train(folder: Path, place: str) -> None:
    """Train until the place, then die."""
    stage, epoch, batch = map(int, place.split(","))

    def on_batch(at: Progress) -> None:
        if (at.stage, at.epoch, at.batch) == (stage, epoch, batch):
            die()

    def on_epoch(result: EpochResult, epochs_so_far: int) -> None:
        if (result.stage, result.epoch, 0) == (stage, epoch, batch):
            die()

    watcher = Watcher(on_batch, on_epoch)
    fit(tiny_recipe(), made_up_ferplus(), folder / place, accelerator="cpu", watcher=watcher)


def main(folder: str, *places: str) -> None:
    """Die at each of the places."""
    torch.set_num_threads(1)
    for place in places:
        if place == places[-1] or os.fork() == 0:
            train(Path(folder), place)
            sys.exit("the place was never reached")
        _, status = os.wait()
        if not os.WIFSIGNALED(status):
            sys.exit(f"the run to {place} was not killed")


if __name__ == "__main__":
    main(*sys.argv[1:])
