"""File sources: every frame, in order, released at the file's own times. And pictures as files."""

import logging
import math
import threading
import time
from abc import abstractmethod
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vrfer.errors import SourceError
from vrfer.frames import Frame
from vrfer.sources import pictures
from vrfer.sources.base import Source

logger = logging.getLogger(__name__)

PICTURES_PER_S = 30.0
"""Pictures have no times of their own; a folder of them is played at this rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A decoded frame that has not been released yet."""

    image: NDArray[np.uint8]
    """Height x width x 3, BGR."""
    source_s: float
    """Its position in the file in seconds."""


class FileSource(Source):
    """Releases what `_next_still` finds; one frame ahead, so that the end is known at once."""

    live = False

    def __init__(self, name: str, as_fast_as_possible: bool) -> None:
        """Begin before the first frame; its time starts with the first `read`."""
        self.name = name
        self._paced = not as_fast_as_possible
        self._closed = threading.Event()
        self._reading = threading.Lock()
        # Everything below is guarded by the lock.
        self._ahead: deque[Still] = deque()
        self._at_end = False
        self._released = 0
        self._corrupt = 0
        self._clock_zero_s: float | None = None

    @abstractmethod
    def _next_still(self) -> Still | None:
        """Decode the next frame; None at the end. Steps over damaged ones and counts them."""

    @abstractmethod
    def _release_file(self) -> None:
        """Give the file back; called once."""

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame once its time has come; see `Source.read`.

        Raises:
            SourceError: The file cannot be read any more.
        """
        give_up_s = time.monotonic() + timeout_s
        with self._reading:
            self._look_ahead()
            if not self._ahead:
                return None
            due_s = self._due_s()
        if self._closed.wait(max(0.0, min(due_s, give_up_s) - time.monotonic())):
            return None
        with self._reading:
            if not self._ahead or time.monotonic() < due_s:
                return None
            still = self._ahead.popleft()
            index = self._released
            self._released += 1
        return Frame(
            image=still.image,
            index=index,
            captured_ns=time.monotonic_ns(),
            captured_unix_ns=time.time_ns(),
            source_s=still.source_s,
        )

    @property
    def exhausted(self) -> bool:
        """Whether the last frame has been delivered, or the source was closed."""
        with self._reading:
            return self._closed.is_set() or (self._at_end and not self._ahead)

    @property
    def skipped(self) -> int:
        """Always 0: a file waits."""
        return 0

    @property
    def missing(self) -> bool:
        """Always False."""
        return False

    @property
    def corrupt(self) -> int:
        """How many frames or pictures could not be decoded so far."""
        with self._reading:
            return self._corrupt

    def close(self) -> None:
        """Give the file back."""
        first_time = not self._closed.is_set()
        self._closed.set()
        with self._reading:
            self._ahead.clear()
            if first_time:
                self._release_file()

    def _look_ahead(self) -> None:
        while not self._closed.is_set() and not self._at_end and len(self._ahead) < 2:
            still = self._next_still()
            if still is None:
                self._at_end = True
            else:
                self._ahead.append(still)

    def _due_s(self) -> float:
        """Return when, on the monotonic clock, the next frame is to be released."""
        position_s = self._ahead[0].source_s
        if not self._paced:
            return -math.inf
        if self._clock_zero_s is None:
            self._clock_zero_s = time.monotonic() - position_s
        return self._clock_zero_s + position_s


class PictureSource(FileSource):
    """One picture, or the pictures of a folder, in the order given."""

    def __init__(self, name: str, paths: list[Path], as_fast_as_possible: bool = False) -> None:
        """Look for the first picture that can be read.

        Args:
            name: For people.
            paths: The pictures; those that cannot be read are stepped over.
            as_fast_as_possible: Whether to ignore the times.

        Raises:
            SourceError: None of them can be read.
        """
        super().__init__(name, as_fast_as_possible)
        self._paths = deque(paths)
        self._delivered = 0
        with self._reading:
            self._look_ahead()
            if not self._ahead:
                raise SourceError(
                    f"{name} holds no picture that can be read",
                    "Open one of them in another program, or copy them anew.",
                )

    def _next_still(self) -> Still | None:
        while self._paths:
            path = self._paths.popleft()
            try:
                image = pictures.load(path)
            except SourceError as err:
                self._corrupt += 1
                if self._corrupt == 1:
                    logger.warning("%s; it is stepped over, like any further ones", err.message)
                continue
            still = Still(image, self._delivered / PICTURES_PER_S)
            self._delivered += 1
            return still
        return None

    def _release_file(self) -> None:
        self._paths.clear()


def open_picture(path: Path, as_fast_as_possible: bool) -> PictureSource:
    """Open one picture.

    Raises:
        SourceError: It is damaged.
    """
    pictures.load(path)
    return PictureSource(path.name, [path], as_fast_as_possible)


def open_folder(folder: Path, as_fast_as_possible: bool) -> PictureSource:
    """Open the pictures of a folder, sorted by name.

    Raises:
        SourceError: It holds none that can be read.
    """
    try:
        paths = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in pictures.SUFFIXES and path.is_file()
        )
    except OSError as err:
        raise SourceError(
            f"the folder {folder} cannot be read ({err.strerror})", "Check its permissions."
        ) from err
    if not paths:
        raise SourceError(
            f"the folder {folder} holds no pictures", "Give a folder with JPEG or PNG files."
        )
    return PictureSource(folder.name or str(folder), paths, as_fast_as_possible)
