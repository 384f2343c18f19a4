"""Reads the photographs that the locator learns from, and keeps them decoded on disk."""

import csv
import hashlib
import logging
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.errors import DataError
from vrfer.training.locating.head import MESH, Pose, fit_poses, fit_shape, rotations
from vrfer.training.locating.turning import LEAST_YAW

logger = logging.getLogger(__name__)

_UNREADABLE = (
    OSError,
    KeyError,
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # zipfile's for encrypted and unknown members
)
_PICTURES = (".webp", ".jpg", ".jpeg", ".png")
_REMEDY = "See docs/data.md for what must lie there."


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Colour pictures of different sizes in one flat array, which can stay on disk."""

    pixels: NDArray[np.uint8]
    shapes: NDArray[np.int64]
    """N x 2, height and width."""
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.shapes)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Return a copy of a picture, H x W x 3, BGR."""
        height, width = self.shapes[index]
        start = self.starts[index]
        flat = self.pixels[start : start + height * width * 3]
        return np.array(flat.reshape(height, width, 3))

    def take(self, chosen: NDArray[np.int64]) -> "Pictures":
        """Return some of the pictures, without copying pixels."""
        return Pictures(self.pixels, self.shapes[chosen], self.starts[chosen])


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """Pictures of faces with their landmarks and poses."""

    pictures: Pictures
    points: NDArray[np.float64]
    """N x 26 x 2 pixels, in the order of `head.MESH`."""
    poses: Sequence[Pose]
    alone: NDArray[np.bool_]
    """Whether the labelled face is the only one that was found in its picture."""
    shape: NDArray[np.float64]
    """26 x 3, the mean head that the poses belong to."""

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self.pictures)

    @property
    def turnable(self) -> NDArray[np.int64]:
        """Return which photographs to turn: three quarters to the side, the rest to nod."""
        yaw = np.array([abs(pose.yaw_rad) for pose in self.poses])
        sideways = np.flatnonzero(yaw > LEAST_YAW)
        others = np.flatnonzero(yaw <= LEAST_YAW)[
            :: max(1, 3 * (len(yaw) - len(sideways)) // max(len(sideways), 1))
        ]
        return np.concatenate([sideways, others])

    def take(self, chosen: NDArray[np.int64]) -> "Photographs":
        """Return some of the photographs."""
        return Photographs(
            self.pictures.take(chosen),
            self.points[chosen],
            [self.poses[i] for i in chosen],
            self.alone[chosen],
            self.shape,
        )


@dataclass(frozen=True, slots=True, eq=False)
class LocatorData:
    """All that the locator is trained and checked with."""

    train: Photographs
    validation: Photographs
    rooms: Pictures
    """Pictures without people, for training."""
    held_out_rooms: Pictures
    """Those for counting false finds: the sha256 of their names is divisible by 5."""


def load_photographs(folder: Path, cache: Path) -> LocatorData:
    """Read `faces.zip`, `faces_labels.csv` and `backgrounds.zip`.

    Args:
        folder: Where the three lie.
        cache: Folder for the decoded pictures, 2 GB; made if need be.

    Raises:
        DataError: A file is missing or damaged, or the cache cannot be written.
    """
    labels = folder / "faces_labels.csv"
    rows = _rows(labels)
    try:
        names = [row["file"] for row in rows]
        points = np.array(
            [[[float(row[f"p{n}_x"]), float(row[f"p{n}_y"])] for n in MESH] for row in rows]
        )
        angles = np.radians([[float(row[key]) for key in ("yaw", "pitch", "roll")] for row in rows])
        training = np.array([row["split"] == "train" for row in rows])
        alone = np.array([int(row["n_faces"]) == 1 for row in rows])
    except (KeyError, TypeError, ValueError) as err:
        raise DataError(f"{labels} has a missing or wrong entry: {err}", _REMEDY) from err
    if not np.isfinite(points).all() or not training.any() or training.all():
        raise DataError(f"{labels} has no usable faces in one of its two splits", _REMEDY)
    faces = _decoded(folder / "faces.zip", names, cache)
    shape = fit_shape(points[training], rotations(*angles[training].T))
    everything = Photographs(
        faces,
        points,
        fit_poses(shape, points),
        alone,
        shape,
    )
    room_names = _names(folder / "backgrounds.zip")
    held_out = np.array([is_held_out(name) for name in room_names], bool)
    if not held_out.any() or held_out.all():
        raise DataError(
            f"{folder / 'backgrounds.zip'} lacks pictures for training or for checking", _REMEDY
        )
    rooms = _decoded(folder / "backgrounds.zip", room_names, cache)
    return LocatorData(
        everything.take(np.flatnonzero(training)),
        everything.take(np.flatnonzero(~training)),
        rooms.take(np.flatnonzero(~held_out)),
        rooms.take(np.flatnonzero(held_out)),
    )


def is_held_out(name: str) -> bool:
    """Whether a room counts for false finds and so must not be trained on."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 == 0


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DataError(f"{path} cannot be read: {err}", _REMEDY) from err


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(n for n in archive.namelist() if n.lower().endswith(_PICTURES))
    except (OSError, zipfile.BadZipFile) as err:
        raise DataError(f"{path} cannot be read: {err}", _REMEDY) from err


def _decoded(path: Path, names: Sequence[str], cache: Path) -> Pictures:
    """Return the pictures of an archive, decoded once and then mapped from the cache."""
    base = cache / f"{path.stem}-{_digest(path, names)}"
    pixels_file, shapes_file = base.with_suffix(".pixels.npy"), base.with_suffix(".shapes.npy")
    pictures = _opened(pixels_file, shapes_file)
    if pictures is None:
        logger.info("decoding the pictures of %s into %s", path, cache)
        _decode(path, names, pixels_file, shapes_file)
        pictures = _opened(pixels_file, shapes_file)
    if pictures is None:
        raise DataError(f"the cache {pixels_file} cannot be read back", "Check its drive.")
    return pictures


def _digest(path: Path, names: Sequence[str]) -> str:
    """Return a name for what the pictures' own checksums say that they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            sums = [archive.getinfo(name).CRC for name in names]
    except _UNREADABLE as err:
        raise DataError(f"{path} cannot be read: {err}", _REMEDY) from err
    return hashlib.sha256(repr((list(names), sums)).encode()).hexdigest()[:16]


def _opened(pixels_file: Path, shapes_file: Path) -> Pictures | None:
    """Return the cached pictures, or None where they are not there whole."""
    try:
        shapes = np.load(shapes_file)
        pixels = np.load(pixels_file, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    sizes = shapes.prod(axis=1) * 3
    whole = int(sizes.sum()) == len(pixels)
    return Pictures(pixels, shapes, np.cumsum(sizes) - sizes) if whole else None


def _decode(path: Path, names: Sequence[str], pixels_file: Path, shapes_file: Path) -> None:
    pictures = []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                content = np.frombuffer(archive.read(name), np.uint8)
                picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
                if picture is None:
                    raise DataError(f"{name} in {path} is no picture", _REMEDY)
                pictures.append(picture)
    except _UNREADABLE as err:
        raise DataError(f"{path} cannot be read: {err}", _REMEDY) from err
    try:
        pixels_file.parent.mkdir(parents=True, exist_ok=True)
        contents: dict[Path, NDArray[Any]] = {
            pixels_file: np.concatenate([picture.ravel() for picture in pictures]),
            shapes_file: np.array([picture.shape[:2] for picture in pictures], np.int64),
        }
        for file, content in contents.items():
            temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp.npy")
            np.save(temporary, content)
            os.replace(temporary, file)
    except OSError as err:
        raise DataError(
            f"the cache {pixels_file} cannot be written: {err.strerror or err}", "Free some space."
        ) from err
