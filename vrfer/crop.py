"""The canonical lower half: the one geometry that training and running share.

Data sets cut faces as squares; FER2013's are 48 pixels wide. The canonical *face square* is such
a square, and `CropGeometry` says where mouth and cheeks lie in it. A camera's picture is brought
into it by a similarity transform from mouth, chin and face width, at the data set's own
resolution and in gray: a sharp camera and a 48-pixel picture then look alike to the network.
"""

import math
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from vrfer.frames import LowerFace

Picture: TypeAlias = NDArray[np.uint8]
Region: TypeAlias = Literal["full-face", "lower-half"]

_LARGEST_OVERSAMPLING = 16


class CropGeometry(BaseModel):
    """Where the landmarks lie in the face square, in sides of the square.

    The defaults are medians over FER2013's training faces, measured with vrfer's own locator by
    `scripts/measure_crop_geometry.py`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    face_px: int = Field(default=48, ge=16, le=512, multiple_of=2)
    """Effective resolution: pixels along the side of the face square."""
    mouth_x: float = Field(default=0.5, gt=0, lt=1)
    mouth_y: float = Field(default=0.757, gt=0, lt=1)
    width: float = Field(default=0.796, gt=0, lt=2)
    """Face width from cheek to cheek."""


def lower_half(
    image: Picture, face: LowerFace, geometry: CropGeometry, size: tuple[int, int]
) -> Picture:
    """Cut the canonical lower half out of a camera's picture.

    Args:
        image: H x W x 3, BGR.
        face: Where the lower face lies.
        geometry: The face square that the network was trained with.
        size: Height and width of the network's input.

    Returns:
        Gray patch of that size. Where the picture ends its edge is continued.
    """
    return scaled_up(face_square(image, face, geometry, "lower-half"), size)


def face_square(image: Picture, face: LowerFace, geometry: CropGeometry, region: Region) -> Picture:
    """Cut the face square, or its lower half, out of a camera's picture as a data set would.

    Args:
        image: H x W x 3, BGR.
        face: Where the lower face lies.
        geometry: The face square.
        region: `lower-half` leaves the upper half out.

    Returns:
        Gray, at the effective resolution: `geometry.face_px` pixels wide.
    """
    side = geometry.face_px
    first_row = side // 2 if region == "lower-half" else 0
    scale = face.width_px / (geometry.width * side)
    oversampling = min(max(1, math.ceil(scale)), _LARGEST_OVERSAMPLING)
    step = scale / oversampling
    cos, sin = math.cos(face.roll_rad) * step, math.sin(face.roll_rad) * step
    # The mouth's place in the oversampled cut, in pixel centres.
    mouth_u = geometry.mouth_x * side * oversampling - 0.5
    mouth_v = (geometry.mouth_y * side - first_row) * oversampling - 0.5
    to_picture = np.array(
        [
            [cos, -sin, face.mouth[0] - cos * mouth_u + sin * mouth_v],
            [sin, cos, face.mouth[1] - sin * mouth_u - cos * mouth_v],
        ]
    )
    rows = side - first_row
    fine = cv2.warpAffine(
        image,
        to_picture,
        (side * oversampling, rows * oversampling),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    gray = cv2.cvtColor(fine, cv2.COLOR_BGR2GRAY)
    square = cv2.resize(gray, (side, rows), interpolation=cv2.INTER_AREA)
    return square.astype(np.uint8, copy=False)


def face_crop(picture: Picture, region: Region, face_px: int, size: tuple[int, int]) -> Picture:
    """Bring a face that is already cut as the data sets cut it to the network's input.

    Args:
        picture: Gray H x W or BGR H x W x 3; the whole picture is the face square.
        region: `lower-half` removes the upper half.
        face_px: Effective resolution, `CropGeometry.face_px`.
        size: Height and width of the network's input.

    Returns:
        Gray patch of that size.
    """
    gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if gray.shape != (face_px, face_px):
        how = cv2.INTER_AREA if face_px < min(gray.shape) else cv2.INTER_LINEAR
        gray = cv2.resize(gray, (face_px, face_px), interpolation=how)
    patch = gray[face_px // 2 :] if region == "lower-half" else gray
    return scaled_up(patch.astype(np.uint8, copy=False), size)


def scaled_up(patch: Picture, size: tuple[int, int]) -> Picture:
    """Resample a patch at effective resolution to the network's input, bilinearly.

    The same pixels as torch's `interpolate(mode="bilinear", align_corners=False)`, to one gray
    level.
    """
    height, width = size
    scaled = cv2.resize(patch, (width, height), interpolation=cv2.INTER_LINEAR)
    return scaled.astype(np.uint8, copy=False)
