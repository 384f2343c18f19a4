"""People's own labelled pictures: one folder for each expression.

`FOLDER/{train,validation,test}/{neutral,happiness,...}/*.{png,jpg,jpeg,bmp,webp}`; each picture is
one face, cut as tightly as FER2013's.
"""

from pathlib import Path
from typing import Final

import numpy as np

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.ferplus import Split
from vrfer.training.picture_list import PictureList

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp"})
"""What counts as a picture, in capitals too."""

_REMEDY: Final = (
    "Sort the pictures into FOLDER/train/EXPRESSION and FOLDER/validation/EXPRESSION (and "
    f"FOLDER/test/EXPRESSION), where EXPRESSION is one of {', '.join(EXPRESSIONS)}."
)


def list_class_folders(folder: Path, split: Split) -> PictureList:
    """List a split's pictures by class, then by name.

    Other files, folders inside the class folders, and all that begins with a dot are passed over.
    A class without a folder has no pictures; without `test` the test split is empty.

    Raises:
        DataError: The folder, or a split to train on, is missing or holds no picture; or a
            folder is not called like an expression.
    """
    place = folder / split
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}", _REMEDY)
    if not place.is_dir() and split != "test":
        raise DataError(f"there is no folder {place}", _REMEDY)
    files: list[Path] = []
    labels: list[int] = []
    for name in sorted(_class_names(place), key=EXPRESSIONS.index):
        found = _pictures(place / name)
        files += found
        labels += [EXPRESSIONS.index(name)] * len(found)
    if not files and split != "test":
        raise DataError(f"there is no picture in the class folders of {place}", _REMEDY)
    return PictureList(tuple(files), np.array(labels, dtype=np.int64), None)


def _class_names(place: Path) -> list[str]:
    names = [path.name for path in _visible(place) if path.is_dir()] if place.is_dir() else []
    for name in sorted(names):
        if name not in EXPRESSIONS:
            raise DataError(f"the folder {place / name} is not called like an expression", _REMEDY)
    return names


def _pictures(place: Path) -> list[Path]:
    pictures = [path for path in _visible(place) if path.suffix.lower() in SUFFIXES]
    return sorted((path for path in pictures if path.is_file()), key=lambda path: path.name)


def _visible(place: Path) -> list[Path]:
    """Return what a folder holds but for hidden files: macOS leaves `._NAME.jpg` beside NAME."""
    try:
        return [path for path in place.iterdir() if not path.name.startswith(".")]
    except OSError as err:
        raise DataError(f"the folder {place} cannot be read: {err}", "Check who owns it.") from err
