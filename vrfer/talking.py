"""How restless a mouth is: a person who talks passes through many expressions and stays in none.

Restlessness is how far the network's log-probabilities travel a second, less what that travel
achieves: a smile goes one way and stops, a talking mouth goes to and fro. Both are averaged over
about a second, on log-probabilities that were smoothed a little, so that the camera's noise hardly
counts. The averages are exact for inputs that hold from frame to frame, at any frame rate.
"""

import math

import numpy as np
from numpy.typing import NDArray

from vrfer.expressions import EXPRESSIONS

SMOOTHING_S = 0.1
"""Time constant of the smoothing before the travel is measured."""
AVERAGE_S = 1.0
"""Time constant of the averages."""
STILL = 7.0
"""Up to this restlessness, nats a second, nobody talks. Chosen on the labelled research clips as a
whole, with a network of less training than the shipped one."""
TALKING = 12.0
"""From this restlessness on somebody surely talks."""


class Restlessness:
    """Follows log-probabilities over time."""

    def __init__(self) -> None:
        """Begin at rest."""
        self._smooth: NDArray[np.float64] | None = None
        self._velocity = np.zeros(len(EXPRESSIONS))
        self._speed = 0.0

    def talking(self, log_ratios: NDArray[np.float64], interval_s: float) -> float:
        """Take in a frame, and return how surely its person talks, 0-1.

        Args:
            log_ratios: Eight centred log-probabilities, nats.
            interval_s: Seconds since the last frame, at least 0.
        """
        if self._smooth is None:
            self._smooth = log_ratios.copy()
            return 0.0
        gap = log_ratios - self._smooth
        fast, slow = 1 / SMOOTHING_S, 1 / AVERAGE_S
        faded, kept = math.exp(-fast * interval_s), math.exp(-slow * interval_s)
        # The averages of a velocity that fades with SMOOTHING_S, integrated over the interval.
        gain = fast * slow * (kept - faded) / (fast - slow)
        self._smooth += (1 - faded) * gap
        self._velocity = kept * self._velocity + gain * gap
        self._speed = kept * self._speed + gain * float(np.linalg.norm(gap))
        restlessness = self._speed - float(np.linalg.norm(self._velocity))
        return min(1.0, max(0.0, (restlessness - STILL) / (TALKING - STILL)))
