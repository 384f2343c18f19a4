"""What every receiver is tried with: the demo clip, events, and packets that are no OSC."""

import random
import socket
import struct
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from pythonosc.osc_message_builder import OscMessageBuilder

from vrfer.recording import Session, load_session

ROOT = Path(__file__).resolve().parents[2]
RECEIVERS = ROOT / "assets" / "receivers"
STUBS = Path(__file__).parent / "stubs"
_APP = (sys.executable, "-c", "from vrfer.cli import main; main()")
_RULES = """
schema_version = 1
[[rules]]
name = "calm"
expression = "happiness"
above = 0.5
for_s = 0.2
below = 0.4
back_s = 0.2
cool_down_s = 0.0
"""
_TIME = struct.pack(">Q", 1)


def send_clip(port: int, folder: Path, *more: str) -> Session:
    """Run vrfer on the demo clip into a receiver, and return its own recording of it.

    A rule begins the event `calm` when the face is happy.

    Args:
        port: Where the receiver listens on this computer.
        folder: Where the recording goes.
        more: Further options of `vrfer-app run`.
    """
    recording, rules = folder / "clip.csv", folder / "rules.toml"
    rules.write_text(_RULES, encoding="utf-8")
    subprocess.run(
        [
            *(*_APP, "run", "--source", str(ROOT / "assets" / "demo.mp4"), "--headless"),
            *("--as-fast-as-possible", "--osc", f"127.0.0.1:{port}", "--record", str(recording)),
            *("--rules", str(rules), *more),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return load_session(recording)


def labels_of(session: Session) -> list[str]:
    """Return the labels of a recording in the order in which they appeared."""
    return [str(label) for label, _ in groupby(session.rows["label"])]


def message(address: str, *arguments: float | str | bytes) -> bytes:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return bytes(builder.build().dgram)


def bundle(*elements: bytes) -> bytes:
    content = b"".join(struct.pack(">i", len(element)) + element for element in elements)
    return b"#bundle\0" + _TIME + content


def send(port: int, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", port))


def malformed_packets(count: int) -> list[bytes]:
    """Make packets that are no OSC: cut and changed bundles, and random bytes."""
    chance = random.Random(8)
    whole = bundle(message("/other", 1, 0.5, "text", b"blob"), bundle(message("/other/inner")))
    known = [
        *(whole[:length] for length in range(17, len(whole)) if length % 4),
        bundle() + struct.pack(">i", -4),
        bundle() + struct.pack(">i", 2**31 - 4) + message("/other"),
        bundle(b"zzzz"),
        message("/other", 1) + bytes(4),
        b"/other\0\0,b\0\0" + struct.pack(">i", -1),
        b"/other\0\0,b\0\0" + struct.pack(">i", 2**31 - 1),
        b"/other\0\0,d\0\0" + bytes(8),
        b"/other\0\0,sss\0\0\0\0abc",
        b"/other\0\0\0\0\0\0",
        b"/oth",
        b"#bundle\0",
    ]
    nested = message("/other")
    while len(nested) < 60_000:
        nested = bundle(nested)
    known.append(nested + b"\0")
    noise = [chance.randbytes(chance.randrange(1, 200)) for _ in range(count - len(known))]
    packets = [*known, *(packet if packet[:1] != b"/" else b"!" + packet[1:] for packet in noise)]
    chance.shuffle(packets)
    return packets
