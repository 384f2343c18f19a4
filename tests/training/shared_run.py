"""Trains as one of torchrun's processes: shared_run.py FOLDER [EPOCHS], which stops early."""

import sys
from pathlib import Path

import torch
from training.made_up import made_up_ferplus, without_dropout

from vrfer.training.checkpoint import EpochResult
from vrfer.training.loop import Watcher, fit


def main(folder: str, epochs: str = "100") -> None:
    """Train on the CPU, all processes with one thread each."""
    torch.set_num_threads(1)

    def on_epoch(result: EpochResult, epochs_so_far: int) -> None:
        if epochs_so_far == int(epochs):
            raise KeyboardInterrupt

    try:
        fit(
            without_dropout(),
            made_up_ferplus(),
            Path(folder),
            accelerator="cpu",
            watcher=Watcher(on_epoch=on_epoch),
        )
    except KeyboardInterrupt:
        pass
    finally:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
