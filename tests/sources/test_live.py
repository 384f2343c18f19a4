"""The thread of live sources, with devices that block and die as OpenCV's do."""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from mjpeg_server import MjpegServer
from sources.grays import COUNT, number_of, picture, write_video

from vrfer.errors import SourceError
from vrfer.sources import open_source
from vrfer.sources.capturing import CvDevice
from vrfer.sources.live import Capture, Device, LiveSource, Patience

Until = Callable[[Callable[[], bool]], None]
QUICK = Patience(silence_s=0.2, first_pause_s=0.01, longest_pause_s=0.04, closing_s=0.2)


class Blocking(Device):
    """Delivers what the test puts in; a device that cannot be interrupted, like OpenCV's."""

    def __init__(self) -> None:
        self.captures: queue.Queue[Capture | Exception] = queue.Queue()
        self.closed = threading.Event()

    def deliver(self, number: int = 0, stale: int = 0, damaged: bool = False) -> None:
        image = None if damaged else picture(number)
        self.captures.put(Capture(image, time.perf_counter_ns(), time.time_ns(), stale))

    def read(self) -> Capture:
        capture = self.captures.get()
        if isinstance(capture, Exception):
            raise capture
        return capture

    def close(self) -> None:
        self.closed.set()

    def abort(self) -> None:
        pass


@pytest.fixture
def device() -> Iterator[Blocking]:
    blocking = Blocking()
    blocking.deliver()
    yield blocking
    blocking.captures.put(SourceError("gone", "No remedy."))


def test_blocked_device_counts_as_missing_and_comes_back(
    device: Blocking, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="vrfer")
    with LiveSource("camera 0", lambda _: device, QUICK) as source:
        assert source.read(10) is not None
        until(lambda: source.read(0) is None and source.missing)
        assert source.read(0) is None
        device.deliver(3)
        frame = source.read(10)
        assert frame is not None
        assert number_of(frame.image) == 3
        until(lambda: len(caplog.records) == 2)
        device.captures.put(SourceError("gone", "No remedy."))
        device.deliver()  # so that the thread can end
    assert [r.levelno for r in caplog.records[:2]] == [logging.WARNING, logging.INFO]
    assert "has delivered nothing" in caplog.records[0].getMessage()


