"""Draws the scenes that squares are cut from: a photograph's face with a headset, or a room.

A scene is a pure function of its key.
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.square import FACE_WIDTHS, Square
from vrfer.training.locating.hands import draw_hands
from vrfer.training.locating.head import Floats, Pose, mesh_index, rotations
from vrfer.training.locating.headsets import put_on, random_style
from vrfer.training.locating.photographs import LocatorData, Photographs, Pictures
from vrfer.training.locating.turning import random_turn, turn

POINTS = (61, 291, 0, 17, 152, 172, 397, 234, 454, 4, 2)
"""Face-mesh landmarks that the locator names: mouth corners, lips, chin, jaw, cheeks, nose."""

_MESH = mesh_index(*POINTS)
_SKIN = np.array([125.0, 155.0, 205.0])
"""Light skin, BGR; darker skins are fractions of it."""
_RENDERED_WIDTH_PX = 76.0
"""Pictures are brought to this face width before the headset is drawn: a little more than the
locator sees, so that drawing costs little."""


SceneKind = Literal["face", "turned", "room"]


@dataclass(frozen=True, slots=True)
class SceneKey:
    """What decides a scene."""

    kind: SceneKind
    index: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Where the lower face of a scene is."""

    points: Floats
    """11 x 2 pixels, in the order of `POINTS`."""
    width_px: float
    yaw_rad: float
    pitch_rad: float
    tilt_rad: float
    covered: float
    """Share of the mouth behind a hand, 0-1."""
    headset: bool

    @property
    def square(self) -> Square:
        """Return the square that the locator should end up with."""
        return square_of(self.points, self.width_px, self.tilt_rad)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture, and the face in it if there is one."""

    picture: NDArray[np.uint8]
    truth: Truth | None


def square_of(points: Floats, width_px: float, tilt_rad: float) -> Square:
    """Return the locator's square around a lower face."""
    x, y = points.mean(axis=0)
    return Square(float(x), float(y), FACE_WIDTHS * width_px, tilt_rad)


def make_scene(data: LocatorData, key: SceneKey, *, headset: bool | None = None) -> Scene:
    """Draw a scene; the same key gives the same scene.

    Args:
        data: Scenes are made from its training part.
        key: Which picture, and the seed of everything that is random.
        headset: Whether to put one on; None leaves it to chance.
    """
    rng = np.random.default_rng([key.seed, key.index])
    if key.kind == "room":
        return Scene(_room(data.rooms, data.train, key.index, rng), None)
    return face_scene(data.train, key.index, rng, headset=headset, turned=key.kind == "turned")


def face_scene(
    photographs: Photographs,
    index: int,
    rng: np.random.Generator,
    *,
    headset: bool | None = None,
    turned: bool = False,
) -> Scene:
    """Draw one photograph's face, with a headset or without, as it is or turned further."""
    picture, pose, mesh = _resized(
        photographs.pictures[index], photographs.poses[index], photographs.points[index]
    )
    if turned:
        after = random_turn(pose, rng)
        picture, mesh = turn(picture, mesh, pose, photographs.shape, after)
        pose = after
    points = mesh[_MESH]
    covered = 0.0
    worn = bool(rng.random() < 0.72) if headset is None else headset
    style = random_style(rng)
    if rng.random() < 0.35:
        _color_light(picture, rng)
    if worn:
        put_on(picture, pose, style, rng)
    if headset is None and rng.random() < 0.22:
        covered = draw_hands(picture, pose, style if worn else None, rng)
    if rng.random() < 0.35:
        _color_light(picture, rng)
    truth = Truth(points, pose.width_px, pose.yaw_rad, pose.pitch_rad, pose.tilt_rad, covered, worn)
    return Scene(picture, truth)


def _room(
    rooms: Pictures, train: Photographs, index: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a room; in a third of all with a headset that nobody wears, or with a hand."""
    picture = rooms[index]
    if rng.random() < 0.33:
        height, width = picture.shape[:2]
        angles = rng.normal(0, 1, 3) * [0.7, 0.3, 0.3]
        pose = Pose(
            rotations(*(angles[:, None]))[0],
            float(min(height, width) * rng.uniform(0.15, 0.5)),
            np.array([rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height]),
        )
        if rng.random() < 0.7:
            put_on(picture, pose, random_style(rng), rng)
        if rng.random() < 0.5:
            draw_hands(picture, pose, None, rng, skin=_SKIN * rng.uniform(0.35, 1.1))
    return picture


def _resized(
    picture: NDArray[np.uint8], pose: Pose, points: Floats
) -> tuple[NDArray[np.uint8], Pose, Floats]:
    ratio = _RENDERED_WIDTH_PX / pose.width_px
    if ratio >= 1:
        return picture, pose, points
    small = cv2.resize(picture, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    factors = np.array(small.shape[1::-1]) / picture.shape[1::-1]

    def move(at: Floats) -> Floats:
        return np.asarray((at + 0.5) * factors - 0.5)

    moved = Pose(pose.rotation, pose.width_px * float(factors.mean()), move(pose.origin))
    return small.astype(np.uint8, copy=False), moved, move(points)


def _color_light(picture: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Light the picture from two sides with lamps of different colour, in place."""
    height, width = picture.shape[:2]
    direction = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    share = (np.cos(direction) * x + np.sin(direction) * y) * rng.uniform(0.5, 2.0)
    share = 1 / (1 + np.exp(-3 * share))[..., None]
    strong = rng.uniform(0.2, 0.9)
    one, other = (
        (1 - strong + strong * rng.uniform(0, 1.6, 3)).astype(np.float32) for _ in range(2)
    )
    gray = picture.mean(axis=2, keepdims=True, dtype=np.float32)
    faded = rng.uniform(0, 1)
    base = picture * np.float32(1 - faded) + gray * np.float32(faded)
    picture[:] = np.clip(base * (one * share + other * (1 - share)), 0, 255).astype(np.uint8)
