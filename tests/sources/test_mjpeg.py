"""MJPEG over real HTTP, from a server that can misbehave."""

import http.client
import itertools
import logging
import socket
import time
from collections.abc import Callable

import pytest
from mjpeg_server import MjpegServer
from sources.grays import COUNT, jpeg, number_of

from vrfer.errors import SourceError
from vrfer.frames import Frame
from vrfer.sources import Source, live, mjpeg, open_source

Until = Callable[[Callable[[], bool]], None]


def take(source: Source) -> Frame:
    frame = source.read(20.0)
    assert frame is not None
    return frame


def test_stream_is_live(server: MjpegServer) -> None:
    with open_source(server.url) as source:
        frames = [take(source) for _ in range(5)]
        assert source.live
        assert not source.exhausted
        assert not source.missing
        assert source.name == server.url
    assert [frame.source_s for frame in frames] == [None] * 5
    assert [number_of(frame.image) for frame in frames] == [f.index % COUNT for f in frames]
    assert all(a.captured_ns < b.captured_ns for a, b in itertools.pairwise(frames))


def test_time_of_capture_lies_between_sending_and_taking(server: MjpegServer) -> None:
    server.fps = 20
    with open_source(server.url) as source:
        for _ in range(5):
            frame = take(source)
            taken_ns = time.perf_counter_ns()
            # The server notes its time just before it writes.
            assert server.sent_ns[frame.index] <= frame.captured_ns <= taken_ns


def test_newest_wins_and_the_others_are_counted(server: MjpegServer, until: Until) -> None:
    with open_source(server.url) as source:
        until(lambda: source.skipped >= 5)
        server.flowing.clear()
        frames = [take(source)]
        while (frame := source.read(0.3)) is not None:
            frames.append(frame)
        assert frames[0].index >= 5
        assert source.skipped + len(frames) == frames[-1].index + 1


def test_of_pictures_that_arrive_together_the_newest_is_decoded(server: MjpegServer) -> None:
    server.burst, server.fps, server.loop = 4, 400, True
    server.jpegs = [b"\xff\xd8 damaged", b"\xff\xd8 damaged", b"\xff\xd8 damaged", jpeg(7)]
    with open_source(server.url) as source:
        frames = [take(source) for _ in range(3)]
        skipped, corrupt = source.skipped, source.corrupt
    assert {number_of(frame.image) for frame in frames} == {7}
    # Had each been decoded on its own, three of four would have counted as damaged.
    assert skipped > corrupt


def test_pictures_that_wait_in_the_socket_are_passed_over() -> None:
    def part(number: int) -> bytes:
        return b"--frame\r\n\r\n" + jpeg(number) + b"\r\n"

    ours, theirs = socket.socketpair()
    with theirs:
        answer = mjpeg.Answer(ours, 200, http.client.HTTPMessage(), part(1) + part(2))
        device = mjpeg.MjpegDevice("camera", answer, b"frame")
        theirs.sendall(part(3) + part(4) + part(5)[:100])
        capture = device.read()
        assert capture.image is not None
        assert number_of(capture.image) == 4
        assert capture.stale == 3
        theirs.sendall(part(5)[100:])
        following = device.read()
        assert following.image is not None
        assert (number_of(following.image), following.stale) == (5, 0)
        device.close()


