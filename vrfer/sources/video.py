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
RUN_UP = 2
"""So many frames before the wanted one decoding begins: FFmpeg may arrive a frame too late."""


class VideoSource(FileSource):
    """A video file."""

    def __init__(self, path: Path, as_fast_as_possible: bool = False, loop: bool = False) -> None:
        """Open the file and decode its first frame.

        Args:
            path: The video.
            as_fast_as_possible: Whether to ignore its times.
            loop: Whether to begin again after the last frame.

        Raises:
            SourceError: It is not a video, or holds no frame that can be decoded.
        """
        prepare_opencv()
        self._path = path.resolve()
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._fps = fps if math.isfinite(fps) and fps > 0 else DEFAULT_FPS
        self._announced = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._passed = 0
        self._last_s = -math.inf
        self._told_end = False
        super().__init__(path.name, as_fast_as_possible, loop, 1 / self._fps)
        self._look_ahead()
        if self.exhausted:
            self.close()
            raise SourceError(
                f"{path} is damaged or not a video",
                "Play it in another program, copy it anew, or convert it to MP4.",
            )

    @property
    def duration_s(self) -> float | None:
        """How long it lasts by its own account; None where it does not tell."""
        known = math.isfinite(self._announced) and self._announced > 0
        return self._announced / self._fps if known else None

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
        return None

    def _still_at(self, position_s: float) -> Still | None:
        """Decode the frame at a position.

        FFmpeg is sent a little before it; where it does not arrive there (files without an index or
        without times) the file is decoded from its beginning.
        """
        nearest_s = position_s - self._frame_s / 2
        run_up_s = position_s - RUN_UP * self._frame_s
        still = self._first_still_from(run_up_s) if run_up_s > 0 else None
        if still is None or not 0 < still.source_s < nearest_s + self._frame_s:
            self._begin_again()
            still = self._next_still()
        while still is not None and still.source_s < nearest_s:
            still = self._next_still()
        return still

    def _first_still_from(self, position_s: float) -> Still | None:
        if not self._capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * position_s):
            return None
        self._passed = round(position_s * self._fps)
        self._last_s = -math.inf
        return self._next_still()

    def _begin_again(self) -> None:
        """Open the file anew: after seeking to 0 some files lack their first frames."""
        self._capture.release()
        self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        self._passed = 0
        self._last_s = -math.inf

    def _note_end(self) -> None:
        """Say once when the file holds fewer frames than it announces."""
        short = self._passed < self._announced * (1 - TOLERATED_SHORTFALL) - 1
        if short and not self._told_end:
            logger.warning(
                "%s ends early: %d of %.0f frames", self._path, self._passed, self._announced
            )
        self._told_end = True

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
