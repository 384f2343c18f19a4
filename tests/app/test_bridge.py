"""The bridge: what it takes and hands on, what it spares while hidden, and how it slows down."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from app.by_hand import Told
from app.made_up import reading, seen, sure_of
from PyQt6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from vrfer.app import bridge as bridge_module
from vrfer.app.bridge import FASTEST_MS, HIDDEN_MS, SLOWEST_MS, Bridge
from vrfer.frames import Reading
from vrfer.live.board import Seen
from vrfer.live.session import Session
from vrfer.live.status import Event, Happening, Phase, Status

READING = reading(sure_of(1))


class FakeSession:
    """Always has something new; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.waiting: list[tuple[Reading, float]] = [(READING, 12.0), (READING, 13.0)]
        self.newest: Seen | None = seen(READING)

    def take_readings(self) -> list[tuple[Reading, float]]:
        self.asked += 1
        return self.waiting

    def take_seen(self) -> Seen | None:
        return self.newest

    def status(self) -> Status:
        return Status(phase=Phase.RUNNING, frames=self.asked)


class Clock:
    """Stands in for `time`: each look at it costs this thread what a test says."""

    def __init__(self) -> None:
        self.cost_s = 0.0
        self.spent_s = 0.0
        self.now_s = 1000.0

    def thread_time(self) -> float:
        self.spent_s += self.cost_s
        return self.spent_s

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    fake = SimpleNamespace(thread_time=clock.thread_time, monotonic=clock.monotonic)
    monkeypatch.setattr(bridge_module, "time", fake)
    return clock


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def bridge(qtbot: QtBot, clock: Clock, session: FakeSession) -> Iterator[Bridge]:
    bridge = Bridge(0.3)
    bridge.watch(cast(Session, session))
    yield bridge
    bridge.stop()


@pytest.fixture
def ticks(qtbot: QtBot, session: FakeSession) -> Callable[[int], None]:
    """Wait until the session was asked some more times, and the answers were handed on."""

    def wait(more: int) -> None:
        wanted = session.asked + more + 1
        qtbot.waitUntil(lambda: session.asked >= wanted, timeout=20_000)

    return wait


def test_what_is_new_is_handed_on(
    bridge: Bridge, session: FakeSession, ticks: Callable[[int], None]
) -> None:
    readings, shown = Told(bridge.readings), Told(bridge.seen)
    ticks(1)
    assert readings[0] == [(READING, 12.0), (READING, 13.0)]
    assert shown[0] is session.newest


def test_nothing_new_is_not_handed_on(
    bridge: Bridge, session: FakeSession, ticks: Callable[[int], None]
) -> None:
    session.waiting, session.newest = [], None
    readings, shown = Told(bridge.readings), Told(bridge.seen)
    ticks(2)
    assert (readings, shown) == ([], [])


def test_hidden_it_draws_nothing_but_goes_on_reading(
    bridge: Bridge, ticks: Callable[[int], None]
) -> None:
    readings, shown = Told(bridge.readings), Told(bridge.seen)
    bridge.set_hidden(True)
    assert bridge.interval_ms == HIDDEN_MS
    ticks(1)
    assert shown == []
    assert len(readings) >= 1
    assert bridge.interval_ms == HIDDEN_MS
    bridge.set_hidden(False)
    assert bridge.interval_ms == FASTEST_MS
    ticks(1)
    assert len(shown) >= 1


def test_a_status_comes_four_times_a_second(
    bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    ticks(1)
    told = Told(bridge.status)
    ticks(3)
    assert told == []
    for _ in range(2):
        clock.now_s += 0.25
        ticks(1)
    assert [status.phase for status in told] == [Phase.RUNNING] * 2


def test_the_load_comes_with_the_status(
    qtbot: QtBot, bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    loads: list[float] = []
    bridge.status.connect(lambda status, load: loads.append(load))
    clock.now_s += 2
    ticks(1)
    assert len(loads) == 1
    assert 0 <= loads[0] < 1000


def test_costly_drawing_lengthens_the_pauses_to_its_share(
    bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    clock.cost_s = 0.03
    ticks(15)
    # 30 ms are 30 % of 100 ms.
    assert 90 <= bridge.interval_ms <= 100
    clock.cost_s = 0.0
    ticks(15)
    assert bridge.interval_ms == FASTEST_MS


def test_a_larger_share_draws_more_often(
    bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    bridge.cpu_share = 1.0
    clock.cost_s = 0.03
    ticks(4)
    assert bridge.interval_ms == FASTEST_MS


def test_one_slow_picture_does_not_stop_everything(
    bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    ticks(1)
    clock.spent_s += 0.1
    ticks(0)
    assert bridge.interval_ms < 200


def test_even_the_slowest_drawing_is_seen_each_second(
    bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    clock.cost_s = 1000.0
    ticks(1)
    assert bridge.interval_ms == SLOWEST_MS


def test_hidden_work_does_not_slow_what_is_shown_later(
    bridge: Bridge, clock: Clock, ticks: Callable[[int], None]
) -> None:
    bridge.set_hidden(True)
    clock.cost_s = 10.0
    ticks(1)
    clock.cost_s = 0.0
    bridge.set_hidden(False)
    ticks(1)
    assert bridge.interval_ms == FASTEST_MS


def test_events_come_from_any_thread(qtbot: QtBot, bridge: Bridge) -> None:
    event = Event(Happening.FACE_FOUND)
    here = threading.current_thread()
    told: list[tuple[Event, threading.Thread]] = []
    bridge.happened.connect(lambda event: told.append((event, threading.current_thread())))
    worker = threading.Thread(target=bridge.tell, args=(event,))
    with qtbot.waitSignal(bridge.happened):
        worker.start()
    worker.join()
    assert [event for event, _ in told] == [event]
    assert here in {thread for _, thread in told}


def test_after_the_end_nothing_is_asked(
    bridge: Bridge, session: FakeSession, ticks: Callable[[int], None]
) -> None:
    ticks(1)
    timer = bridge.findChild(QTimer)
    assert timer is not None
    assert timer.isActive()
    bridge.stop()
    assert not timer.isActive()
    asked = session.asked
    timer.timeout.emit()
    assert session.asked == asked
