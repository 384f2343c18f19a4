"""Finds the wearer's lower face in a picture and follows it from picture to picture.

Both detectors look at the whole picture; proposals of the same face are joined, and where both
agree, that counts as evidence. The best by score x sqrt(width) is followed: while it is followed
the fast detector looks alone and the other one joins now and then, or when the fast one fails.

This station must know nothing of crops, networks or outputs. The trained lower-face locator will
take the place of `LowerFaceMap` in `Finder._propose`.
"""

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vrfer.detector import MAP_FILE, BlazeFace, LowerFaceMap, Model, Region
from vrfer.frames import LowerFace, Point

logger = logging.getLogger(__name__)

_SIDE_PX = {Model.SHORT: 256, Model.FULL: 384}
"""Longer side of what each detector is given: twice what its network sees, which shrinks well."""

_FULL_SHARE = 0.75
"""The full-range detector misses faces that fill the picture, so it gets a border around it."""

_ALONE = 2.0
"""A face that one detector alone proposes needs this many times the threshold. On rooms without
people this takes five of six false finds away, on headset photographs one find of forty-two."""

_ALONE_FAR = 3.0
"""The same for faces that only a closer view shows."""

_NARROWEST_PX = 20.0
"""Narrower faces show no expression, and most finds that small are none."""

_SURE = 0.7
"""Scores above this count no more: a headset lowers a score, and of a wearer and a bare-faced
bystander the nearer one is meant."""

_JOIN_EVERY = 4
"""After so many pictures in which one detector followed the face alone, both look again."""

_PATIENCE = 5
"""So many pictures a lost face is waited for before another one may take its place."""

_DOUBTFUL = 30
"""A followed face that for so many pictures would not have been believed anew is let go: hands and
shelves are followed as willingly as faces."""

_NEAR = 0.1
"""From this closeness on, a face counts as the followed one; see `_closeness`."""

_SMALL = 0.15
"""A followed face narrower than this share of the picture is looked at through a closer view."""

_VIEW_WIDTHS = 5.0
"""Side of that view in face widths. It stands still while it can: a view that moves with the face
adds its own movement to what is found (measured: four times the jitter of a still one)."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One face, as one or both detectors see it."""

    seen: dict[Model, LowerFace]

    @property
    def score(self) -> float:
        """Chance that not all of its detectors are wrong, taking them as independent."""
        return 1.0 - math.prod(1.0 - face.score for face in self.seen.values())

    def face(self) -> LowerFace:
        """Return the mean over its detectors, weighted by the square of their scores."""
        faces = list(self.seen.values())
        weights = np.array([face.score**2 + 1e-9 for face in faces])
        weights /= weights.sum()
        mouth = weights @ np.array([face.mouth for face in faces])
        chin = weights @ np.array([face.chin for face in faces])
        width = math.exp(float(weights @ np.log([face.width_px for face in faces])))
        return LowerFace(
            (float(mouth[0]), float(mouth[1])), (float(chin[0]), float(chin[1])), width, self.score
        )


@dataclass(frozen=True, slots=True)
class _Shift:
    """How far one detector's answer lies from that of both, in face widths."""

    mouth: Point
    chin: Point
    log_width: float

    @classmethod
    def between(cls, one: LowerFace, both: LowerFace) -> "_Shift":
        """Return what takes `one` to `both`."""
        width = both.width_px
        return cls(
            ((both.mouth[0] - one.mouth[0]) / width, (both.mouth[1] - one.mouth[1]) / width),
            ((both.chin[0] - one.chin[0]) / width, (both.chin[1] - one.chin[1]) / width),
            math.log(width / one.width_px),
        )

    def apply(self, face: LowerFace) -> LowerFace:
        """Return the face as both detectors would probably see it."""
        width = face.width_px * math.exp(self.log_width)
        return replace(
            face,
            mouth=(face.mouth[0] + self.mouth[0] * width, face.mouth[1] + self.mouth[1] * width),
            chin=(face.chin[0] + self.chin[0] * width, face.chin[1] + self.chin[1] * width),
            width_px=width,
        )


