"""Cameras and streams that OpenCV reads, as devices of a `LiveSource`."""

import functools
import threading
import time
from collections.abc import Callable

import cv2

from vrfer.errors import SourceError
from vrfer.sources.live import Capture, Device
from vrfer.sources.opencv import retrieve_bgr

STREAM_TIMEOUT_MS = 4000
"""How long FFmpeg may wait for a server, to open and to read; its own default is 30 s."""
STREAM_GRACE_S = 0.1
"""A stream has ended when grabbing fails for this long; one damaged frame is no end."""
RETRY_S = 0.02
"""Pause after a failed grab, so that a camera which has gone does not occupy a core."""


class CvDevice(Device):
    """An opened `cv2.VideoCapture`."""

    def __init__(
        self,
        name: str,
        capture: cv2.VideoCapture,
        stop: threading.Event,
        grace_s: float,
        mode: str | None = None,
        *,
        decoding_waits: bool = False,
    ) -> None:
        """Take over an opened capture.

        Args:
            name: For messages.
            capture: Closed by `close`.
            stop: Ends waiting.
            grace_s: How long grabbing may fail before the device counts as gone.
            mode: What it delivers, in words.
            decoding_waits: Whether it is decoding, not grabbing, that waits for the next frame, as
                in OpenCV's DirectShow backend: the moment of capture is then after it.
        """
        self._name = name
        self._capture = capture
        self._stop = stop
        self._grace_s = grace_s
        self.mode = mode
        self._decoding_waits = decoding_waits
        self.when_closed: Callable[[], None] = lambda: None
        """Called once the capture is released."""

    def read(self) -> Capture:
        """Wait for the next frame; see `Device.read`."""
        # DirectShow fails to grab when the camera was unplugged, and says so only once.
        grace_s = 0.0 if self._decoding_waits else self._grace_s
        give_up_s = time.monotonic() + grace_s
        while not self._capture.grab():
            if time.monotonic() >= give_up_s or self._stop.wait(RETRY_S):
                raise SourceError(
                    f"{self._name} delivers no pictures",
                    "Check its connection, and close other programs that use it.",
                )
        moment = time.perf_counter_ns(), time.time_ns()
        image = retrieve_bgr(self._capture)
        if self._decoding_waits:
            moment = time.perf_counter_ns(), time.time_ns()
        return Capture(image, *moment)

    def close(self) -> None:
        """Release the capture."""
        try:
            self._capture.release()
        finally:
            self.when_closed()

    def abort(self) -> None:
        """Do nothing: OpenCV cannot be interrupted; releasing in mid-read would crash it."""


def open_stream(url: str, name: str, stop: threading.Event) -> Device:
    """Open a network stream with FFmpeg.

    Args:
        url: With credentials, if any.
        name: The URL without them, for messages.
        stop: Ends waiting.

    Raises:
        SourceError: It cannot be reached, or is not a video.
    """
    timeouts = (
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        STREAM_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        STREAM_TIMEOUT_MS,
    )
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"{name} cannot be opened as a video stream",
            "Check the address, and that the camera or server is switched on and can be reached.",
        )
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return CvDevice(name, capture, stop, STREAM_GRACE_S)


def stream_opener(url: str, name: str) -> functools.partial[Device]:
    """Return the opener of a stream for a `LiveSource`."""
    return functools.partial(open_stream, url, name)
