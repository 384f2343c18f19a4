"""OSC over real sockets: what receivers get, how often, and what failures cost.

Long, as the tests of one module stand in one file.
"""

import contextlib
import logging
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.parsing import osc_types

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import LowerFace, Reading
from vrfer.outputs.messages import encode_reading
from vrfer.outputs.osc import OscSender, Receiver, parse_receiver
from vrfer.outputs.profiles import load_profile

FACE = LowerFace((10.0, 20.0), (10.0, 30.0), 40.0, 0.9)
STEADY = np.array([0.05, 0.5, 0.1, 0.05, 0.1, 0.05, 0.1, 0.05], np.float32)
LARGEST_BYTES = 1432
GENERIC = load_profile("generic")
TYPES = {
    "/vrfer/face": "i",
    "/vrfer/label": "s",
    "/vrfer/label/id": "i",
    "/vrfer/confidence": "f",
    "/vrfer/unsure": "i",
    "/vrfer/probabilities": "ffffffff",
} | {f"/vrfer/{name}": "f" for name in EXPRESSIONS}
TOO_LARGE = bytes(70_000)
"""No UDP packet may be so large: the system refuses it, on every system."""


def with_face(unix_ns: int = 0, *, captured_s: float = 0.0, unsure: bool = True) -> Reading:
    return Reading(3, round(captured_s * 1e9), unix_ns, None, FACE, STEADY, STEADY, 1, unsure)


def without_face(unix_ns: int = 0) -> Reading:
    nothing = np.zeros(8, np.float32)
    return Reading(3, 0, unix_ns, None, None, None, nothing, -1, unsure=False)


def at(now_s: float, *, file: bool) -> Reading:
    captured_ns = 10**12 if file else round(now_s * 1e9)
    return Reading(
        0, captured_ns, 0, now_s if file else None, FACE, STEADY, STEADY, 1, unsure=False
    )


def expected(reading: Reading) -> dict[str, list[float | int | str]]:
    probabilities = [float(p) for p in reading.steady]
    found = reading.face is not None
    return {
        "/vrfer/face": [int(found)],
        "/vrfer/label": ["happiness" if found else "none"],
        "/vrfer/label/id": [1 if found else -1],
        "/vrfer/confidence": [0.5 if found else 0.0],
        "/vrfer/unsure": [int(found)],
        "/vrfer/probabilities": list(probabilities),
    } | {f"/vrfer/{name}": [p] for name, p in zip(EXPRESSIONS, probabilities, strict=True)}


def tags(message: OscMessage) -> str:
    packet = message.dgram
    return packet[packet.index(b",") + 1 :].split(b"\0")[0].decode()


