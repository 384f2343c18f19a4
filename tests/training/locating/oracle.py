"""A locator that is always right: it reads from the pixels where in which picture it looks."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.square import FACE_WIDTHS, SQUARE_PX, Square, cut_square
from vrfer.training.locating.answering import Ask
from vrfer.training.locating.samples import is_far
from vrfer.training.locating.scenes import POINTS, Scene, Truth
from vrfer.training.locating.validate import CheckSet

SIDE_PX = 120
WIDTH_PX = 26.0
Floats = NDArray[np.float64]
Verdict = Callable[[int, bool], float]
"""From a scene's number, and whether its face is looked at, to the chance that one is visible."""


def coded_scene(number: int, *, headset: bool) -> Scene:
    """A picture whose green and red say x and y, and whose blue says which scene it is."""
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    blue = np.full_like(x, 20 * (number + 1) + 10 * headset)
    picture = np.stack([blue, 2 * x, 2 * y], -1).astype(np.uint8)
    rng = np.random.default_rng(number)
    around = np.array([[-0.2, 0], [0.2, 0], [0, -0.05], [0, 0.1], [0, 0.35], [-0.3, 0.2],
                       [0.3, 0.2], [-0.5, -0.2], [0.5, -0.2], [0, -0.3], [0, -0.2]])  # fmt: skip
    points = 60 + rng.uniform(-6, 6, 2) + WIDTH_PX * (around + rng.normal(0, 0.02, (11, 2)))
    return Scene(picture, Truth(points, WIDTH_PX, 0.1, -0.05, 0.2, 0.0, headset))


def coded_checks(scenes: int = 4, beside: int = 3) -> CheckSet:
    """Scenes with starts near the face, and squares beside it that no step leads back."""
    bare, worn = (
        [coded_scene(number, headset=headset) for number in range(scenes)]
        for headset in (False, True)
    )
    rng = np.random.default_rng(3)
    starts, others = [], []
    for number, scene in enumerate(worn):
        right = truth_of(scene).square
        starts.append(Square(right.x + 3, right.y - 2, right.side * 1.1))
        for _ in range(beside):
            angle = rng.uniform(0, 2 * np.pi)
            x, y = right.x + 30 * np.cos(angle), right.y + 30 * np.sin(angle)
            others.append((number, Square(float(x), float(y), right.side)))
    return CheckSet(bare, worn, starts, others)


def oracle(
    checks: CheckSet,
    *,
    off: float = 0.0,
    wider: float = 1.0,
    verdict: Verdict = lambda number, near: float(near),
) -> Ask:
    """Return a locator that knows the truth.

    Args:
        checks: Its scenes.
        off: Added to every point's x, in face widths.
        wider: Factor on the width of faces with a headset.
        verdict: What it says about visibility.
    """

    def answer(square: NDArray[np.uint8]) -> tuple[Floats, float, Floats, float, float]:
        number, headset, place = _read(square)
        scene = (checks.worn if headset else checks.bare)[number]
        truth = truth_of(scene)
        angles = np.array([truth.yaw_rad, truth.pitch_rad, truth.tilt_rad - place.tilt_rad])
        if is_far(place, truth):  # stays where it is
            return np.zeros((11, 2)), 1 / FACE_WIDTHS, angles * 0, verdict(number, False), 0.0
        points = place.from_picture(truth.points + np.array([off * truth.width_px, 0]))
        width = truth.width_px / place.side * (wider if headset else 1)
        return points, width, angles, verdict(number, True), float(headset)

    def ask(squares: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        parts = [answer(square) for square in squares]
        points, width, angles, visible, headset = (
            np.array(part, np.float32) for part in zip(*parts, strict=True)
        )
        return [points, np.full((len(parts), len(POINTS)), 0.01, np.float32), width, angles,
                visible, headset]  # fmt: skip

    return ask


def truth_of(scene: Scene) -> Truth:
    assert scene.truth is not None
    return scene.truth


def _read(square: NDArray[np.uint8]) -> tuple[int, bool, Square]:
    codes, counts = np.unique(square[..., 0][square[..., 0] > 0], return_counts=True)
    code = int(codes[counts.argmax()])
    inside = cv2.erode((square[..., 0] == code).astype(np.uint8), np.ones((3, 3))) > 0
    rows, columns = np.nonzero(inside)
    u, v = ((index + 0.5) / SQUARE_PX - 0.5 for index in (columns, rows))
    seen = square[inside][:, 1:].astype(float) / 2
    plane = np.linalg.lstsq(np.stack([u, v, np.ones_like(u)], 1), seen, rcond=None)[0]
    (across_x, across_y), (x, y) = plane[0], plane[2]
    side = float(np.hypot(across_x, across_y))
    place = Square(float(x), float(y), side, float(np.arctan2(across_y, across_x)))
    return code // 20 - 1, code % 20 == 10, place


def read_place(picture: NDArray[np.uint8], square: Square) -> Square:
    """Where the oracle believes a square to be."""
    return _read(cut_square(picture, square))[2]
