"""Faces of ordinary photographs, cut as the app cuts a camera's pictures: bare, and in headsets.

They have no labels; teachers say what they express. The cut comes from the locator's own answer,
so that a network trained on them meets the locator's errors, drawn headsets and real cameras.
"""

import hashlib
import logging
import os
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vrfer.crop import CropGeometry, face_square
from vrfer.errors import DataError
from vrfer.frames import LowerFace
from vrfer.locator import Locator
from vrfer.square import Square
from vrfer.training.ferplus import FACE_PX
from vrfer.training.locating.photographs import Photographs
from vrfer.training.locating.scenes import face_scene

logger = logging.getLogger(__name__)

_SEED = 20_000
_DRAWN = 1
"""To be raised when the same photographs would be cut or drawn on otherwise."""
_NEAR_SIDE = 0.05
_ROUNDS = 2
_BELIEVED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class PhotographFaces:
    """The same faces with and without a headset."""

    bare: npt.NDArray[np.uint8]
    """N x F x F gray."""
    worn: npt.NDArray[np.uint8]
    """N x F x F gray, a headset drawn on."""

    def take(self, count: int) -> "PhotographFaces":
        """Return the first few."""
        return PhotographFaces(self.bare[:count], self.worn[:count])

    def digest(self) -> str:
        """Return a name for these very pixels."""
        return hashlib.sha256(self.bare.tobytes() + self.worn.tobytes()).hexdigest()

    def __len__(self) -> int:
        """Return the number of faces."""
        return len(self.bare)


def photograph_faces(
    photographs: Photographs,
    locator: Path,
    cache: Path,
    *,
    geometry: CropGeometry | None = None,
    on_face: Callable[[int, int], None] = lambda done, total: None,
) -> PhotographFaces:
    """Cut the faces that the locator sees both bare and under a headset.

    Args:
        photographs: Those that training may use.
        locator: The locator's network file.
        cache: Folder for the result; cutting thousands of faces takes minutes.
        geometry: The face square; None is the one that export writes into networks.
        on_face: Told how many faces of how many are done.

    Raises:
        DataError: No face is seen in them.
        ModelContractError: The locator cannot be used.
    """
    geometry = CropGeometry(face_px=FACE_PX) if geometry is None else geometry
    judge = Locator(locator)
    stamp = hashlib.sha256(locator.read_bytes())
    stamp.update(f"{geometry} {_SEED} {_DRAWN} {len(photographs)}".encode())
    stamp.update(photographs.points.tobytes())
    file = cache / f"photograph-faces-{stamp.hexdigest()[:16]}.npz"
    found = _read(file)
    if found is None:
        found = _cut_all(photographs, judge, geometry, on_face)
        _write(file, found)
    return found


def _cut_all(
    photographs: Photographs,
    locator: Locator,
    geometry: CropGeometry,
    on_face: Callable[[int, int], None],
) -> PhotographFaces:
    pairs = []
    for index in range(len(photographs)):
        on_face(index, len(photographs))
        cuts = []
        for headset in (False, True):
            rng = np.random.default_rng([_SEED + headset, index])
            scene = face_scene(photographs, index, rng, headset=headset)
            assert scene.truth is not None
            face = _located(locator, scene.picture, scene.truth.square, rng)
            if face is not None:
                cuts.append(face_square(scene.picture, face, geometry, "full-face"))
        if len(cuts) == 2:
            pairs.append(cuts)
    if not pairs:
        raise DataError(
            "the locator sees no face in the photographs", "See docs/data.md for what they must be."
        )
    bare, worn = np.array(pairs).swapaxes(0, 1)
    return PhotographFaces(bare, worn)


def _located(
    locator: Locator, picture: npt.NDArray[np.uint8], true: Square, rng: np.random.Generator
) -> LowerFace | None:
    """Return the locator's answer from near the true place; None where it sees no face."""
    x, y = rng.normal(0, _NEAR_SIDE * true.side, 2)
    square = Square(true.x + x, true.y + y, true.side * float(np.exp(rng.normal(0, _NEAR_SIDE))))
    for _ in range(_ROUNDS):
        (found,) = locator.judge(picture, [square])
        square = found.square
    return found.face() if found.visible > _BELIEVED else None


def _read(file: Path) -> PhotographFaces | None:
    try:
        with file.open("rb") as content, np.load(content) as stored:
            return PhotographFaces(stored["bare"], stored["worn"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _write(file: Path, faces: PhotographFaces) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp.npz")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(temporary, bare=faces.bare, worn=faces.worn)
        os.replace(temporary, file)
    except OSError as err:
        with suppress(OSError):
            temporary.unlink()
        logger.warning("no cache was written to %s: %s", file.parent, err)
