"""Opening a source, called off by another thread."""

import queue
import threading
from collections.abc import Callable, Iterator

import cv2
import pytest
from mjpeg_server import MjpegServer
from sources.fake_camera import V4l2Camera

from vrfer.errors import SourceError
from vrfer.sources import CameraInfo, Source, open_source, thumbnail
from vrfer.sources.live import Patience

Until = Callable[[Callable[[], bool]], None]
WAIT_S = 20


class Opening:
    """Opens a source in a thread of its own, as a window does."""

    def __init__(self, spec: str) -> None:
        self.cancel = threading.Event()
        self._outcome: queue.Queue[Source | SourceError] = queue.Queue()
        self._thread = threading.Thread(target=self._run, args=(spec,))
        self._thread.start()

    def _run(self, spec: str) -> None:
        try:
            self._outcome.put(open_source(spec, cancel=self.cancel))
        except SourceError as err:
            self._outcome.put(err)

    def outcome(self) -> Source | SourceError:
        answer = self._outcome.get(timeout=WAIT_S)
        self._thread.join()
        return answer

    def cancelled(self) -> str:
        self.cancel.set()
        answer = self.outcome()
        assert isinstance(answer, SourceError)
        return answer.message


class SlowCamera(V4l2Camera):
    """Cannot be interrupted, neither while it opens nor while it waits for a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.opening, self.may_open = threading.Event(), threading.Event()
        self.grabbing, self.may_grab = threading.Event(), threading.Event()

    def opened(self, *_: object) -> "SlowCamera":
        self.opening.set()
        self.may_open.wait(WAIT_S)
        return self

    def grab(self) -> bool:
        self.grabbing.set()
        self.may_grab.wait(WAIT_S)
        return super().grab()


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowCamera]:
    slow = SlowCamera()
    monkeypatch.setattr(cv2, "VideoCapture", slow.opened)
    yield slow
    slow.may_open.set()
    slow.may_grab.set()


def no_threads() -> bool:
    return not any(thread.name.startswith("vrfer") for thread in threading.enumerate())


def test_while_the_camera_opens(
    camera: SlowCamera, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    opening = Opening("0")
    assert camera.opening.wait(WAIT_S)
    assert opening.cancelled() == "opening camera 0 was cancelled"
    assert not camera.released.is_set()
    camera.may_open.set()  # OpenCV returns after all: given back at once, without a picture
    assert camera.released.wait(WAIT_S)
    until(no_threads)
    assert not camera.grabbing.is_set()
    assert caplog.records == []


def test_while_the_first_picture_is_waited_for(camera: SlowCamera, until: Until) -> None:
    camera.may_open.set()
    opening = Opening("0")
    assert camera.grabbing.wait(WAIT_S)
    assert opening.cancelled() == "opening camera 0 was cancelled"
    assert not camera.released.is_set()
    camera.may_grab.set()
    assert camera.released.wait(WAIT_S)
    until(no_threads)


def test_does_not_wait_for_the_thread(
    camera: SlowCamera, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Patience(closing_s=10 * WAIT_S)
    monkeypatch.setattr("vrfer.sources.live.Patience", lambda: patient)
    opening = Opening("0")
    assert camera.opening.wait(WAIT_S)
    assert opening.cancelled()
    assert not camera.released.is_set()
    camera.may_open.set()
    until(no_threads)


def test_what_was_given_up_is_waited_for_and_not_met(
    camera: SlowCamera, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver lends a camera to one user: the second opening would be told that it is busy."""
    after = V4l2Camera()

    def opened(*_: object) -> V4l2Camera:
        if not camera.opening.is_set():
            return camera.opened()
        assert camera.released.is_set(), "met a camera that is still open"
        return after

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    first = Opening("0")
    assert camera.opening.wait(WAIT_S)
    assert first.cancelled()
    second = Opening("0")
    assert thumbnail(CameraInfo(0, "camera 0"), 0.0) is None  # nor does a small picture
    third = Opening("0")
    assert third.cancelled() == "opening camera 0 was cancelled"
    camera.may_grab.set()
    camera.may_open.set()
    source = second.outcome()
    assert not isinstance(source, Exception)
    source.close()
    until(no_threads)


def test_silent_stream(server: MjpegServer, until: Until) -> None:
    server.flowing.clear()
    opening = Opening(server.url.replace("http://", "http://ann:secret@"))
    until(lambda: server.clients == 1)
    assert opening.cancelled() == f"opening {server.url} was cancelled"
    until(no_threads)  # its connection was cut


def test_cancelled_before_it_began(server: MjpegServer, camera: SlowCamera, video: object) -> None:
    cancel = threading.Event()
    cancel.set()
    for spec in (server.url, "0", str(video)):
        with pytest.raises(SourceError, match="was cancelled"):
            open_source(spec, cancel=cancel)
    assert server.clients == 0
    assert not camera.opening.is_set()


def test_once_it_is_open_nothing_can_be_cancelled(server: MjpegServer) -> None:
    opening = Opening(server.url)
    source = opening.outcome()
    assert isinstance(source, Source)
    with source:
        opening.cancel.set()
        assert source.read(10) is not None


def test_failure_is_told_as_such(server: MjpegServer) -> None:
    server.content_type, server.body = "text/html", b"<html>"
    answer = Opening(server.url).outcome()
    assert isinstance(answer, SourceError)
    assert "is a web page" in answer.message
