"""The cameras that this program has open: a driver lends each to one user, within a program too.

What was given up may still be open for a while, for OpenCV cannot be interrupted.
"""

import threading
import time
from functools import cache

_POLL_S = 0.02


class CamerasInUse:
    """Which cameras are in use, by their numbers; may be asked by any thread."""

    def __init__(self) -> None:
        """Begin with none."""
        self._changed = threading.Condition()
        self._taken: set[int] = set()

    def take(self, index: int, patience_s: float, stop: threading.Event | None = None) -> bool:
        """Wait until a camera is free, and take it.

        Args:
            index: Its number.
            patience_s: How long it is waited for.
            stop: Ends the wait when another thread sets it.

        Returns:
            Whether it was taken; if so, `give_back` is due.
        """
        give_up_s = time.monotonic() + patience_s
        with self._changed:
            while index in self._taken:
                left_s = give_up_s - time.monotonic()
                if left_s <= 0 or (stop is not None and stop.is_set()):
                    return False
                self._changed.wait(min(left_s, _POLL_S))
            self._taken.add(index)
            return True

    def give_back(self, index: int) -> None:
        """Let others have a camera."""
        with self._changed:
            self._taken.discard(index)
            self._changed.notify_all()


@cache
def cameras_in_use() -> CamerasInUse:
    """Return those of this program."""
    return CamerasInUse()
