"""FER+: FER2013's 48x48 gray faces with the votes of ten people each.

Protocol: E. Barsoum et al., "Training Deep Networks for Facial Expression Recognition with
Crowd-Sourced Label Distribution", ICMI 2016, and the label files of its authors' repository
(microsoft/FERPlus). The folder holds either `fer2013.csv` (Kaggle's file) or
`fer2013_faces.zip` with `fer2013_labels.csv` (the same pixels, packed without loss), and
`fer2013new.csv` with `ferplus/FER2013{Train,Valid,Test}/label.csv`.
"""

import csv
import hashlib
import io
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.recipe import Labels, Votes

logger = logging.getLogger(__name__)

Split = Literal["train", "validation", "test"]

FACE_PX = 48
"""Side of FER2013's pictures."""
FACES_SHA256 = "c267d81af4fae7bced50ff1be0ce06f7d14fb05887ece2efe39e04c35f8558b1"
"""Of the uint8 array (35887, 48, 48) in FER2013's row order."""
ROWS = 35_887
MULTI_TARGET_SHARE = 0.3
"""Of the votes, which makes an expression right (Barsoum et al. 2016, section 4)."""
MULTI_TARGET_REST = 0.001
"""What other expressions keep, so that logarithms stay finite."""

_SPLIT_FOLDERS: dict[Split, str] = {
    "train": "FER2013Train",
    "validation": "FER2013Valid",
    "test": "FER2013Test",
}
_SPLIT_USAGES: dict[Split, str] = {
    "train": "Training",
    "validation": "PublicTest",
    "test": "PrivateTest",
}
_REMEDY = (
    "Put FER2013 and FER+ into one folder as docs/data.md describes, and name the folder that "
    "holds fer2013/ with --data or the environment variable VRFER_DATA."
)


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Faces with their labels."""

    faces: npt.NDArray[np.uint8]
    """N x 48 x 48 gray, 0-255."""
    votes: npt.NDArray[np.float32]
    """N x 8 labels to train on, canonical order; each row sums to 1 (one-hot for `majority`), but
    that of `multi-target`, whose right expressions are 1 each."""
    crowd: npt.NDArray[np.float32]
    """N x 8 shares of *all* votes for the eight expressions, single votes too; rows sum to 1."""
    face_ids: npt.NDArray[np.int64]
    """N numbers; equal numbers mean equal pixels."""

    def __len__(self) -> int:
        """Return the number of faces."""
        return len(self.faces)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """N indices of the strongest expression; of several right ones, what people said most."""
        strongest: npt.NDArray[np.int64] = (self.votes * (1 + self.crowd)).argmax(axis=1)
        return strongest

    def take(self, keep: npt.NDArray[np.bool_]) -> "FaceSet":
        """Return the faces that a boolean mask of length N keeps."""
        return FaceSet(self.faces[keep], self.votes[keep], self.crowd[keep], self.face_ids[keep])


@dataclass(frozen=True, slots=True, eq=False)
class FerPlus:
    """All rows of FER2013 with the raw votes of both vote files."""

    faces: npt.NDArray[np.uint8]
    """35887 x 48 x 48 gray, FER2013's row order."""
    face_ids: npt.NDArray[np.int64]
    """35887 numbers; equal numbers mean equal pixels."""
    rows: dict[tuple[Votes, Split], npt.NDArray[np.int64]]
    """Row numbers of the pictures that stand in a vote file's split."""
    votes: dict[tuple[Votes, Split], npt.NDArray[np.int64]]
    """Ten vote counts for each of these rows: the eight expressions, unknown, no face."""

    def split(self, split: Split, *, votes: Votes = "official", labels: Labels) -> FaceSet:
        """Return the faces of a split that are usable with a kind of label."""
        rule = LABEL_RULES[labels]
        rows, counts = self.rows[votes, split], self.votes[votes, split]
        distributions = [rule(row) for row in counts]
        keep = [i for i, found in enumerate(distributions) if found is not None]
        kept = [found for found in distributions if found is not None]
        chosen = rows[keep]
        expressions = counts[keep, : len(EXPRESSIONS)].astype(np.float32)
        crowd = expressions / expressions.sum(axis=1, keepdims=True)
        return FaceSet(self.faces[chosen], np.stack(kept), crowd, self.face_ids[chosen])

    def leak_free(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop faces whose pixels also stand in the validation or test split."""
        others = [self.face_ids[self.rows[votes, split]] for split in ("validation", "test")]
        return faces.take(~np.isin(faces.face_ids, np.concatenate(others)))

    def deduplicated_test(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop test faces whose pixels also stand in the training or validation split."""
        others = [self.face_ids[self.rows[votes, split]] for split in ("train", "validation")]
        return faces.take(~np.isin(faces.face_ids, np.concatenate(others)))


def majority_label(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32] | None:
    """FER+'s `majority` mode: one class, if it holds more than half of the votes.

    Args:
        counts: Ten vote counts.

    Returns:
        Eight numbers, one of them 1; None where no expression has the majority.
    """
    kept = np.where(counts <= 1, 0, counts)
    best = int(kept.argmax())
    if best >= len(EXPRESSIONS) or 2 * kept[best] <= kept.sum():
        return None
    one_hot = np.zeros(len(EXPRESSIONS), dtype=np.float32)
    one_hot[best] = 1
    return one_hot


def soft_label(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32] | None:
    """FER+'s `crossentropy` mode: the distribution over the strongest few expressions.

    Votes by one person alone do not count. Classes are taken from the strongest down, equal ones
    together, until they hold three quarters of the votes; the picture is dropped if more than
    three are needed, if they hold no more than half, or if "unknown" or "no face" is strongest.

    Args:
        counts: Ten vote counts.

    Returns:
        Eight probabilities, or None where the picture is dropped.
    """
    left = np.where(counts <= 1, 0, counts)
    total = left.sum()
    taken = np.zeros_like(left)
    number = 0
    while taken.sum() < 0.75 * total and number < 3:
        height = left.max()
        ended = False
        for i in np.flatnonzero(left == height):
            is_expression = i < len(EXPRESSIONS)
            if is_expression or taken.sum() == 0:
                taken[i] = height
                number += 1
            left[i] = 0
            ended = not is_expression
            if ended:
                break
        if ended:
            break
    if taken.sum() <= 0.5 * total or number > 3 or taken.argmax() >= len(EXPRESSIONS):
        return None
    shares: npt.NDArray[np.float32] = (taken[: len(EXPRESSIONS)] / taken.sum()).astype(np.float32)
    return shares


def multi_target_label(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32] | None:
    """FER+'s `multi_target` mode: every expression with at least 30 % of the votes is right.

    Args:
        counts: Ten vote counts.

    Returns:
        Eight numbers, 1 for a right expression and 0.001 for any other; None where "unknown" or
        "no face" is strongest, or where the right ones hold no more than half of the votes.
    """
    kept = np.where(counts <= 1, 0, counts)
    enough = kept >= MULTI_TARGET_SHARE * kept.sum()
    expressions = len(EXPRESSIONS)
    right = enough[:expressions]
    if kept.argmax() >= expressions or 2 * kept[:expressions][right].sum() <= kept.sum():
        return None
    return np.where(right, 1, MULTI_TARGET_REST).astype(np.float32)


LABEL_RULES: dict[Labels, Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32] | None]] = {
    "majority": majority_label,
    "soft": soft_label,
    "probability": soft_label,
    "multi-target": multi_target_label,
}
"""From ten vote counts to eight labels; `probability` draws from the soft ones while training."""


