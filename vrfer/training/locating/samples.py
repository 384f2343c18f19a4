"""Makes the locator's training batches: scenes with rendered headsets, and squares cut from them.

Everything is a pure function of (seed, epoch, number) and the mined squares, so that a run can be
stopped anywhere and any number of processes can make the batches.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.locator import MIRRORED
from vrfer.square import FACE_WIDTHS, SQUARE_PX, Square, cut_square
from vrfer.training.locating.head import Floats
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.scenes import (
    POINTS,
    Scene,
    SceneKey,
    SceneKind,
    Truth,
    make_scene,
)

_NEAR, _FAR = 0.25, 0.5
"""Squares closer to the face than the first are positive, beyond the second negative; face widths.
In between the points are learned, the verdict is not."""
_SCALE_NEAR, _SCALE_FAR = 1.3, 1.9
_HIDDEN, _SHOWN = 0.6, 0.3
"""From the first covered share of the mouth on no lower face counts as visible; up to the second
one it does."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A square that an earlier state of the network took for a face, and that holds none."""

    scene: SceneKey
    square: Square


@dataclass(frozen=True, slots=True, eq=False)
class LocatorBatch:
    """Squares with what the locator should say about them."""

    squares: NDArray[np.uint8]
    """N x 96 x 96 x 3, BGR."""
    points: NDArray[np.float32]
    """N x 11 x 2, in sides of the square, 0 = centre."""
    width: NDArray[np.float32]
    """N, face widths in sides of the square."""
    angles: NDArray[np.float32]
    """N x 3: yaw, pitch, tilt against the square, radians."""
    visible: NDArray[np.float32]
    headset: NDArray[np.float32]
    weights: NDArray[np.float32]
    """N x 3: how much geometry, `visible` and `headset` count."""


