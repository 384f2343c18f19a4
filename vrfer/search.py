"""Looks for lower faces in a whole picture: detectors propose, the locator refines and judges.

It knows pictures, not time. MediaPipe's detectors were made for bare faces, so they are asked at a
low threshold, and nothing is believed on their word: the locator moves to where the face is and
says whether it is one.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vrfer.detector import MAP_FILE, BlazeFace, LowerFaceMap, Model, Region
from vrfer.frames import LowerFace
from vrfer.locator import LOCATOR_FILE, Located, Locator
from vrfer.square import FACE_WIDTHS, Square

_LOWEST_SCORE = 0.12
"""Detections below are not looked at."""
_SIDE_PX = {Model.SHORT: 256, Model.FULL: 384}
"""Longer side of what each detector is given: twice what its network sees, which shrinks well."""
_FULL_SHARE = 0.75
"""The full-range detector misses faces that fill the picture, so it gets a border around it."""
_PROPOSALS, _REFINED, _FINAL = 10, 5, 3
"""So many squares are asked about in the first, second and third round."""
_HOPELESS = 0.01
"""Verdicts below are not refined, unless nothing better is there."""
TILES = 3
"""Closer views that `tiles` yields before it begins anew."""
_COARSE_WIDTHS = (0.32, 0.2, 0.125)
"""Face widths of the coarse search, in the picture's shorter side times 4/3."""
_COARSE_MOST = 600
_COARSE_STEP = 0.6
"""Distance of its squares in face widths; the locator finds its way from half of that."""
_COARSE_AT_ONCE = 8


