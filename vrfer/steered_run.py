"""`vrfer-app run` that other programs steer over OSC: a session without a window.

What becomes of the source ends nothing: a camera that cannot be opened is tried again, and after
`/vrfer/control/stop` the program waits for `start`.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from vrfer.errors import VrferError
from vrfer.live.obeying import Steered, obey
from vrfer.live.remote import Command, Remote
from vrfer.live.session import Session
from vrfer.live.status import Event, Happening, Offer, Phase
from vrfer.live.wishes import NetworkWish, SourceWish
from vrfer.live_view import LiveView
from vrfer.outputs.osc import Receiver
from vrfer.rules import Rule
from vrfer.run_summary import Told, print_summary
from vrfer.sources.macos import notice_cameras
from vrfer.sources.opening import without_credentials

_GLANCE_S = 0.1
_TRY_AGAIN_S = 5.0
"""A source that failed is opened again after this long."""
_FAILURES = (Happening.SOURCE_FAILED, Happening.RECORDING_FAILED, Happening.PROBLEM)
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class SteeredRun:
    """What is to be run."""

    source: SourceWish
    network: NetworkWish
    receivers: tuple[Receiver, ...]
    port: int
    """UDP port on this computer, where commands are heard; 0 takes a free one."""
    person: str | None = None
    rules: tuple[Rule, ...] = ()
    record: Path | None = None
    film: bool = False
    """Whether the recording has pictures."""
    lsl: str | None = None
    """Name of the LSL streams."""
    oscquery: bool = False
    seconds: float | None = None
    bars: bool = True


class _Owner:
    """Holds the session's receivers, and opens its source."""

    def __init__(self, wanted: SteeredRun, session: Session) -> None:
        self._wanted, self._session = wanted, session
        self._receivers = wanted.receivers
        session.set_receivers(self._receivers)

    def start(self) -> None:
        self._session.start(self._wanted.source)

    def use_profile(self, profile: str) -> None:
        self._receivers = tuple(replace(one, profile=profile) for one in self._receivers)
        self._session.set_receivers(self._receivers)


def run_steered(wanted: SteeredRun, console: Console, stop: threading.Event) -> None:
    """Run until the source's file ends, the time is over, or `stop` is set.

    Args:
        wanted: What is to be run.
        console: Where it is said what happens.
        stop: Ends the run.

    Raises:
        VrferError: The port is taken, the network cannot be used, the recording cannot be made,
            or the source cannot be opened at first.
    """
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
    deadline = None if wanted.seconds is None else time.monotonic() + wanted.seconds
    with (
        Remote(commands.put, port=wanted.port) as remote,
        Session(wanted.network, on_event=events.put) as session,
        LiveView(console, without_credentials(wanted.source.spec)) as view,
    ):
        console.print(f"Commands are heard on UDP port {remote.port}")
        owner = _Owner(wanted, session)
        steered = Steered(session, owner.start, session.learn_resting, owner.use_profile)
        session.set_rules(wanted.rules)
        session.use_person(wanted.person)
        if wanted.record is not None:
            session.record(wanted.record, film=wanted.film)
        if wanted.lsl is not None:
            session.stream_lsl(wanted.lsl)
        if wanted.oscquery:
            session.serve_oscquery(remote.port)
        owner.start()
        watch = Watch(console, owner.start)
        started = False
        while not (stop.is_set() or watch.over):
            if deadline is not None and time.monotonic() >= deadline:
                break
            for command in waiting(commands):
                _obey_or_say(command, steered, console)
            for event in waiting(events):
                watch.take(event, started=started)
            started = started or session.status().frames > 0
            watch.retry(session.status().phase)
            watch.tell_offer(session.status().oscquery)
            if wanted.bars:
                for reading, latency_ms in session.take_readings()[-1:]:
                    view.show(reading, latency_ms)
            notice_cameras()
            stop.wait(_GLANCE_S)
        status = session.status()
    for event in waiting(events):
        watch.take(event, started=True)
    told = [Told(one.receiver, one.sent, one.failed, one.error) for one in status.receivers]
    away = status.source if status.phase is Phase.AWAY else None
    if watch.openings > 1:
        console.print("since the source was opened last:")
    print_summary(console, session.summary, told, away)
    if watch.lost:
        raise as_error(watch.lost)


def waiting(things: "queue.SimpleQueue[Thing]") -> Iterator[Thing]:
    """Yield what waits in a queue."""
    with contextlib.suppress(queue.Empty):
        while True:
            yield things.get_nowait()


def as_error(line: str) -> VrferError:
    """Return an error that reads as a session told it."""
    message, _, remedy = line.partition(". ")
    return VrferError(message, remedy)


def _obey_or_say(command: Command, steered: Steered, console: Console) -> None:
    try:
        obey(command, steered)
    except VrferError as err:
        console.print(str(err))


class Watch:
    """Says what happens, and decides what ends the run."""

    def __init__(self, console: Console, start: Callable[[], None]) -> None:
        """Begin with nothing said; `start` opens the source again."""
        self.over = False
        """Whether there is nothing left to run."""
        self.lost = ""
        """What the recording lost, in words."""
        self.openings = 0
        """How often the source was opened."""
        self._console = console
        self._start = start
        self._again_s: float | None = None
        self._told_address = ""

    def take(self, event: Event, *, started: bool) -> None:
        """Take in an event; what fails before the first frame ends the run, as bad input."""
        happening = event.happening
        if not started and happening in _FAILURES:
            raise as_error(event.text)
        said = f"{happening.value}: {event.text}" if event.text else happening.value
        self._console.print(said)
        if happening is Happening.SOURCE_OPENED:
            self.openings += 1
            self._again_s = None
        elif happening is Happening.SOURCE_FAILED:
            self._again_s = time.monotonic() + _TRY_AGAIN_S
        elif happening is Happening.SOURCE_ENDED:
            self.over = True
        elif happening is Happening.RECORDING_FAILED:
            self.lost = event.text

    def tell_offer(self, offer: Offer | None) -> None:
        """Say once where OSCQuery is served."""
        if offer is not None and offer.address != self._told_address:
            self._told_address = offer.address
            self._console.print(f"OSCQuery: {offer.name} at {offer.address}")

    def retry(self, phase: Phase) -> None:
        """Open a source again that failed a while ago, unless it was closed since."""
        if self._again_s is not None and time.monotonic() >= self._again_s:
            self._again_s = None
            if phase is Phase.FAILED:
                self._start()