def load_ferplus(folder: Path, *, cache: Path | None = None) -> FerPlus:
    """Read FER2013 with both vote files, from the cache where it is up to date.

    Args:
        folder: The folder with the files that the module's docstring names.
        cache: Folder for one array file that makes the next start fast; None keeps none.

    Raises:
        DataError: A file is missing or damaged; it is named.
    """
    sources = _source_files(folder)
    stamp = hashlib.sha256(
        "".join(
            f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns};" for path in sources
        ).encode()
    ).hexdigest()[:16]
    cached = None if cache is None else cache / f"fer2013-{stamp}.npy"
    faces = _read_cache(cached)
    if faces is None:
        faces = _read_faces(folder)
        if cached is not None:
            _write_cache(cached, faces)
    _, face_ids = np.unique(faces.reshape(len(faces), -1), axis=0, return_inverse=True)
    rows, votes = _read_votes(folder)
    return FerPlus(faces, face_ids.reshape(-1).astype(np.int64), rows, votes)


def _source_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", _REMEDY)
    packed = [folder / "fer2013_faces.zip", folder / "fer2013_labels.csv"]
    kaggle = [folder / "fer2013.csv"]
    pictures = kaggle if kaggle[0].exists() and not packed[0].exists() else packed
    votes = [folder / "fer2013new.csv"]
    votes += [folder / "ferplus" / name / "label.csv" for name in _SPLIT_FOLDERS.values()]
    for path in (*pictures, *votes):
        if not path.is_file():
            raise DataError(f"{path} is missing", _REMEDY)
    return [*pictures, *votes]