def make_batch(
    data: LocatorData, seed: int, epoch: int, number: int, size: int, mined: Sequence[Mined]
) -> LocatorBatch:
    """Make one batch.

    Args:
        data: Its training part is used.
        seed: The recipe's.
        epoch: Counted from 0.
        number: Of the batch within the epoch.
        size: Squares in the batch.
        mined: Negatives to draw from.
    """
    rng = np.random.default_rng([seed, epoch, number])
    turnable = data.train.turnable
    samples: list[_Sample] = []
    for _ in range(size // 5 if mined else 0):
        one = mined[int(rng.integers(len(mined)))]
        scene = make_scene(data, one.scene)
        samples.append(_negative(scene.picture, _jittered(one.square, rng, 0.05, 0.08, 0.1)))
    while len(samples) < size:
        key_seed = int(rng.integers(2**31))
        if rng.random() < 0.2:
            index = int(rng.integers(len(data.rooms)))
            picture = make_scene(data, SceneKey("room", index, key_seed)).picture
            samples += [_negative(picture, _anywhere(picture, rng)) for _ in range(4)]
            continue
        index = int(rng.integers(len(data.train)))
        kind: SceneKind = "face"
        if rng.random() < 0.45:
            kind, index = "turned", int(rng.choice(turnable))
        scene = make_scene(data, SceneKey(kind, index, key_seed))
        samples += _from_face(scene, bool(data.train.alone[index]), rng)
    return _stacked([_finished(sample, rng) for sample in samples[:size]])


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    square: NDArray[np.uint8]
    points: Floats
    width: float
    angles: Floats
    visible: float
    headset: float
    weights: tuple[float, float, float]


def _from_face(scene: Scene, alone: bool, rng: np.random.Generator) -> list[_Sample]:
    assert scene.truth is not None
    square = scene.truth.square
    near = [_positive(scene, _jittered(square, rng, 0.06, 0.08, 0.12)) for _ in range(2)]
    if rng.random() < 0.5:
        near[1] = _positive(scene, _jittered(square, rng, 0.22, 0.25, 0.5))
    if not alone:
        return near
    width = scene.truth.width_px
    for _ in range(20):
        scale = math.exp(rng.uniform(-0.7, 0.5))
        away = Square(
            square.x + rng.normal(0, 1.0) * width,
            square.y + rng.normal(0.1, 1.0) * width,
            square.side * scale,
            square.tilt_rad + rng.normal(0, 0.4),
        )
        if _is_inside(away, scene.picture) and is_far(away, scene.truth):
            return [*near, _negative(scene.picture, away)]
    return near


def is_far(square: Square, truth: Truth) -> bool:
    """Whether a square is not about this face; then it shows none, for all that is known."""
    offset, ratio = _distance(square, truth)
    return bool(offset > _FAR or ratio > _SCALE_FAR)


def _distance(square: Square, truth: Truth) -> tuple[float, float]:
    """Return the offset in face widths and the ratio of the sides, at least 1."""
    right = truth.square
    offset = math.hypot(square.x - right.x, square.y - right.y) / truth.width_px
    ratio = square.side / right.side
    return offset, max(ratio, 1 / ratio)


def _is_inside(square: Square, picture: NDArray[np.uint8]) -> bool:
    """Whether at least a good half of the square lies in the picture."""
    height, width = picture.shape[:2]
    margin = 0.15 * square.side
    across = margin < square.x < width - margin
    return bool(across and margin < square.y < height - margin)


def _positive(scene: Scene, square: Square) -> _Sample:
    truth = scene.truth
    assert truth is not None
    offset, ratio = _distance(square, truth)
    turn = abs(_wrapped(truth.tilt_rad - square.tilt_rad))
    certain = offset < _NEAR and ratio < _SCALE_NEAR and turn < 0.6
    visible = truth.covered < _HIDDEN
    if truth.covered > _SHOWN and visible:
        certain = False
    if is_far(square, truth):
        visible, certain = False, True
    return _Sample(
        cut_square(scene.picture, square),
        square.from_picture(truth.points),
        truth.width_px / square.side,
        np.array([truth.yaw_rad, truth.pitch_rad, _wrapped(truth.tilt_rad - square.tilt_rad)]),
        float(visible),
        float(truth.headset),
        (1.0 if truth.covered < _HIDDEN else 0.0, float(certain), float(certain and visible)),
    )


def _negative(picture: NDArray[np.uint8], square: Square) -> _Sample:
    nothing = np.zeros((len(POINTS), 2))
    return _Sample(
        cut_square(picture, square), nothing, 1 / FACE_WIDTHS, np.zeros(3), 0, 0, (0, 1, 0)
    )


def _jittered(
    square: Square, rng: np.random.Generator, shift: float, scale: float, turn_rad: float
) -> Square:
    """Return a square moved by normal deviates: shift in face widths, scale in e-folds."""
    width = square.side / FACE_WIDTHS
    x, y = rng.normal(0, shift * width, 2)
    return Square(
        square.x + x,
        square.y + y,
        square.side * math.exp(rng.normal(0, scale)),
        square.tilt_rad + rng.normal(0, turn_rad),
    )


def _anywhere(picture: NDArray[np.uint8], rng: np.random.Generator) -> Square:
    height, width = picture.shape[:2]
    side = min(height, width) * math.exp(rng.uniform(math.log(0.12), math.log(1.1)))
    return Square(rng.uniform(0, width), rng.uniform(0, height), side, rng.normal(0, 0.3))


def _finished(sample: _Sample, rng: np.random.Generator) -> _Sample:
    """Mirror half of the squares, and make them look like a webcam's."""
    square = _webcam(sample.square, rng)
    if rng.random() < 0.5:
        return _Sample(
            square, sample.points, sample.width, sample.angles,
            sample.visible, sample.headset, sample.weights,
        )  # fmt: skip
    return _Sample(
        square[:, ::-1],
        sample.points[list(MIRRORED)] * [-1, 1],
        sample.width,
        sample.angles * [-1, 1, -1],
        sample.visible,
        sample.headset,
        sample.weights,
    )


def _webcam(square: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add exposure, colour cast, blur, low resolution, noise and JPEG as webcams do."""
    if rng.random() < 0.2:
        gray = cv2.cvtColor(square, cv2.COLOR_BGR2GRAY)
        square = np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR), np.uint8)
    if rng.random() < 0.75:
        gamma = math.exp(rng.normal(0.1, 0.4))
        gain = math.exp(rng.normal(-0.15, 0.4)) * np.exp(rng.normal(0, 0.07, 3))
        levels = np.arange(256) / 255.0
        table = np.clip(levels[:, None] ** gamma * gain * 255 + rng.normal(0, 8), 0, 255)
        square = np.asarray(cv2.LUT(square, table.astype(np.uint8)[None]), np.uint8)
    if rng.random() < 0.25:
        small = int(rng.integers(28, 80))
        coarse = cv2.resize(square, (small, small), interpolation=cv2.INTER_AREA)
        square = np.asarray(cv2.resize(coarse, (SQUARE_PX, SQUARE_PX)), np.uint8)
    elif rng.random() < 0.2:
        square = np.asarray(cv2.GaussianBlur(square, (0, 0), rng.uniform(0.4, 1.8)), np.uint8)
    if rng.random() < 0.5:
        strength = abs(rng.normal(0, 9))
        noise = rng.standard_normal(square.shape, np.float32) * np.float32(strength)
        square = np.clip(square + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        packed = cv2.imencode(".jpg", square, quality)[1]
        square = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return square


def _wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % (2 * math.pi) - math.pi


def _stacked(samples: Sequence[_Sample]) -> LocatorBatch:
    return LocatorBatch(
        np.stack([sample.square for sample in samples]),
        np.stack([sample.points for sample in samples]).astype(np.float32),
        np.array([sample.width for sample in samples], np.float32),
        np.stack([sample.angles for sample in samples]).astype(np.float32),
        np.array([sample.visible for sample in samples], np.float32),
        np.array([sample.headset for sample in samples], np.float32),
        np.array([sample.weights for sample in samples], np.float32),
    )