class Finder:
    """Finds and follows one lower face; a context manager."""

    def __init__(self, models: Path, *, threshold: float = 0.2) -> None:
        """Load both detectors and the map.

        Args:
            models: Folder with the two detector files and `lower_face_map.json`.
            threshold: Lowest score of a detection, 0-1. Where one detector alone proposes a face
                that is not being followed, it needs twice this score.

        Raises:
            ModelContractError: One of the three files is missing or broken.
        """
        self._map = LowerFaceMap(models / MAP_FILE)
        self._threshold = threshold
        self._detectors: dict[Model, BlazeFace] = {}
        try:
            for model in Model:
                self._detectors[model] = BlazeFace(
                    models, model, threshold=threshold, sha256=self._map.sha256(model)
                )
        except BaseException:
            self.close()
            raise
        self.reset()

    def __enter__(self) -> Self:
        """Return the finder itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the detectors."""
        self.close()

    def close(self) -> None:
        """Release the detectors; later calls do nothing."""
        for detector in self._detectors.values():
            detector.close()
        self._detectors = {}

    def reset(self) -> None:
        """Forget the face that is being followed."""
        self._last: LowerFace | None = None
        self._lost = self._alone = self._doubt = self._tile = 0
        self._shifts: dict[Model, _Shift] = {}
        self._view: Region | None = None
        self._shape: tuple[int, ...] = ()

    def find(self, image: NDArray[np.uint8]) -> LowerFace | None:
        """Return the followed face, else the best face, or None.

        Args:
            image: H x W x 3, uint8, BGR.

        Raises:
            ValueError: The picture has another shape or type, or the finder is closed.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"expected a uint8 picture (H, W, 3), got {image.dtype} {image.shape}")
        if not self._detectors:
            raise ValueError("the finder is closed")
        if image.shape != self._shape:
            self.reset()
            self._shape = image.shape
        best = self._look(image)
        if best is None:
            self._miss()
            return None
        sure = len(best.seen) > 1 or best.score >= _ALONE * self._threshold
        self._doubt = 0 if sure else self._doubt + 1
        if self._doubt > _DOUBTFUL:
            self._forget()
            return None
        face = self._settle(best)
        self._last, self._lost = face, 0
        self._view = self._next_view(image, face)
        return face

    def _look(self, image: NDArray[np.uint8]) -> _Candidate | None:
        """Run as few detectors as will do, and choose a candidate."""
        following = self._last is not None and self._lost == 0
        if following:
            best = self._follow(image)
            if best is not None or self._view is None:
                return best
        self._alone = 0
        best = self._choose(_join(self._propose_both(image, None)))
        if best is None:
            far = self._view if self._last is not None else self._next_tile(image)
            if following or far is None:
                return None
            return self._choose(_join(self._propose_both(image, far)), _ALONE_FAR)
        view = self._next_view(image, best.face())
        if view is None:
            return best
        # A small face is seen better from nearby, and the same way as when it will be followed.
        near = [
            one for one in _join(self._propose_both(image, view)) if _same(one.face(), best.face())
        ]
        return max(near, key=lambda one: one.score, default=best)

    def _follow(self, image: NDArray[np.uint8]) -> _Candidate | None:
        """Look where the face was: with the fast detector, at times or at need with both."""
        fast = self._propose(image, Model.SHORT, self._view)
        if self._alone < _JOIN_EVERY:
            best = self._choose(_join(fast))
            if best is not None:
                self._alone += 1
                return best
        self._alone = 0
        candidates = _join(fast + self._propose(image, Model.FULL, self._view))
        if self._view is not None:  # somebody nearer may have come, whom the view does not show
            others = _join(self._propose(image, Model.SHORT, None))
            known = [one.face() for one in candidates]
            candidates += [one for one in others if not any(_same(one.face(), k) for k in known)]
        return self._choose(candidates)

    def _propose(
        self, image: NDArray[np.uint8], model: Model, view: Region | None
    ) -> list[tuple[Model, LowerFace]]:
        """Return what one detector sees in a view, or in the whole picture."""
        if view is None:
            share = _FULL_SHARE if model is Model.FULL else 1.0
            view = Region.whole(image, share)
        found = self._detectors[model].detect(image, view, _SIDE_PX[model])
        return [(model, self._map(one)) for one in found]

    def _propose_both(
        self, image: NDArray[np.uint8], view: Region | None
    ) -> list[tuple[Model, LowerFace]]:
        """Return what both detectors see in a view, or in the whole picture."""
        return [face for model in Model for face in self._propose(image, model, view)]

    def _next_tile(self, image: NDArray[np.uint8]) -> Region:
        """Return where to look for a far-off face: the middle, then both sides, in turn."""
        height, width = image.shape[:2]
        side = max(height, width) / 2
        offset = (0.0, -0.5, 0.5)[self._tile % 3] * side
        self._tile += 1
        if width >= height:
            return Region.around(width / 2 + offset, height / 2, side)
        return Region.around(width / 2, height / 2 + offset, side)

    def _choose(self, candidates: list[_Candidate], alone: float = _ALONE) -> _Candidate | None:
        """Return the best candidate that is believable here and now.

        Args:
            candidates: One per face.
            alone: Times the threshold that a new face needs which one detector alone proposes.
        """
        best, best_value, seen_again = None, 0.0, False
        for candidate in candidates:
            face = candidate.face()
            near = 0.0 if self._last is None else _closeness(face, self._last, self._lost)
            if face.width_px < _NARROWEST_PX:
                continue
            if near >= _NEAR:
                seen_again = True
            elif len(candidate.seen) < 2 and face.score < alone * self._threshold:
                continue
            value = min(face.score, _SURE) * math.sqrt(face.width_px) * (0.2 + near)
            if value > best_value:
                best, best_value = candidate, value
        waiting = self._last is not None and self._lost < _PATIENCE
        return None if waiting and not seen_again else best

    def _settle(self, candidate: _Candidate) -> LowerFace:
        """Return the candidate's face, corrected where only one detector looked."""
        face = candidate.face()
        if self._last is None or _closeness(face, self._last, self._lost) < _NEAR:
            self._shifts = {}
        if len(candidate.seen) > 1:
            self._shifts = {m: _Shift.between(one, face) for m, one in candidate.seen.items()}
            return face
        (model,) = candidate.seen
        shift = self._shifts.get(model)
        return face if shift is None else shift.apply(face)

    def _miss(self) -> None:
        """Count a picture without the face; forget it in the end."""
        if self._last is None:
            return
        self._lost += 1
        if self._lost > _PATIENCE:
            self._forget()

    def _forget(self) -> None:
        """Stop following, but go on through the tiles."""
        self._last, self._lost, self._alone, self._doubt = None, 0, 0, 0
        self._shifts, self._view = {}, None

    def _next_view(self, image: NDArray[np.uint8], face: LowerFace) -> Region | None:
        """Return where to look next: None for the whole picture."""
        if face.width_px > _SMALL * max(image.shape[:2]):
            return None
        view = self._view
        if view is not None:
            off = math.hypot(
                face.mouth[0] - view.x - view.width / 2, face.mouth[1] - view.y - view.height / 2
            )
            if off < face.width_px and 0.7 < view.width / (_VIEW_WIDTHS * face.width_px) < 1.4:
                return view
        return Region.around(*face.mouth, _VIEW_WIDTHS * face.width_px)


