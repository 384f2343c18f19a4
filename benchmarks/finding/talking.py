"""A film with cuts, whose faces get a rendered headset: how soon a face is found after a cut.

There are no labels. What the finder says about the bare film is taken for the truth, so this
measures what the headset takes away, not how well faces are found.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from finding.asking import Result, ask, frames_of, shown, tracked
from vrfer.finder import Finder, lower_face_box
from vrfer.frames import LowerFace

_CUT = 20.0
"""Mean change in gray levels from one frame to the next, at 64 x 36, that is a cut. In
talking_head.mp4 the three cuts change 28 to 31, and no other frame more than 13.6."""
_BELIEVED = 0.8
"""Score from which on a face of the bare film counts as one."""
_NEAR = 0.5
"""A mouth within so many face widths of the bare one's is the same face's."""
_STEEPEST_RAD = math.radians(75)
"""Heads that are turned farther get the headset of this turn: beyond, their tilt is lost."""
_MOUTH = np.array([0.0, -0.175, 0.10])
"""Middle between the mouth's corners, in head coordinates."""
_COLUMNS, _ROWS, _TILE = 5, 7, (320, 180)

Picture = NDArray[np.uint8]
PutOn = Callable[[Picture, LowerFace, int], None]
"""Draws the headset of a shot (by its number) on a face, in place."""


@dataclass(slots=True)
class Shot:
    """What lies between two cuts."""

    first: int
    """Its first frame."""
    faces: list[int] = field(default_factory=list)
    """Frames with a face in the bare film."""
    found: list[int] = field(default_factory=list)
    """Of these, frames with an answer, under the headset."""
    right: list[int] = field(default_factory=list)
    """Of these, frames in which it is the same face."""

    @property
    def waited(self) -> int:
        """Frames from the first one with a face until the face is found; its end, if never."""
        ahead = self.right[0] if self.right else self.faces[-1] + 1
        return ahead - self.faces[0]


