"""What a session shows to other threads: a snapshot, the newest frame, waiting readings."""

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vrfer.frames import Reading
from vrfer.live.status import Status
from vrfer.pipeline import Look

_READINGS_KEPT = 600
"""Readings that wait for a slow window; older ones are dropped."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The newest processed frame, for people to look at."""

    look: Look
    evidence: NDArray[np.float32] | None
    """Eight maps (8 x h x w) of the evidence in the patch, `Classifier.explain`; None where there
    is no face, the network has none, or nobody wants them. Up to an eighth of a second old."""


class Board:
    """One thread writes, others read; nobody waits for long."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._status = Status()
        self._readings: deque[tuple[Reading, float]] = deque(maxlen=_READINGS_KEPT)
        self._seen: Seen | None = None
        self._evidence_wanted = False

    @property
    def status(self) -> Status:
        """The newest snapshot."""
        with self._lock:
            return self._status

    @status.setter
    def status(self, status: Status) -> None:
        with self._lock:
            self._status = status

    @property
    def evidence_wanted(self) -> bool:
        """Whether Grad-CAM maps are to be made."""
        with self._lock:
            return self._evidence_wanted

    @evidence_wanted.setter
    def evidence_wanted(self, wanted: bool) -> None:
        with self._lock:
            self._evidence_wanted = wanted

    def show(self, reading: Reading, latency_ms: float, seen: Seen) -> None:
        """Put up a reading and its frame."""
        with self._lock:
            self._readings.append((reading, latency_ms))
            self._seen = seen

    def take_readings(self) -> list[tuple[Reading, float]]:
        """Return the readings since the last call, with their latencies in ms."""
        with self._lock:
            taken = list(self._readings)
            self._readings.clear()
        return taken

    def take_seen(self) -> Seen | None:
        """Return the newest frame; None if nothing new was seen since the last call."""
        with self._lock:
            seen, self._seen = self._seen, None
        return seen
