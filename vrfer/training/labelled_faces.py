"""Faces with one certain label each, in the form that trainings and evaluations ask FER+ in."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from vrfer.errors import DataError
from vrfer.training.affectnet import list_affectnet
from vrfer.training.class_folders import list_class_folders
from vrfer.training.ferplus import FaceSet, Split
from vrfer.training.picture_list import (
    OnPicture,
    PictureList,
    capped,
    pixel_numbers,
    read_faces,
)
from vrfer.training.recipe import Labels, Votes

_REMEDY: Final = "Open one of the pictures in another program, or copy them again."


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Three splits whose `face_ids` are comparable; what is asked of `FerPlus` can be asked here.

    Each face has one label and no votes: `votes` and `labels` make no difference.
    """

    train: FaceSet
    validation: FaceSet
    test: FaceSet
    """The same object as `validation` where a data set has no third split."""
    unreadable: tuple[str, ...]
    """`path: reason` for each picture that is in none of the splits because it has no face."""

    def split(self, split: Split, *, votes: Votes = "official", labels: Labels) -> FaceSet:
        """Return the faces of a split, whatever the votes and the kind of label."""
        sets = {"train": self.train, "validation": self.validation, "test": self.test}
        return sets[split]

    def leak_free(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop faces whose pixels also stand in the validation or test split."""
        return _without(faces, self.validation, self.test)

    def deduplicated_test(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop test faces whose pixels also stand in the training or validation split.

        Where the validation split is the test split, only the training split counts.
        """
        if self.test is self.validation:
            return _without(faces, self.train)
        return _without(faces, self.train, self.validation)


def load_affectnet(
    folder: Path,
    *,
    face_px: int,
    per_class: int | None = None,
    seed: int = 0,
    cache: Path | None = None,
    on_picture: OnPicture = lambda done, total: None,
) -> LabelledFaces:
    """Read AffectNet, whose 4,000 validation pictures are both validation and test.

    AffectNet's own test split was never handed out, and its validation split is what papers
    report; a training that chooses its best epoch by it has seen its test.

    Args:
        folder: In a layout that `list_affectnet` knows.
        face_px: Side of the faces in pixels.
        per_class: The most training pictures of a class; None keeps all.
        seed: Which training pictures are drawn, where a class has more.
        cache: Folder for one array file a split; None keeps none.
        on_picture: Told how many pictures of all splits are done.

    Raises:
        DataError: Files are missing or damaged, or no picture of a split can be read.
    """
    train, validation = (list_affectnet(folder, "train"), list_affectnet(folder, "validation"))
    if per_class is not None:
        train = capped(train, per_class, seed)
    sets, unreadable = _read([train, validation], folder, face_px, cache, on_picture)
    return LabelledFaces(sets[0], sets[1], sets[1], unreadable)


def load_class_folders(
    folder: Path,
    *,
    face_px: int,
    cache: Path | None = None,
    on_picture: OnPicture = lambda done, total: None,
) -> LabelledFaces:
    """Read people's own pictures; without `test` the test split has no faces.

    Args:
        folder: In the layout that `list_class_folders` knows.
        face_px: Side of the faces in pixels.
        cache: Folder for one array file a split; None keeps none.
        on_picture: Told how many pictures of all splits are done.

    Raises:
        DataError: Folders are missing or misnamed, or no picture of a split can be read.
    """
    splits: tuple[Split, ...] = ("train", "validation", "test")
    lists = [list_class_folders(folder, split) for split in splits]
    sets, unreadable = _read(lists, folder, face_px, cache, on_picture)
    return LabelledFaces(sets[0], sets[1], sets[2], unreadable)


def _read(
    lists: list[PictureList],
    folder: Path,
    face_px: int,
    cache: Path | None,
    on_picture: OnPicture,
) -> tuple[list[FaceSet], tuple[str, ...]]:
    """Read several lists as one work, with numbers that are comparable across them."""
    total = sum(map(len, lists))
    before = 0
    sets: list[FaceSet] = []
    unreadable: list[str] = []
    for pictures in lists:
        faces, failed = read_faces(
            pictures,
            face_px,
            cache=cache,
            on_picture=_part_of(on_picture, before, total),
        )
        if failed and not len(faces):
            raise DataError(
                f"none of {len(pictures)} pictures in {folder} can be read, the first: {failed[0]}",
                _REMEDY,
            )
        before += len(pictures)
        sets.append(faces)
        unreadable += failed
    numbers = pixel_numbers(*(faces.faces for faces in sets))
    comparable = [replace(faces, face_ids=ids) for faces, ids in zip(sets, numbers, strict=True)]
    return comparable, tuple(unreadable)


def _part_of(on_picture: OnPicture, before: int, total: int) -> OnPicture:
    return lambda done, _: on_picture(before + done, total)


def _without(faces: FaceSet, *others: FaceSet) -> FaceSet:
    seen = np.concatenate([other.face_ids for other in others])
    return faces.take(~np.isin(faces.face_ids, seen))
