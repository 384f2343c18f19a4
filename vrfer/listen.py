"""An OSC monitor: a receiver that prints or keeps what it hears.

Malformed packets are counted and change nothing.
"""

import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self, TypeAlias

from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle import ParseError as BundleParseError
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as MessageParseError

from vrfer.errors import OutputError

Argument: TypeAlias = object
_LARGEST_PACKET = 65_535


@dataclass(frozen=True, slots=True)
class Heard:
    """One OSC message."""

    address: str
    arguments: tuple[Argument, ...]
    captured_unix_s: float | None
    """Time tag of its bundle, seconds since the Unix epoch; None outside of bundles."""


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
            self._socket.bind((host, port))
        except OSError as err:
            self._socket.close()
            raise OutputError(
                f"UDP port {port} cannot be listened to: {err.strerror or err}",
                "Close the program that uses it, or choose another with --port.",
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


def decode(packet: bytes) -> Iterator[Heard]:
    """Yield the messages of an OSC packet, those of nested bundles too.

    Raises:
        ParseError: It is neither a message nor a bundle.
    """
    if not OscBundle.dgram_is_bundle(packet):
        message = OscMessage(packet)
        yield Heard(message.address, tuple(message.params), None)
        return
    open_bundles = [OscBundle(packet)]
    while open_bundles:
        bundle = open_bundles.pop()
        for content in bundle:
            if isinstance(content, OscBundle):
                open_bundles.append(content)
            else:
                yield Heard(content.address, tuple(content.params), bundle.timestamp)


def as_line(heard: Heard) -> str:
    """Return a message as one line for people."""
    arguments = " ".join(f"{a:.4f}" if isinstance(a, float) else str(a) for a in heard.arguments)
    return f"{heard.address} {arguments}"
