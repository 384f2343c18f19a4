"""AffectNet's labelled pictures, in either of the two layouts it is handed out in.

A. Mollahosseini et al., "AffectNet: A Database for Facial Expression, Valence, and Arousal
Computing in the Wild", IEEE Transactions on Affective Computing, 2017. The folder holds either
`Manually_Annotated_file_lists/{training,validation}.csv` with `Manually_Annotated_Images/`, or
`train_set/` and `val_set/` with `images/N.jpg` and `annotations/N_exp.npy`.
"""

import csv
import os
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import numpy as np

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.picture_list import PictureList

AffectNetSplit = Literal["train", "validation"]

_ORDER: Final = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
"""AffectNet's classes 0 to 7; 8 is none, 9 uncertain and 10 no face."""
_LABELS: Final = 11
_PATH: Final = "subDirectory_filePath"
_BOX: Final = ("face_x", "face_y", "face_width", "face_height")
_LABEL: Final = "expression"
_LISTS: Final = "Manually_Annotated_file_lists"
_PICTURES: Final = "Manually_Annotated_Images"
_LIST_NAMES: Final[dict[AffectNetSplit, str]] = {
    "train": "training.csv",
    "validation": "validation.csv",
}
_SET_NAMES: Final[dict[AffectNetSplit, str]] = {"train": "train_set", "validation": "val_set"}
_LABEL_ENDING: Final = "_exp.npy"
_LARGEST_NUMBER: Final = 2**31
_REMEDY: Final = (
    f"Name the folder of AffectNet that holds {_LISTS}/ and {_PICTURES}/, or train_set/ and "
    "val_set/; unpack or copy it again if it is damaged."
)


def list_affectnet(folder: Path, split: AffectNetSplit) -> PictureList:
    """List a split's pictures of the eight expressions, with labels in vrfer's order.

    Pictures are not opened, and need not even be there. In the first layout boxes say where the
    faces are; in the second the pictures are faces already.

    Raises:
        DataError: A folder or file is missing or damaged; it is named, with the line.
    """
    if (folder / _LISTS).is_dir():
        return _from_list(folder, folder / _LISTS / _LIST_NAMES[split])
    if any((folder / name).is_dir() for name in _SET_NAMES.values()):
        return _from_set(folder / _SET_NAMES[split])
    raise DataError(f"there is no AffectNet in {folder}", _REMEDY)


def _from_list(folder: Path, table: Path) -> PictureList:
    _require_folder(folder / _PICTURES)
    files, labels, boxes = [], [], []
    for where, fields in _rows(table):
        label = _canonical(fields[_LABEL], where)
        if label is None:
            continue
        if not fields[_PATH]:
            raise DataError(f"{where} names no picture", _REMEDY)
        files.append(folder / _PICTURES / fields[_PATH])
        labels.append(label)
        boxes.append([_number(fields[name], name, where) for name in _BOX])
    if not files:
        raise DataError(f"{table} names no picture of the eight expressions", _REMEDY)
    return PictureList(
        tuple(files), np.array(labels, dtype=np.int64), np.array(boxes, dtype=np.int64)
    )


def _rows(table: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row stands, and its fields that are of use."""
    wanted = (_PATH, *_BOX, _LABEL)
    try:
        # The mark that spreadsheet programs put in front would belong to the first column's name.
        with table.open(newline="", encoding="utf-8-sig") as text:
            lines = csv.reader(text)
            header = next(lines, [])
            missing = [name for name in wanted if name not in header]
            if missing:
                raise DataError(f"line 1 of {table} lacks {', '.join(missing)}", _REMEDY)
            places = {name: header.index(name) for name in wanted}
            for fields in filter(None, lines):
                where = f"line {lines.line_num} of {table}"
                if len(fields) != len(header):
                    raise DataError(f"{where} has {len(fields)} fields, not {len(header)}", _REMEDY)
                yield where, {name: fields[place] for name, place in places.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DataError(f"{table} cannot be read: {err}", _REMEDY) from err


def _from_set(folder: Path) -> PictureList:
    pictures, annotations = folder / "images", folder / "annotations"
    names = [
        name.removesuffix(_LABEL_ENDING)
        for name in _names(annotations)
        if name.endswith(_LABEL_ENDING)
    ]
    unlabelled = {name[:-4] for name in _names(pictures) if name.endswith(".jpg")} - set(names)
    if unlabelled:
        name = min(unlabelled, key=_by_number)
        raise DataError(f"{annotations / (name + _LABEL_ENDING)} is missing", _REMEDY)
    files, labels = [], []
    for name in sorted(names, key=_by_number):
        label = _stored_label(annotations / (name + _LABEL_ENDING))
        if label is not None:
            files.append(pictures / f"{name}.jpg")
            labels.append(label)
    if not files:
        raise DataError(f"{folder} holds no picture of the eight expressions", _REMEDY)
    return PictureList(tuple(files), np.array(labels, dtype=np.int64), None)


def _by_number(name: str) -> tuple[int, str]:
    return len(name), name


def _stored_label(file: Path) -> int | None:
    """Read an array of one number, or of one text that is a number."""
    try:
        with file.open("rb") as content:
            stored = np.load(content, allow_pickle=False)
        item = stored.reshape(-1).item() if isinstance(stored, np.ndarray) else stored
    except (
        OSError,
        ValueError,
        TypeError,
        EOFError,
        OverflowError,
        MemoryError,  # a header that claims terabytes
        tokenize.TokenError,  # numpy's for headers without an end
    ) as err:
        raise DataError(f"{file} cannot be read: {err}", _REMEDY) from err
    text = item.decode("latin-1") if isinstance(item, bytes) else str(item)
    return _canonical(text, str(file))


def _canonical(text: str, where: str) -> int | None:
    """Translate AffectNet's class to vrfer's; None for those that are no expression."""
    label = _number(text, _LABEL, where)
    if not 0 <= label < _LABELS:
        raise DataError(
            f"{where} has the {_LABEL} {label}, which is not among 0 to {_LABELS - 1}", _REMEDY
        )
    return EXPRESSIONS.index(_ORDER[label]) if label < len(_ORDER) else None


def _number(text: str, name: str, where: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = _LARGEST_NUMBER
    if abs(number) >= _LARGEST_NUMBER:
        raise DataError(f"{where} has the {name} {text[:40]!r}, no usable whole number", _REMEDY)
    return number


def _names(folder: Path) -> list[str]:
    _require_folder(folder)
    try:
        return os.listdir(folder)
    except OSError as err:
        raise DataError(f"the folder {folder} cannot be read: {err}", _REMEDY) from err


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", _REMEDY)
