"""Turning and mirroring pictures: for cameras that hang upside down or show a mirror's view."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

Rotation: TypeAlias = Literal[0, 90, 180, 270]
"""Quarter turns, in degrees."""

ROTATE_CODES = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
LEFT_TO_RIGHT = 1


@dataclass(frozen=True, slots=True)
class Orientation:
    """How pictures are turned, and then mirrored, on their way out of a source."""

    mirrored: bool = False
    """Whether left and right are exchanged, after turning."""
    rotation_deg: Rotation = 0
    """How far pictures are turned clockwise."""

    def __post_init__(self) -> None:
        """Refuse anything but quarter turns.

        Raises:
            ValueError: The rotation is none of 0, 90, 180 and 270.
        """
        if self.rotation_deg not in get_args(Rotation):
            raise ValueError(
                f"a picture can be turned by 0, 90, 180 or 270 degrees, not by {self.rotation_deg}"
            )

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn and mirror a picture without loss.

        Args:
            image: Height x width x 3; not changed.

        Returns:
            The picture, contiguous; for quarter turns width x height x 3. The very same array
            where there is nothing to do.
        """
        turned: MatLike = image
        if self.rotation_deg:
            turned = cv2.rotate(turned, ROTATE_CODES[self.rotation_deg])
        if self.mirrored:
            turned = cv2.flip(turned, LEFT_TO_RIGHT)
        return turned.astype(np.uint8, copy=False)


UNCHANGED = Orientation()
