"""Measure the finder on labelled photographs of people in headsets, and on empty rooms.

    python benchmarks/finder.py --data FOLDER

FOLDER holds `headset/` (photos and labels.csv) and `faces/backgrounds.zip`. Of the rooms only the
held-out part is used: files whose name's sha256, as a number, is divisible by 5. Each picture is
a find of its own: nothing is followed from one to the next.
"""

import csv
import hashlib
import statistics
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from vrfer.finder import Finder, lower_face_box
from vrfer.shipped import shipped
from vrfer.sources.pictures import load

Box = Sequence[float]


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the IoU of two boxes (x0, y0, x1, y1)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def on_headsets(finder: Finder, folder: Path) -> None:
    """Print the share of photographs whose mouth is found inside the labelled box."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    total, right, overlaps, durations = Counter[str](), Counter[str](), [], []
    for row in rows:
        image = load(folder / "photos" / row["file"])
        box = [float(row[name]) for name in ("x0", "y0", "x1", "y1")]
        finder.reset()
        started = time.perf_counter()
        face = finder.find(image)
        durations.append((time.perf_counter() - started) * 1e3)
        total[row["pose"]] += 1
        if face is None:
            overlaps.append(0.0)
            continue
        (x, y), (x0, y0, x1, y1) = face.mouth, box
        right[row["pose"]] += x0 <= x <= x1 and y0 <= y <= y1
        overlaps.append(intersection_over_union(lower_face_box(face), box))
    typer.echo(f"headset photographs: {total.total()}")
    typer.echo(f"mouth in the box: {right.total()} = {right.total() / total.total():.3f}")
    for pose in sorted(total):
        typer.echo(f"    {pose}: {right[pose]} of {total[pose]}")
    good = sum(overlap >= 0.4 for overlap in overlaps)
    typer.echo(
        f"IoU >= 0.4: {good / len(overlaps):.3f}, median IoU {statistics.median(overlaps):.2f}"
    )
    typer.echo(f"median time {statistics.median(durations):.1f} ms (pictures of many sizes)")


def on_rooms(finder: Finder, archive: Path) -> None:
    """Print the share of pictures without people in which a face is found."""
    finds = pictures = 0
    with zipfile.ZipFile(archive) as handle:
        for name in handle.namelist():
            if int(hashlib.sha256(Path(name).name.encode()).hexdigest(), 16) % 5:
                continue
            image = cv2.imdecode(np.frombuffer(handle.read(name), np.uint8), cv2.IMREAD_COLOR)
            finder.reset()
            pictures += 1
            finds += finder.find(image.astype(np.uint8)) is not None
    typer.echo(f"false finds: {finds} on {pictures} rooms = {finds / pictures:.3f}")


def main(
    data: Annotated[Path, typer.Option(envvar="VRFER_DATA", help="Folder of research data.")],
) -> None:
    """Print the figures."""
    with Finder(shipped("models")) as finder:
        on_headsets(finder, data / "headset")
        on_rooms(finder, data / "faces" / "backgrounds.zip")


if __name__ == "__main__":
    typer.run(main)