def _join(faces: list[tuple[Model, LowerFace]]) -> list[_Candidate]:
    """Group what the detectors propose into one candidate per face."""
    groups: list[dict[Model, LowerFace]] = []
    for model, face in sorted(faces, key=lambda item: -item[1].score):
        for group in groups:
            first = next(iter(group.values()))
            if _same(first, face):
                group.setdefault(model, face)
                break
        else:
            groups.append({model: face})
    return [_Candidate(group) for group in groups]


def _same(one: LowerFace, other: LowerFace) -> bool:
    """Say whether two answers mean the same face."""
    larger = max(one.width_px, other.width_px)
    return _distance(one, other) < 0.5 * larger and larger < 2 * min(one.width_px, other.width_px)


def _distance(one: LowerFace, other: LowerFace) -> float:
    """Return the pixels between the middles of mouth and chin."""
    return (
        math.hypot(
            one.mouth[0] + one.chin[0] - other.mouth[0] - other.chin[0],
            one.mouth[1] + one.chin[1] - other.mouth[1] - other.chin[1],
        )
        / 2
    )


def _closeness(face: LowerFace, last: LowerFace, lost: int) -> float:
    """Return 1 for the same place and size, falling to 0; looser after `lost` pictures."""
    reach = 0.7 + 0.1 * lost
    off = _distance(face, last) / last.width_px / reach
    growth = math.log(face.width_px / last.width_px) / 0.5
    return math.exp(-(off**2) - growth**2)


def lower_face_box(face: LowerFace) -> tuple[float, float, float, float]:
    """Return the box of the visible lower face: headset's edge to chin, cheek to cheek.

    On headset photographs the edge lies 0.34 face widths above the mouth (median of 42; the boxes
    there are drawn by eye), and cheeks end a little inside the width at the ears.

    Args:
        face: The face, in pixels.

    Returns:
        x0, y0, x1, y1 in pixels; upright, also where the face is tilted.
    """
    roll, width = face.roll_rad, face.width_px
    down = np.array([-math.sin(roll), math.cos(roll)])
    right = np.array([down[1], -down[0]])
    upper = np.array(face.mouth) - 0.34 * width * down
    lower = np.array(face.chin) + 0.05 * width * down
    corners = [
        middle + side * 0.95 * right * width / 2 for middle in (upper, lower) for side in (-1, 1)
    ]
    x0, y0 = np.min(corners, axis=0)
    x1, y1 = np.max(corners, axis=0)
    return float(x0), float(y0), float(x1), float(y1)
