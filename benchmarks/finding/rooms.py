"""Pictures of rooms without people: whatever is found there is false."""

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from finding.asking import Result, ask, shown, tracked
from vrfer.errors import SourceError
from vrfer.finder import Finder
from vrfer.sources.pictures import decode


def held_out(archive: Path) -> list[str]:
    """Return the names of the pictures that training must not see, as their README says."""
    with zipfile.ZipFile(archive) as handle:
        return [
            name
            for name in handle.namelist()
            if int(hashlib.sha256(Path(name).name.encode()).hexdigest(), 16) % 5 == 0
        ]


def rooms(archive: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the held-out pictures with their names.

    Raises:
        SourceError: One is damaged.
    """
    names = held_out(archive)
    with zipfile.ZipFile(archive) as handle:
        for name in names:
            image = decode(handle.read(name))
            if image is None:
                raise SourceError(f"{name} in {archive} is damaged", "Copy the archive anew.")
            yield name, image


def on_rooms(finder: Finder, archive: Path) -> Result:
    """Measure on how many pictures without people a face is found."""
    pictures, details = 0, []
    for name, image in tracked(rooms(archive), "rooms", len(held_out(archive))):
        finder.reset()
        pictures += 1
        face = ask(finder, image)
        if face is not None:
            x, y = face.mouth
            details.append(
                f"false find: {name}, score {face.score:.2f}, mouth at ({x:.0f}, {y:.0f}), "
                f"{face.width_px:.0f} px wide"
            )
    return Result(
        {"pictures": pictures, "false_finds_a_picture": len(details) / pictures},
        [f"false finds: {shown(len(details), pictures)}"],
        details,
    )
