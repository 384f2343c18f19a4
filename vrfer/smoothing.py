"""The one-Euro filter: calm when still, quick when moving."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SHORTEST_S = 1e-3
"""Values closer in time, or in the wrong order, count as this far apart."""


class OneEuro:
    """Smooths a vector over time (Casiez, Roussel & Vogel, CHI 2012)."""

    def __init__(self, *, still_hz: float, speed_hz: float, derivative_hz: float = 1.0) -> None:
        """Set it up.

        Args:
            still_hz: Cut-off of the low-pass while nothing moves (the paper's mincutoff).
            speed_hz: What each unit of speed (1/s) adds to the cut-off (the paper's beta).
            derivative_hz: Cut-off for the speed itself.
        """
        self._still, self._speed, self._derivative = still_hz, speed_hz, derivative_hz
        self.reset()

    def reset(self) -> None:
        """Forget what came before."""
        self._value: Floats | None = None
        self._rate: Floats | None = None
        self._count = 0

    def __call__(self, value: Floats, elapsed_s: float) -> Floats:
        """Return the smooth vector.

        Args:
            value: The new measurement.
            elapsed_s: Seconds since the last one.
        """
        if self._value is None or self._rate is None:
            self._value, self._rate, self._count = value, np.zeros_like(value), 1
            return value
        self._count += 1
        elapsed_s = max(elapsed_s, _SHORTEST_S)
        share = _share(self._derivative, elapsed_s)
        self._rate = self._rate + share * ((value - self._value) / elapsed_s - self._rate)
        # One speed for all: a face moves as a whole, and its points must not drift apart.
        cutoff = self._still + self._speed * float(np.abs(self._rate).max())
        # The first answers are averaged: one bad beginning must not linger.
        share = max(_share(cutoff, elapsed_s), 1 / self._count)
        self._value = self._value + share * (value - self._value)
        return self._value


def _share(cutoff_hz: float, elapsed_s: float) -> float:
    """Return how much of a new value a first-order low-pass takes over."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * elapsed_s))
