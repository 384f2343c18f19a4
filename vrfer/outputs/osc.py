"""OSC output: one bundle a processed frame, to any number of receivers.

Addresses of the `generic` profile (OSC 1.0; every argument is an int32, a float32 or a string):

| address                        | argument                                            |
|--------------------------------|-----------------------------------------------------|
| `/vrfer/<expression>`, eight   | float, steady probability 0-1                       |
| `/vrfer/probabilities`         | the same eight floats in one message                |
| `/vrfer/label`                 | string, the steady label; `none` without a face     |
| `/vrfer/label/id`              | int, its index; -1 without a face                   |
| `/vrfer/confidence`            | float, steady probability of the label              |
| `/vrfer/unsure`                | int, 1 while the network cannot tell                |
| `/vrfer/face`                  | int, 1 while a lower face is seen                   |

The bundle's time tag is the capture time. Sending never waits and never fails: what does not go
out is counted.
"""

import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading

logger = logging.getLogger(__name__)

PREFIX = "/vrfer"
LOWEST_RATE_HZ = 0.001
PROFILES = ("generic",)
"""Names of the known address layouts."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where to send, how, and how often."""

    host: str
    port: int
    profile: str = "generic"
    rate_hz: float | None = None
    """At most this many bundles a second of capture time; None sends every processed frame."""

    def __str__(self) -> str:
        """Return the address as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_receiver(text: str, *, default_profile: str = "generic") -> Receiver:
    """Read `HOST:PORT[,profile=NAME][,hz=N]`; an IPv6 address stands in brackets.

    Raises:
        OutputError: The text is not of this form, or names an unknown profile.
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
    if profile not in PROFILES:
        raise OutputError(
            f"there is no OSC profile {profile!r}", f"Known profiles: {', '.join(PROFILES)}."
        )
    return Receiver(host, port, profile, rate_hz)


def _is_rate(text: str) -> bool:
    try:
        return LOWEST_RATE_HZ <= float(text) < float("inf")
    except ValueError:
        return False


def encode_bundle(reading: Reading) -> bytes:
    """Encode a reading as one OSC bundle of the generic profile, below 1,432 bytes."""
    bundle = OscBundleBuilder(reading.captured_unix_ns / 1e9)  # type: ignore[arg-type] # takes floats
    # python-osc refuses numpy's own number types.
    probabilities = [float(p) for p in reading.steady]
    messages: list[tuple[str, Sequence[float | int | str]]] = [
        (f"{PREFIX}/face", [int(reading.face is not None)]),
        (f"{PREFIX}/label", [reading.label]),
        (f"{PREFIX}/label/id", [int(reading.label_id)]),
        (f"{PREFIX}/confidence", [reading.confidence]),
        (f"{PREFIX}/unsure", [int(reading.unsure)]),
        *((f"{PREFIX}/{name}", [p]) for name, p in zip(EXPRESSIONS, probabilities, strict=True)),
        (f"{PREFIX}/probabilities", probabilities),
    ]
    for address, arguments in messages:
        message = OscMessageBuilder(address)
        for argument in arguments:
            message.add_arg(argument)
        bundle.add_content(message.build())
    encoded: bytes = bundle.build().dgram
    return encoded


class OscSender:
    """Sends bundles to one receiver; a context manager."""

    def __init__(self, receiver: Receiver) -> None:
        """Look the host up and open a socket that never blocks.

        Raises:
            OutputError: The host's name is not known.
        """
        self.receiver = receiver
        self.sent = 0
        """Bundles handed to the network."""
        self.failed = 0
        """Bundles that the network did not take."""
        self.last_error = ""
        """The last failure in the system's words, empty if there was none."""
        self._next_s: float | None = None
        self._failing = False
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
        try:
            self._socket = socket.socket(family, kind, proto)
        except OSError as err:
            raise OutputError(
                f"this computer cannot send to {receiver}: {err.strerror or err}",
                "Write an IPv4 address.",
            ) from err
        self._socket.setblocking(False)

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
        """Send a reading if it is due, or whatever the rate says."""
        if at_once or self.is_due(reading):
            self.send(encode_bundle(reading))

    def is_due(self, reading: Reading) -> bool:
        """Whether the receiver's rate, counted in capture time, allows a bundle now."""
        rate = self.receiver.rate_hz
        if rate is None:
            return True
        now_s = reading.captured_ns / 1e9 if reading.source_s is None else reading.source_s
        interval_s = 1 / rate
        if self._next_s is None or abs(now_s - self._next_s) > 2 * interval_s:
            self._next_s = now_s  # the first frame, a gap, or a file played anew
        if now_s < self._next_s - interval_s * 1e-6:
            return False
        self._next_s += interval_s
        return True

    def send(self, bundle: bytes) -> None:
        """Send an encoded bundle; a failure is counted, and logged when it begins and ends."""
        try:
            self._socket.sendto(bundle, self._address)
        except OSError as err:
            self.failed += 1
            self.last_error = err.strerror or str(err)
            if not self._failing:
                logger.warning("OSC to %s fails: %s", self.receiver, self.last_error)
            self._failing = True
            return
        self.sent += 1
        if self._failing:
            logger.info("OSC to %s works again", self.receiver)
        self._failing = False
