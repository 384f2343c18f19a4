"""What waits to be written, so that who gives it never does."""

import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Waiting(Generic[Item]):
    """Things that wait for a thread, in order, in bounded memory."""

    def __init__(self, most: int, most_bytes: int) -> None:
        """Begin with nothing.

        Args:
            most: So many things wait at most.
            most_bytes: So much memory they take at most, but for a single one that is larger.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._items: deque[tuple[Item, int]] = deque()
        self._bytes = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, item: Item, size_bytes: int) -> bool:
        """Add a thing; return False where there is no room, or after the end."""
        with self._changed:
            full = self._items and (
                len(self._items) >= self._most or self._bytes + size_bytes > self._most_bytes
            )
            if full or self._ended:
                return False
            self._items.append((item, size_bytes))
            self._bytes += size_bytes
            self._changed.notify()
        return True

    def take(self) -> Item | None:
        """Wait for the next thing; None after the last one."""
        with self._changed:
            self._wait()
            if not self._items:
                return None
            item, size_bytes = self._items.popleft()
            self._bytes -= size_bytes
            return item

    def take_all(self) -> list[Item]:
        """Wait for something, and return all that is there; an empty list after the last one."""
        with self._changed:
            self._wait()
            return self._empty()

    def end(self) -> None:
        """Take no more."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def drop(self) -> int:
        """Forget what waits; return how many things that were."""
        with self._changed:
            return len(self._empty())

    def _wait(self) -> None:
        self._changed.wait_for(lambda: self._items or self._ended)

    def _empty(self) -> list[Item]:
        items = [item for item, _ in self._items]
        self._items.clear()
        self._bytes = 0
        return items
