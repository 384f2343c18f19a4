"""Labelled photographs of people in headsets: each is a find of its own."""

import csv
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from finding.asking import Result, ask, inside, shown, tracked
from vrfer.finder import Finder, lower_face_box
from vrfer.frames import Box, LowerFace
from vrfer.sources.pictures import load

WIDTH, HEIGHT = 640, 480
"""Size of a camera's picture."""
_OVERLAP = 0.4
"""From this IoU on a box counts as right: the labelled ones are drawn by eye."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph and its labels."""

    path: Path
    pose: str
    box: Box
    """The visible lower face, in pixels."""
    expression: str
    """By eye, where it is clear; else empty."""


def photographs(folder: Path) -> list[Photograph]:
    """Read the labels of a folder of photographs, in their order."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as text:
        return [
            Photograph(
                folder / "photos" / row["file"],
                row["pose"],
                (float(row["x0"]), float(row["y0"]), float(row["x1"]), float(row["y1"])),
                "happiness" if row["expression"] == "happy" else row["expression"],
            )
            for row in csv.DictReader(text)
        ]


def as_from_camera(photograph: Photograph) -> tuple[NDArray[np.uint8], Box]:
    """Return the picture at 640 x 480, with black bars where it has other sides, and its box."""
    image = load(photograph.path)
    height, width = image.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    size = (min(round(width * scale), WIDTH), min(round(height * scale), HEIGHT))
    left, top = (WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture[top : top + size[1], left : left + size[0]] = cv2.resize(
        image, size, interpolation=interpolation
    )
    x0, y0, x1, y1 = photograph.box
    return picture, (
        x0 * scale + left, y0 * scale + top, x1 * scale + left, y1 * scale + top
    )  # fmt: skip


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the IoU of two boxes (x0, y0, x1, y1)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def on_photographs(finder: Finder, folder: Path) -> Result:
    """Measure on how many photographs the mouth is found inside the labelled box."""
    labelled = photographs(folder)
    answers: list[LowerFace | None] = []
    for photograph in tracked(labelled, "photos"):
        finder.reset()
        answers.append(ask(finder, load(photograph.path)))
    return _result(labelled, answers)


def _result(labelled: Sequence[Photograph], answers: Sequence[LowerFace | None]) -> Result:
    total, right = Counter(one.pose for one in labelled), Counter[str]()
    overlaps, failing = [], []
    for photograph, face in zip(labelled, answers, strict=True):
        overlap = (
            0.0 if face is None else intersection_over_union(lower_face_box(face), photograph.box)
        )
        overlaps.append(overlap)
        if face is not None and inside(face.mouth, photograph.box):
            right[photograph.pose] += 1
        else:
            why = "nothing found" if face is None else f"elsewhere, score {face.score:.2f}"
            failing.append((photograph, why))
    good, median = sum(one >= _OVERLAP for one in overlaps), statistics.median(overlaps)
    count = len(labelled)
    return Result(
        {
            "pictures": count,
            "mouth_in_box": right.total() / count,
            "by_pose": {pose: right[pose] / total[pose] for pose in sorted(total)},
            "iou_at_least_0.4": good / count,
            "median_iou": median,
            "failing": [one.path.name for one, _ in failing],
        },
        [
            f"mouth in the box: {shown(right.total(), count)}",
            *(f"    {pose}: {right[pose]} of {total[pose]}" for pose in sorted(total)),
            f"IoU >= {_OVERLAP}: {shown(good, count)}; median IoU {median:.2f}",
        ],
        [f"fails: {one.path.name} ({one.pose}): {why}" for one, why in failing],
    )
