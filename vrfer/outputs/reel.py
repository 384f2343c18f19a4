"""A film as a file: JPEG pictures with their positions in time, all of the size of the first."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.frames import Frame
from vrfer.outputs.growing import Growing
from vrfer.outputs.matroska import Ending, Index, cluster, head

JPEG_QUALITY: Final = 80

_LONGEST_STEP_S = 5.0
"""In a file, a next picture that is further on was sought."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the last picture of a film lies in time."""

    timeline_s: float
    of_file: bool
    """Whether `timeline_s` is the position in a file, else the clock of capture."""
    position_s: float
    """In the film."""
    position_ms: int
    """The same as it is written; no two pictures share one."""


class Reel:
    """Appends pictures to a film, for one thread."""

    def __init__(self, file: Growing, rate_hz: float) -> None:
        """Begin an empty film.

        Args:
            file: Empty.
            rate_hz: Pictures a second, where their own times do not say.
        """
        self._file = file
        self._rate_hz = rate_hz
        self._index = Index()
        self._count = 0
        self._size = (0, 0)
        self._began_unix_ns = 0
        self._last: _Place | None = None

    def append(self, frame: Frame) -> int:
        """Write a picture; return its number, from 0.

        Raises:
            OSError: The disk does not take it.
            ValueError: It cannot be turned into a JPEG.
        """
        begin = b""
        if self._last is None:
            height, width = frame.image.shape[:2]
            self._size, self._began_unix_ns = (width, height), frame.captured_unix_ns
            begin = head(width, height, self._began_unix_ns)
        place = self._place(frame)
        jpeg = _jpeg(frame.image, self._size)
        at = self._file.end + len(begin)
        self._file.append(begin + cluster(jpeg, place.position_ms))
        self._index.note(place.position_ms, at)
        self._last = place
        self._count += 1
        return self._count - 1

    def finish(self) -> None:
        """Write the index, and the head with the duration.

        Raises:
            OSError: The disk does not take them; the film can be played without.
        """
        self._file.cut()
        if self._last is None:
            return
        ending = Ending(self._last.position_ms + 1000 / self._rate_hz, index_at=self._file.end)
        self._file.append(self._index.as_bytes())
        self._file.replace_start(head(*self._size, self._began_unix_ns, ending))

    def _place(self, frame: Frame) -> _Place:
        """Return where in time a picture lies.

        On the clock of capture it comes after the last one however long that took; on the clock of
        a file where it just ran on, for files are played anew, and people jump in them.
        """
        of_file = frame.source_s is not None
        last = self._last
        if last is None:
            return _Place(frame.timeline_s, of_file, 0.0, 0)
        step_s = frame.timeline_s - last.timeline_s
        ran_on = of_file == last.of_file and step_s > 0
        if not ran_on or (of_file and step_s > _LONGEST_STEP_S):
            step_s = 1 / self._rate_hz
        position_s = last.position_s + step_s
        position_ms = max(last.position_ms + 1, round(1000 * position_s))
        return _Place(frame.timeline_s, of_file, position_s, position_ms)


def fitted(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture in another size, whole, in the middle of black borders.

    Args:
        image: Height x width x 3.
        size: Width and height, pixels. A picture of this size is returned as it is.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    x, y = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    canvas[y : y + inner[1], x : x + inner[0]] = cv2.resize(image, inner, interpolation=how)
    return canvas


def _jpeg(image: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    no_jpeg = "the camera's picture cannot be turned into a JPEG"
    if image.size == 0:
        raise ValueError(no_jpeg)
    try:
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        done, jpeg = cv2.imencode(".jpg", fitted(image, size), quality)
    except cv2.error as err:
        raise ValueError(no_jpeg) from err
    if not done:
        raise ValueError(no_jpeg)
    return jpeg.tobytes()
