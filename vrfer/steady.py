"""From jumping probabilities to a calm reading: a filter over time, and a label that holds.

The filter works on log-probabilities (centred log-ratios), where a distribution can be averaged
and stays one. Its error e, the distance between input and state in nats, shrinks as

    de/dt = -(e / smoothing_s) * (1 + quickness * e)

so small flicker is smoothed over `smoothing_s` while a large, lasting change passes faster: the
idea of the 1-Euro filter (Casiez et al., CHI 2012), with the equation solved exactly for any
time step. A value that holds between two frames gives the same state at 30 and at 60 Hz.

While a mouth talks (`vrfer.talking`) neutral is favoured.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vrfer.baseline import log_ratios
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import Frame, LowerFace, Reading, Scores
from vrfer.talking import Restlessness

_NEUTRAL = EXPRESSIONS.index("neutral")


@dataclass(frozen=True, slots=True)
class SteadySettings:
    """How calm or quick readings are."""

    smoothing_s: float = 0.30
    """Seconds over which small flicker is smoothed; 0 switches the filter off."""
    quickness: float = 0.35
    """How much faster large changes pass; 0 treats all changes alike."""
    hold_s: float = 0.35
    """A label stays at least this long, in seconds."""
    lead: float = 0.08
    """A new label must lead the old one by this much probability."""
    talking_nats: float = 2.0
    """How much neutral gains while the mouth talks, and large changes no longer pass faster:
    open mouths of speech are no surprise. 0 treats a talking mouth like any other."""
    forget_s: float = 2.0
    """After this long without a face everything starts anew: it may be someone else."""
    unsure_below: float = 0.0
    """When the strongest steady probability is below this, the network is unsure."""
    sensitivity: tuple[float, ...] = (0.0,) * len(EXPRESSIONS)
    """What each expression gains, nats, in canonical order; negative is less often."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("smoothing_s", "quickness", "hold_s", "lead", "talking_nats", "forget_s"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number of at least 0, got {value}")
        if len(self.sensitivity) != len(EXPRESSIONS) or not np.isfinite(self.sensitivity).all():
            raise ValueError(f"sensitivity must be eight numbers, got {self.sensitivity}")
        if not 0 <= self.unsure_below <= 1:
            raise ValueError(f"unsure_below must lie in 0-1, got {self.unsure_below}")


class Steady:
    """The state over time of one wearer's reading."""

    def __init__(
        self, settings: SteadySettings, offsets: NDArray[np.float64] | None = None
    ) -> None:
        """Begin without a face.

        Args:
            settings: How calm or quick readings are.
            offsets: The wearer's personal baseline: eight numbers that are taken off the
                log-probabilities, nats.
        """
        self.settings = settings
        self.neutral_held = False
        """While true, every face reads as neutral, whatever the network says of it."""
        self._offsets = np.zeros(len(EXPRESSIONS)) if offsets is None else offsets
        self._state: NDArray[np.float64] | None = None
        self._restlessness = Restlessness()
        self._time_s = 0.0  # of the last frame with a face
        self._newest_s = 0.0  # of the last frame
        self._label_id = NO_FACE_ID
        self._label_since_s = 0.0

    def reset(self) -> None:
        """Forget everything: the next frame starts anew."""
        self._state = None
        self._restlessness = Restlessness()
        self._label_id = NO_FACE_ID

    def use_offsets(self, offsets: NDArray[np.float64] | None) -> None:
        """Take another wearer's baseline, or none, and start anew."""
        self._offsets = np.zeros(len(EXPRESSIONS)) if offsets is None else offsets
        self.reset()

    def update(self, frame: Frame, face: LowerFace | None, scores: Scores | None) -> Reading:
        """Take in one processed frame.

        Without a face the reading says so at once, and is never a made-up neutral. The filter
        keeps its state meanwhile; the longer the gap, the less of it is left when the face is
        back. A frame older than the last (a file played anew) starts over.

        Args:
            frame: The frame, for its times.
            face: Its lower face, or None.
            scores: What the network said of it; None without a face.
        """
        now_s = frame.timeline_s
        if now_s < self._newest_s:
            self.reset()
        self._newest_s = now_s
        if face is None or scores is None:
            return _reading(frame, None, None, np.zeros(len(EXPRESSIONS), np.float32), NO_FACE_ID)
        if now_s - self._time_s > self.settings.forget_s:
            self.reset()
        if self.neutral_held:
            self.reset()
            neutral = np.eye(len(EXPRESSIONS), dtype=np.float32)[_NEUTRAL]
            return _reading(frame, face, scores.probabilities, neutral, _NEUTRAL)
        steady = self._filtered(scores.probabilities, now_s)
        unsure = bool(steady.max() < self.settings.unsure_below)
        self._choose_label(steady, now_s, unsure=unsure)
        return _reading(frame, face, scores.probabilities, steady, self._label_id, unsure=unsure)

    def _filtered(self, probabilities: NDArray[np.float32], now_s: float) -> NDArray[np.float32]:
        target = log_ratios(probabilities) - self._offsets + self.settings.sensitivity
        interval_s = max(0.0, now_s - self._time_s)
        settings = self.settings
        if settings.talking_nats > 0:
            talking = self._restlessness.talking(target, interval_s)
            target[_NEUTRAL] += talking * settings.talking_nats
            settings = replace(settings, quickness=(1 - talking) * settings.quickness)
        if self._state is None:
            self._state = target
        else:
            gap = target - self._state
            left = remaining_share(float(np.linalg.norm(gap)), interval_s, settings)
            self._state = target - left * gap
        self._time_s = now_s
        weights = np.exp(self._state - self._state.max())
        steady: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
        return steady

    def _choose_label(self, steady: NDArray[np.float32], now_s: float, *, unsure: bool) -> None:
        strongest = int(steady.argmax())
        held = self._label_id
        if held == NO_FACE_ID:
            # A first picture may mislead, a hand has just left the mouth: its label is not held.
            self._label_id, self._label_since_s = strongest, -math.inf
            return
        if strongest == held or unsure or now_s - self._label_since_s < self.settings.hold_s:
            return
        if steady[strongest] - steady[held] >= self.settings.lead:
            self._label_id, self._label_since_s = strongest, now_s


def remaining_share(distance: float, interval_s: float, settings: SteadySettings) -> float:
    """Return which share of an error is left after a time: the filter's equation, solved.

    With E the error at first, q the quickness and T = smoothing_s, the error after t seconds is
    E / ((1 + q E) exp(t/T) - q E).

    Args:
        distance: Error at first, nats, at least 0.
        interval_s: Seconds, at least 0.
        settings: `smoothing_s` and `quickness`.

    Returns:
        A number from 0 (all followed) to 1 (nothing followed).
    """
    if settings.smoothing_s == 0:
        return 0.0
    fade = float(np.exp(-interval_s / settings.smoothing_s))
    pull = settings.quickness * distance
    return fade / (1 + pull * (1 - fade))


def _reading(
    frame: Frame,
    face: LowerFace | None,
    raw: NDArray[np.float32] | None,
    steady: NDArray[np.float32],
    label_id: int,
    *,
    unsure: bool = False,
) -> Reading:
    return Reading(
        frame=frame.index,
        captured_ns=frame.captured_ns,
        captured_unix_ns=frame.captured_unix_ns,
        source_s=frame.source_s,
        face=face,
        raw=raw,
        steady=steady,
        label_id=label_id,
        unsure=unsure,
    )
