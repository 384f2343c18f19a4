"""How the head of the demo clip moves, and the VR headset drawn onto it.

Portrait, head and headset share one coarse model: a bulge of known depth that turns a little, and
a shell in front of it built from slices, so that its sides show when the head turns. Coordinates
are pixels of the portrait; depth grows towards the camera.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from demo_clip_face import Field, Points

Mask = npt.NDArray[np.uint8]

VIEW_SCALE: Final = 2.0
"""Pixels of the clip per pixel of the portrait: the face becomes as wide as at a desk."""
VIEW_CENTRE: Final = (226.0, 119.0)
HEAD_CENTRE: Final = (226.0, 105.0)
HEAD_RADII: Final = (92.0, 108.0)
NOSE_DEPTH: Final = 42.0
NECK: Final = (226.0, 185.0)
"""The head tilts about this point."""
LEAN_CENTRE: Final = (226.0, 240.0)

SHELL_CENTRE_Y: Final = 92.0
SHELL_RADII: Final = (57.0, 28.0)
SHELL_DEPTHS: Final = (24.0, 62.0)
FOAM_RADII: Final = (50.0, 35.0)
FOAM_DEPTHS: Final = (14.0, 24.0)
NOTCH: Final = (9.0, 11.0)
"""Height and width of the cut-out for the nose."""
SLICES: Final = 12
PERSPECTIVE: Final = 0.0013
"""How much larger a thing looks per pixel of depth, from half a metre away."""
SUPERSAMPLE: Final = 2

FOAM_BGR: Final = (24.0, 22.0, 21.0)
STRAP_BGR: Final = (46.0, 43.0, 42.0)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the head is in one frame."""

    shift: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    roll_rad: float = 0.0
    yaw_rad: float = 0.0
    pitch_rad: float = 0.0

    def _rotation(self) -> Points:
        c, s = np.cos(self.roll_rad), np.sin(self.roll_rad)
        return np.array([(c, -s), (s, c)])

    def project(self, points: Points) -> Points:
        """Pixels of the clip for points (x, y, depth) fixed to the head."""
        xy, depth = points[:, :2] - HEAD_CENTRE, points[:, 2:]
        turn = np.array([np.sin(self.yaw_rad), np.sin(self.pitch_rad)])
        xy = xy * (np.cos(self.yaw_rad), np.cos(self.pitch_rad)) + depth * turn
        xy = xy * (1 + PERSPECTIVE * depth) + HEAD_CENTRE
        xy = (xy - NECK) @ self._rotation().T + NECK
        xy = (xy - LEAN_CENTRE) * self.scale + LEAN_CENTRE + np.array(self.shift)
        return np.asarray((xy - VIEW_CENTRE) * VIEW_SCALE)

    def unproject(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Points of the upright portrait that pixels of the clip (from its middle) show."""
        shown = np.dstack([x, y]) / VIEW_SCALE + VIEW_CENTRE
        upright = (shown - LEAN_CENTRE - self.shift) / self.scale + LEAN_CENTRE
        tilted = (upright - NECK) @ self._rotation()
        upright = upright + _near_head(upright)[..., None] * (tilted - (upright - NECK))
        turn = np.array([np.sin(self.yaw_rad), np.sin(self.pitch_rad)])
        origin = upright
        for _ in range(4):
            origin = upright - NOSE_DEPTH * _bulge(origin)[..., None] * turn
        return origin[..., 0].astype(np.float32), origin[..., 1].astype(np.float32)


def _bulge(points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """The head's depth as a share of `NOSE_DEPTH`, falling smoothly to 0 at its outline."""
    radius = (((points - HEAD_CENTRE) / HEAD_RADII) ** 2).sum(axis=-1)
    return np.asarray(np.clip(1 - radius, 0, 1) ** 1.5)


def _near_head(points: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """1 on the head, falling to 0 at the shoulders: how much a point follows the tilt."""
    down = np.clip((points[..., 1] - 150) / 85, 0, 1)
    return np.asarray(1 - down * down * (3 - 2 * down))


def draw_headset(frame: Field, person: Field, pose: Pose, lift: float) -> Field:
    """Puts the headset onto a frame.

    Args:
        frame: BGR, float32 in 0..255.
        person: The person's share of each pixel, 0..1: straps end at the head's outline.
        pose: The head's.
        lift: How far above its seat the headset is, in portrait pixels.
    """
    size = frame.shape[:2]
    strap = _cover(size, [_placed(pose, band, lift) for band in _straps()]) * person
    foam = _cover(size, _slices(pose, FOAM_RADII, FOAM_DEPTHS, lift))
    shell_slices = _slices(pose, SHELL_RADII, SHELL_DEPTHS, lift)
    shell, front = _cover(size, shell_slices), _cover(size, shell_slices[-1:])
    shadow = cv2.GaussianBlur(np.maximum(foam, shell), (0, 0), 7)
    shadow = cv2.warpAffine(shadow, np.float32([[1, 0, 0], [0, 1, 9]]), size[::-1])
    frame = frame * (1 - 0.5 * shadow * person)[..., None]
    across, down = _local(size, pose, lift)
    side_bgr, front_bgr = _shell_colours(across, down)
    weave = 1 + 0.06 * np.sin(down * 40)
    for mask, colour in (
        (strap, np.float32(STRAP_BGR) * weave[..., None]),
        (foam, np.float32(FOAM_BGR)),
        (shell, side_bgr),
        (front, front_bgr),
    ):
        frame = frame * (1 - mask[..., None]) + colour * mask[..., None]
    return np.asarray(frame, np.float32)


def _outline(radii: tuple[float, float], shrink: float, depth: float) -> Points:
    """A rounded rectangle with a notch for the nose, as points (x, y, depth)."""
    angle = np.linspace(0, 2 * np.pi, 160, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = (radii[0] - shrink) * np.sign(c) * np.abs(c) ** 0.5
    y = (radii[1] - shrink) * np.sign(s) * np.abs(s) ** 0.5
    y = y - (y > 0) * NOTCH[0] * np.exp(-((x / NOTCH[1]) ** 2))
    return np.column_stack([x + HEAD_CENTRE[0], y + SHELL_CENTRE_Y, np.full_like(x, depth)])


def _slices(
    pose: Pose, radii: tuple[float, float], depths: tuple[float, float], lift: float
) -> list[Points]:
    """Outlines from back to front; the last ones shrink, which rounds the front edge."""
    along = np.linspace(0, 1, SLICES)
    shrink = 5.0 * np.maximum(0, along - 0.6) ** 2 / 0.16
    depth = depths[0] + along * (depths[1] - depths[0])
    return [
        _placed(pose, _outline(radii, float(s), float(d)), lift)
        for s, d in zip(shrink, depth, strict=True)
    ]


def _straps() -> list[Points]:
    """One band round each side of the head and one over its top."""
    x, y = HEAD_CENTRE[0], SHELL_CENTRE_Y
    sides = [
        np.array(
            [(x + s * 50, y - 11, 24), (x + s * 90, y - 9, -8), (x + s * 90, y + 5, -8),
             (x + s * 50, y + 9, 24)]
        )
        for s in (-1, 1)
    ]  # fmt: skip
    top = np.array([(x - 9, y, 26), (x - 8, y - 60, 14), (x - 6, y - 95, -6), (x + 6, y - 95, -6),
                    (x + 8, y - 60, 14), (x + 9, y, 26)])  # fmt: skip
    return [*sides, top]


def _placed(pose: Pose, points: Points, lift: float) -> Points:
    return pose.project(points - (0, lift, 0))


def _cover(size: tuple[int, ...], outlines: list[Points]) -> Field:
    """The share of each pixel that any of the outlines covers."""
    mask = np.zeros((size[0] * SUPERSAMPLE, size[1] * SUPERSAMPLE), np.uint8)
    middle = np.array([size[1], size[0]]) / 2
    for outline in outlines:
        corners = np.round(((outline + middle) * SUPERSAMPLE - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, shift=4)
    small = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / 255


def _local(size: tuple[int, ...], pose: Pose, lift: float) -> tuple[Field, Field]:
    """Each pixel's place on the shell's front: -1..1 across and down."""
    x, y = HEAD_CENTRE[0], SHELL_CENTRE_Y
    depth = SHELL_DEPTHS[1]
    ends = np.array([(x, y, depth), (x + SHELL_RADII[0], y, depth), (x, y + SHELL_RADII[1], depth)])
    centre, right, below = _placed(pose, ends, lift)
    ys, xs = np.mgrid[0 : size[0], 0 : size[1]] + 0.5
    pixels = np.dstack([xs - size[1] / 2, ys - size[0] / 2]) - centre
    local = pixels @ np.linalg.inv(np.column_stack([right - centre, below - centre])).T
    return np.asarray(local[..., 0], np.float32), np.asarray(local[..., 1], np.float32)


def _shell_colours(across: Field, down: Field) -> tuple[Field, Field]:
    """Colours of the shell's sides and of its front: light falls from above left."""
    height = np.clip(down, -1.4, 1.4)
    side = 46 - 24 * height + 5 * np.exp(-(((height + 1) / 0.2) ** 2))
    gloss = np.exp(-(((across + 0.45 + 0.35 * down) / 0.16) ** 2)) * np.clip(0.6 - down, 0, 1)
    streak = np.exp(-(((across + 0.12 + 0.35 * down) / 0.05) ** 2)) * np.clip(0.5 - down, 0, 1)
    edge = np.exp(-(((down + 0.8) / 0.12) ** 2)) * np.clip(1.1 - np.abs(across), 0, 1)
    front = 36 - 10 * height + 34 * gloss + 16 * streak + 22 * edge
    for sensor in (-0.78, 0.78):  # a tracking camera's dark lens in each lower corner
        distance = np.hypot((across - sensor) * SHELL_RADII[0], (down - 0.5) * SHELL_RADII[1])
        lens = np.clip(3.6 - distance, 0, 1)
        front = front * (1 - 0.75 * lens) + 40 * np.clip(1.0 - distance, 0, 1)
    tint = np.array([1.06, 1.0, 0.97])
    colours = (side[..., None] * tint, front[..., None] * tint)
    return np.asarray(colours[0], np.float32), np.asarray(colours[1], np.float32)