def encode_bundle(reading: Reading) -> bytes:
    (packet,) = encode_reading(GENERIC, reading)
    return packet


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def heard() -> Iterator[socket.socket]:
    """A receiver: a bound socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(10)
        yield receiver


def sender_to(receiver: socket.socket) -> OscSender:
    return OscSender(Receiver("127.0.0.1", receiver.getsockname()[1]))


readings = st.builds(
    lambda weights, label_id, unsure, unix_ns, face: Reading(
        frame=2**40,
        captured_ns=2**62,
        captured_unix_ns=unix_ns,
        source_s=None,
        face=FACE if face else None,
        raw=None,
        steady=np.array(weights, np.float32) if face else np.zeros(8, np.float32),
        label_id=label_id if face else -1,
        unsure=unsure and face,
    ),
    st.lists(st.floats(0, 1, width=32), min_size=8, max_size=8),
    st.integers(0, 7),
    st.booleans(),
    st.integers(1_577_836_800 * 10**9, 2_051_222_400 * 10**9),  # 2020 to 2034
    st.booleans(),
)


@given(readings)
def test_a_bundle_fits_into_one_packet_and_carries_every_value(reading: Reading) -> None:
    packet = encode_bundle(reading)
    assert len(packet) < LARGEST_BYTES
    bundle = OscBundle(packet)
    assert bundle.timestamp == pytest.approx(reading.captured_unix_ns / 1e9, abs=1e-3)
    messages = {message.address: message for message in bundle}
    assert {address: tags(message) for address, message in messages.items()} == TYPES
    assert bundle.num_contents == len(TYPES)
    assert messages["/vrfer/probabilities"].params == reading.steady.tolist()
    assert [messages[f"/vrfer/{name}"].params[0] for name in EXPRESSIONS] == (
        reading.steady.tolist()
    )
    assert messages["/vrfer/label"].params == [reading.label]
    assert messages["/vrfer/label/id"].params == [reading.label_id]


@pytest.mark.parametrize("reading", [with_face(10**18), without_face(10**18)])
def test_every_address_has_its_value(reading: Reading) -> None:
    values = {message.address: message.params for message in OscBundle(encode_bundle(reading))}
    assert values == expected(reading)


def test_numpy_numbers_are_converted() -> None:
    # python-osc raises on them, or picks the wrong type.
    reading = Reading(
        np.int64(3), np.int64(0), np.int64(10**18), None, FACE, None,
        STEADY.astype(np.float64), np.int64(1), np.bool_(True),
    )  # fmt: skip
    messages = list(OscBundle(encode_bundle(reading)))
    assert {message.address: tags(message) for message in messages} == TYPES


@pytest.mark.skipif(shutil.which("oscdump") is None, reason="needs oscdump of liblo-tools")
@pytest.mark.parametrize("found", [True, False])
def test_liblo_hears_every_address_with_type_value_and_capture_time(port: int, found: bool) -> None:
    unix_ns = time.time_ns()
    reading = with_face(unix_ns) if found else without_face(unix_ns)
    line = re.compile(r"([0-9a-f]{8})\.([0-9a-f]{8}) (\S+) (\S*) (.*)")
    with (
        subprocess.Popen(
            ["oscdump", "-L", str(port)], stdout=subprocess.PIPE, text=True, bufsize=1
        ) as dump,
        OscSender(Receiver("127.0.0.1", port)) as sender,
    ):
        try:
            assert dump.stdout is not None
            for _ in range(200):  # until it listens
                sender.send(encode_bundle(reading))
                if select.select([dump.stdout], [], [], 0.1)[0]:
                    break
            lines = [dump.stdout.readline().strip() for _ in TYPES]
        finally:
            dump.terminate()
    matches = [line.fullmatch(text) for text in lines]
    heard = {match[3]: match for match in matches if match is not None}
    assert {address: match[4] for address, match in heard.items()} == TYPES
    for address, values in expected(reading).items():
        words = heard[address][5].split()
        assert [word.strip('"') for word in words if word.startswith('"')] == [
            value for value in values if isinstance(value, str)
        ]
        assert [float(word) for word in words if not word.startswith('"')] == pytest.approx(
            [value for value in values if not isinstance(value, str)], abs=1e-6
        )
        seconds = int(heard[address][1], 16) + int(heard[address][2], 16) / 2**32 - 2_208_988_800
        assert seconds == pytest.approx(unix_ns / 1e9, abs=1e-3)


def test_the_server_of_python_osc_hears_every_address() -> None:
    values: dict[str, list[object]] = {}
    dispatcher = Dispatcher()
    dispatcher.set_default_handler(lambda address, *got: values.update({address: list(got)}))
    reading = with_face(time.time_ns())
    with BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        server.timeout = 10
        with OscSender(Receiver(*server.server_address)) as sender:
            sender.send(encode_bundle(reading))
        server.handle_request()
    assert values == expected(reading)


def test_the_packet_arrives_as_it_was_encoded(heard: socket.socket) -> None:
    packet = encode_bundle(with_face(10**18))
    with sender_to(heard) as sender:
        sender.send(packet)
    assert heard.recv(65_535) == packet
    assert (sender.sent, sender.failed, sender.last_error) == (1, 0, "")


def test_ipv6_receivers_are_reached() -> None:
    try:
        receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        receiver.bind(("::1", 0))
    except OSError as err:
        pytest.skip(f"this computer has no IPv6: {err}")
    with receiver:
        receiver.settimeout(10)
        with OscSender(parse_receiver(f"[::1]:{receiver.getsockname()[1]}")) as sender:
            sender.send(b"hello")
        assert receiver.recv(100) == b"hello"


def test_a_name_with_both_addresses_is_reached_over_ipv4(
    heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Windows lists localhost as ::1 first, where VR programs do not listen.
    port = heard.getsockname()[1]
    both = [
        (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", port, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with OscSender(parse_receiver(f"localhost:{port}")) as sender:
        sender.send(b"hello")
    assert heard.recv(100) == b"hello"


def due_times(rate_hz: float, times_s: list[float], *, file: bool) -> list[float]:
    with OscSender(Receiver("127.0.0.1", 9, rate_hz=rate_hz)) as sender:
        return [now_s for now_s in times_s if sender.is_due(at(now_s, file=file))]


@pytest.mark.parametrize("file", [True, False])
@pytest.mark.parametrize(
    ("source_hz", "rate_hz", "expected_hz"),
    [
        (30, 10, 10),
        (60, 30, 30),
        (30, 25, 25),
        (60, 25, 25),
        (30, 30, 30),
        (30, 90, 30),
        (24, 1, 1),
    ],
)
def test_the_rate_counts_capture_time(
    source_hz: int, rate_hz: float, expected_hz: int, file: bool
) -> None:
    times_s = [number / source_hz for number in range(10 * source_hz)]
    sent = len(due_times(rate_hz, times_s, file=file))
    assert abs(sent - 10 * expected_hz) <= 1


@pytest.mark.parametrize("file", [True, False])
@pytest.mark.parametrize(("source_hz", "rate_hz"), [(30, 10), (60, 30), (60, 20), (90, 30)])
def test_a_rate_that_divides_the_sources_takes_every_nth_frame(
    source_hz: int, rate_hz: int, file: bool
) -> None:
    times_s = [1000 + number / source_hz for number in range(10 * source_hz)]
    assert due_times(rate_hz, times_s, file=file) == times_s[:: source_hz // rate_hz]


def test_without_a_rate_every_frame_is_due() -> None:
    with OscSender(Receiver("127.0.0.1", 9)) as sender:
        assert all(sender.is_due(at(now_s, file=True)) for now_s in (0, 0, 1e-6, 5, 2))


@given(
    st.floats(0.5, 120),
    st.lists(st.floats(0, 0.1) | st.floats(0, 10), min_size=1, max_size=60),
    st.booleans(),
)
def test_uneven_times_never_exceed_the_rate_nor_starve_a_receiver(
    rate_hz: float, gaps_s: list[float], file: bool
) -> None:
    times_s = [1.0 + sum(gaps_s[:number]) for number in range(len(gaps_s) + 1)]
    due = due_times(rate_hz, times_s, file=file)
    assert due[0] == times_s[0]
    for first, begin in enumerate(due):
        for last, end in enumerate(due[first:], first):
            # After a late bundle the next may come early, to keep the mean; never more than that.
            assert last - first + 1 <= (end - begin) * rate_hz + 3 + 1e-3
    silent_since = due[0]
    for now_s in times_s:
        if now_s in due:
            silent_since = now_s
        else:
            assert now_s - silent_since < 1.001 / rate_hz


@given(st.floats(0.5, 60), st.floats(0, 100), st.floats(0.01, 1))
def test_a_file_played_anew_is_sent_from_its_beginning_on(
    rate_hz: float, end_s: float, interval_s: float
) -> None:
    assume(end_s > 3.1 / rate_hz)
    times_s = [0.0, end_s, *(number * interval_s for number in range(10))]
    with OscSender(Receiver("127.0.0.1", 9, rate_hz=rate_hz)) as sender:
        due = [sender.is_due(at(now_s, file=True)) for now_s in times_s]
    assert due[:3] == [True, True, True]


def test_two_receivers_each_have_their_own_rate() -> None:
    with (
        OscSender(Receiver("127.0.0.1", 9, rate_hz=10)) as slow,
        OscSender(Receiver("127.0.0.1", 9, rate_hz=30)) as fast,
    ):
        due = [
            (slow.is_due(reading), fast.is_due(reading))
            for reading in (at(number / 60, file=False) for number in range(60))
        ]
    assert [sum(one) for one in zip(*due, strict=True)] == [10, 30]


def assert_refusals_are_said(sender: OscSender) -> None:
    for _ in range(50):
        sender.send(encode_bundle(with_face(10**18)))
    assert sender.sent + sender.failed == 50
    assert sender.failed >= 49
    assert sender.error == "nothing listens there"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell later, or never")
def test_it_is_said_while_nobody_listens_and_over_once_somebody_does(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vrfer.outputs.osc")
    with OscSender(Receiver("127.0.0.1", port)) as sender:
        assert_refusals_are_said(sender)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
            somebody.bind(("127.0.0.1", port))
            somebody.settimeout(10)
            for number in range(3):
                sender.send(b"%d" % number)
                assert somebody.recv(10) == b"%d" % number
        assert sender.error == ""
    texts = [record.getMessage() for record in caplog.records]
    assert [text.partition("127.0.0.1")[0] for text in texts] == ["OSC to ", "OSC to "]
    assert "nothing listens" in texts[0]
    assert "works again" in texts[1]


class SocketOfWindows(socket.socket):
    """Hears of refusals as sockets of Windows do: `send` succeeds, a later `recv` fails."""

    def send(self, *data: object) -> int:
        with suppress(ConnectionRefusedError):
            return super().send(*data)  # type: ignore[arg-type]
        return super().send(*data)  # type: ignore[arg-type]

    def recv(self, *size: object) -> bytes:
        try:
            return super().recv(*size)  # type: ignore[arg-type]
        except ConnectionRefusedError as err:
            raise ConnectionResetError(10054, "An existing connection was closed") from err


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells at once that nobody listens")
def test_it_is_said_on_windows_too_that_nobody_listens(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "socket", SocketOfWindows)
    with OscSender(Receiver("127.0.0.1", port)) as sender:
        assert_refusals_are_said(sender)


def heard_events(heard: socket.socket) -> list[int]:
    """Return the values of `/vrfer/event/smile` that have arrived."""
    values = []
    heard.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            message = OscBundle(heard.recv(65_535)).content(0)
            assert isinstance(message, OscMessage)
            assert message.address == "/vrfer/event/smile"
            values.append(message.params[0])
    return values


def test_a_receiver_is_told_once_that_an_event_begins_and_ends(heard: socket.socket) -> None:
    with sender_to(heard) as sender:
        for active in ((), ("smile",), ("smile",), (), ()):
            sender.show_events(active, 10**18)
        assert heard_events(heard) == [1, 0]
        sender.show_events(("smile",), 10**18)
        sender.refresh()
        for _ in range(2):
            sender.show_events(("smile",), 10**18)
        assert heard_events(heard) == [1, 1]
        sender.show(1)  # the test signal
        assert OscBundle(heard.recv(65_535)).num_contents > 1
        sender.show_events(("smile",), 10**18)
        assert heard_events(heard) == []


def test_after_a_silence_a_receiver_is_told_again_what_lasts(heard: socket.socket) -> None:
    """Scenes go to rest after 2 s of silence, and forget their events."""
    with sender_to(heard) as sender:
        for now_s in (0.0, 0.9, 1.8, 5.0, 5.9):
            sender.show_events(("smile",), 10**18 + round(now_s * 1e9))
        assert heard_events(heard) == [1, 1]
        for now_s in (6.0, 9.0):
            sender.show_events((), 10**18 + round(now_s * 1e9))
        assert heard_events(heard) == [0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends nothing to 0.0.0.0")
def test_other_computers_are_told_of_events_once_a_second(heard: socket.socket) -> None:
    """No loopback address, as far as the sender knows, though the packets arrive here."""
    with OscSender(Receiver("0.0.0.0", heard.getsockname()[1])) as sender:
        for active, told in (((), []), (("smile",), [1, 1, 1]), ((), [0, 0, 0])):
            for tick in range(30):
                sender.show_events(active, 10**18 + tick * 10**8 + len(told) * 10**12)
            assert heard_events(heard) == told


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends nothing to 0.0.0.0")
def test_what_other_computers_are_told_does_not_seem_to_come_from_the_future(
    heard: socket.socket,
) -> None:
    """Where their clock is behind, OSC lets them hold back what has a time tag."""
    with OscSender(Receiver("0.0.0.0", heard.getsockname()[1])) as sender:
        sender.take(with_face(10**18))
        sender.show_events(("smile",), 10**18)
        sender.show(1)
    tags_of = [OscBundle(heard.recv(65_535)).timestamp for _ in range(3)]
    assert tags_of == [osc_types.IMMEDIATELY] * 3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such address")
def test_a_whole_network_can_be_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as everybody:
        everybody.bind(("0.0.0.0", 0))
        everybody.settimeout(10)
        with OscSender(Receiver("127.255.255.255", everybody.getsockname()[1])) as sender:
            sender.take(with_face(10**18))
        assert sender.last_error == ""
        assert everybody.recv(65_535).startswith(b"#bundle")


@pytest.mark.parametrize("profile", ["vrchat", "vrchat-compact", "vrcft"])
def test_vrchat_hears_events_as_the_avatars_parameters(heard: socket.socket, profile: str) -> None:
    with OscSender(Receiver("127.0.0.1", heard.getsockname()[1], profile)) as sender:
        sender.show_events(("scared",), 10**18)
        sender.show_events((), 10**18)
    told = [
        (message.address, message.params)
        for _ in range(2)
        for message in OscBundle(heard.recv(65_535))
    ]
    address = "/avatar/parameters/vrfer/event/scared"
    assert told == [(address, [True]), (address, [False])]


def test_an_avatar_that_comes_back_does_not_keep_an_event_that_ended(heard: socket.socket) -> None:
    """VRChat saves parameters avatar by avatar."""
    known = ("scared", "glad")

    def tell(active: tuple[str, ...], *, at_s: int = 0) -> list[tuple[str, object]]:
        sender.show_events(active, 10**18 + at_s * 10**9, known=known)
        heard.settimeout(0.2)
        told = []
        with contextlib.suppress(TimeoutError):
            while True:
                (message,) = OscBundle(heard.recv(65_535))
                told.append((message.address.rpartition("/")[2], message.params[0]))
        return told

    with OscSender(Receiver("127.0.0.1", heard.getsockname()[1], "vrchat")) as sender:
        # An earlier run may have ended in mid-event.
        assert tell(()) == [("scared", False), ("glad", False)]
        assert tell(("scared",)) == [("scared", True)]
        assert tell(()) == [("scared", False)]
        assert tell(()) == []
        sender.refresh()
        assert tell(("glad",)) == [("scared", False), ("glad", True)]
        sender.refresh()
        assert tell(("glad",), at_s=10) == [("scared", False), ("glad", True)]
        assert tell(("glad",), at_s=20) == [("glad", True)]  # after a silence what lasts alone


def test_a_face_that_is_missed_for_a_moment_does_not_switch_an_avatar_off(
    heard: socket.socket,
) -> None:
    told = []
    with OscSender(Receiver("127.0.0.1", heard.getsockname()[1], "vrchat-compact")) as sender:
        for now_s, seen in ((0.0, True), (0.5, False), (1.0, True), (1.5, False), (1.8, False)):
            reading = with_face() if seen else without_face()
            sender.take(replace(reading, captured_ns=round(now_s * 1e9)))
        sender.take(replace(without_face(), captured_ns=1_850_000_000), at_once=True)
        heard.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                bundle = OscBundle(heard.recv(65_535))
                told += [m.params[0] for m in bundle if m.address.endswith("expression")]
    assert told == [2, 0, 0]  # at 0 s, after 0.7 s without a face, at once where nobody watches


def test_an_event_that_the_network_did_not_take_is_told_later(
    heard: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(self: socket.socket, *data: object) -> int:
        raise OSError(101, "Network is unreachable")

    with sender_to(heard) as sender:
        for active, value in (((), []), (("smile",), [1]), ((), [0])):
            with monkeypatch.context() as patch:
                patch.setattr(socket.socket, "send", no_network)
                sender.show_events(active, 10**18)
            assert heard_events(heard) == []
            sender.show_events(active, 10**18)
            assert heard_events(heard) == value


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell later, or never")
def test_a_program_that_is_started_during_an_event_hears_of_it(port: int) -> None:
    with OscSender(Receiver("127.0.0.1", port)) as sender:
        for _ in range(5):
            sender.take(with_face(10**18), at_once=True)
            sender.show_events(("smile",), 10**18)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as somebody:
            somebody.bind(("127.0.0.1", port))
            somebody.settimeout(10)
            addresses: list[str] = []
            while "/vrfer/event/smile" not in addresses:
                sender.take(with_face(10**18), at_once=True)
                sender.show_events(("smile",), 10**18)
                bundle = OscBundle(somebody.recv(65_535))
                addresses += [content.address for content in bundle]


def test_what_the_system_refuses_is_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "vrfer.outputs.osc")
    with OscSender(Receiver("127.0.0.1", 9)) as sender:
        for _ in range(5):
            sender.send(TOO_LARGE)
    assert (sender.sent, sender.failed) == (0, 5)
    assert sender.last_error
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert sender.last_error in record.getMessage()
    assert "127.0.0.1:9" in record.getMessage()


def test_failures_are_logged_when_they_begin_and_when_they_end(
    heard: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vrfer.outputs.osc")
    with sender_to(heard) as sender:
        for packet in (b"1", TOO_LARGE, TOO_LARGE, b"2", b"3", TOO_LARGE):
            sender.send(packet)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert (sender.sent, sender.failed) == (3, 3)
    assert [heard.recv(10) for _ in range(3)] == [b"1", b"2", b"3"]


def test_a_closed_sender_fails_without_raising() -> None:
    sender = OscSender(Receiver("127.0.0.1", 9))
    sender.close()
    sender.close()
    sender.send(b"hello")
    assert (sender.sent, sender.failed) == (0, 1)


def test_an_impossible_host_is_an_output_error() -> None:
    with pytest.raises(OutputError, match="is unknown"):
        OscSender(Receiver(f"{'x' * 70}.invalid", 9000))


@pytest.mark.parametrize(
    ("text", "receiver"),
    [
        ("127.0.0.1:9000", Receiver("127.0.0.1", 9000)),
        ("localhost:1", Receiver("localhost", 1)),
        ("my-pc.lan:65535", Receiver("my-pc.lan", 65535)),
        ("[::1]:9000", Receiver("::1", 9000)),
        ("[fe80::1%eth0]:9000", Receiver("fe80::1%eth0", 9000)),
        ("127.0.0.1:9000,hz=30", Receiver("127.0.0.1", 9000, rate_hz=30.0)),
        ("127.0.0.1:9000,hz=0.5", Receiver("127.0.0.1", 9000, rate_hz=0.5)),
        ("127.0.0.1:9000,profile=generic", Receiver("127.0.0.1", 9000)),
        ("127.0.0.1:9000,hz=10,profile=generic", Receiver("127.0.0.1", 9000, "generic", 10.0)),
    ],
)
def test_receivers_are_read(text: str, receiver: Receiver) -> None:
    assert parse_receiver(text) == receiver


def test_receivers_that_name_no_profile_have_the_default_one() -> None:
    assert parse_receiver("127.0.0.1:9000", default_profile="vmc").profile == "vmc"
    named = parse_receiver("127.0.0.1:9000,profile=vrchat", default_profile="vmc")
    assert named.profile == "vrchat"


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "9000", "127.0.0.1", "127.0.0.1:", ":9000", "[]:9000", "127.0.0.1:0",
        "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:9e3", "127.0.0.1:٣", "127.0.0.1:²",
        "127.0.0.1: 9000", "127.0.0.1:9000,", "127.0.0.1:9000,hz", "127.0.0.1:9000,hz=",
        "127.0.0.1:9000,hz=0", "127.0.0.1:9000,hz=-1", "127.0.0.1:9000,hz=nan",
        "127.0.0.1:9000,hz=inf", "127.0.0.1:9000,hz=fast", "127.0.0.1:9000,rate=30",
        "127.0.0.1:9000,profile=", "127.0.0.1:9000,profile=nonesuch", "hz=30,127.0.0.1:9000",
    ],
)  # fmt: skip
def test_what_is_no_receiver_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(OutputError) as caught:
        parse_receiver(text)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy.endswith(".")


def test_the_default_profile_is_checked_too() -> None:
    with pytest.raises(OutputError, match="'nonesuch'"):
        parse_receiver("127.0.0.1:9000", default_profile="nonesuch")
    named = parse_receiver("127.0.0.1:9000,profile=generic", default_profile="nonesuch")
    assert named.profile == "generic"


@pytest.mark.parametrize("text", ["127.0.0.1:9000", "[::1]:9000", "localhost:9000"])
def test_a_receiver_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_receiver(text)) == text


def test_the_time_tag_is_the_ntp_time_of_the_capture() -> None:
    # 2001-09-09T01:46:40.5Z is 3,208,988,800.5 s after 1900 (OSC 1.0).
    packet = encode_bundle(with_face(10**18 + 500_000_000))
    assert struct.unpack(">II", packet[8:16]) == (3_208_988_800, 2**31)


@pytest.mark.parametrize("label_id", range(len(EXPRESSIONS)))
def test_one_expression_is_shown_for_tests_of_the_scene(
    heard: socket.socket, label_id: int
) -> None:
    with sender_to(heard) as sender:
        sender.show(label_id)
        values = {message.address: message.params for message in OscBundle(heard.recv(65535))}
    assert values["/vrfer/label"] == [EXPRESSIONS[label_id]]
    assert values[f"/vrfer/{EXPRESSIONS[label_id]}"] == [1.0]
    assert sum(values["/vrfer/probabilities"]) == 1.0
    assert values["/vrfer/face"] == [1]


def test_a_refreshed_receiver_hears_the_next_reading_whatever_its_rate() -> None:
    with OscSender(Receiver("127.0.0.1", 9, rate_hz=0.1)) as sender:
        assert sender.is_due(at(100.0, file=False))
        assert not sender.is_due(at(101.0, file=False))
        sender.refresh()
        assert sender.is_due(at(102.0, file=False))
        assert not sender.is_due(at(103.0, file=False))


def test_an_error_is_over_when_packets_go_out_again(heard: socket.socket) -> None:
    with sender_to(heard) as sender:
        assert sender.error == ""
        sender.send(TOO_LARGE)
        assert sender.error
        sender.send(b"hello")
        assert sender.error == ""
        assert sender.last_error


NO_NETWORK = ("unshare", "--map-root-user", "--net")
"""Runs a program where even the loopback interface is down (Linux)."""


def may_be_without_network() -> bool:
    return (
        shutil.which("unshare") is not None
        and subprocess.run([*NO_NETWORK, "true"], capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not may_be_without_network(), reason="needs Linux namespaces")
def test_without_any_network_packets_are_counted_as_failed() -> None:
    code = (
        "from vrfer.outputs.osc import OscSender, Receiver\n"
        "with OscSender(Receiver('127.0.0.1', 9000)) as sender:\n"
        "    print(sender.send(bytes(4)), sender.sent, sender.failed, sender.error)"
    )
    result = subprocess.run(
        [*NO_NETWORK, sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.startswith("False 0 1 "), result.stderr
    assert "nreachable" in result.stdout
