"""The face that is being followed: where it must be by now, and what is known of it over time."""

import math
from dataclasses import replace

import numpy as np

from vrfer.frames import LowerFace
from vrfer.locator import Located
from vrfer.smoothing import OneEuro
from vrfer.square import Square

SURE = 0.8
"""Verdict that leaves no need to look further, or to look again."""
_WAIT_S = 0.6
"""So long a lost face is waited for before another one may take its place ..."""
_WAIT_FOR_WEARER_S = 2.5
"""... and a wearer before a face without headset may: heads turn away all the time."""
_VERDICT_S = 0.5
"""Time constant of the running means."""
_WEARER, _BYSTANDER = 0.6, 0.4
"""A face with a headset at least this likely takes the place of one with at most the other."""
_SHORTEST_S = 1 / 120
"""Pictures closer in time than this say nothing about speed."""


class Track:
    """The face that is being followed."""

    def __init__(self, found: Located, at_s: float) -> None:
        """Begin with the first answer.

        Args:
            found: What the locator said.
            at_s: When, in seconds on the clock that all later times are on.
        """
        self.found = found
        """Last answer that was believed."""
        self.verdict = found.visible
        """Running mean."""
        self.headset = found.headset
        """Running mean."""
        self.let_go = False
        """Whether it is no longer believed: it is waited for, as where it was not seen at all."""
        self._seen_s = at_s
        self._speed = np.zeros(2)
        self._unit_px = found.width_px
        self._place = OneEuro(still_hz=1.5, speed_hz=6.0)
        self._shape = OneEuro(still_hz=1.5, speed_hz=3.0)

    def yields_to(self, rival: Located) -> bool:
        """Say whether another face is the wearer's rather than this one."""
        wearer_came = rival.headset >= _WEARER and self.headset <= _BYSTANDER
        surer = rival.visible >= SURE > self.verdict
        return wearer_came or (surer and not self._wearer_before(rival))

    def wait_s(self, rival: Located) -> float:
        """Return how long this face is waited for before another one may take its place."""
        return _WAIT_FOR_WEARER_S if self._wearer_before(rival) else _WAIT_S

    def _wearer_before(self, rival: Located) -> bool:
        return self.headset >= _WEARER and rival.headset <= _BYSTANDER

    def lost_s(self, at_s: float) -> float:
        """Return how long the face has not been seen."""
        return at_s - self._seen_s

    def expected(self, at_s: float) -> Square:
        """Return where the face should be by now: constant velocity for a tenth of a second."""
        square = self.found.square
        x, y = np.array([square.x, square.y]) + np.clip(self.lost_s(at_s), 0, 0.1) * self._speed
        return replace(square, x=float(x), y=float(y))

    def update(self, found: Located, at_s: float) -> LowerFace:
        """Take over a new answer, and return it smoothed."""
        elapsed = max(at_s - self._seen_s, 0.0)
        if elapsed > 0:
            before, after = self.found.square, found.square
            speed = np.array([after.x - before.x, after.y - before.y]) / max(elapsed, _SHORTEST_S)
            self._speed += 0.5 * (speed - self._speed)
            share = 1 - math.exp(-elapsed / _VERDICT_S)
            self.verdict += share * (found.visible - self.verdict)
            self.headset += share * (found.headset - self.headset)
        self.found, self._seen_s = found, at_s
        return self._smoothed(found.face(), elapsed)

    def _smoothed(self, face: LowerFace, elapsed_s: float) -> LowerFace:
        """Return the face after the filters, which count in face widths and radians."""
        box = face.box
        assert box is not None
        assert face.tilt_rad is not None
        mouth, chin = np.array(face.mouth), np.array(face.chin)
        corners = (np.array(box).reshape(2, 2) - mouth) / face.width_px
        place = self._place(np.concatenate([mouth, chin]) / self._unit_px, elapsed_s)
        angles = [math.log(face.width_px), face.tilt_rad, face.yaw_rad]
        shape = self._shape(np.concatenate([corners.ravel(), angles]), elapsed_s)
        x, y, chin_x, chin_y = (float(value) for value in place * self._unit_px)
        width, tilt, yaw = math.exp(shape[4]), float(shape[5]), float(shape[6])
        x0, y0, x1, y1 = (float(value) for value in shape[:4] * width + [x, y, x, y])
        return LowerFace(
            mouth=(x, y),
            chin=(chin_x, chin_y),
            width_px=width,
            score=face.score,
            tilt_rad=tilt,
            yaw_rad=yaw,
            headset=self.headset,
            box=(x0, y0, x1, y1),
        )
