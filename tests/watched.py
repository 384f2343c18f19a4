"""A session for tests, whose events can be waited for."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from vrfer.live.session import Session
from vrfer.live.status import Event, Happening
from vrfer.live.wishes import NetworkWish
from vrfer.people import People

PATIENCE_S = 30.0


class Watched:
    """A session whose events can be waited for."""

    def __init__(self, people: Path, network: NetworkWish | None = None) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.session = Session(
            network or NetworkWish(), people=People(people), on_event=self.events.put
        )

    def wait(self, happening: Happening) -> Event:
        """Return the next event of a kind; others are passed over."""
        while True:
            event = self.events.get(timeout=PATIENCE_S)
            if event.happening is happening:
                return event

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so, looking as often as a window does."""
        tick = threading.Event()
        for _ in range(int(PATIENCE_S / 0.02)):
            if condition():
                return
            tick.wait(0.02)
        pytest.fail(f"waited in vain; status: {self.session.status()}")
