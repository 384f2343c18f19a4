"""The one adapter between the session, which knows no Qt, and the window.

A timer takes what is new and hands it on as signals; nothing queues up behind a slow window. When
drawing takes more than its share of one core, the timer waits longer: tracking is untouched.
"""

import time

import psutil
from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from vrfer.live.board import Seen
from vrfer.live.session import Session
from vrfer.live.status import Event

FASTEST_MS = 33
SLOWEST_MS = 1000
HIDDEN_MS = 500
_STATUS_EVERY_S = 0.25
_LOAD_EVERY_S = 1.0


class Bridge(QObject):
    """Turns a session's readings, snapshots and events into signals of the window's thread."""

    seen = pyqtSignal(object)
    """The newest `Seen`; never while hidden."""
    readings = pyqtSignal(list)
    """All `(Reading, latency_ms)` since the last time; while hidden, too."""
    status = pyqtSignal(object, float)
    """A `Status`, and what the process uses in cores."""
    happened = pyqtSignal(object)
    """An `Event`."""

    def __init__(self, cpu_share: float, parent: QObject | None = None) -> None:
        """Begin without a session.

        Args:
            cpu_share: Share of one core that drawing may take, 0-1.
            parent: Owner of this object.
        """
        super().__init__(parent)
        self.cpu_share = cpu_share
        self._session: Session | None = None
        self.untold: list[Event] = []
        """What happened after the end, when nobody hears signals any more."""
        self._hidden = False
        self._stopped = False
        self._process = psutil.Process()
        self._load = 0.0
        self._load_s = self._status_s = 0.0
        self._spent_s = time.thread_time()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)

    def watch(self, session: Session) -> None:
        """Begin to take what the session shows."""
        self._session = session
        self._process.cpu_percent()
        self._timer.start(FASTEST_MS)

    def stop(self) -> None:
        """Take nothing any more."""
        self._timer.stop()
        self._session = None
        self._stopped = True

    def tell(self, event: Event) -> None:
        """Hand an event on; from any thread."""
        if self._stopped:
            self.untold.append(event)
        else:
            self.happened.emit(event)

    @property
    def interval_ms(self) -> int:
        """Time between two looks, ms."""
        return self._timer.interval()

    def set_hidden(self, hidden: bool) -> None:
        """Draw nothing, or go on."""
        self._hidden = hidden
        self._timer.setInterval(HIDDEN_MS if hidden else FASTEST_MS)

    def _tick(self) -> None:
        session = self._session
        if session is None:
            return
        readings = session.take_readings()
        if readings:
            self.readings.emit(readings)
        seen: Seen | None = session.take_seen()
        if seen is not None and not self._hidden:
            self.seen.emit(seen)
        now_s = time.monotonic()
        if now_s - self._status_s >= _STATUS_EVERY_S:
            self._status_s = now_s
            self.status.emit(session.status(), self._process_load(now_s))
        self._pace(now_s)

    def _process_load(self, now_s: float) -> float:
        if now_s - self._load_s >= _LOAD_EVERY_S:
            self._load_s = now_s
            self._load = self._process.cpu_percent() / 100
        return self._load

    def _pace(self, now_s: float) -> None:
        """Lengthen or shorten the pauses by what this thread spent since the last tick."""
        spent_s = time.thread_time()
        cost_s, self._spent_s = spent_s - self._spent_s, spent_s
        if self._hidden:
            return
        wanted_ms = 1000 * cost_s / self.cpu_share
        # A single slow picture must not make everything slow: the pause moves towards its goal.
        interval_ms = 0.8 * self._timer.interval() + 0.2 * wanted_ms
        interval_ms = min(SLOWEST_MS, max(FASTEST_MS, round(interval_ms)))
        if interval_ms != self._timer.interval():
            self._timer.setInterval(interval_ms)