@pytest.mark.parametrize("content_length", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize(
    ("boundary", "content_type"),
    [
        ("frame", "multipart/x-mixed-replace; boundary={boundary}"),
        ("my frame", 'multipart/x-mixed-replace; boundary="{boundary}"'),
        ("frame", "multipart/x-mixed-replace;boundary=--{boundary}"),
    ],
)
def test_dialects(
    server: MjpegServer, content_length: bool, chunked: bool, boundary: str, content_type: str
) -> None:
    server.content_length, server.chunked = content_length, chunked
    server.boundary, server.content_type = boundary, content_type
    server.preamble = b"A preamble\r\n\r\n"
    with open_source(server.url) as source:
        frames = [take(source) for _ in range(3)]
        assert source.corrupt == 0
    assert [number_of(frame.image) for frame in frames] == [f.index % COUNT for f in frames]


def test_damaged_pictures_are_stepped_over(server: MjpegServer, until: Until) -> None:
    server.jpegs = [jpeg(1), jpeg(2)[:300], b"no jpeg"]
    with open_source(server.url) as source:
        until(lambda: source.corrupt >= 4)
        assert number_of(take(source).image) == 1
        assert not source.missing
    assert server.clients == 1


def test_resolution_may_change(server: MjpegServer, until: Until) -> None:
    with open_source(server.url) as source:
        assert take(source).image.shape == (120, 160, 3)
        server.jpegs = [jpeg(1, 320, 200)]
        until(lambda: take(source).image.shape == (200, 320, 3))
    assert server.clients == 1


def test_server_that_goes_and_comes_back(
    server: MjpegServer, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="vrfer")
    with open_source(server.url) as source:
        before = take(source)
        server.stop()
        until(lambda: source.missing)
        while source.read(0.4) is not None:  # longer than the first pause: several attempts fail
            pass
        server.start()
        after = take(source)
        until(lambda: not source.missing)
        until(lambda: len(caplog.records) == 2)
        assert after.index > before.index
        assert after.captured_ns > before.captured_ns
        assert not source.exhausted
    warning, info = caplog.records
    assert (warning.levelno, info.levelno) == (logging.WARNING, logging.INFO)
    assert server.url in warning.getMessage()
    assert "is back" in info.getMessage()


def test_stream_that_ends_is_opened_again(server: MjpegServer, until: Until) -> None:
    server.loop = False
    with open_source(server.url) as source:
        until(lambda: source.read(1.0) is not None and server.clients >= 2)


def test_silent_server_counts_as_broken(
    server: MjpegServer, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mjpeg, "SILENCE_S", 0.3)
    with open_source(server.url) as source:
        server.flowing.clear()
        until(lambda: source.missing)
        until(lambda: server.clients >= 2)
        server.flowing.set()
        until(lambda: not source.missing)


def test_silent_server_is_an_error_at_first(
    server: MjpegServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mjpeg, "SILENCE_S", 0.1)
    server.flowing.clear()
    with pytest.raises(SourceError, match=r"no picture for 0\.1 s"):
        open_source(server.url)


def test_nothing_but_damage_is_an_error_at_first(
    server: MjpegServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.jpegs = [b"no jpeg"]
    impatient = live.Patience(silence_s=0.1)
    monkeypatch.setattr(live, "Patience", lambda: impatient)
    with pytest.raises(SourceError, match="nothing but pictures that cannot be decoded"):
        open_source(server.url)


def test_close_ends_a_silent_stream_without_abandoning_it(
    server: MjpegServer, caplog: pytest.LogCaptureFixture
) -> None:
    source = open_source(server.url)
    server.flowing.clear()
    while source.read(0.2) is not None:  # until its thread waits for the network
        pass
    source.close()
    source.close()
    assert source.read(0) is None
    assert caplog.records == []


def test_close_ends_the_pause_before_reopening(
    server: MjpegServer, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    source = open_source(server.url)
    server.stop()
    until(lambda: source.missing)
    source.close()
    assert len(caplog.records) == 1  # that it went; nothing about an abandoned thread


def test_basic_authorization(server: MjpegServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.credentials = "ann:pass@word"
    with pytest.raises(SourceError, match="wants a user name and password"):
        open_source(server.url)
    with pytest.raises(SourceError, match="wants a user name and password") as caught:
        open_source(server.url.replace("http://", "http://ann:wrong@"))
    assert "wrong" not in str(caught.value)
    with open_source(server.url.replace("http://", "http://ann:pass%40word@")) as source:
        assert take(source).index >= 0
        assert source.name == server.url
    assert "pass" not in caplog.text


def test_redirection_is_followed(server: MjpegServer) -> None:
    server.redirect = "/elsewhere"
    with open_source(server.url) as source:
        assert take(source).index >= 0


def test_redirection_to_itself_is_an_error(server: MjpegServer) -> None:
    server.redirect = "/"
    with pytest.raises(SourceError, match="redirects to nowhere"):
        open_source(server.url)


def test_redirection_to_nonsense_is_an_error(server: MjpegServer) -> None:
    server.redirect = "http://[broken/video"
    with pytest.raises(SourceError, match="cannot be reached"):
        open_source(server.url)
