"""The head as a rigid shape of face-mesh landmarks, and its pose in a photograph.

Head coordinates are in face widths (cheek to cheek, landmarks 234 to 454): x to the right of a
picture that shows the face from the front, y up, z towards the camera. A pose is a scaled
orthographic one, which suits faces seen from more than a few face widths away.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MESH = (
    61, 291, 0, 17, 13, 14, 152, 4, 2, 6, 168, 234, 454, 172, 397, 136, 365, 58, 288,
    33, 133, 362, 263, 127, 356, 10,
)  # fmt: skip
"""Numbers of the face-mesh landmarks that the photographs' labels hold, in our order."""

MIRRORED = (
    (61, 291), (234, 454), (172, 397), (136, 365), (58, 288), (33, 263), (133, 362), (127, 356),
)  # fmt: skip
"""Landmarks that change places in a mirrored picture; all others lie in the middle plane."""

_ROUNDS = 6
_PICTURE_Y = np.array([1.0, -1.0])


def mesh_index(*numbers: int) -> list[int]:
    """Return where landmarks of the face mesh stand in our order."""
    return [MESH.index(number) for number in numbers]


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Where a head is in a picture, and how it is turned."""

    rotation: Floats
    """3 x 3; takes head coordinates to axes parallel to the picture (x right, y up, z near)."""
    width_px: float
    """Pixels of one face width."""
    origin: Floats
    """(x, y) in the picture of the origin of head coordinates."""

    def project(self, points: Floats) -> Floats:
        """Return where points (..., 3) in head coordinates appear: (..., 2) pixels."""
        return self.origin + self.width_px * _PICTURE_Y * (points @ self.rotation[:2].T)

    def facing(self, directions: Floats) -> Floats:
        """Return how much directions (..., 3) of the head point to the camera, -1 to 1."""
        return np.asarray(directions @ self.rotation[2])

    @property
    def yaw_rad(self) -> float:
        """Turn to the side; positive when the nose points to the right of the picture."""
        return float(np.arctan2(self.rotation[0, 2], self.rotation[2, 2]))

    @property
    def pitch_rad(self) -> float:
        """Positive when the nose points up."""
        return float(np.arcsin(np.clip(self.rotation[1, 2], -1, 1)))

    @property
    def tilt_rad(self) -> float:
        """Lean of the head's vertical axis in the picture; positive is clockwise as seen."""
        return float(np.arctan2(self.rotation[0, 1], self.rotation[1, 1]))

    def turned(self, yaw_rad: float, nod_rad: float = 0.0) -> "Pose":
        """Return the pose after turning about the head's own vertical axis, then nodding up."""
        return replace(self, rotation=self.rotation @ _about_y(yaw_rad) @ _about_x(-nod_rad))


def rotations(yaw_rad: Floats, pitch_rad: Floats, roll_rad: Floats) -> Floats:
    """Return N x 3 x 3 matrices Ry(yaw) Rx(-pitch) Rz(roll), as the labels define the angles."""
    zero, one = np.zeros_like(yaw_rad), np.ones_like(yaw_rad)
    cos, sin = np.cos, np.sin
    about_y = [cos(yaw_rad), zero, sin(yaw_rad), zero, one, zero, -sin(yaw_rad), zero, cos(yaw_rad)]
    about_x = [
        one, zero, zero, zero, cos(pitch_rad), sin(pitch_rad), zero, -sin(pitch_rad), cos(pitch_rad)
    ]  # fmt: skip
    about_z = [
        cos(roll_rad), -sin(roll_rad), zero, sin(roll_rad), cos(roll_rad), zero, zero, zero, one
    ]  # fmt: skip
    y, x, z = (np.stack(part, -1).reshape(-1, 3, 3) for part in (about_y, about_x, about_z))
    return np.asarray(y @ x @ z)


def _about_y(angle_rad: float) -> Floats:
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _about_x(angle_rad: float) -> Floats:
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def fit_shape(points: Floats, labelled: Floats) -> Floats:
    """Return the mean rigid shape of many heads: structure from motion in scaled orthography.

    Shape and poses are solved for in turn, beginning with the labelled rotations, which are a
    little too small for strongly turned heads (Tomasi & Kanade, IJCV 1992, by alternation).

    Args:
        points: N x 26 x 2 landmarks in pixels, in the order of `MESH`.
        labelled: N x 3 x 3 rotations.

    Returns:
        26 x 3, in head coordinates, mirror-symmetric, with its mean at the origin.
    """
    flat = (points - points.mean(axis=1, keepdims=True)) * _PICTURE_Y
    rotation, scale = labelled, np.full(len(points), 1.0)
    shape = np.zeros((len(MESH), 3))
    for round_ in range(_ROUNDS):
        camera = rotation[:, :2] * scale[:, None, None]
        normal = np.einsum("nij,nik->jk", camera, camera)
        shape = np.linalg.solve(normal, np.einsum("nij,npi->jp", camera, flat)).T
        shape = _symmetric(shape)
        poses = _poses(shape, flat)
        scale = poses[1]
        if round_ > 0:
            rotation = poses[0]
    return shape


def fit_poses(shape: Floats, points: Floats) -> list[Pose]:
    """Return the pose of each head whose landmarks (N x 26 x 2 pixels) are known."""
    middle = points.mean(axis=1)
    rotation, scale = _poses(shape, (points - middle[:, None]) * _PICTURE_Y)
    return [Pose(rotation[i], float(scale[i]), middle[i]) for i in range(len(points))]


def _poses(shape: Floats, flat: Floats) -> tuple[Floats, Floats]:
    """Return rotations and scales: the affine camera of least error, made a scaled rotation."""
    affine = np.linalg.lstsq(shape, flat.transpose(1, 0, 2).reshape(len(shape), -1), rcond=None)[0]
    u, singular, vt = np.linalg.svd(affine.reshape(3, -1, 2).transpose(1, 2, 0), False)
    rows = u @ vt
    third = np.cross(rows[:, 0], rows[:, 1])[:, None]
    return np.concatenate([rows, third], axis=1), singular.mean(axis=1)


def _symmetric(shape: Floats) -> Floats:
    """Return the shape made mirror-symmetric, one face width wide, centred."""
    flip = np.array([-1.0, 1.0, 1.0])
    mirrored = mirrored_points(shape) * flip
    both = (shape + mirrored) / 2
    left, right = mesh_index(234, 454)
    both = both / np.linalg.norm(both[left] - both[right])
    return np.asarray(both - both.mean(axis=0))


def mirrored_points(points: Floats) -> Floats:
    """Return landmarks (26 x D) with the two of each mirrored pair in each other's place."""
    order = list(range(len(MESH)))
    for pair in MIRRORED:
        left, right = mesh_index(*pair)
        order[left], order[right] = right, left
    return np.asarray(points[order])
