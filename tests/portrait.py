"""The public-domain portrait of scikit-image, with its geometry read off by eye."""

import math

import cv2
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from vrfer.frames import LowerFace

MOUTH, CHIN, WIDTH = (219.0, 144.0), (217.0, 176.0), 96.0
HEADSET = np.array([[172, 84], [270, 92], [268, 128], [172, 122]])

Picture = NDArray[np.uint8]


def portrait(*, headset: bool = False) -> Picture:
    """512 x 512, BGR; the headset is a plain dark quadrangle."""
    picture = np.ascontiguousarray(skimage.data.astronaut()[:, :, ::-1])
    if headset:
        cv2.fillConvexPoly(picture, HEADSET, (20, 20, 20))
    return picture


def warp(picture: Picture, matrix: NDArray[np.float64], size: tuple[int, int]) -> Picture:
    moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def expect(
    face: LowerFace | None, matrix: NDArray[np.float64] | None = None, within: float = 0.1
) -> None:
    """Check a find against the portrait's geometry, moved by a 2 x 3 matrix."""
    assert face is not None
    matrix = np.eye(2, 3) if matrix is None else matrix
    scale = math.sqrt(abs(np.linalg.det(matrix[:, :2])))
    for found, true in ((face.mouth, MOUTH), (face.chin, CHIN)):
        assert math.dist(found, matrix @ [*true, 1.0]) < within * WIDTH * scale
    assert face.width_px == pytest.approx(WIDTH * scale, rel=0.15)
