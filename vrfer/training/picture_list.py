"""Labelled pictures in files: listing them, drawing fewer of them, and cutting faces out of them.

It knows no data set: `affectnet` and `class_folders` say which pictures there are.
"""

import hashlib
import io
import logging
import os
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from vrfer.expressions import EXPRESSIONS
from vrfer.training.ferplus import FaceSet

logger = logging.getLogger(__name__)

OnPicture = Callable[[int, int], None]
"""Told how many pictures of how many are done."""

_READER: Final = 1
"""Raised whenever the same pictures come out as other pixels, so that old caches are not used."""
_FORMATS: Final = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
_UNDECODABLE: Final = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RuntimeError,
    EOFError,
    SyntaxError,  # Pillow's for broken headers
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow was seen or is documented to raise on damaged pictures."""
_LARGEST_BOX: Final = 2
"""Longest side of a believable box, in longest sides of its picture."""
_PICTURES_AT_ONCE: Final = 256
"""So that who stops it waits for a moment's work, not for the whole list."""


@dataclass(frozen=True, slots=True, eq=False)
class PictureList:
    """Labelled pictures that nobody has opened yet."""

    files: tuple[Path, ...]
    """N files; one file may stand here more than once, with other boxes."""
    labels: npt.NDArray[np.int64]
    """N indices into `EXPRESSIONS`."""
    boxes: npt.NDArray[np.int64] | None
    """N x 4: x, y, width, height of the face in pixels; None where pictures are faces already."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.files)

    def take(self, keep: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> "PictureList":
        """Return the pictures that a mask of length N, or indices, keep; in that order."""
        chosen = np.arange(len(self))[keep]
        return PictureList(
            tuple(self.files[number] for number in chosen),
            self.labels[chosen],
            None if self.boxes is None else self.boxes[chosen],
        )


def capped(pictures: PictureList, per_class: int, seed: int) -> PictureList:
    """Draw pictures of the classes that have too many (Sakata et al.: 15,000 of AffectNet's).

    The draw depends on the seed and on the set of pictures alone, not on their order, on the
    folder that holds them all or on the operating system: pictures are drawn from the list that
    is sorted by their paths, with slashes on Windows too.

    Args:
        pictures: All pictures.
        per_class: The most pictures that a class keeps.
        seed: Not negative; another one draws other pictures.

    Returns:
        The pictures that are left, in the order they came in; smaller classes whole.
    """
    kept = []
    for label in range(len(EXPRESSIONS)):
        numbers = np.flatnonzero(pictures.labels == label)
        if len(numbers) > per_class:
            # A generator for each class: a class's draw does not depend on the other classes.
            rng = np.random.default_rng([seed, label])
            numbers = rng.choice(_by_path(pictures, numbers), per_class, replace=False)
        kept.append(numbers)
    return pictures.take(np.sort(np.concatenate(kept)))


def _by_path(pictures: PictureList, numbers: npt.NDArray[np.int64]) -> list[int]:
    def key(number: int) -> tuple[str, list[int]]:
        box = [] if pictures.boxes is None else pictures.boxes[number].tolist()
        return pictures.files[number].as_posix(), box

    return sorted(numbers.tolist(), key=key)


def read_faces(
    pictures: PictureList,
    face_px: int,
    *,
    cache: Path | None = None,
    on_picture: OnPicture = lambda done, total: None,
) -> tuple[FaceSet, list[str]]:
    """Cut the faces out of the pictures, on all cores, or take them from the cache.

    A box becomes a square by growing its shorter side about its centre, so that no face is
    distorted; what lies outside the picture repeats the picture's edge. Pictures are turned as
    their EXIF says, before the box is applied. Only Pillow's TIFF decoder, which few data sets
    need, may still write a line to stderr about a damaged file.

    Args:
        pictures: What to read.
        face_px: Side of the faces in pixels.
        cache: Folder for one array file that makes the next start fast; None keeps none. Files
            that have changed since are read again.
        on_picture: Told in this thread how many pictures of how many are done.

    Returns:
        N x face_px x face_px gray faces with one-hot labels, in the list's order; and for every
        picture without a usable face `path: reason`.
    """
    total = len(pictures)
    stored = None if cache is None else cache / f"pictures-{_digest(pictures, face_px)}.npz"
    cut = _read_cache(stored, total, face_px)
    if cut is None:
        cut = _cut_all(pictures, face_px, on_picture)
        if stored is not None and cut.lasting:
            _write_cache(stored, cut)
    elif total:
        on_picture(total, total)
    votes = np.eye(len(EXPRESSIONS), dtype=np.float32)[pictures.labels[cut.kept]]
    (face_ids,) = pixel_numbers(cut.faces)
    skipped = np.setdiff1d(np.arange(total), cut.kept)
    unreadable = [
        f"{pictures.files[number]}: {reason}"
        for number, reason in zip(skipped, cut.reasons, strict=True)
    ]
    return FaceSet(cut.faces, votes, votes.copy(), face_ids), unreadable


def pixel_numbers(*sets: npt.NDArray[np.uint8]) -> list[npt.NDArray[np.int64]]:
    """Number faces across several arrays so that equal numbers mean equal pixels.

    Args:
        sets: Arrays of N x H x W faces each; N may differ.

    Returns:
        N numbers for each array, from 0 in order of first appearance.
    """
    known: dict[bytes, int] = {}
    # Not numpy.unique, which would sort copies of a gigabyte.
    return [
        np.array(
            [known.setdefault(hashlib.sha256(face).digest(), len(known)) for face in faces],
            dtype=np.int64,
        )
        for faces in map(np.ascontiguousarray, sets)
    ]


# ---- from files to faces


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Faces of a list's pictures, and why others have none."""

    faces: npt.NDArray[np.uint8]
    kept: npt.NDArray[np.int64]
    """Rising indices of the pictures with a face."""
    reasons: tuple[str, ...]
    """One for each picture that is not kept."""
    lasting: bool
    """Whether another try would end the same while the files stay as they are."""


@dataclass(frozen=True, slots=True)
class _Failure:
    reason: str
    lasting: bool = True


def _cut_all(pictures: PictureList, face_px: int, on_picture: OnPicture) -> _Cut:
    total = len(pictures)
    faces = np.empty((total, face_px, face_px), dtype=np.uint8)

    def cut(number: int) -> _Failure | None:
        box = None if pictures.boxes is None else pictures.boxes[number].tolist()
        return _cut_into(faces[number], pictures.files[number], box)

    failures: dict[int, _Failure] = {}
    workers = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="vrfer-pictures")
    with warnings.catch_warnings(), workers:
        # Pillow's say of a file what its exceptions or its pixels say better. The filter is the
        # whole process's, and set here because threads cannot set one of their own.
        warnings.filterwarnings("ignore", module=r"PIL\b")
        for start in range(0, total, _PICTURES_AT_ONCE):
            numbers = range(start, min(start + _PICTURES_AT_ONCE, total))
            for number, failure in zip(numbers, workers.map(cut, numbers), strict=True):
                if failure is not None:
                    failures[number] = failure
                on_picture(number + 1, total)
    kept = _moved_up(faces, failures)
    return _Cut(
        faces[: len(kept)],
        kept,
        tuple(failure.reason for failure in failures.values()),
        all(failure.lasting for failure in failures.values()),
    )


