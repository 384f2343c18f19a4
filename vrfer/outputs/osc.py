"""OSC output: each processed frame, to any number of receivers, as their profiles say.

Sending never waits and never fails: what does not go out is counted. A bundle's time tag is the
capture time on this computer, and "immediately" for others: their clocks may be behind, and OSC 1.0
lets them hold back what seems to come from the future.
"""

import contextlib
import ipaddress
import logging
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Self

from vrfer.errors import OutputError
from vrfer.frames import Reading
from vrfer.outputs.changes import Changes
from vrfer.outputs.messages import Message, encode_packets, example_reading, messages_of
from vrfer.outputs.profiles import LOWEST_RATE_HZ, PROFILES, load_profile

__all__ = ["LOWEST_RATE_HZ", "PROFILES", "OscSender", "Receiver", "parse_receiver"]

logger = logging.getLogger(__name__)

_LARGEST_PACKET = 65_535
_MOST_REFUSALS = 4
"""So many refusals of earlier packets may stand in the way of one."""
_EVENTS_EVERY_NS = 1_000_000_000
"""Less than the silence after which scenes go to rest and forget their events: 2 s."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send, how, and how often."""

    host: str
    port: int
    profile: str = "generic"
    """Name or file of the address layout, as `load_profile` takes it."""
    rate_hz: float | None = None
    """At most this many frames a second of capture time; None leaves it to the profile."""

    def __str__(self) -> str:
        """Return the address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_receiver(text: str, *, default_profile: str = "generic") -> Receiver:
    """Read `HOST:PORT[,profile=NAME][,hz=N]`; an IPv6 address stands in brackets.

    Args:
        text: What the user wrote. NAME is a shipped profile, one of the user's own, or a path
            that ends with `.toml` and holds no comma.
        default_profile: Where the text names none.

    Raises:
        OutputError: The text is not of this form, or the profile is unknown or unusable.
    """
    address, *options = text.split(",")
    host, colon, port_text = address.rpartition(":")
    host = host.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or "[" in host:
        host = ""
    port = int(port_text) if port_text.isascii() and port_text.isdigit() else 0
    if not colon or not host or not 1 <= port <= 65535:
        raise OutputError(
            f"{text!r} is no OSC receiver",
            "Write HOST:PORT with a port from 1 to 65535, for example 127.0.0.1:9000.",
        )
    profile, rate_hz = default_profile, None
    for option in options:
        name, _, value = option.partition("=")
        if name == "profile":
            profile = value
        elif name == "hz" and _is_rate(value):
            rate_hz = float(value)
        else:
            raise OutputError(
                f"{option!r} is no option of the OSC receiver {address}",
                f"Known are profile=NAME and hz=N with N from {LOWEST_RATE_HZ} up.",
            )
    load_profile(profile)
    return Receiver(host, port, profile, rate_hz)


def _is_rate(text: str) -> bool:
    try:
        return LOWEST_RATE_HZ <= float(text) < float("inf")
    except ValueError:
        return False


class OscSender:
    """Tells one receiver of readings; a context manager, used by one thread."""

    def __init__(self, receiver: Receiver) -> None:
        """Load the profile, look the host up and open a socket that never blocks.

        Raises:
            OutputError: The host's name is not known, or the profile cannot be used.
        """
        self.receiver = receiver
        self.profile = load_profile(receiver.profile)
        self.sent = 0
        """Packets handed to the network."""
        self.failed = 0
        """Packets that the network did not take."""
        self.last_error = ""
        """The last failure in the system's words, empty if there was none."""
        rates = (receiver.rate_hz, self.profile.sending.rate_hz)
        self._rate_hz = min((rate for rate in rates if rate is not None), default=None)
        self._next_s: float | None = None
        self._changes = Changes(self.profile.sending)
        self._events: dict[str, int] = {}
        self._events_anew = False
        self._events_ns = 0
        self._failing = False
        self._face_s: float | None = None
        try:
            known = socket.getaddrinfo(receiver.host, receiver.port, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as err:
            raise OutputError(
                f"the OSC receiver {receiver} is unknown: no computer is named {receiver.host!r}",
                "Check the name, or write its IP address.",
            ) from err
        # VR programs listen on IPv4, yet systems may list `localhost` as ::1 first.
        family, kind, proto, _, address = min(known, key=lambda one: one[0] != socket.AF_INET)
        self._address = address
        self._addresses = frozenset(str(one[4][0]) for one in known)
        try:
            self._socket = socket.socket(family, kind, proto)
        except OSError as err:
            raise OutputError(
                f"this computer cannot send to {receiver}: {err.strerror or err}",
                "Write an IPv4 address.",
            ) from err
        self._socket.setblocking(False)
        if family == socket.AF_INET:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # Connected, a socket is told when nobody listens on a port of this computer. To other
        # computers it stays free, so that it survives a change of the network.
        self._connects = ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback
        self._connected = False

    @property
    def address(self) -> str:
        """The IP address that the host's name stands for."""
        return str(self._address[0])

    @property
    def addresses(self) -> frozenset[str]:
        """All IP addresses that the host's name stands for."""
        return self._addresses

    @property
    def loses_packets(self) -> bool:
        """Whether packets may get lost on their way: the receiver is another computer."""
        return not self._connects

    @property
    def error(self) -> str:
        """Why the last packet did not go out, in the system's words; empty if it did."""
        return self.last_error if self._failing else ""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the socket."""
        self.close()

    def close(self) -> None:
        """Close the socket; more calls do nothing."""
        self._socket.close()

    def take(self, reading: Reading, *, at_once: bool = False) -> None:
        """Tell the receiver what the profile and the rate allow, or everything at once."""
        now_s = reading.timeline_s
        if not at_once and self._holds_the_face(reading, now_s):
            return
        messages = messages_of(self.profile, reading)
        places = self._changes.pending(messages, now_s, everything=at_once)
        if not places or not (at_once or self.is_due(reading)):
            return
        packets = encode_packets(
            [messages[place] for place in places],
            self._tag(reading.captured_unix_ns),
            bundled=self.profile.sending.bundle,
        )
        taken = [self.send(packet) for packet in packets]
        if all(taken):
            self._changes.told(messages, places, now_s)

    def refresh(self) -> None:
        """Let the next frame and the events that last be told in full, whatever the rate."""
        self._begin_anew()
        self._events_anew = True

    def show_events(
        self, active: Sequence[str], unix_ns: int, *, known: Sequence[str] = ()
    ) -> None:
        """Send what the receiver does not know of the rules' events, at the profile's address.

        What the network does not take is sent again with the next call. Other computers, on the
        way to which packets get lost, are told all once a second; this one, what lasts, after a
        silence in which scenes may have forgotten it. Where events are bool parameters, which
        VRChat keeps for each avatar, what does not last is told as well, at first and where
        everything is told anew. To be called with every reading.

        Args:
            active: Names of the rules whose event lasts.
            unix_ns: The moment, nanoseconds since the Unix epoch.
            known: Names of all rules that are followed.
        """
        long_ago = abs(unix_ns - self._events_ns) >= _EVENTS_EVERY_NS
        asked, self._events_anew = self._events_anew, False
        if long_ago or self._connects:
            self._events_ns = unix_ns
        kept = self.profile.events.type == "bool"
        names = [*self._events, *known] if kept else self._events
        now = dict.fromkeys(names, 0) | dict.fromkeys(active, 1)
        for name, value in sorted(now.items(), key=itemgetter(1)):
            lasts_or_is_lost = value == 1 or self.loses_packets
            repeated = (asked and kept) or ((asked or long_ago) and lasts_or_is_lost)
            if value == self._events.get(name, None if kept else 0) and not repeated:
                continue
            if self._tell_event(name, value, unix_ns):
                self._events[name] = value
            else:
                self._events_anew |= asked or long_ago

    def _tell_event(self, name: str, value: int, unix_ns: int) -> bool:
        layout = self.profile.events
        message = Message(layout.address_of(name), (layout.value_of(value),))
        packets = encode_packets([message], self._tag(unix_ns), bundled=self.profile.sending.bundle)
        return all(self.send(packet) for packet in packets)

    def _holds_the_face(self, reading: Reading, now_s: float) -> bool:
        """Whether a face that is gone for a moment is not yet told to be."""
        if reading.face is not None:
            self._face_s = now_s
            return False
        seen_s = self._face_s
        return seen_s is not None and 0 <= now_s - seen_s < self.profile.sending.hold_face_s

    def _tag(self, unix_ns: int) -> int | None:
        return unix_ns if self._connects else None

    def show(self, label_id: int) -> None:
        """Send one expression at 1, the others at 0: for tests of the scene.

        The next frame is told in full, for the scene shows no reading now.
        """
        pattern = example_reading(label_id, time.perf_counter_ns(), time.time_ns())
        self.take(pattern, at_once=True)
        self._begin_anew()

    def is_due(self, reading: Reading) -> bool:
        """Whether the rate, counted in capture time, allows a frame now; if so, it is counted."""
        rate = self._rate_hz
        if rate is None:
            return True
        now_s = reading.timeline_s
        interval_s = 1 / rate
        if self._next_s is None or abs(now_s - self._next_s) > 2 * interval_s:
            self._next_s = now_s  # the first frame, a gap, or a file played anew
        if now_s < self._next_s - interval_s * 1e-6:
            return False
        self._next_s += interval_s
        return True

    def send(self, packet: bytes) -> bool:
        """Send an encoded packet; a failure is counted, and logged when it begins and ends.

        Returns:
            Whether the network took it.
        """
        refused = False
        for _ in range(_MOST_REFUSALS):
            try:
                self._hand_over(packet)
            except (ConnectionRefusedError, ConnectionResetError):
                # That is about an earlier packet, which counted as sent; this one did not leave.
                refused = True
                self.sent -= 1
                self.failed += 1
                continue
            except OSError as err:
                self.failed += 1
                self._fail(err.strerror or str(err))
                return False
            self.sent += 1
            if refused:
                self._fail("nothing listens there")
            elif self._failing:
                self._failing = False
                self._events_anew = True  # for a program that was started meanwhile
                logger.info("OSC to %s works again", self.receiver)
            return True
        self.failed += 1
        self._fail("nothing listens there")
        return False

    def _hand_over(self, packet: bytes) -> None:
        if self._connects and not self._connected:
            self._socket.connect(self._address)  # fails while the network is down
            self._connected = True
        if self._connected:
            # Windows tells of refusals where packets are received, and nowhere else.
            with contextlib.suppress(BlockingIOError):
                self._socket.recv(_LARGEST_PACKET)
            self._socket.send(packet)
        else:
            self._socket.sendto(packet, self._address)

    def _begin_anew(self) -> None:
        self._changes.forget()
        self._next_s = None

    def _fail(self, why: str) -> None:
        self.last_error = why
        if not self._failing:
            logger.warning("OSC to %s fails: %s", self.receiver, why)
        self._failing = True
