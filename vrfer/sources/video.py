"""Video files, read frame by frame with OpenCV's FFmpeg."""

import logging
import math
from pathlib import Path

import cv2

from vrfer.errors import SourceError
from vrfer.sources.files import FileSource, Still
from vrfer.sources.opencv import prepare_opencv, retrieve_bgr

logger = logging.getLogger(__name__)

DEFAULT_FPS = 30.0
"""For files that do not tell their frame rate."""
MOST_DAMAGED = 100
"""So many damaged frames in a row count as the end of the file."""
TOLERATED_SHORTFALL = 0.02
"""Share of the announced frames that may be missing at the end: many files only estimate them."""


class VideoSource(FileSource):
    """A video file."""

    def __init__(self, path: Path, as_fast_as_possible: bool = False) -> None:
        """Open the file and decode its first frame.

        Raises:
            SourceError: It is not a video, or holds no frame that can be decoded.
        """
        super().__init__(path.name, as_fast_as_possible)
        prepare_opencv()
        self._path = path
        self._capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._fps = fps if math.isfinite(fps) and fps > 0 else DEFAULT_FPS
        self._announced = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._passed = 0
        self._last_s = -math.inf
        with self._reading:
            self._look_ahead()
            found = bool(self._ahead)
        if not found:
            self.close()
            raise SourceError(
                f"{path} is damaged or not a video",
                "Play it in another program, copy it anew, or convert it to MP4.",
            )

    def _next_still(self) -> Still | None:
        """Decode the next frame.

        A damaged frame makes `grab` fail exactly as the end of the file does, but after it grabbing
        goes on; so the end is where grabbing keeps failing.
        """
        for damaged in range(MOST_DAMAGED):
            if not self._capture.grab():
                continue
            stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            image = retrieve_bgr(self._capture)
            if image is None:
                continue
            self._corrupt += damaged
            index = self._passed + damaged
            self._passed = index + 1
            self._last_s = next_time_s(stamp_s, index, self._fps, self._last_s)
            return Still(image, self._last_s)
        if self._passed < self._announced * (1 - TOLERATED_SHORTFALL) - 1:
            logger.warning(
                "%s ends early: %d of %.0f frames", self._path, self._passed, self._announced
            )
        return None

    def _release_file(self) -> None:
        self._capture.release()


def next_time_s(stamp_s: float, index: int, fps: float, last_s: float) -> float:
    """Return a frame's position in seconds: its own stamp, where that moves on.

    Args:
        stamp_s: What the file says; may be missing (0), repeated or nonsense.
        index: The frame's number.
        fps: The file's frame rate.
        last_s: Position of the frame before it; minus infinity for the first.
    """
    for position_s in (stamp_s, index / fps):
        if math.isfinite(position_s) and position_s > last_s:
            return position_s
    return last_s + 1 / fps
