"""Draws hands and controllers on a photographed head: at the headset, or before the face."""

import cv2
import numpy as np

from vrfer.training.locating.head import Floats, Pose
from vrfer.training.locating.headsets import Color, Picture, Style, skin_color, unit

_MOUTH_AREA = np.array(
    [[-0.22, -0.08, 0.2], [0.22, -0.08, 0.2], [0.2, -0.42, 0.15], [-0.2, -0.42, 0.15]]
)


def draw_hands(
    picture: Picture,
    pose: Pose,
    style: Style | None,
    rng: np.random.Generator,
    *,
    skin: Color | None = None,
) -> float:
    """Draw a hand at the headset or before the face, or a controller, in place.

    Args:
        picture: H x W x 3, BGR.
        pose: The head's, or one where a head might be.
        style: The headset that the hand may hold.
        rng: Decides everything else.
        skin: Its colour; None takes that of the face.

    Returns:
        How much of the mouth it covers, 0-1.
    """
    before = picture.copy()
    skin = (skin_color(picture, pose) if skin is None else skin) * rng.uniform(0.85, 1.12)
    kind = rng.choice(["hold", "front", "controller"], p=[0.45, 0.35, 0.2])
    if kind == "hold" and style is not None:
        for side in (-1.0, 1.0) if rng.random() < 0.5 else (rng.choice([-1.0, 1.0]),):
            middle = [side * style.half_width, style.bottom + rng.uniform(0.1, 0.6) * style.height]
            grip = pose.project(
                np.array([*middle, style.back + rng.uniform(0.1, 0.9) * style.depth])
            )
            _hand(picture, grip, pose, skin, np.array([side, rng.uniform(-0.5, 0.5)]), rng)
    elif kind == "controller":
        place = pose.project(np.array([rng.normal(0, 0.8), rng.uniform(-1.2, 0.3), 0.5]))
        _controller(picture, place, pose, skin, rng)
    else:
        place = pose.project(np.array([rng.normal(0, 0.45), rng.normal(-0.35, 0.35), 0.4]))
        _hand(picture, place, pose, skin, rng.normal([0, -0.8], 1), rng)
    area = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(area, pose.project(_MOUTH_AREA).astype(np.int32), 1)
    inside = area > 0
    changed = (np.abs(picture.astype(np.int16) - before).max(axis=2) > 8) & inside
    return float(changed.sum() / max(inside.sum(), 1))


def _hand(
    picture: Picture,
    place: Floats,
    pose: Pose,
    skin: Color,
    away: Floats,
    rng: np.random.Generator,
) -> None:
    """Draw four fingers, a thumb, a palm and a forearm; `away` points from fingers to arm."""
    width = pose.width_px
    away = np.array([away[0], -away[1]]) / (np.hypot(*away) + 1e-6)
    across = np.array([-away[1], away[0]])
    palm = place + 0.42 * width * away
    thickness = width * rng.uniform(0.1, 0.15)
    sleeve = rng.uniform(10, 230, 3)
    elbow = palm + width * rng.uniform(1.2, 2.0) * (away + np.array([0, rng.uniform(0.2, 1.0)]))
    wrist = palm + 0.35 * (elbow - palm)
    _stick(picture, wrist, elbow, 0.42 * width, sleeve)
    _stick(picture, palm, wrist, 0.24 * width, skin * 0.92)
    _stick(
        picture,
        palm - 0.06 * width * across,
        palm + 0.06 * width * across,
        0.38 * width,
        skin * 0.95,
    )
    spread = rng.uniform(0.9, 1.35)
    for number in range(4):
        root = palm + (number - 1.5) * thickness * 0.95 * across - 0.1 * width * away
        tip = place + (number - 1.5) * thickness * spread * across
        tip = tip - away * width * rng.uniform(-0.05, 0.15)
        _stick(picture, root, tip, thickness, skin * rng.uniform(0.9, 1.05))
    thumb = palm + rng.choice([-1, 1]) * 0.32 * width * across - 0.2 * width * away
    _stick(picture, palm, thumb, thickness * 1.1, skin)


def _controller(
    picture: Picture, place: Floats, pose: Pose, skin: Color, rng: np.random.Generator
) -> None:
    """Draw a controller with its ring, held by a fist."""
    width = pose.width_px
    color = np.full(3, rng.choice([25.0, 40.0, 215.0]))
    angle = float(rng.uniform(0, 180))
    size = (int(width * rng.uniform(0.25, 0.45)), int(width * rng.uniform(0.12, 0.4)))
    center = (int(place[0]), int(place[1]))
    thickness = max(1, int(width * 0.07))
    cv2.ellipse(picture, center, size, angle, 0, 360, color.tolist(), thickness, cv2.LINE_AA)
    fist = place + width * rng.uniform(0.25, 0.4) * unit(rng.normal(0, 1, 2))
    _hand(picture, fist, pose, skin, rng.normal([0, -1.0], 1), rng)


def _stick(picture: Picture, start: Floats, end: Floats, thickness: float, color: Color) -> None:
    """Draw a rounded stick, darker at its edges."""
    one, two = ((int(p[0]), int(p[1])) for p in (start, end))
    for share, tone in ((1.0, 0.68), (0.84, 0.88), (0.5, 1.0), (0.22, 1.07)):
        width = max(1, round(thickness * share))
        cv2.line(picture, one, two, np.clip(color * tone, 0, 255).tolist(), width, cv2.LINE_AA)
