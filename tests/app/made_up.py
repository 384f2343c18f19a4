"""Frames and readings as a session gives them, made up for the widgets that draw them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import Frame, LowerFace, Reading
from vrfer.live.board import Seen
from vrfer.pipeline import Look

FACE = LowerFace((160.0, 120.0), (160.0, 170.0), 100.0, 0.9)
"""In the middle of a frame."""


def frame(
    width: int = 320, height: int = 240, bgr: tuple[int, int, int] = (40, 40, 40), at_s: float = 0
) -> Frame:
    """Return a picture of one colour."""
    image = np.full((height, width, 3), bgr, np.uint8)
    return Frame(image, 0, round(at_s * 1e9), round(at_s * 1e9))


def sure_of(index: int) -> NDArray[np.float32]:
    """Return probabilities of which one is 1."""
    return np.eye(len(EXPRESSIONS), dtype=np.float32)[index]


def reading(
    steady: Sequence[float] | NDArray[np.float32] | None = None,
    *,
    raw: Sequence[float] | NDArray[np.float32] | None = None,
    unsure: bool = False,
    at_s: float = 0.0,
) -> Reading:
    """Return a reading with these probabilities; None: no face is seen."""
    at_ns = round(at_s * 1e9)
    if steady is None:
        nothing = np.zeros(len(EXPRESSIONS), np.float32)
        return Reading(0, at_ns, at_ns, None, None, None, nothing, NO_FACE_ID, False)
    values = np.asarray(steady, np.float32)
    own = values if raw is None else np.asarray(raw, np.float32)
    return Reading(0, at_ns, at_ns, None, FACE, own, values, int(values.argmax()), unsure)


def seen(
    read: Reading,
    *,
    image: Frame | None = None,
    evidence: NDArray[np.float32] | None = None,
) -> Seen:
    """Return a frame with its reading, and a gray patch where there is a face."""
    patch = None if read.face is None else np.full((64, 96), 90, np.uint8)
    return Seen(Look(image or frame(), patch, read), evidence)
