"""Moves squares to where the locator sees the face, many at a time."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vrfer.square import Square, cut_square
from vrfer.training.locating.answering import Ask
from vrfer.training.locating.scenes import square_of

Views = Sequence[tuple[NDArray[np.uint8], Square]]
"""Pictures with a square to look at in each."""

_BATCH = 256


class Judged:
    """Answers about some squares as arrays: points (pixels), width, angles and verdicts."""

    def __init__(self, views: Views, ask: Ask) -> None:
        """Ask about every view."""
        parts = []
        for start in range(0, len(views), _BATCH):
            parts.append(ask(np.stack([cut_square(*view) for view in views[start:][:_BATCH]])))
        points, spread, width, angles, visible, headset = (
            np.concatenate(part).astype(np.float64) for part in zip(*parts, strict=True)
        )
        sides = np.array([square.side for _, square in views])
        self.points = np.stack(
            [square.to_picture(points[i]) for i, (_, square) in enumerate(views)]
        )
        """N x 11 x 2 pixels."""
        self.spread_px = spread * sides[:, None]
        self.width_px = width * sides
        self.angles = angles + np.array([[0, 0, square.tilt_rad] for _, square in views])
        """N x 3: yaw, pitch, tilt in the picture, radians."""
        self.visible, self.headset = visible, headset

    def squares(self) -> list[Square]:
        """Return the squares around what was found."""
        return [
            square_of(points, float(width), float(tilt))
            for points, width, tilt in zip(
                self.points, self.width_px, self.angles[:, 2], strict=True
            )
        ]


def refined(views: Views, ask: Ask, times: int = 2) -> tuple[list[Square], Judged]:
    """Return the squares that a last verdict was asked about, and that verdict.

    Args:
        views: Pictures with the squares to begin from.
        ask: The locator.
        times: How often the square moves to what was found.
    """
    judged = Judged(views, ask)
    squares = [square for _, square in views]
    for _ in range(times):
        squares = judged.squares()
        views = [(picture, square) for (picture, _), square in zip(views, squares, strict=True)]
        judged = Judged(views, ask)
    return squares, judged
