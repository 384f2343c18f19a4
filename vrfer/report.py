"""What a recording says as a whole: shares of time, changes, losses, and curves to draw.

Every reading counts for the time until the next one. Where the next one is long in coming (a
camera was unplugged), the time after `longest_hold_s` counts as not recorded.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vrfer.expressions import EXPRESSIONS
from vrfer.recording import Session

BINS: Final = 480
"""Into how many equal spans of time the curves divide a recording."""

_LEAST_HOLD_S = 1.0
_CALM_S = 1.0
"""Over which time speed and latency are averaged, seconds, in short recordings."""
_LONE_HOLD_S = 0.04
"""What a single reading counts for, seconds."""
_NOTHING_S = 1e-6
"""Sums of many times may be off by less than this, seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """A recording in numbers."""

    duration_s: float
    """From the beginning of the recording to its end."""
    face_s: float
    """Time in which a face was seen."""
    held_s: float
    """Time of it in which somebody held neutral, so that nothing was read."""
    no_face_s: float
    """Time in which readings said that there is none."""
    unrecorded_s: float
    """Time without readings."""
    unsure_s: float
    """Time in which a face was seen and the network could not tell."""
    label_s: NDArray[np.float64]
    """Time of each steady label that was read, in canonical order; their sum is `read_s`."""
    transitions: NDArray[np.int64]
    """8 x 8: how often the label of the row became the label of the column."""
    latency_ms: tuple[float, float]
    """Median and 95th percentile."""
    frames_per_s: float
    """Mean over the time that was recorded, on the clock of capture."""

    @property
    def read_s(self) -> float:
        """Time in which a face was read: seen, and neutral not held."""
        return self.face_s - self.held_s

    @property
    def flips_per_minute(self) -> float:
        """Changes of the label in a minute in which a face was read; 0 where none was."""
        return 60 * int(self.transitions.sum()) / self.read_s if self.read_s > 0 else 0.0

    def share_of_read(self, seconds: float) -> float:
        """Return the share (0-1) of the time in which a face was read."""
        return seconds / self.read_s if self.read_s > 0 else 0.0

    def share(self, seconds: float) -> float:
        """Return the share (0-1) of the whole duration."""
        return seconds / self.duration_s


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """A recording in `BINS` equal spans; NaN where there is nothing to draw."""

    edges_s: NDArray[np.float64]
    """BINS + 1 bounds on the clock of `Session.times_s`."""
    mean: NDArray[np.float64]
    """8 x BINS: mean steady probability while a face was read."""
    peak: NDArray[np.float64]
    """8 x BINS: the largest one, so that a short smile in a long session shows."""
    label: NDArray[np.int64]
    """Which label held longest; -1 where no face was read."""
    unseen: NDArray[np.bool_]
    """Readings said that there is no face, for more of the span than anything else."""
    unrecorded: NDArray[np.bool_]
    """There were no readings, for more of the span than anything else."""
    held: NDArray[np.bool_]
    """Neutral was held, for more of the span than anything else."""
    unsure: NDArray[np.bool_]
    """The network mostly could not tell."""
    frames_per_s: NDArray[np.float64]
    latency_ms: NDArray[np.float64]