def _read_faces(folder: Path) -> npt.NDArray[np.uint8]:
    packed = folder / "fer2013_faces.zip"
    try:
        faces = (
            _read_packed(packed, folder / "fer2013_labels.csv")
            if packed.exists()
            else _read_kaggle(folder / "fer2013.csv")
        )
    except (
        OSError,
        EOFError,
        RuntimeError,  # zipfile's for encrypted and unknown members
        ValueError,
        TypeError,
        AttributeError,  # the latter two: a line of the csv ends early
        LookupError,
        OverflowError,
        csv.Error,
        zipfile.BadZipFile,
        zlib.error,
    ) as err:
        raise DataError(f"the pictures in {folder} cannot be read: {err}", _REMEDY) from err
    if not _are_fer2013(faces):
        raise DataError(
            f"the pictures in {folder} are damaged: their checksum is not FER2013's",
            "Copy or unpack them again.",
        )
    return faces


def _read_packed(archive: Path, labels: Path) -> npt.NDArray[np.uint8]:
    from PIL import Image

    strips = []
    with zipfile.ZipFile(archive) as handle:
        for name in sorted(handle.namelist()):
            with Image.open(io.BytesIO(handle.read(name))) as picture:
                gray = np.asarray(picture.convert("RGB"))[:, :, 0]
            strips.append(gray.reshape(-1, FACE_PX, FACE_PX))
    distinct = np.concatenate(strips)
    with labels.open(newline="", encoding="utf-8") as text:
        order = [int(row["face"]) for row in csv.DictReader(text)]
    return np.ascontiguousarray(distinct[order])


def _read_kaggle(path: Path) -> npt.NDArray[np.uint8]:
    with path.open(newline="", encoding="utf-8") as text:
        faces = [
            np.array(row["pixels"].split(), dtype=np.uint8).reshape(FACE_PX, FACE_PX)
            for row in csv.DictReader(text)
        ]
    return np.stack(faces)


def _read_cache(path: Path | None) -> npt.NDArray[np.uint8] | None:
    if path is None or not path.is_file():
        return None
    try:
        faces: npt.NDArray[np.uint8] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as err:
        logger.warning("ignoring the damaged cache %s: %s", path, err)
        return None
    if not _are_fer2013(faces):
        logger.warning("ignoring the cache %s: it does not hold FER2013", path)
        return None
    return faces


def _are_fer2013(faces: npt.NDArray[np.uint8]) -> bool:
    return (
        faces.shape == (ROWS, FACE_PX, FACE_PX)
        and faces.dtype == np.uint8
        and hashlib.sha256(faces.tobytes()).hexdigest() == FACES_SHA256
    )


def _write_cache(path: Path, faces: npt.NDArray[np.uint8]) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            np.save(out, faces)
        temporary.replace(path)
    except OSError as err:
        logger.warning("no cache was written to %s: %s", path.parent, err)
        with suppress(OSError):
            temporary.unlink()


def _read_votes(
    folder: Path,
) -> tuple[
    dict[tuple[Votes, Split], npt.NDArray[np.int64]],
    dict[tuple[Votes, Split], npt.NDArray[np.int64]],
]:
    rows: dict[tuple[Votes, Split], npt.NDArray[np.int64]] = {}
    votes: dict[tuple[Votes, Split], npt.NDArray[np.int64]] = {}
    new = list(_csv_rows(folder / "fer2013new.csv"))[1:]
    if len(new) != ROWS:
        raise DataError(
            f"{folder / 'fer2013new.csv'} has {len(new)} rows, not {ROWS}", "Copy it again."
        )
    row_of: dict[str, int] = {}
    for number, fields in enumerate(new):
        if fields[1]:
            row_of.setdefault(fields[1], number)  # four names stand on two rows: the first counts
    for split, usage in _SPLIT_USAGES.items():
        numbers = [i for i, fields in enumerate(new) if fields[0] == usage]
        rows["fer2013new", split] = np.array(numbers, dtype=np.int64)
        votes["fer2013new", split] = _counts(folder / "fer2013new.csv", [new[i] for i in numbers])
    for split, name in _SPLIT_FOLDERS.items():
        path = folder / "ferplus" / name / "label.csv"
        lines = list(_csv_rows(path))
        unknown = [fields[0] for fields in lines if fields[0] not in row_of]
        if unknown or not lines:
            raise DataError(f"{path} is damaged: it names {unknown[:1] or 'no picture'}", _REMEDY)
        rows["official", split] = np.array([row_of[fields[0]] for fields in lines], dtype=np.int64)
        votes["official", split] = _counts(path, lines)
    return rows, votes


def _csv_rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as text:
            for fields in csv.reader(text):
                if len(fields) != 12:
                    raise DataError(
                        f"{path} is damaged: a line has {len(fields)} fields, not 12",
                        "Copy it again.",
                    )
                yield fields
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DataError(f"{path} cannot be read: {err}", "Copy it again.") from err


def _counts(path: Path, lines: list[list[str]]) -> npt.NDArray[np.int64]:
    try:
        return np.array([[int(field) for field in fields[2:]] for fields in lines], dtype=np.int64)
    except ValueError as err:
        raise DataError(f"{path} is damaged: {err}", "Copy it again.") from err
