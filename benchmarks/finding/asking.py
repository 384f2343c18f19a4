"""What all sections share: how the finder is asked, what they return, and the progress bar."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from vrfer.finder import Finder
from vrfer.frames import Box, LowerFace, Point
from vrfer.sources import open_source

FRAMES_PER_S = 30.0
"""Rate of the sequences that are made from pictures."""

Item = TypeVar("Item")


@dataclass(slots=True)
class Result:
    """What a section measured."""

    figures: dict[str, object]
    """For `--json`."""
    lines: list[str] = field(default_factory=list)
    """For people."""
    details: list[str] = field(default_factory=list)
    """For people who ask for more (`--verbose`)."""


def ask(finder: Finder, image: NDArray[np.uint8], at_s: float | None = None) -> LowerFace | None:
    """Return the finder's answer; without a time, `image` is a still picture."""
    return finder.find(image, at_s)


def frames_of(video: Path) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Yield each frame of a video with its position in seconds, as the pipeline sees them."""
    with open_source(str(video), as_fast_as_possible=True) as source:
        while not source.exhausted:
            frame = source.read(1.0)
            if frame is not None:
                yield frame.image, frame.timeline_s


def tracked(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Pass items through, with a progress bar on standard error."""
    console = Console(stderr=True)
    with Progress(
        console=console, transient=True, redirect_stdout=False, refresh_per_second=2
    ) as progress:
        yield from progress.track(items, total=total, description=what)


def inside(point: Point, box: Box) -> bool:
    """Say whether a point lies in a box."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def share(part: int, whole: int) -> float | None:
    """Return a share, or None of nothing."""
    return part / whole if whole else None


def shown(part: int, whole: int) -> str:
    """Return a share as people read it."""
    return f"{part} of {whole} = {part / whole:.3f}" if whole else "none to count"
