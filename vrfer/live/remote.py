"""OSC in: other programs start, stop, pause, recalibrate and mark.

| address                      | argument                                                      |
|------------------------------|---------------------------------------------------------------|
| `/vrfer/control/start`       | none                                                          |
| `/vrfer/control/stop`        | none                                                          |
| `/vrfer/control/pause`       | int or bool: 1 pauses, 0 goes on; without one it changes over |
| `/vrfer/control/recalibrate` | none, or a string: whose baseline is made anew                |
| `/vrfer/control/neutral`     | int or bool: 1 holds neutral, 0 releases it; or none          |
| `/vrfer/control/marker`      | string or number, or none                                     |
| `/vrfer/control/profile`     | string: the OSC profile of all receivers                      |
| `/avatar/change`             | VRChat's own: everything is sent anew                         |

Anything else does nothing.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

from vrfer.listen import Heard, Listener

logger = logging.getLogger(__name__)

DEFAULT_PORT = 9010
LOOPBACK = "127.0.0.1"
MOST_A_SECOND = 20
"""More commands than this within a second are dropped: a program gone wild must not steer."""
MOST_MARKERS_A_SECOND = 100
"""The same for markers, which may be every trigger of an experiment."""
LONGEST_TEXT = 200
_PREFIX = "/vrfer/control/"
_WAIT_S = 0.2
_QUIET_S = 10.0
"""After so long without any it is said again that commands are dropped."""


class Deed(Enum):
    """What may be asked for; each value is the last part of its address."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RECALIBRATE = "recalibrate"
    NEUTRAL = "neutral"
    MARKER = "marker"
    PROFILE = "profile"
    REFRESH = "refresh"
    """Everything is sent anew: VRChat has loaded another avatar."""


@dataclass(frozen=True, slots=True)
class Command:
    """One deed that was asked for."""

    deed: Deed
    on: bool | None = None
    """For `PAUSE` and `NEUTRAL`; None changes over."""
    text: str = ""
    """A marker's text, a person's or a profile's name."""
    moment: tuple[int, int] | None = field(default=None, compare=False)
    """When it was heard, by `time.time_ns()` and `time.perf_counter_ns()`."""


def as_command(message: Heard) -> Command | None:
    """Return what a message asks for; None where it asks for nothing that is known."""
    if message.address == "/avatar/change":
        return Command(Deed.REFRESH)
    name = message.address.removeprefix(_PREFIX)
    known = {deed.value: deed for deed in Deed if deed is not Deed.REFRESH}
    if name == message.address or name not in known:
        return None
    return _with_argument(known[name], message.arguments)


def _with_argument(deed: Deed, arguments: Sequence[object]) -> Command | None:
    first = arguments[0] if arguments else None
    if deed in (Deed.PAUSE, Deed.NEUTRAL):
        if first is None:
            return Command(deed)
        # A float that is no number is neither on nor off.
        usable = isinstance(first, int | float) and not math.isnan(first)
        return Command(deed, on=bool(first)) if usable else None
    if deed in (Deed.RECALIBRATE, Deed.MARKER, Deed.PROFILE):
        if first is None:
            return None if deed is Deed.PROFILE else Command(deed)
        if deed is Deed.MARKER and isinstance(first, int | float):
            first = str(first)  # a trigger's code
        if deed is Deed.RECALIBRATE and isinstance(first, int | float):
            return Command(deed) if first > 0 else None  # a button that is pressed, or released
        if not isinstance(first, str):
            return None
        text = "".join(letter for letter in first if letter.isprintable())[:LONGEST_TEXT]
        return Command(deed, text=text.strip())
    return Command(deed)


class Remote:
    """Listens in a thread; a context manager."""

    def __init__(
        self,
        on_command: Callable[[Command], None],
        *,
        port: int = DEFAULT_PORT,
        host: str = LOOPBACK,
    ) -> None:
        """Open the port and listen.

        Args:
            on_command: Called in the listening thread; must be quick.
            port: 0 takes any free one; see `port`.
            host: "" hears other computers too.

        Raises:
            OutputError: The port is taken.
        """
        self._on_command = on_command
        self._listener = Listener(port, host)
        self.port = self._listener.port
        """The port that is listened to."""
        self.dropped = 0
        """Commands and markers that came too fast."""
        self._recent: dict[bool, deque[float]] = {True: deque(), False: deque()}
        """When markers (True) and other commands (False) came ..."""
        self._dropped_s = {True: -math.inf, False: -math.inf}
        """... and when some of them were last dropped."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="vrfer-remote", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Stop listening; more calls do nothing."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        self._listener.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            messages = self._listener.packet(_WAIT_S) or []
            moment = time.time_ns(), time.perf_counter_ns()
            for message in messages:
                command = as_command(message)
                if command is not None and self._allowed(command):
                    self._on_command(replace(command, moment=moment))

    def _allowed(self, command: Command) -> bool:
        now_s = time.monotonic()
        marks = command.deed is Deed.MARKER
        recent = self._recent[marks]
        while recent and recent[0] <= now_s - 1.0:
            recent.popleft()
        if len(recent) >= (MOST_MARKERS_A_SECOND if marks else MOST_A_SECOND):
            if now_s - self._dropped_s[marks] > _QUIET_S:
                what = "markers" if marks else "commands"
                logger.warning("%s over OSC come too fast; some are dropped", what)
            self._dropped_s[marks] = now_s
            self.dropped += 1
            return False
        recent.append(now_s)
        return True
