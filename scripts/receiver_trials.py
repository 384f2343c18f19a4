"""What a trial of a receiver is: what vrfer sent, what was heard, and how the two compare."""

import math
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, Self

from app_runs import until

from vrfer.expressions import EXPRESSIONS
from vrfer.listen import Heard, decode
from vrfer.outputs.messages import Message, encode_packets

END: Final = "/vrfer/event/end"
"""The script's own last message, with 1: what was sent before it has been heard."""
SPEAKS_GENERIC: Final = "It understands the addresses of `generic` and values from 0 to 1."
WITHIN: Final = 1e-3
"""Share of a value, or of 1 where that is more, by which what is printed may differ from what was
sent: programs print few digits."""
GENERIC_LIKE: Final = ("generic", "unreal")
"""Profiles with the addresses and the range of `generic`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What vrfer sent in one run, as it came out of a socket that heard the same."""

    profile: str
    packets: tuple[bytes, ...]
    messages: tuple[Heard, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Take the packets apart."""
        told = tuple(one for packet in self.packets for one in decode(packet))
        object.__setattr__(self, "messages", told)

    def of(self, address: str) -> list[object]:
        """Return the first argument of every message with an address, in their order."""
        return [one.arguments[0] for one in self.messages if one.address == address]

    @property
    def labels(self) -> list[str]:
        """The labels in the order in which they appeared."""
        return [str(label) for label, _ in groupby(self.of("/vrfer/label"))]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receiver heard."""

    heard: int
    of: int
    unit: str
    """What was counted."""
    equal: str
    """What was equal; empty where something was not."""
    problem: str = ""
    """What was not equal."""

    @property
    def is_good(self) -> bool:
        """Whether everything was heard, and as it was sent."""
        return self.heard == self.of > 0 and not self.problem

    def __str__(self) -> str:
        """Return it as a cell of the table."""
        if self.problem:
            return f"BAD: {self.heard:,} of {self.of:,} {self.unit}; {self.problem}"
        return f"run: {self.heard:,} of {self.of:,} {self.unit}, {self.equal} equal"


@dataclass(frozen=True, slots=True)
class Trial:
    """A receiver that runs."""

    port: int
    verdict: Callable[[Sent], Verdict]
    """Called once, after everything was sent: asks what was heard and compares."""
    folder: Path | None = None
    """Where it left pictures, if it draws."""


class MissingError(Exception):
    """A program is not installed; names it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A receiver: one column of the table."""

    title: str
    about: str
    """What runs, and what is compared: its footnote."""
    version: Callable[[], str]
    """Which version of its programs is here.

    Raises:
        MissingError: One is not.
    """
    start: Callable[[str, Path], AbstractContextManager[Trial]]
    """Starts it for a profile, with a folder for files."""
    profiles: tuple[str, ...] | None = None
    """Profiles that it is meant for; None: every one."""
    why_not: str = ""
    """Why it is not meant for the others."""


class Tap:
    """A socket that keeps packets as they come; a context manager."""

    def __init__(self) -> None:
        """Listen at a free port."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self.packets: list[bytes] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tap", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def all(self) -> tuple[bytes, ...]:
        """Return what was heard, once it is silent."""
        before = -1
        while len(self.packets) != before:
            before = len(self.packets)
            time.sleep(0.3)
        return tuple(self.packets)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self.packets.append(self._socket.recv(65_535))
            except TimeoutError:
                continue


def send_end(port: int) -> None:
    """Send the last message to a receiver."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in encode_packets([Message(END, (1,))], time.time_ns(), bundled=False):
            sender.sendto(packet, ("127.0.0.1", port))


def same(heard: object, sent: object) -> bool:
    """Return whether an argument, perhaps as text, is what was sent."""
    if isinstance(sent, str):
        return heard == sent
    try:
        number, wanted = float(str(heard)), float(sent)  # type: ignore[arg-type]
    except ValueError:
        return str(heard) == str(sent)
    return math.isclose(number, wanted, rel_tol=WITHIN, abs_tol=WITHIN)


def compare(
    heard: Sequence[tuple[str, Sequence[object]]], sent: Sequence[Heard], what: str = "all values"
) -> Verdict:
    """Compare messages with those that were sent.

    Args:
        heard: Addresses and arguments, these perhaps as text, in the order of their coming.
        sent: What was sent.
        what: What is said to be equal if it is.
    """
    wrong = ""
    for (address, arguments), message in zip(heard, sent, strict=False):
        equal = address == message.address and len(arguments) == len(message.arguments)
        if not (equal and all(map(same, arguments, message.arguments))):
            wrong = f"{address} {list(arguments)} where {message} was sent"
            break
    return Verdict(len(heard), len(sent), "messages", what, wrong)


def judged(
    counts: tuple[int, int], unit: str, pairs: Iterable[tuple[str, object, object]]
) -> Verdict:
    """Compare what a receiver made of the messages.

    Args:
        counts: How many packets or messages were heard, and sent.
        unit: What they are.
        pairs: What is compared: its name, as it was heard, and as it was sent. Numbers lie in
            lists.
    """
    named = []
    for name, heard, sent in pairs:
        named.append(name)
        wrong = difference(heard, sent)
        if wrong:
            return Verdict(*counts, unit, "", f"{name}: {wrong}")
    return Verdict(*counts, unit, " and ".join(filter(None, (", ".join(named[:-1]), named[-1]))))


def difference(heard: object, sent: object) -> str:
    """Return where two values or lists differ, in words; empty where they do not."""
    if not (isinstance(heard, list) and isinstance(sent, list)):
        return "" if same(heard, sent) else f"{heard} where {sent} was sent"
    for place, (one, other) in enumerate(zip(heard, sent, strict=False)):
        if not same(one, other):
            return f"{one} where {other} was sent, at {place}"
    return "" if len(heard) == len(sent) else f"{len(heard)} where {len(sent)} were sent"


def first_line(*command: str) -> str:
    """Return the first line that a program says of its version."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    return next((line.strip() for line in lines if line.strip()), "")


def wait_until_listening(port: int) -> None:
    """Wait until a program of this computer listens at a port."""

    def listens() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return True
        return False

    until(listens, f"someone to listen at port {port}")


def needs(*programs: str, package: str) -> None:
    """Check that programs are installed.

    Raises:
        MissingError: One is not.
    """
    for program in programs:
        if shutil.which(program) is None:
            raise MissingError(f"{program} is not installed (Debian: {package})")


def events_of(sent: Sent) -> list[object]:
    """Return the events that were sent, each with its argument."""
    return [
        f"{one.address} {one.arguments[0]}"
        for one in sent.messages
        if one.address.startswith("/vrfer/event/")
    ]


def told_events(sent: Sent) -> list[tuple[str, bool]]:
    """Return the events that were sent."""
    words = [str(one).split() for one in events_of(sent)]
    return [(address.rpartition("/")[2], value == "1") for address, value in words]


def last_values(sent: Sent, scale: float = 1.0) -> list[object]:
    """Return the eight values of the last frame that was sent."""
    values = [sent.of(f"/vrfer/{name}")[-1] for name in EXPRESSIONS]
    return [scale * value for value in values if isinstance(value, float)]