def on_talking(finder: Finder, video: Path, seed: int, sheet: Path | None) -> Result:
    """Measure the film; `sheet` is a picture file that shows what was measured.

    Raises:
        ImportError: What training needs is not installed.
    """
    put_on = _wardrobe(seed)
    bare, changes = _bare(finder, video)
    shots = [Shot(0)] + [Shot(index) for index, change in enumerate(changes) if change > _CUT]
    starts = {shot.first for shot in shots}
    every = max(1, len(bare) // (_COLUMNS * _ROWS - len(shots)))
    tiles: list[Picture] = []
    finder.reset()
    number = -1
    for index, (image, at_s) in enumerate(tracked(frames_of(video), "talking", len(bare))):
        number += index in starts
        shot, truth = shots[number], bare[index]
        picture = image.copy()
        if truth is not None:
            put_on(picture, truth, number)
        face = ask(finder, picture, at_s)
        if truth is not None:
            shot.faces.append(index)
            if face is not None:
                shot.found.append(index)
                off = math.dist(face.mouth, truth.mouth)
                if off <= _NEAR * truth.width_px:
                    shot.right.append(index)
        if sheet is not None and (index in starts or index % every == 0):
            tiles.append(_tile(picture, index, truth, face))
    if sheet is not None:
        _write(sheet, tiles)
    return _result(shots, changes)


def _wardrobe(seed: int) -> PutOn:
    """Return what draws headsets."""
    from vrfer.training.locating.head import Pose, rotations
    from vrfer.training.locating.headsets import put_on, random_style

    def draw(picture: Picture, face: LowerFace, shot: int) -> None:
        yaw = float(np.clip(face.yaw_rad, -_STEEPEST_RAD, _STEEPEST_RAD))
        # Ry(yaw) Rz(roll) tilts the head's vertical by atan2(-cos(yaw) sin(roll), cos(roll)).
        tilt = math.remainder(face.roll_rad, math.tau)
        roll = -math.atan2(math.sin(tilt), math.cos(tilt) * math.cos(yaw))
        rotation = rotations(np.array([yaw]), np.zeros(1), np.array([roll]))[0]
        at_zero = Pose(rotation, face.width_px, np.zeros(2))
        origin = np.array(face.mouth) - at_zero.project(_MOUTH)
        # Its marks and reflections must not flicker: the same draws in every frame of a shot.
        style = random_style(np.random.default_rng([seed, shot]))
        rng = np.random.default_rng([seed, shot, 1])
        put_on(picture, Pose(rotation, face.width_px, origin), style, rng)

    return draw


def _bare(finder: Finder, video: Path) -> tuple[list[LowerFace | None], list[float]]:
    """Return the truth of each frame, and how much each differs from the one before it."""
    faces: list[LowerFace | None] = []
    changes: list[float] = []
    before: NDArray[np.float64] | None = None
    finder.reset()
    for image, at_s in tracked(frames_of(video), "talking (bare)"):
        face = ask(finder, image, at_s)
        faces.append(face if face is not None and face.score >= _BELIEVED else None)
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        small = cv2.resize(gray, (64, 36), interpolation=cv2.INTER_AREA).astype(np.float64)
        changes.append(0.0 if before is None else float(np.abs(small - before).mean()))
        before = small
    return faces, changes


def _result(shots: Sequence[Shot], changes: Sequence[float]) -> Result:
    faces, found, right = (
        sum(len(getattr(shot, name)) for shot in shots) for name in ("faces", "found", "right")
    )
    after = [shot for shot in shots[1:] if shot.faces]
    waited = [shot.waited for shot in after]
    never = sum(not shot.right for shot in after)
    largest = max((change for change in changes if change <= _CUT), default=0.0)
    smallest = min((change for change in changes if change > _CUT), default=math.nan)
    lines = [
        f"{len(changes)} frames, {len(shots) - 1} cuts (change above {_CUT:.0f}: the smallest cut "
        f"{smallest:.1f}, the largest other {largest:.1f})",
        f"frames with a face: found {shown(found, faces)}, the same face {shown(right, faces)}",
        f"frames until it is found after a cut: {', '.join(map(str, waited)) or 'no cut'}"
        + (f" (median {statistics.median(waited):g}; never in {never})" if waited else ""),
    ]
    details = [
        f"shot from frame {shot.first}: {len(shot.faces)} with a face, {len(shot.found)} found, "
        f"{len(shot.right)} the same" + (f", after {shot.waited} frames" if shot.faces else "")
        for shot in shots
    ]
    figures: dict[str, object] = {
        "frames": len(changes),
        "with_face": faces,
        "found": found / faces if faces else None,
        "same_face": right / faces if faces else None,
        "frames_after_cuts": waited,
        "never_after_cuts": never,
    }
    return Result(figures, lines, details)


def _tile(picture: Picture, index: int, truth: LowerFace | None, face: LowerFace | None) -> Picture:
    """Return a small picture: the truth's mouth in yellow, the answer's box and mouth in green."""
    tile = picture.copy()
    if truth is not None:
        cv2.circle(tile, (int(truth.mouth[0]), int(truth.mouth[1])), 4, (0, 255, 255), 2)
    if face is not None:
        x0, y0, x1, y1 = (int(value) for value in lower_face_box(face))
        cv2.rectangle(tile, (x0, y0), (x1, y1), (0, 255, 0), 2)
        cv2.circle(tile, (int(face.mouth[0]), int(face.mouth[1])), 2, (0, 255, 0), -1)
    tile = cv2.resize(tile, _TILE, interpolation=cv2.INTER_AREA).astype(np.uint8)
    said = "no face" if truth is None else "lost" if face is None else f"{face.score:.2f}"
    cv2.putText(tile, f"{index}: {said}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255,) * 3, 1)
    return tile


def _write(path: Path, tiles: Sequence[Picture]) -> None:
    blank = np.zeros((_TILE[1], _TILE[0], 3), np.uint8)
    full = [*tiles, *[blank] * (-len(tiles) % _COLUMNS)]
    rows = [np.hstack(full[start : start + _COLUMNS]) for start in range(0, len(full), _COLUMNS)]
    path.write_bytes(cv2.imencode(path.suffix or ".png", np.vstack(rows))[1].tobytes())