def _moved_up(
    faces: npt.NDArray[np.uint8], failures: Mapping[int, object]
) -> npt.NDArray[np.int64]:
    """Move the faces that did not fail to the front; return where they were."""
    kept = [number for number in range(len(faces)) if number not in failures]
    for place, number in enumerate(kept):
        if place != number:  # one by one: indexing would hold all faces twice
            faces[place] = faces[number]
    return np.array(kept, dtype=np.int64)


def _cut_into(face: npt.NDArray[np.uint8], file: Path, box: list[int] | None) -> _Failure | None:
    try:
        content = file.read_bytes()
    except (FileNotFoundError, ValueError):  # the latter: a path with a null byte
        return _Failure("there is no such file")
    except OSError as err:
        return _Failure(f"it cannot be opened ({err.strerror})", lasting=False)
    if not content:
        return _Failure("the file is empty")
    try:
        picture = _decoded(content)
    except UnidentifiedImageError:
        return _Failure(f"it is no picture ({', '.join(_FORMATS)})")
    except _UNDECODABLE as err:
        return _Failure(f"it is damaged ({err})")
    height, width = picture.shape
    box = [0, 0, width, height] if box is None else box
    wrong = _wrong_with(box, width, height)
    if wrong is None:
        face[:] = _scaled(_square(picture, box), len(face))
    return wrong


