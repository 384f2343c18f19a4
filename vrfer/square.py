"""The upright square that the lower-face locator looks at: the one geometry of both programs."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SQUARE_PX = 96
"""Side of the locator's input."""
FACE_WIDTHS = 1.6
"""Side of the square around a face, in face widths."""

_LARGEST_OVERSAMPLING = 8


@dataclass(frozen=True, slots=True)
class Square:
    """A square in a picture, in pixels; it may reach beyond the picture."""

    x: float
    """Centre."""
    y: float
    side: float
    tilt_rad: float = 0.0
    """Turn against the picture's upright; positive is clockwise."""

    def to_picture(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return pixels of the picture for points (..., 2) in sides of the square, 0 = centre."""
        cos, sin = math.cos(self.tilt_rad) * self.side, math.sin(self.tilt_rad) * self.side
        turn = np.array([[cos, sin], [-sin, cos]])
        return np.asarray(points @ turn + np.array([self.x, self.y]))

    def from_picture(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return sides of the square, 0 = centre, for points (..., 2) in pixels."""
        cos, sin = math.cos(self.tilt_rad) / self.side, math.sin(self.tilt_rad) / self.side
        turn = np.array([[cos, -sin], [sin, cos]])
        return np.asarray((points - np.array([self.x, self.y])) @ turn)


def cut_square(
    image: NDArray[np.uint8], square: Square, side_px: int = SQUARE_PX
) -> NDArray[np.uint8]:
    """Cut a square out of a picture.

    Args:
        image: H x W x 3, BGR.
        square: Where; what lies outside the picture is black.
        side_px: Side of the result.

    Returns:
        side_px x side_px x 3. Larger squares are averaged, so that nothing flickers.
    """
    scale = square.side / side_px
    oversampling = min(max(1, round(scale)), _LARGEST_OVERSAMPLING)
    step = scale / oversampling
    cos, sin = math.cos(square.tilt_rad) * step, math.sin(square.tilt_rad) * step
    middle = (side_px * oversampling - 1) / 2
    to_picture = np.array(
        [
            [cos, -sin, square.x - cos * middle + sin * middle],
            [sin, cos, square.y - sin * middle - cos * middle],
        ]
    )
    fine = cv2.warpAffine(
        image,
        to_picture,
        (side_px * oversampling, side_px * oversampling),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    if oversampling > 1:
        fine = cv2.resize(fine, (side_px, side_px), interpolation=cv2.INTER_AREA)
    return fine.astype(np.uint8, copy=False)
