"""The OSC monitor: what it hears, and that no packet stops it."""

import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle import ParseError as BundleParseError
from pythonosc.osc_message import ParseError as MessageParseError
from pythonosc.osc_message_builder import OscMessageBuilder

from vrfer.errors import OutputError
from vrfer.listen import Heard, Listener, as_line, decode

NTP_TO_UNIX_S = 2_208_988_800
IMMEDIATELY = struct.pack(">Q", 1)


def message(address: str, *arguments: float | str) -> bytes:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return bytes(builder.build().dgram)


def tag(unix_s: int) -> bytes:
    return struct.pack(">II", unix_s + NTP_TO_UNIX_S, 0)


def bundle(when: bytes, *elements: bytes) -> bytes:
    content = b"".join(struct.pack(">i", len(element)) + element for element in elements)
    return b"#bundle\0" + when + content


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(0) as listening:
        yield listening


def send(listener: Listener, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", listener.port))


def test_a_message_is_heard(listener: Listener) -> None:
    send(listener, message("/a/b", 7, 0.5, "word"))
    assert listener.packet(10) == [Heard("/a/b", (7, 0.5, "word"), None)]
    assert (listener.packets, listener.malformed) == (1, 0)


def test_a_bundle_is_heard_with_its_time(listener: Listener) -> None:
    send(listener, bundle(tag(1_700_000_000), message("/a", 1), message("/b", 2)))
    assert listener.packet(10) == [
        Heard("/a", (1,), 1_700_000_000.0),
        Heard("/b", (2,), 1_700_000_000.0),
    ]


def test_nested_bundles_are_heard_in_order_with_their_own_times(listener: Listener) -> None:
    inner = bundle(tag(20), message("/2"), bundle(tag(30), message("/3")))
    send(listener, bundle(tag(10), message("/1"), inner, bundle(tag(40)), message("/4")))
    messages = listener.packet(10)
    assert messages is not None
    assert [(heard.address, heard.captured_unix_s) for heard in messages] == [
        ("/1", 10.0),
        ("/2", 20.0),
        ("/3", 30.0),
        ("/4", 10.0),
    ]


def test_immediately_is_no_time() -> None:
    assert list(decode(bundle(IMMEDIATELY, message("/a")))) == [Heard("/a", (), None)]


def test_bundles_may_be_nested_as_deep_as_a_packet_allows() -> None:
    packet = message("/deep")
    for _ in range(3000):
        packet = bundle(tag(10), packet)
    assert len(packet) < 65_536
    assert [heard.address for heard in decode(packet)] == ["/deep"]


MALFORMED = {
    "empty": b"",
    "zeros": bytes(16),
    "text": b"hello, world",
    "no slash": b"abc\0,i\0\0\0\0\0\1",
    "address without end": b"/abc",
    "types without comma": b"/a\0\0i\0\0\0\0\0\0\1",
    "argument missing": b"/a\0\0,i\0\0\0\0",
    "not utf-8": b"/\xff\xfe\0,\0\0\0",
    "bundle without time": b"#bundle\0\0\0",
    "element too long": bundle(tag(1)) + struct.pack(">i", 100) + message("/a"),
    "element empty": bundle(tag(1), b""),
    "element negative": bundle(tag(1)) + struct.pack(">i", -4),
    "size cut off": bundle(tag(1), message("/a")) + b"\0\0",
    "element unknown": bundle(tag(1), message("/a"), b"zzzz"),
    "unknown type": b"/a\0\0,cs\0\0\0\0abc\0",
    "inner bundle broken": bundle(tag(1), message("/a"), b"#bundle\0\0\0\0\0"),
}


@pytest.mark.parametrize(
    "packet", [pytest.param(packet, id=name) for name, packet in MALFORMED.items()]
)
def test_malformed_packets_are_counted_and_change_nothing(
    listener: Listener, packet: bytes
) -> None:
    send(listener, packet, message("/after"))
    assert listener.packet(10) == [Heard("/after", (), None)]
    assert (listener.packets, listener.malformed) == (1, 1)


def test_an_element_of_negative_size_does_not_hang() -> None:
    # python-osc 1.10 does; in its own process, for nothing else could end it.
    code = f"from vrfer.listen import decode; list(decode({MALFORMED['element negative']!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert "ParseError" in done.stderr


def cut(packet: bytes, start: int, junk: bytes) -> bytes:
    return packet[:start] + junk + packet[start + len(junk) :]


valid = st.recursive(
    st.builds(
        message,
        st.sampled_from(["/a", "/vrfer/label", "/ü"]),
        st.integers(-(2**31), 2**31 - 1) | st.text(max_size=5),
    ),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: bundle(tag(10), *parts)),
)
hostile = st.builds(cut, valid, st.integers(0, 80), st.binary(max_size=6))
tagged = st.builds(
    lambda types, content: b"/a\0\0," + types + bytes(4 - (len(types) + 1) % 4) + content,
    st.text("ifsbhdtTFNIrmcS[]", max_size=10).map(str.encode),
    st.binary(max_size=40),
)


