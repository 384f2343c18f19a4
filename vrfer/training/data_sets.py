"""The data sets that recipes name, each read into faces of one size that stay in memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from vrfer.training.ferplus import FACE_PX, FaceSet, FerPlus, Split, load_ferplus
from vrfer.training.labelled_faces import LabelledFaces, load_affectnet, load_class_folders
from vrfer.training.recipe import Data, Labels, Votes

CAP_SEED = 0
"""Draws the pictures of a capped class: the same for all recipes, so that runs are comparable."""


class FaceData(Protocol):
    """What trainings and evaluations ask of a data set; see `FerPlus`."""

    def split(self, split: Split, *, votes: Votes = "official", labels: Labels) -> FaceSet:
        """Return the faces of a split."""

    def leak_free(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop faces whose pixels also stand in the validation or test split."""

    def deduplicated_test(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop test faces whose pixels also stand in the training or validation split."""


@dataclass(frozen=True, slots=True, eq=False)
class JointFaces:
    """FER+ and AffectNet together, as the paper trains; validation and test are FER+'s alone.

    AffectNet's validation split is its test set, so it must not choose anything.
    """

    ferplus: FerPlus
    affectnet: LabelledFaces

    def split(self, split: Split, *, votes: Votes = "official", labels: Labels) -> FaceSet:
        """Return FER+'s split; that of training continues with AffectNet's."""
        mine = self.ferplus.split(split, votes=votes, labels=labels)
        if split != "train":
            return mine
        theirs = self.affectnet.split(split, labels=labels)
        return joined(mine, replace(theirs, face_ids=theirs.face_ids + self._first_id))

    def leak_free(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop faces whose pixels stand in their own data set's validation or test split."""
        is_theirs = faces.face_ids >= self._first_id
        mine, theirs = faces.take(~is_theirs), faces.take(is_theirs)
        own_ids = replace(theirs, face_ids=theirs.face_ids - self._first_id)
        kept = self.affectnet.leak_free(own_ids)
        kept = replace(kept, face_ids=kept.face_ids + self._first_id)
        return joined(self.ferplus.leak_free(mine, votes=votes), kept)

    def deduplicated_test(self, faces: FaceSet, *, votes: Votes = "official") -> FaceSet:
        """Drop FER+'s test faces whose pixels also stand in its other splits."""
        return self.ferplus.deduplicated_test(faces, votes=votes)

    @property
    def _first_id(self) -> int:
        """AffectNet's numbers of equal pixels begin here, behind those of FER+."""
        return int(self.ferplus.face_ids.max()) + 1


def joined(first: FaceSet, second: FaceSet) -> FaceSet:
    """Return the faces of both, of one size."""
    pairs = (
        (getattr(first, name), getattr(second, name))
        for name in ("faces", "votes", "crowd", "face_ids")
    )
    return FaceSet(*(np.concatenate(pair) for pair in pairs))


def load_faces(
    folder: Path,
    data: Data,
    *,
    cache: Path | None = None,
    on_picture: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[FaceData, tuple[str, ...]]:
    """Read the data set that a recipe names.

    Args:
        folder: Holds `fer2013/`, `affectnet/` and people's own folders.
        data: Names the data set and the size of its faces.
        cache: Folder for array files that make the next start fast; None keeps none.
        on_picture: Told how many single picture files are done, and their number.

    Returns:
        The faces, and `path: reason` for each picture that could not be read and is left out.

    Raises:
        DataError: Files are missing or damaged.
    """
    if data.dataset == "folders":
        own = load_class_folders(
            folder / data.folder, face_px=data.face_px, cache=cache, on_picture=on_picture
        )
        return own, own.unreadable
    ferplus = affectnet = None
    if data.dataset != "affectnet":
        ferplus = _at_size(load_ferplus(folder / "fer2013", cache=cache), data.face_px)
    if data.dataset != "ferplus":
        affectnet = load_affectnet(
            folder / "affectnet",
            face_px=data.face_px,
            per_class=data.per_class,
            seed=CAP_SEED,
            cache=cache,
            on_picture=on_picture,
        )
    if ferplus is not None and affectnet is not None:
        return JointFaces(ferplus, affectnet), affectnet.unreadable
    if affectnet is not None:
        return affectnet, affectnet.unreadable
    assert ferplus is not None
    return ferplus, ()


def _at_size(ferplus: FerPlus, face_px: int) -> FerPlus:
    return ferplus if face_px == FACE_PX else replace(ferplus, faces=scaled(ferplus.faces, face_px))


def scaled(faces: npt.NDArray[np.uint8], face_px: int) -> npt.NDArray[np.uint8]:
    """Bring N x F x F gray faces to another size."""
    out = np.empty((len(faces), face_px, face_px), np.uint8)
    how = cv2.INTER_AREA if face_px < faces.shape[1] else cv2.INTER_LINEAR
    for face, place in zip(faces, out, strict=True):
        cv2.resize(face, (face_px, face_px), dst=place, interpolation=how)
    return out
