"""How well a locator does on real photographs of people with headsets, started at their labels.

This measures the network alone. Whether the whole program finds these faces, without being told
where to look, is measured by `benchmarks/finder.py`.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.errors import DataError
from vrfer.square import FACE_WIDTHS, Square
from vrfer.training.locating.answering import Ask
from vrfer.training.locating.refine import refined

_REFINED = 3
_WIDTHS_PER_HEIGHT = 1.15
"""The labelled box ends at the headset: a face is at least so many times as wide as it is high."""
_REMEDY = "See docs/data.md for what must lie there."


@dataclass(frozen=True, slots=True)
class Labelled:
    """The label of one photograph."""

    file: str
    box_px: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the visible lower face."""
    pose: str
    """frontal, three-quarter or profile."""

    @property
    def start(self) -> Square:
        """Return the square to begin from: around the box, as wide as its face should be."""
        x0, y0, x1, y1 = self.box_px
        width = max(x1 - x0, _WIDTHS_PER_HEIGHT * (y1 - y0))
        return Square((x0 + x1) / 2, (y0 + y1) / 2, FACE_WIDTHS * width)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point of the picture lies in the box."""
        x0, y0, x1, y1 = self.box_px
        return x0 <= x <= x1 and y0 <= y <= y1


@dataclass(frozen=True, slots=True)
class HeadsetFigures:
    """What was measured on the photographs of one pose, or of all."""

    pose: str
    photographs: int
    mouth_inside: float
    """Share of photographs whose mouth is found inside the labelled box, 0-1."""
    median_visible: float
    """Median of the chance, by the network's own word, that a lower face is visible."""


def measure_headset_photographs(ask: Ask, folder: Path) -> list[HeadsetFigures]:
    """Measure a locator on `labels.csv` and `photos/`.

    Args:
        ask: The locator; each square is refined three times from its label.
        folder: Where the two lie.

    Returns:
        The figures of all photographs, then of each pose.

    Raises:
        DataError: The labels or a photograph cannot be read.
    """
    labels = _labels(folder / "labels.csv")
    views = [(_picture(folder / "photos" / label.file), label.start) for label in labels]
    judged = refined(views, ask, _REFINED)[1]
    mouths = judged.points[:, :2].mean(axis=1)
    inside = np.array(
        [label.holds(float(x), float(y)) for label, (x, y) in zip(labels, mouths, strict=True)]
    )
    poses = np.array([label.pose for label in labels])
    groups = [("all", np.full(len(labels), True))]
    groups += [(str(pose), poses == pose) for pose in sorted(set(poses))]
    return [
        HeadsetFigures(
            pose,
            int(some.sum()),
            float(inside[some].mean()),
            float(np.median(judged.visible[some])),
        )
        for pose, some in groups
    ]


def headset_table(figures: Sequence[HeadsetFigures]) -> list[str]:
    """Return the figures as lines of a Markdown table."""
    lines = [
        "| headset photographs, started at their labels | photographs | mouth in the labelled box "
        "| visible, median |",
        "|---|---|---|---|",
    ]
    return lines + [
        f"| {one.pose} | {one.photographs} | {one.mouth_inside:.1%} | {one.median_visible:.3f} |"
        for one in figures
    ]


def _labels(path: Path) -> list[Labelled]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            labels = [_label(row) for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as err:
        raise DataError(f"{path} cannot be read: {err}", _REMEDY) from err
    if not labels:
        raise DataError(f"{path} names no photographs", _REMEDY)
    return labels


def _label(row: dict[str, Any]) -> Labelled:
    x0, y0, x1, y1 = (float(row[name]) for name in ("x0", "y0", "x1", "y1"))
    return Labelled(row["file"], (x0, y0, x1, y1), row["pose"])


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror or err}", _REMEDY) from err
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if picture is None:
        raise DataError(f"{path} is no picture", _REMEDY)
    return picture.astype(np.uint8, copy=False)
