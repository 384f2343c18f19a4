"""Milliseconds a frame at 640 x 480 on one core, while following a face and while searching.

Stated on the wall clock, which is what a user waits, and as CPU time of the whole process, which
stays the same when other programs keep the core busy.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from finding.asking import FRAMES_PER_S, Result, ask, tracked
from finding.photos import HEIGHT, WIDTH, Photograph, as_from_camera
from finding.rooms import held_out, rooms
from finding.still import FRAMES, SETTLED, subjects
from vrfer.finder import Finder
from vrfer.frames import LowerFace
from vrfer.shipped import shipped


@contextmanager
def one_core() -> Iterator[str]:
    """Keep this thread, and those that it starts, on one core; yields what could be done."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    said = "cv2.setNumThreads(1)"
    pinned = hasattr(os, "sched_setaffinity")
    if pinned:
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(cores)})
        said += f", process on core {max(cores)} alone"
    try:
        yield said
    finally:
        cv2.setNumThreads(threads)
        if pinned:
            os.sched_setaffinity(0, cores)


@dataclass(slots=True)
class _Durations:
    """Times of single answers, in ms."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def ask(
        self, finder: Finder, image: NDArray[np.uint8], at_s: float | None
    ) -> tuple[LowerFace | None, tuple[float, float]]:
        """Return the finder's answer, and how long it took."""
        wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        face = ask(finder, image, at_s)
        cpu_ns, wall_ns = time.process_time_ns() - cpu_ns, time.perf_counter_ns() - wall_ns
        return face, (wall_ns / 1e6, cpu_ns / 1e6)

    def add(self, took: tuple[float, float]) -> None:
        self.wall.append(took[0])
        self.cpu.append(took[1])

    def figures(self) -> dict[str, float]:
        figures: dict[str, float] = {"frames": len(self.wall)}
        for name, values in (("wall", self.wall), ("cpu", self.cpu)):
            if values:
                median, p95 = np.percentile(values, [50, 95])
                figures |= {f"{name}_median_ms": float(median), f"{name}_p95_ms": float(p95)}
        return figures


def on_time(labelled: Sequence[Photograph], archive: Path) -> Result:
    """Measure a finder of its own, loaded on one core."""
    with one_core() as said, Finder(shipped("models")) as finder:
        measured = {
            "following": _following(finder, labelled),
            "searching_rooms": _searching_rooms(finder, archive),
            "searching_photos": _searching_photos(finder, labelled),
        }
    load = f"; load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    names = {
        "following": "following an unmoving face",
        "searching_rooms": "searching, empty rooms, nothing found",
        "searching_photos": "searching, a photograph after a reset",
    }
    lines = [f"{WIDTH} x {HEIGHT}, {said}{load}"]
    figures: dict[str, object] = {"setup": said}
    for name, durations in measured.items():
        one = durations.figures()
        figures[name] = one
        lines.append(
            f"{names[name]}: median {one['wall_median_ms']:.1f} ms, p95 {one['wall_p95_ms']:.1f}; "
            f"CPU time: median {one['cpu_median_ms']:.1f}, p95 {one['cpu_p95_ms']:.1f} "
            f"({one['frames']:.0f} frames)"
            if durations.wall
            else f"{names[name]}: no such frame"
        )
    return Result(figures, lines)


def _following(finder: Finder, labelled: Sequence[Photograph]) -> _Durations:
    durations = _Durations()
    for subject in subjects(finder, labelled):
        finder.reset()
        for index in tracked(range(FRAMES), "time (following)"):
            face, took = durations.ask(finder, subject.image, index / FRAMES_PER_S)
            if face is not None and index >= SETTLED:
                durations.add(took)
    return durations


def _searching_rooms(finder: Finder, archive: Path) -> _Durations:
    """Time pictures that follow one another, as a camera sees before anybody comes."""
    durations = _Durations()
    finder.reset()
    count = len(held_out(archive))
    for index, (_, room) in enumerate(tracked(rooms(archive), "time (rooms)", count)):
        image = cv2.resize(room, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
        face, took = durations.ask(finder, image, index / FRAMES_PER_S)
        if face is None:
            durations.add(took)
    return durations


def _searching_photos(finder: Finder, labelled: Sequence[Photograph]) -> _Durations:
    durations = _Durations()
    for photograph in tracked(labelled, "time (photos)"):
        image, _ = as_from_camera(photograph)
        finder.reset()
        durations.add(durations.ask(finder, image, None)[1])
    return durations