def test_close_abandons_a_blocked_device_and_says_so(
    device: Blocking, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    source = LiveSource("camera 0", lambda _: device, QUICK)
    source.close()
    assert "left behind" in caplog.text
    assert not device.closed.is_set()
    device.deliver()  # OpenCV returns after all
    assert device.closed.wait(20)
    assert source.read(0) is None
    until(lambda: all(t.name != "vrfer camera 0" for t in threading.enumerate()))


def test_close_during_a_blocked_opening(device: Blocking, until: Until) -> None:
    opening, may_open = threading.Event(), threading.Event()
    opened = 0

    def opener(_: threading.Event) -> Device:
        nonlocal opened
        opened += 1
        if opened > 1:
            opening.set()
            may_open.wait(20)
        return device

    source = LiveSource("camera 0", opener, QUICK)
    device.captures.put(SourceError("gone", "No remedy."))
    assert opening.wait(20)
    device.closed.clear()
    source.close()
    may_open.set()
    assert device.closed.wait(20)  # opened too late: given back at once
    until(lambda: all(t.name != "vrfer camera 0" for t in threading.enumerate()))


def test_first_opening_fails_with_the_device_s_own_error() -> None:
    def opener(_: threading.Event) -> Device:
        raise SourceError("There is no camera 7", "Cameras here: 0.")

    with pytest.raises(SourceError, match="There is no camera 7"):
        LiveSource("camera 7", opener, QUICK)


def test_first_opening_does_not_last_for_ever(until: Until) -> None:
    device = Blocking()
    with pytest.raises(SourceError, match="did not open within"):
        LiveSource("camera 0", lambda _: device, Patience(opening_s=0.05, closing_s=0.05))
    device.deliver()
    until(lambda: all(t.name != "vrfer camera 0" for t in threading.enumerate()))


def test_pauses_grow_to_a_limit_and_warn_once(
    device: Blocking, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[float] = []

    def opener(_: threading.Event) -> Device:
        attempts.append(time.monotonic())
        if len(attempts) in {1, 8}:
            return device
        raise SourceError("still away", "No remedy.")

    caplog.set_level(logging.INFO, logger="vrfer")
    with LiveSource("camera 0", opener, QUICK) as source:
        assert source.read(10) is not None
        device.captures.put(SourceError("camera 0 delivers no pictures", "No remedy."))
        device.deliver(1)
        assert source.read(20) is not None
        until(lambda: len(caplog.records) == 2)
        device.captures.put(SourceError("gone", "No remedy."))
    pauses = [b - a for a, b in itertools.pairwise(attempts)]
    assert all(p >= least for p, least in zip(pauses, [0.01, 0.02, *[0.04] * 5], strict=True))
    assert "camera 0 delivers no pictures" in caplog.records[0].getMessage()


def test_damaged_frames_leave_no_gap_and_stale_ones_do(device: Blocking) -> None:
    with LiveSource("camera 0", lambda _: device, QUICK) as source:
        assert source.read(10).index == 0
        device.deliver(damaged=True)
        device.deliver(stale=2)
        assert source.read(10).index == 3
        assert (source.corrupt, source.skipped) == (1, 2)
        device.captures.put(SourceError("gone", "No remedy."))


class Undecodable(Blocking):
    """Goes on delivering, but no picture any more: an unplugged camera behind DirectShow."""

    def read(self) -> Capture:
        if self.captures.empty():
            self.closed.wait(0.005)
            self.deliver(damaged=True)
        return super().read()


def test_a_device_whose_pictures_cannot_be_decoded_any_more_is_opened_anew(until: Until) -> None:
    devices = [Undecodable(), Undecodable()]
    for number, one in enumerate(devices):
        one.deliver(number)
    opened = iter(devices)
    with LiveSource("camera 0", lambda _: next(opened), QUICK) as source:
        assert number_of(source.read(10).image) == 0
        until(lambda: source.missing or devices[0].closed.is_set())
        frame = source.read(10)
        assert frame is not None
        assert number_of(frame.image) == 1
        assert devices[0].closed.is_set()


@pytest.mark.parametrize("decoding_waits", [False, True])
def test_the_moment_of_capture_is_that_of_the_waiting(decoding_waits: bool) -> None:
    class Waits:
        decoded_ns = 0

        def grab(self) -> bool:
            return True

        def retrieve(self) -> tuple[bool, object]:
            self.decoded_ns = time.perf_counter_ns()
            return True, picture(0)

    waits, never = Waits(), threading.Event()
    device = CvDevice("camera", waits, never, 1.0, decoding_waits=decoding_waits)  # type: ignore[arg-type]
    capture = device.read()
    assert (capture.captured_ns >= waits.decoded_ns) is decoding_waits


def test_frames_that_nobody_wants_are_not_skipped(device: Blocking, until: Until) -> None:
    with LiveSource("camera 0", lambda _: device, QUICK) as source:
        assert source.read(10) is not None
        source.pause()
        assert source.paused
        for number in range(1, 6):
            device.deliver(number, stale=2)
        until(device.captures.empty)
        source.resume()
        device.deliver(9)
        frame = source.read(10)
        assert frame is not None
        # The fifth may still be on its way when it is resumed.
        assert number_of(frame.image) in (5, 9)
        assert source.skipped <= 3
        device.captures.put(SourceError("gone", "No remedy."))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_thread_reaches_the_owner(device: Blocking, until: Until) -> None:
    with LiveSource("camera 0", lambda _: device, QUICK) as source:
        assert source.read(10) is not None
        device.captures.put(ZeroDivisionError("a bug"))
        with pytest.raises(RuntimeError, match="died") as caught:
            source.read(20)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert device.closed.is_set()


def test_what_waits_while_decoding_is_gone_once_grabbing_fails() -> None:
    """OpenCV's DirectShow says once that a camera was unplugged, then grabs as if it were there."""

    class Unplugged:
        grabbed = 0

        def grab(self) -> bool:
            self.grabbed += 1
            return self.grabbed > 1

    device = CvDevice("camera", Unplugged(), threading.Event(), 1.0, decoding_waits=True)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="delivers no pictures"):
        device.read()


def test_a_closed_source_has_nothing_more_to_deliver(device: Blocking) -> None:
    with LiveSource("camera 0", lambda _: device, QUICK) as source:
        assert source.read(10) is not None
        assert not source.exhausted
        device.captures.put(SourceError("gone", "No remedy."))
    assert source.exhausted


def test_opencv_device_reads_and_ends(tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.avi", "MJPG")
    device = CvDevice(
        "camera 0", cv2.VideoCapture(str(video), cv2.CAP_FFMPEG), threading.Event(), grace_s=0.05
    )
    captures = [device.read() for _ in range(COUNT)]
    assert [number_of(capture.image) for capture in captures] == list(range(COUNT))
    with pytest.raises(SourceError, match="camera 0 delivers no pictures"):
        device.read()
    device.close()


def test_video_over_http_is_read_by_opencv(
    server: MjpegServer, tmp_path: Path, until: Until
) -> None:
    server.content_type, server.length_told = "video/x-msvideo", False
    server.body = write_video(tmp_path / "clip.avi", "MJPG").read_bytes()
    with open_source(server.url) as source:
        assert source.live
        until(lambda: source.missing or source.skipped + source.corrupt >= COUNT)
        frame = source.read(10)
    assert frame is not None
    assert frame.image.shape == (120, 160, 3)