class Search:
    """The detectors and the locator; `close` releases them."""

    def __init__(self, models: Path) -> None:
        """Load all three networks.

        Args:
            models: Folder with the detectors' files, their map and the locator.

        Raises:
            ModelContractError: A file is missing or broken.
        """
        self.locator = Locator(models / LOCATOR_FILE)
        self._map = LowerFaceMap(models / MAP_FILE)
        self._detectors: dict[Model, BlazeFace] = {}
        try:
            for model in Model:
                self._detectors[model] = BlazeFace(
                    models, model, threshold=_LOWEST_SCORE, sha256=self._map.sha256(model)
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the detectors; later calls do nothing."""
        detectors, self._detectors = self._detectors, {}
        with ExitStack() as closing:  # all of them, also where one fails
            for detector in detectors.values():
                closing.callback(detector.close)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._detectors

    def look(self, image: NDArray[np.uint8], view: Region | None = None) -> list[Located]:
        """Return what may be lower faces, one answer for each, in no order.

        Args:
            image: H x W x 3, BGR.
            view: Where the detectors look; None is the whole picture.
        """
        proposed = [face for model in Model for face in self._propose(image, model, view)]
        proposed.sort(key=lambda face: -face.score)
        squares = _different([square_for(face) for face in proposed])[:_PROPOSALS]
        return self.judge(image, squares)

    def judge(self, image: NDArray[np.uint8], squares: Sequence[Square]) -> list[Located]:
        """Return what the locator makes of some squares after refining the best of them."""
        found = self.locator.judge(image, squares)
        for count, last in ((_REFINED, False), (_FINAL, True)):
            found.sort(key=lambda one: -one.visible)
            found = [one for n, one in enumerate(found) if n == 0 or one.visible > _HOPELESS]
            again = _different([one.square for one in found])[:count]
            found = self.locator.judge(image, again, mirrored_too=last)
        return _distinct(found)

    def comb(self, image: NDArray[np.uint8], squares: Sequence[Square]) -> list[Located]:
        """Return what lies near some squares of the coarse search."""
        rough = self.locator.judge(image, squares)
        best = sorted(rough, key=lambda one: -one.visible)[:_FINAL]
        return self.judge(image, [one.square for one in best if one.visible > _HOPELESS])

    def look_again(self, image: NDArray[np.uint8], found: Located) -> Located:
        """Return the surest answer about a face from many starts around it, or the one before."""
        rough = self.locator.judge(image, _starts(found.square))
        rough.sort(key=lambda one: -one.visible)
        closer = self.locator.judge(image, [one.square for one in rough[:_PROPOSALS]])
        last = self.locator.judge(image, [one.square for one in closer], mirrored_too=True)
        at = found.square
        near = [
            one
            for one in last
            if math.hypot(one.square.x - at.x, one.square.y - at.y) < 0.5 * at.side
        ]
        return max([found, *near], key=lambda one: one.visible)

    def _propose(
        self, image: NDArray[np.uint8], model: Model, view: Region | None
    ) -> list[LowerFace]:
        if view is None:
            view = Region.whole(image, _FULL_SHARE if model is Model.FULL else 1.0)
        found = self._detectors[model].detect(image, view, _SIDE_PX[model])
        return [self._map(one) for one in found]


def square_for(face: LowerFace) -> Square:
    """Return where the locator should begin with a detector's proposal."""
    x, y = (0.7 * m + 0.3 * c for m, c in zip(face.mouth, face.chin, strict=True))
    return Square(x, y, FACE_WIDTHS * face.width_px, face.roll_rad)


def coarse_squares(shape: Sequence[int]) -> list[Square]:
    """Return squares that cover a picture at several sizes, the largest first."""
    height, width = shape[:2]
    unit = min(height * 4 / 3, width)
    squares = []
    for share in _COARSE_WIDTHS:
        face = share * unit
        columns = max(1, math.ceil(width / (_COARSE_STEP * face)))
        rows = max(1, math.ceil(height / (_COARSE_STEP * face)))
        squares += [
            Square(
                (column + 0.5) * width / columns, (row + 0.5) * height / rows, FACE_WIDTHS * face
            )
            for row in range(rows)
            for column in range(columns)
        ]
    # A panorama would take for ever; its squares are thinned out evenly.
    return squares[:: max(1, math.ceil(len(squares) / _COARSE_MOST))]


def coarse_rounds(shape: Sequence[int]) -> Iterator[list[Square]]:
    """Yield the squares of the coarse search, a few at a time and spread out, for ever."""
    squares = coarse_squares(shape)
    step = max(1, len(squares) // _COARSE_AT_ONCE)
    return cycle([squares[first::step] for first in range(step)])


def tiles(shape: Sequence[int]) -> Iterator[Region]:
    """Yield closer views for far-off faces, for ever: the middle, then both sides, in turn."""
    height, width = shape[:2]
    side = max(height, width) / 2
    views = []
    for offset in (0.0, -0.5 * side, 0.5 * side):
        x, y = (offset, 0.0) if width >= height else (0.0, offset)
        views.append(Region.around(width / 2 + x, height / 2 + y, side))
    return cycle(views)


def same_face(one: Square, other: Square) -> bool:
    """Say whether two squares mean the same face."""
    larger, smaller = max(one.side, other.side), min(one.side, other.side)
    return math.hypot(one.x - other.x, one.y - other.y) < 0.3 * larger and larger < 2 * smaller


def _starts(square: Square) -> list[Square]:
    """Return upright squares of several sizes in and around a place."""
    step = 0.2 * square.side
    places = [(0.0, 0.0), (step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)]
    return [
        Square(square.x + x, square.y + y, square.side * growth)
        for growth in (0.7, 0.85, 1.0, 1.2, 1.45)
        for x, y in places
    ]


def _different(squares: Sequence[Square]) -> list[Square]:
    """Return the squares without those that would be led to the same place anyway."""
    kept: list[Square] = []
    for square in squares:
        if not any(
            math.hypot(square.x - other.x, square.y - other.y) < 0.08 * other.side
            and abs(math.log(square.side / other.side)) < 0.15
            and abs(square.tilt_rad - other.tilt_rad) < 0.2
            for other in kept
        ):
            kept.append(square)
    return kept


def _distinct(found: Sequence[Located]) -> list[Located]:
    """Return one answer a face, the surest."""
    kept: list[Located] = []
    for one in sorted(found, key=lambda one: -one.visible):
        if not any(same_face(one.square, other.square) for other in kept):
            kept.append(one)
    return kept
