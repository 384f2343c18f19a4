"""Processes that make the training batches. They know neither torch nor the terminal."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Self

import cv2

from vrfer.errors import DataError
from vrfer.training.locating.photographs import LocatorData, load_photographs
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.locating.samples import LocatorBatch, Mined, make_batch

_AHEAD = 6
"""Batches that wait ready, a process."""
_MOST = 32
_OURS_TO_END = (signal.SIGINT, signal.SIGTERM)


class BatchMakers:
    """Some processes; a context manager. They end with it, and with the process that has it."""

    def __init__(self, folder: Path, cache: Path, workers: int | None = None) -> None:
        """Say what to make batches of.

        Args:
            folder: Where the photographs lie.
            cache: Where they are kept decoded.
            workers: Number of processes; None takes one a core.
        """
        self._places = (folder, cache)
        self._workers = min(os.cpu_count() or 1, _MOST) if workers is None else workers

    def __enter__(self) -> Self:
        """Start the processes."""
        # Spawned on every system: forked copies of a process in which torch runs threads may hang.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(self._workers, context, _settle)
        with _signals_held_back():
            for _ in range(self._workers):
                self._pool.submit(_photographs, *self._places)
        return self

    def __exit__(self, *_: object) -> None:
        """End them after the batches at hand."""
        self._pool.shutdown(cancel_futures=True)

    def batches(
        self, recipe: LocatorRecipe, epoch: int, mined: Sequence[Mined]
    ) -> Iterator[LocatorBatch]:
        """Yield an epoch's batches in order, the same ones for any number of processes.

        Raises:
            DataError: The photographs cannot be read, or a process was ended from outside.
        """
        waiting: deque[Future[LocatorBatch]] = deque()
        try:
            for number in range(recipe.batches):
                arguments = (recipe.seed, epoch, number, recipe.batch_size, mined)
                waiting.append(self._pool.submit(_make, self._places, *arguments))
                if len(waiting) >= _AHEAD * self._workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as err:
            raise DataError(
                "a process that makes batches was ended from outside",
                "Free some memory and start the same command again; it goes on from the last "
                "checkpoint.",
            ) from err


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Let processes started meanwhile never hear of Ctrl-C, not even while they start.

    The mask is inherited. Windows has none; there `_settle` is all there is.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _OURS_TO_END)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _settle() -> None:
    """Set a new process up: one thread, and only its parent ends it."""
    for number in _OURS_TO_END:
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, name="vrfer parent watch", daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end: a killed one leaves its pool waiting for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@cache
def _opened(folder: Path, cache: Path) -> LocatorData:
    return load_photographs(folder, cache)


def _photographs(folder: Path, cache: Path) -> None:
    """Open the photographs before the first batch is asked for."""
    _opened(folder, cache)


def _make(
    places: tuple[Path, Path], seed: int, epoch: int, number: int, size: int, mined: Sequence[Mined]
) -> LocatorBatch:
    return make_batch(_opened(*places), seed, epoch, number, size, mined)
