"""Turns photographed heads further to the side, for full profiles are missing from photographs.

The landmarks' depths are known (`head.fit_shape`), so the picture is warped, triangle by triangle,
from where the landmarks are to where they would be. What lies on the far side of the head is
pressed onto the new outline: brow, nose, lips and chin as seen from the side.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from vrfer.training.locating.head import MESH, Floats, Pose, mesh_index

LEAST_YAW = np.radians(14.0)
"""Heads turned less than this show too little of their side."""

_PROFILE = np.radians(34.0)
"""From this turn on the far side is pressed onto the outline."""
_OUTLINE = mesh_index(10, 168, 6, 4, 2, 0, 13, 14, 17, 152)
"""Landmarks of the middle plane from forehead to chin."""
_FAR_SIDE = {
    1.0: (291, 454, 397, 365, 288, 362, 263, 356),
    -1.0: (61, 234, 172, 136, 58, 133, 33, 127),
}
"""Landmarks that a nose pointing to the right (1) or left (-1) of the picture hides."""
_NEAR_HEAD = np.array(
    [
        [0.53, 0.1, -0.5],
        [0.5, 0.45, -0.5],
        [0.42, 0.1, -0.8],
        [0.42, -0.35, -0.55],
        [0.3, 0.75, -0.4],
    ]
)
"""Ear, temple, back of the head, neck and crown on the side that is seen."""


def random_turn(pose: Pose, rng: np.random.Generator) -> Pose:
    """Draw a pose to turn a head to: most go to the side, as far as a full profile, some nod.

    The nose keeps its side. Heads thrown back are as rare in photographs as profiles, and common
    among people who look around in a scene.
    """
    yaw = pose.yaw_rad
    if abs(yaw) < LEAST_YAW or rng.random() < 0.2:
        nod = np.radians(rng.uniform(8, 45) if rng.random() < 0.8 else rng.uniform(-22, -8))
        return pose.turned(0.0, nod)
    low, high = (62.0, 95.0) if rng.random() < 0.6 else (38.0, 62.0)
    most = high if abs(yaw) > np.radians(19.0) else min(high, 70.0)
    least = max(np.degrees(abs(yaw)) + 10.0, low)
    wanted = np.radians(rng.uniform(min(least, most), most))
    nod = np.radians(np.clip(rng.normal(9, 13), -20, 42))
    return pose.turned(float(np.sign(yaw) * (wanted - abs(yaw))), nod)


def turn(
    picture: NDArray[np.uint8], points: Floats, pose: Pose, shape: Floats, after: Pose
) -> tuple[NDArray[np.uint8], Floats]:
    """Return the picture and its landmarks after turning the head.

    Args:
        picture: H x W x 3.
        points: 26 x 2 pixels.
        pose: The head's.
        shape: The mean head, 26 x 3.
        after: The pose that it should have, turned further to the side to which it looks already.
    """
    side = float(np.sign(after.yaw_rad))
    own = points - pose.project(shape)
    moved = after.project(shape) + own * [np.cos(after.yaw_rad), 1.0]
    source, target = _anchors(picture.shape[:2], points, moved, pose, after, side)
    return _warped(picture, source, target), moved


def _anchors(
    size: Sequence[int], points: Floats, moved: Floats, pose: Pose, after: Pose, side: float
) -> tuple[Floats, Floats]:
    """Return points of the picture, and where they go."""
    in_profile = abs(after.yaw_rad) > _PROFILE
    far = mesh_index(*_FAR_SIDE[side]) if in_profile else []
    kept = [i for i in range(len(MESH)) if i not in far]
    along, across = _axes(after)
    outline = moved[_OUTLINE]
    heights = outline @ along
    order = np.argsort(heights)
    edge = np.interp(points[far] @ along, heights[order], (outline @ across)[order])
    width = pose.width_px
    out = np.sign(after.project(np.array([0.0, 0, 1])) @ across - after.origin @ across)
    far_target = (
        along * (moved[far] @ along)[:, None] + across * (edge + out * 0.015 * width)[:, None]
    )
    beyond = points[far] + out * 0.2 * width * across
    beyond_target = far_target + out * 0.2 * width * across
    near = _NEAR_HEAD * [-side, 1, 1]
    neck = pose.project(np.array([[0.0, -0.85, -0.25], [0.0, -1.3, -0.3]]))
    height, breadth = size
    x, y = np.meshgrid(np.linspace(0, breadth - 1, 5), np.linspace(0, height - 1, 5))
    border = np.stack([x.ravel(), y.ravel()], 1)
    on_edge = (border[:, 0] % (breadth - 1) < 1e-6) | (border[:, 1] % (height - 1) < 1e-6)
    border = border[on_edge]
    source = [points[kept], points[far], beyond, pose.project(near), neck, border]
    target = [moved[kept], far_target, beyond_target, after.project(near), neck, border]
    return np.concatenate(source), np.concatenate(target)


def _axes(pose: Pose) -> tuple[Floats, Floats]:
    """Return unit vectors in the picture: down along the head, and to the right across it."""
    tilt = pose.tilt_rad
    return np.array([-np.sin(tilt), np.cos(tilt)]), np.array([np.cos(tilt), np.sin(tilt)])


def _warped(picture: NDArray[np.uint8], source: Floats, target: Floats) -> NDArray[np.uint8]:
    """Warp each triangle of the targets from where the sources are."""
    height, width = picture.shape[:2]
    inside = (target >= 0).all(axis=1) & (target <= [width - 1, height - 1]).all(axis=1)
    source, target = source[inside], target[inside]
    triangles = Delaunay(target).simplices
    ones = np.ones((len(triangles), 3, 1))
    affine = np.linalg.solve(
        np.concatenate([target[triangles], ones], 2) + 1e-9 * np.eye(3), source[triangles]
    ).astype(np.float32)
    which = np.zeros((height, width), np.int16)
    for number, corners in enumerate(np.round(target[triangles]).astype(np.int32)):
        cv2.fillConvexPoly(which, corners, number)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    chosen = affine[which]
    come = x[..., None] * chosen[..., 0, :] + y[..., None] * chosen[..., 1, :] + chosen[..., 2, :]
    warped = cv2.remap(
        picture, come[..., 0], come[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)
