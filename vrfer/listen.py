"""An OSC monitor: a receiver that prints or keeps what it hears.

Malformed packets are counted and change nothing.
"""

import contextlib
import errno
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

import psutil
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle import ParseError as BundleParseError
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as MessageParseError
from pythonosc.parsing import osc_types

from vrfer.errors import OutputError

Argument: TypeAlias = object
_LARGEST_PACKET = 65_535
_BUNDLE_HEAD = 16
"""Bytes before a bundle's first element: its mark and its time tag."""
_TYPES = frozenset("ihfdsbrmtTFN[]")
"""The types of arguments that python-osc reads."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One OSC message."""

    address: str
    arguments: tuple[Argument, ...]
    captured_unix_s: float | None
    """Time tag of its bundle, seconds since the Unix epoch; None outside of bundles and where the
    tag says "immediately"."""


class Listener:
    """A UDP socket that hears OSC; a context manager."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        """Open the port.

        Args:
            port: 0 takes any free one; see `port`.
            host: Where to listen; "" means every interface.

        Raises:
            OutputError: The port is taken or not allowed.
        """
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            if sys.platform == "win32":
                _refuse_what_others_hear(port)
            self._socket.bind((host, port))
        except OSError as err:
            self._socket.close()
            raise OutputError(
                f"UDP port {port} cannot be listened to: {err.strerror or err}",
                "Close the program that uses it, or choose another port.",
            ) from err
        self.port: int = self._socket.getsockname()[1]
        self.packets = 0
        """Packets that were heard."""
        self.malformed = 0
        """Packets that were no OSC."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the port."""
        self.close()

    def close(self) -> None:
        """Close the port; more calls do nothing."""
        self._socket.close()

    def packet(self, timeout_s: float) -> list[Heard] | None:
        """Return the messages of the next packet, or None when none came in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._socket], [], [], max(0.0, left))
            if not ready:
                return None
            data = self._socket.recv(_LARGEST_PACKET)
            try:
                messages = list(decode(data))
            except (BundleParseError, MessageParseError, ValueError, IndexError):
                self.malformed += 1
                continue
            self.packets += 1
            return messages

    def until(self, stop: threading.Event) -> Iterator[list[Heard]]:
        """Yield the messages of packet after packet until an event is set."""
        while not stop.is_set():
            messages = self.packet(0.1)
            if messages is not None:
                yield messages


def _refuse_what_others_hear(port: int) -> None:
    """Refuse a port on which another program hears every address.

    Windows would let this one have the loopback address, and the other one hear nothing more
    (Microsoft, "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE").

    Raises:
        OSError: There is such a program.
    """
    with contextlib.suppress(psutil.Error):
        heard = [other.laddr for other in psutil.net_connections("udp4")]
        if any(one and one.port == port and one.ip == "0.0.0.0" for one in heard):
            raise OSError(errno.EADDRINUSE, "another program listens to it")


def decode(packet: bytes) -> Iterator[Heard]:
    """Yield the messages of an OSC packet in their order, those of nested bundles too.

    Bundles are taken apart here: python-osc 1.10 never returns from an element of negative size,
    and exceeds Python's stack where bundles are nested a few hundred deep.

    Raises:
        ParseError: It is neither a message nor a bundle.
    """
    waiting: list[tuple[bytes, float | None]] = [(packet, None)]
    while waiting:
        part, captured_unix_s = waiting.pop()
        if OscBundle.dgram_is_bundle(part):
            tag = OscBundle(part[:_BUNDLE_HEAD]).timestamp
            time_s = None if tag == osc_types.IMMEDIATELY else tag
            waiting.extend((element, time_s) for element in reversed(_elements(part)))
        elif OscMessage.dgram_is_message(part):
            message = OscMessage(_with_known_types(part))
            yield Heard(message.address, tuple(message.params), captured_unix_s)
        else:
            raise MessageParseError("neither an OSC message nor a bundle")


def _with_known_types(message: bytes) -> bytes:
    """Return a message without types that python-osc passes over.

    It logs each, and reads what follows shifted. An impulse, which holds nothing, becomes nil.

    Raises:
        ParseError: There is one.
    """
    try:
        _, at = osc_types.get_string(message, 0)
        types = osc_types.get_string(message, at)[0] if at < len(message) else ""
    except osc_types.ParseError as err:
        raise MessageParseError("a text that does not end") from err
    if unknown := set(types[1:]) - _TYPES - {"I"}:
        raise MessageParseError(f"arguments of unknown types: {', '.join(sorted(unknown))}")
    known = types.replace("I", "N").encode()
    return message[:at] + known + message[at + len(known) :]


def _elements(bundle: bytes) -> list[bytes]:
    elements, start = [], _BUNDLE_HEAD
    while start < len(bundle):
        size = int.from_bytes(bundle[start : start + 4], "big", signed=True)
        start += 4
        if not 0 < size <= len(bundle) - start:
            raise BundleParseError(f"an element of {size} bytes does not fit into its bundle")
        elements.append(bundle[start : start + size])
        start += size
    return elements


def as_line(heard: Heard) -> str:
    """Return a message as one line for people, whatever its sender put into it."""
    return " ".join(map(_word, (heard.address, *heard.arguments)))


def _word(argument: Argument) -> str:
    if isinstance(argument, float):
        return f"{argument:.4f}"
    try:
        text = str(argument)
    except RecursionError:
        return "[...]"  # arrays in arrays, a thousand deep
    return text if text.isprintable() else repr(text)
