"""Rate and latency over the last seconds."""

from collections import deque

import numpy as np

_WINDOW_S = 4.0


class Pace:
    """Keeps the last seconds' frames."""

    def __init__(self) -> None:
        """Begin empty."""
        self._frames: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, latency_ms: float) -> None:
        """Count a processed frame at a moment of the steady clock."""
        self._frames.append((now_s, latency_ms))
        self._forget(now_s)

    def fps(self, now_s: float) -> float:
        """Return the frames a second; 0 for fewer than two."""
        self._forget(now_s)
        if len(self._frames) < 2:
            return 0.0
        # Until now, not until the last frame: a source that stands still must not look quick.
        return (len(self._frames) - 1) / max(now_s - self._frames[0][0], 1e-6)

    def latency_ms(self, share: float) -> float:
        """Return the latency that a share (0-1) of the frames do not exceed; 0 if empty."""
        if not self._frames:
            return 0.0
        return float(np.quantile([latency for _, latency in self._frames], share))

    def _forget(self, now_s: float) -> None:
        while self._frames and self._frames[0][0] < now_s - _WINDOW_S:
            self._frames.popleft()