def _decoded(content: bytes) -> npt.NDArray[np.uint8]:
    """Decode to H x W gray; raises one of `_UNDECODABLE`.

    By Pillow because OpenCV writes about every damaged file to stderr.
    """
    with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
        picture.draft("L", None)  # JPEGs hold gray beside colour: half the time
        picture.load()
        with suppress(*_UNDECODABLE):  # a damaged EXIF says nothing about the pixels
            ImageOps.exif_transpose(picture, in_place=True)
        if picture.mode.startswith("I;16"):
            # Pillow would clip instead of scaling.
            return (np.asarray(picture) >> 8).astype(np.uint8)
        return np.asarray(picture.convert("L"))


def _wrong_with(box: list[int], width: int, height: int) -> _Failure | None:
    x, y, box_width, box_height = box
    if box_width <= 0 or box_height <= 0:
        return _Failure(f"its box {box} has no area")
    if x >= width or y >= height or x + box_width <= 0 or y + box_height <= 0:
        return _Failure(f"its box {box} lies outside the picture ({width} x {height})")
    if max(box_width, box_height) > _LARGEST_BOX * max(width, height):
        return _Failure(f"its box {box} is far larger than the picture ({width} x {height})")
    return None


def _square(picture: npt.NDArray[np.uint8], box: list[int]) -> npt.NDArray[np.uint8]:
    x, y, width, height = box
    side = max(width, height)
    places = np.arange(side)
    rows = np.clip(y - (side - height) // 2 + places, 0, picture.shape[0] - 1)
    columns = np.clip(x - (side - width) // 2 + places, 0, picture.shape[1] - 1)
    return picture[np.ix_(rows, columns)]


def _scaled(square: npt.NDArray[np.uint8], side_px: int) -> npt.NDArray[np.uint8]:
    how = cv2.INTER_AREA if side_px < len(square) else cv2.INTER_LINEAR
    scaled = cv2.resize(square, (side_px, side_px), interpolation=how)
    return scaled.astype(np.uint8, copy=False)


# ---- the cache


def _digest(pictures: PictureList, face_px: int) -> str:
    digest = hashlib.sha256(f"{_READER} {face_px} {pictures.boxes is None}".encode())
    for file in pictures.files:
        digest.update(b"\0" + os.fsencode(file.absolute()) + _state(file))
    if pictures.boxes is not None:
        digest.update(pictures.boxes.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def _state(file: Path) -> bytes:
    try:
        found = file.stat()
    except (OSError, ValueError):
        return b"\0missing"
    return f"\0{found.st_size} {found.st_mtime_ns}".encode()


def _read_cache(path: Path | None, total: int, face_px: int) -> _Cut | None:
    if path is None or not path.is_file():
        return None
    try:
        # Opened here: numpy leaves the file open when it is no archive.
        with path.open("rb") as content, np.load(content, allow_pickle=False) as stored:
            cut = _Cut(stored["faces"], stored["kept"], tuple(stored["reasons"].tolist()), True)
    except (
        OSError,
        ValueError,
        TypeError,
        AttributeError,  # the latter two: an array instead of an archive
        LookupError,
        EOFError,
        RuntimeError,  # zipfile's for encrypted and unknown members
        OverflowError,
        MemoryError,  # a header that claims terabytes
        tokenize.TokenError,  # numpy's for headers without an end
        zipfile.BadZipFile,
        zlib.error,
    ) as err:
        logger.warning("ignoring the damaged cache %s: %s", path, err)
        return None
    if not _belongs(cut, total, face_px):
        logger.warning("ignoring the cache %s: it does not hold these pictures", path)
        return None
    return cut


def _belongs(cut: _Cut, total: int, face_px: int) -> bool:
    return (
        cut.faces.dtype == np.uint8
        and cut.kept.dtype == np.int64
        and cut.kept.ndim == 1
        and cut.faces.shape == (len(cut.kept), face_px, face_px)
        and len(cut.kept) + len(cut.reasons) == total
        and bool(np.all(np.diff(cut.kept, prepend=-1, append=total) > 0))
    )


def _write_cache(path: Path, cut: _Cut) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            np.savez(out, faces=cut.faces, kept=cut.kept, reasons=np.array(cut.reasons, dtype=str))
        temporary.replace(path)
    except OSError as err:
        logger.warning("no cache was written to %s: %s", path.parent, err)
        with suppress(OSError):
            temporary.unlink()
