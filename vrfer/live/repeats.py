"""When other computers are told again that no face is seen: one lost packet, and it stays there."""

import math

TIMES, EVERY_S = 3, 1.0
"""So often, and at such intervals."""


class Repeats:
    """Counts what is still to be told again; used by one thread."""

    def __init__(self) -> None:
        """Begin with nothing to be told."""
        self._left = 0
        self._next_s = math.inf

    @property
    def pending(self) -> bool:
        """Whether something is still to be told."""
        return self._left > 0

    def begin(self, now_s: float) -> None:
        """Have it told again from now on, which is a time on any steady clock, in seconds."""
        self._left, self._next_s = TIMES, now_s + EVERY_S

    def end(self) -> None:
        """Have nothing told any more: readings come again."""
        self._left = 0

    def due(self, now_s: float) -> bool:
        """Say whether it is to be told now; if so, that is counted."""
        if not self.pending or now_s < self._next_s:
            return False
        self._left -= 1
        self._next_s = now_s + EVERY_S
        return True