class _Timeline:
    """The rows of a session, and how long each of them holds."""

    def __init__(self, session: Session) -> None:
        self.times_s = np.maximum.accumulate(session.times_s)
        steps = np.diff(self.times_s)
        usual_s = float(np.median(steps)) if len(steps) else 0.0
        longest_hold_s = max(_LEAST_HOLD_S, 5 * usual_s)
        self.holds_s = np.append(np.minimum(steps, longest_hold_s), usual_s or _LONE_HOLD_S)
        began_s, ended_s = session.span_s
        last_s = float(self.times_s[-1] + self.holds_s[-1])
        # The moment that a camera takes to open, and a recording to close, is no loss.
        self.begin_s = began_s if began_s < -longest_hold_s else 0.0
        self.end_s = ended_s if ended_s > last_s + longest_hold_s else last_s
        self.goes_on = steps <= longest_hold_s
        """For each row but the last: the next one follows it without a gap."""
        # While a film is paused its own clock stands still.
        capture_steps_s = np.diff(session.rows["monotonic_s"])
        usual_capture_s = float(np.median(capture_steps_s)) if len(steps) else 0.0
        longest_capture_s = max(_LEAST_HOLD_S, 5 * usual_capture_s)
        self.runs_on = self.goes_on & (capture_steps_s <= longest_capture_s)
        """For each row but the last: nor was there a pause before the next one was read."""
        self._knots_s = np.column_stack([self.times_s, self.times_s + self.holds_s]).ravel()

    def integral(
        self, weights: NDArray[np.float64], moments_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the integral from the beginning to each moment of weights that rows hold."""
        total = np.cumsum(weights * self.holds_s)
        at_knots = np.column_stack([np.append(0.0, total[:-1]), total]).ravel()
        return np.asarray(np.interp(moments_s, self._knots_s, at_knots), np.float64)


def figures(session: Session) -> Figures:
    """Measure a recording of at least one row."""
    line = _Timeline(session)
    rows, holds_s = session.rows, line.holds_s
    face, held = rows["face"], session.neutral_held
    read = face & ~held
    labels = _labels(session)
    same_face = line.goes_on & ~session.found_elsewhere[1:]
    changes = same_face & read[:-1] & read[1:] & (labels[:-1] != labels[1:])
    transitions = np.zeros((len(EXPRESSIONS),) * 2, np.int64)
    np.add.at(transitions, (labels[:-1][changes], labels[1:][changes]), 1)
    steps_s = np.diff(rows["monotonic_s"])[line.runs_on]
    median, high = np.percentile(rows["latency_ms"], [50, 95])
    duration_s = line.end_s - line.begin_s
    unrecorded_s = duration_s - float(holds_s.sum())
    return Figures(
        duration_s=duration_s,
        face_s=float(holds_s[face].sum()),
        held_s=float(holds_s[held].sum()),
        no_face_s=float(holds_s[~face].sum()),
        unrecorded_s=unrecorded_s if unrecorded_s > _NOTHING_S else 0.0,
        unsure_s=float(holds_s[rows["unsure"] & ~held].sum()),
        label_s=_summed(labels[read], holds_s[read], len(EXPRESSIONS)),
        transitions=transitions,
        latency_ms=(float(median), float(high)),
        frames_per_s=float(len(steps_s) / steps_s.sum()) if steps_s.sum() > 0 else 0.0,
    )


def curves(session: Session) -> Curves:
    """Divide a recording of at least one row into `BINS` spans."""
    line = _Timeline(session)
    edges_s = np.linspace(line.begin_s, line.end_s, BINS + 1)
    width_s = (line.end_s - line.begin_s) / BINS
    rows, labels, held = session.rows, _labels(session), session.neutral_held
    read = (rows["face"] & ~held).astype(np.float64)

    def in_bins(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.diff(line.integral(weights, edges_s))

    recorded_s, read_s = in_bins(np.ones_like(read)), in_bins(read)
    held_s, unseen_s = (in_bins(flags.astype(np.float64)) for flags in (held, ~rows["face"]))
    most = np.argmax([read_s, held_s, unseen_s, width_s - recorded_s], axis=0)
    seen = read_s > _NOTHING_S
    nowhere = np.full(BINS, np.nan)
    steady = np.nan_to_num(session.steady.T.astype(np.float64)) * read
    mean = np.array([np.divide(in_bins(p), read_s, out=nowhere.copy(), where=seen) for p in steady])
    bins = np.minimum(((line.times_s - line.begin_s) / width_s).astype(np.int64), BINS - 1)
    firsts = np.flatnonzero(np.diff(bins, prepend=-1))
    peak = mean.copy()
    highest = np.maximum.reduceat(steady, firsts, axis=1)
    peak[:, bins[firsts]] = np.fmax(highest, mean[:, bins[firsts]])
    peak[:, ~seen] = np.nan
    label_s = np.array([in_bins((labels == label) * read) for label in range(len(EXPRESSIONS))])
    steps_s = np.append(np.diff(rows["monotonic_s"]), np.nan)
    steps_s[:-1][~line.runs_on] = np.nan
    timed = np.isfinite(steps_s)
    calm = np.ones(min(BINS, int(np.ceil(_CALM_S / width_s))))

    def calmed(which: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.convolve(_summed(which, weights, BINS), calm, "same")

    count, spent_s = calmed(bins[timed], np.ones(timed.sum())), calmed(bins[timed], steps_s[timed])
    rows_there, late_ms = calmed(bins, np.ones(len(bins))), calmed(bins, rows["latency_ms"])
    return Curves(
        edges_s=edges_s,
        mean=mean,
        peak=peak,
        label=np.where(seen, label_s.argmax(axis=0), -1),
        held=most == 1,
        unseen=most == 2,
        unrecorded=most == 3,
        unsure=in_bins(rows["unsure"].astype(np.float64)) >= width_s / 2,
        frames_per_s=np.divide(count, spent_s, out=nowhere.copy(), where=spent_s > 0),
        latency_ms=np.divide(late_ms, rows_there, out=nowhere.copy(), where=rows_there > 0),
    )


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where flags are set without a break: pairs of first index and end."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in changes.reshape(-1, 2)]


def _summed(
    which: NDArray[np.int64], weights: NDArray[np.float64], length: int
) -> NDArray[np.float64]:
    """Return the sum of the weights of each index."""
    return np.bincount(which, weights, length).astype(np.float64)


def _labels(session: Session) -> NDArray[np.int64]:
    """Return each row's label as an index in `EXPRESSIONS`; 0 without a face."""
    order = np.argsort(EXPRESSIONS)
    names = np.array(EXPRESSIONS)[order]
    at = np.minimum(np.searchsorted(names, session.rows["label"]), len(names) - 1)
    return np.where(names[at] == session.rows["label"], order[at], 0)