@given(st.lists(st.binary(max_size=64) | hostile | tagged, max_size=5))
def test_no_bytes_stop_the_monitor(packets: list[bytes]) -> None:
    with Listener(0) as listener:
        send(listener, *packets, message("/the/end"))
        addresses: list[str] = []
        while "/the/end" not in addresses:
            messages = listener.packet(10)
            assert messages is not None
            addresses += [heard.address for heard in messages]
            for heard in messages:
                assert as_line(heard).isprintable()
        assert listener.packets + listener.malformed == len(packets) + 1


@given(valid)
def test_valid_packets_are_never_malformed(packet: bytes) -> None:
    assert all(heard.address.startswith("/") for heard in decode(packet))


@pytest.mark.parametrize("packet", [b"", b"zzzz", b"#bundle\0"])
def test_decoding_says_what_is_no_osc(packet: bytes) -> None:
    with pytest.raises((BundleParseError, MessageParseError)):
        list(decode(packet))


def test_silence_is_none(listener: Listener) -> None:
    assert listener.packet(0) is None
    assert (listener.packets, listener.malformed) == (0, 0)


def test_packets_are_yielded_until_the_event(listener: Listener) -> None:
    stop = threading.Event()
    send(listener, message("/1"), b"junk", message("/2"), message("/3"))
    addresses = []
    for messages in listener.until(stop):
        addresses += [heard.address for heard in messages]
        if "/2" in addresses:
            stop.set()
    assert addresses == ["/1", "/2"]


def test_an_event_that_is_set_before_ends_it_at_once(listener: Listener) -> None:
    stop = threading.Event()
    stop.set()
    send(listener, message("/1"))
    assert list(listener.until(stop)) == []


def test_a_taken_port_is_an_output_error(listener: Listener) -> None:
    with pytest.raises(OutputError, match=f"UDP port {listener.port} cannot be listened to"):
        Listener(listener.port)


def test_a_closed_port_can_be_opened_again() -> None:
    first = Listener(0)
    first.close()
    first.close()
    with Listener(first.port) as second:
        assert second.port == first.port


def test_a_packet_of_nested_arrays_can_be_printed() -> None:
    depth = 20_000
    types = b"," + b"[" * depth + b"]" * depth
    (heard,) = decode(b"/a\0\0" + types + bytes(4 - len(types) % 4))
    assert as_line(heard) == "/a [...]"


@pytest.mark.parametrize(
    ("heard", "line"),
    [
        (Heard("/vrfer/label", ("happiness",), None), "/vrfer/label happiness"),
        (Heard("/vrfer/face", (1,), 5.0), "/vrfer/face 1"),
        (Heard("/p", (0.123456, 1.0), None), "/p 0.1235 1.0000"),
        (Heard("/p", (True, None), None), "/p True None"),
        (Heard("/p", ([1, [0.5]], b"\n"), None), "/p [1, [0.5]] b'\\n'"),
        (Heard("/p", ("grün", "two\nlines", "\x1b[2J"), None), r"/p grün 'two\nlines' '\x1b[2J'"),
    ],
)
def test_a_message_is_one_line_for_people(heard: Heard, line: str) -> None:
    assert as_line(heard) == line
