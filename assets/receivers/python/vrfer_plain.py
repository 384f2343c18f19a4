"""Hears vrfer without any package: a UDP socket and an OSC 1.0 reader to copy.

python vrfer_plain.py [PORT]
"""

import socket
import struct
import sys
from collections.abc import Iterator

Argument = int | float | str | bytes
_DEEPEST_BUNDLE = 32
_HEAD = 16


class Malformed(ValueError):
    """A packet is no OSC 1.0."""


def read_packet(packet: bytes, depth: int = 0) -> Iterator[tuple[str, list[Argument]]]:
    """Yield address and arguments of each message, those inside of bundles too.

    Args:
        packet: As it came over the network. Arguments of the types i, f, s and b are read.
        depth: How many bundles it lies in.

    Raises:
        Malformed: It is no OSC. Messages before the fault may have been yielded.
    """
    if len(packet) % 4 or not packet:
        raise Malformed("its size is no multiple of 4")
    if packet.startswith(b"/"):
        yield _read_message(packet)
        return
    if not packet.startswith(b"#bundle\0") or len(packet) < _HEAD or depth >= _DEEPEST_BUNDLE:
        raise Malformed("neither a message nor a bundle")
    at = _HEAD
    while at < len(packet):
        (size,) = struct.unpack_from(">i", packet, at)
        at += 4
        if not 0 < size <= len(packet) - at:
            raise Malformed("an element does not fit")
        yield from read_packet(packet[at : at + size], depth + 1)
        at += size


def _read_message(packet: bytes) -> tuple[str, list[Argument]]:
    address, at = _read_text(packet, 0)
    tags, at = _read_text(packet, at)
    if not tags.startswith(","):
        raise Malformed("no types")
    arguments: list[Argument] = []
    for tag in tags[1:]:
        if tag == "s":
            text, at = _read_text(packet, at)
            arguments.append(text)
            continue
        if tag not in "ifb" or len(packet) - at < 4:
            raise Malformed(f"no argument of type {tag}")
        (value,) = struct.unpack_from(">f" if tag == "f" else ">i", packet, at)
        at += 4
        if tag == "b":
            size = value
            if not 0 <= size <= len(packet) - at:
                raise Malformed("a blob does not fit")
            value = packet[at : at + size]
            at += (size + 3) & ~3
        arguments.append(value)
    if at != len(packet):
        raise Malformed("something follows the message")
    return address, arguments


def _read_text(packet: bytes, at: int) -> tuple[str, int]:
    end = packet.find(b"\0", at)
    if end < 0:
        raise Malformed("a text does not end")
    return packet[at:end].decode(errors="replace"), (end + 4) & ~3


def main() -> None:
    """Print expressions as they change, and events, until Ctrl-C."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    label, events, malformed = "", {}, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", port))
        print(f"listening on UDP port {udp.getsockname()[1]}", flush=True)
        while True:
            try:
                messages = list(read_packet(udp.recv(65535)))
            except Malformed as problem:
                malformed += 1
                print(f"malformed packet {malformed}: {problem}", flush=True)
                continue
            for address, arguments in messages:
                if address == "/vrfer/label" and arguments and arguments[0] != label:
                    label = str(arguments[0])
                    print(f"expression {label}", flush=True)
                elif address.startswith("/vrfer/event/") and arguments:
                    name, on = address.removeprefix("/vrfer/event/"), bool(arguments[0])
                    if events.get(name, False) != on:  # told again and again from afar
                        events[name] = on
                        print(f"event {name} {'began' if on else 'ended'}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
