"""The Python receivers, run as people run them."""

import contextlib
import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message_builder import OscMessageBuilder
from receivers.clip_sender import (
    RECEIVERS,
    bundle,
    labels_of,
    malformed_packets,
    message,
    send,
    send_clip,
)
from receivers.printed import Program

FOLDER = RECEIVERS / "python"
TEN_LINES, PLAIN = FOLDER / "vrfer_ten_lines.py", FOLDER / "vrfer_plain.py"


class Listening(Program):
    """A receiver at a free port; `port`."""

    def __init__(self, program: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        super().__init__([sys.executable, program, str(self.port)])
        self._until_it_listens()

    def _until_it_listens(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", self.port))
            sender.settimeout(0.1)
            while self.process.poll() is None:
                try:
                    sender.send(message("/hello"))
                    sender.recv(1)
                except ConnectionRefusedError:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        self.process.wait(0.05)
                except TimeoutError:
                    return
        raise AssertionError("the program ended")


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vrfer_plain", PLAIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def programs() -> Iterator[list[Listening]]:
    started = [Listening(program) for program in (TEN_LINES, PLAIN)]
    yield started
    for program in started:
        program.close()


def test_both_hear_a_clip(programs: list[Listening], tmp_path: Path) -> None:
    ten_lines, plain = programs
    session = send_clip(plain.port, tmp_path, "--osc", f"127.0.0.1:{ten_lines.port}")
    for program in programs:
        send(program.port, message("/vrfer/event/end", 1))
        program.until(lambda line: line in ("event end began", "/vrfer/event/end 1"))
    labels = labels_of(session)
    assert [line for line in plain.lines if line.startswith("expression")] == [
        f"expression {label}" for label in labels
    ]
    assert plain.lines.count("event calm began") == plain.lines.count("event calm ended") > 0
    every = [line for line in ten_lines.lines if line.startswith("expression")]
    assert every == [f"expression {label}" for label in session.rows["label"]]
    assert ten_lines.lines.count("/vrfer/event/calm 1") == plain.lines.count("event calm began")


def test_an_event_that_is_told_again_is_no_news() -> None:
    program = Listening(PLAIN)
    try:
        send(program.port, *(message("/vrfer/event/calm", on) for on in (0, 1, 1, 1.0, 0, 0, 1)))
        send(program.port, message("/vrfer/event/end", 1))
        program.until(lambda line: line == "event end began")
        heard = [line for line in program.lines if line.startswith("event calm")]
        assert heard == ["event calm began", "event calm ended", "event calm began"]
    finally:
        program.close()


def test_ten_lines_are_ten() -> None:
    code = [line for line in TEN_LINES.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(code) <= 10


def test_malformed_packets_are_counted_and_end_nothing() -> None:
    program = Listening(PLAIN)
    try:
        packets = malformed_packets(1000)
        for start in range(0, len(packets), 50):
            send(program.port, *packets[start : start + 50])
            for number in range(start + 1, start + 51):
                program.until(partial(starts_with, f"malformed packet {number}:"))
        send(program.port, bundle(bundle(message("/vrfer/label", "fear"))))
        program.until(lambda line: line == "expression fear")
    finally:
        program.close()


def starts_with(beginning: str, line: str) -> bool:
    return line.startswith(beginning)


Argument = int | float | str | bytes
ARGUMENTS: st.SearchStrategy[list[Argument]] = st.lists(
    st.one_of(
        st.integers(-(2**31), 2**31 - 1),
        st.floats(width=32, allow_nan=False),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        st.binary(min_size=1),
    )
)


@given(ARGUMENTS, ARGUMENTS)
def test_the_reader_reads_what_python_osc_writes(
    plain: ModuleType, first: list[Argument], second: list[Argument]
) -> None:
    packet = bundle(written("/first", first), bundle(written("/second", second)))
    assert list(plain.read_packet(packet)) == [("/first", first), ("/second", second)]


@given(st.binary(max_size=200))
def test_the_reader_says_of_any_bytes_whether_they_are_osc(
    plain: ModuleType, packet: bytes
) -> None:
    for start in (b"", b"/a\0\0,", b"/a\0\0,b\0\0", b"#bundle\0" + bytes(8)):
        with contextlib.suppress(plain.Malformed):
            assert all(address[:1] == "/" for address, _ in plain.read_packet(start + packet))


def written(address: str, arguments: list[Argument]) -> bytes:
    kinds = {int: "i", float: "f", str: "s", bytes: "b"}
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument, kinds[type(argument)])
    return bytes(builder.build().dgram)
