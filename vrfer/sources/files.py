"""File sources: every frame, in order, released at the file's own times. And pictures as files."""

import logging
import math
import re
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
_OVERDUE_S = 1.0
LOOK_AHEAD = 2
"""Frames decoded in advance: with two, the last one is known as such when it is delivered."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """A decoded frame that has not been released yet."""

    image: NDArray[np.uint8]
    """Height x width x 3, BGR."""
    source_s: float
    """Its position in the file in seconds."""


class FileSource(Source):
    """Releases what `_next_still` finds, at its time; decodes a little ahead.

    One thread reads. Others may seek, pause, resume and close: they only note what they want, and
    never wait for a frame that is being decoded; `close` alone does.
    """

    live = False

    def __init__(self, name: str, as_fast_as_possible: bool, loop: bool, frame_s: float) -> None:
        """Begin before the first frame; its time starts with the first `read`.

        Args:
            name: For people.
            as_fast_as_possible: Whether to ignore the times.
            loop: Whether to begin again after the last frame.
            frame_s: How long the last frame lasts, in seconds.
        """
        self.name = name
        self._paced = not as_fast_as_possible
        self._loop = loop
        self._frame_s = frame_s
        self._decoding = threading.Lock()
        # Guarded by the lock, which is held while the file is used:
        self._corrupt = 0
        self._decoded_s: float | None = None
        self._passes_s = 0.0
        self._changed = threading.Condition()
        # Guarded by the condition, which is never held while the file is used:
        self._ahead: deque[tuple[Still, float]] = deque()
        self._at_end = False
        self._closed = False
        self._released = 0
        self._position_s = 0.0
        self._wanted_s: float | None = None
        self._seeks = 0
        self._sought = False
        self._clock_zero_s: float | None = None
        self._paused_since_s: float | None = None

    @abstractmethod
    def _next_still(self) -> Still | None:
        """Decode the next frame; None at the end. Steps over damaged ones and counts them."""

    @abstractmethod
    def _still_at(self, position_s: float) -> Still | None:
        """Go to a position, and decode the frame there; None when there is none."""

    @abstractmethod
    def _release_file(self) -> None:
        """Give the file back; called once."""

    def _note_end(self) -> None:
        """Take notice that the last frame was decoded."""

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame once its time has come; see `Source.read`.

        Raises:
            SourceError: The file cannot be read any more.
        """
        give_up_s = time.perf_counter() + timeout_s
        while True:
            self._look_ahead()
            with self._changed:
                due_s, now_s = self._due_s(), time.perf_counter()
                if due_s <= now_s:
                    still, index = self._release()
                    break
                if self._finished() or now_s >= give_up_s:
                    return None
                if self._wanted_s is None:
                    self._changed.wait(min(due_s, give_up_s) - now_s)
        captured_ns, captured_unix_ns = time.perf_counter_ns(), time.time_ns()
        image = self.orientation.apply(still.image)
        return Frame(image, index, captured_ns, captured_unix_ns, still.source_s)

    @property
    def exhausted(self) -> bool:
        """Whether the last frame has been delivered, or the source was closed."""
        with self._changed:
            return self._finished()

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
        return self._corrupt

    @property
    def position_s(self) -> float:
        """Where it is; see `Source.position_s`."""
        with self._changed:
            return self._position_s

    def seek(self, position_s: float) -> None:
        """Go on at another position; see `Source.seek`.

        Raises:
            ValueError: It is no finite number.
        """
        if not math.isfinite(position_s):
            raise ValueError(f"a position must be a finite number of seconds, not {position_s}")
        last_s = math.inf if self.duration_s is None else self.duration_s - self._frame_s
        with self._changed:
            self._wanted_s = self._position_s = max(0.0, min(position_s, last_s))
            self._seeks += 1
            self._sought = True
            self._ahead.clear()
            self._at_end = False
            self._clock_zero_s = None
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        with self._changed:
            return self._paused_since_s is not None

    def pause(self) -> None:
        """Stop the clock; see `Source.pause`."""
        with self._changed:
            if self._paused_since_s is None:
                self._paused_since_s = time.perf_counter()

    def resume(self) -> None:
        """Go on; see `Source.resume`."""
        with self._changed:
            since_s, self._paused_since_s = self._paused_since_s, None
            if since_s is not None and self._clock_zero_s is not None:
                self._clock_zero_s += time.perf_counter() - since_s
            self._changed.notify_all()

    def close(self) -> None:
        """Give the file back."""
        with self._changed:
            first_time = not self._closed
            self._closed = True
            self._ahead.clear()
            self._changed.notify_all()
        if first_time:
            with self._decoding:
                self._release_file()

    def _look_ahead(self) -> None:
        """Decode until enough frames wait or the end is known, at the position that is wanted."""
        with self._decoding:
            while True:
                with self._changed:
                    wanted_s, self._wanted_s = self._wanted_s, None
                    seeks = self._seeks
                    enough = self._at_end or len(self._ahead) >= LOOK_AHEAD
                    if self._closed or (enough and wanted_s is None):
                        return
                still = self._decode(wanted_s)
                with self._changed:
                    if self._closed or seeks != self._seeks:
                        continue  # another position is wanted meanwhile
                    if still is None:
                        self._at_end = True
                    else:
                        self._ahead.append((still, self._passes_s + still.source_s))

    def _decode(self, wanted_s: float | None) -> Still | None:
        """Decode the next frame, or the one at a position, or the first one again."""
        if wanted_s is None:
            still = self._next_still()
            if still is None:
                self._note_end()
        else:
            still = self._still_at(wanted_s)
        if still is None and self._loop and self._decoded_s is not None:
            self._passes_s += self._decoded_s + self._frame_s
            still = self._still_at(0.0)
            if still is None:
                logger.warning("%s cannot be played again", self.name)
        if still is not None:
            self._decoded_s = still.source_s
        return still

    def _due_s(self) -> float:
        """Return when the next frame is to be released, by `time.perf_counter()`; inf for never."""
        if not self._ahead:
            return math.inf
        if self._paused_since_s is not None:
            return -math.inf if self._sought else math.inf
        if not self._paced:
            return -math.inf
        played_s = self._ahead[0][1]
        zero_s = time.perf_counter() - played_s
        # After a standstill, such as the computer's sleep, nothing is raced through.
        if self._clock_zero_s is None or zero_s - self._clock_zero_s > _OVERDUE_S:
            self._clock_zero_s = zero_s
        return self._clock_zero_s + played_s

    def _release(self) -> tuple[Still, int]:
        still, _ = self._ahead.popleft()
        index = self._released
        self._released += 1
        self._position_s = still.source_s
        self._sought = False
        return still, index

    def _finished(self) -> bool:
        return self._closed or (self._at_end and not self._ahead)


class PictureSource(FileSource):
    """One picture, or the pictures of a folder, in the order given."""

    def __init__(
        self, name: str, paths: list[Path], as_fast_as_possible: bool = False, loop: bool = False
    ) -> None:
        """Look for the first picture that can be read.

        Args:
            name: For people.
            paths: The pictures; those that cannot be read are stepped over.
            as_fast_as_possible: Whether to ignore the times.
            loop: Whether to begin again after the last picture.

        Raises:
            SourceError: None of them can be read.
        """
        super().__init__(name, as_fast_as_possible, loop, 1 / PICTURES_PER_S)
        self._paths = paths
        self._next = 0
        self._stands = loop and len(paths) == 1
        """Whether one picture is shown for ever: time goes on, and nothing begins again."""
        self._look_ahead()
        if self.exhausted:
            raise SourceError(
                f"{name} holds no picture that can be read",
                "Open one of them in another program, or copy them anew.",
            )

    @property
    def duration_s(self) -> float | None:
        """How long the folder lasts; None for a single picture."""
        return len(self._paths) / PICTURES_PER_S if len(self._paths) > 1 else None

    def _next_still(self) -> Still | None:
        while self._stands or self._next < len(self._paths):
            index = self._next
            self._next += 1
            try:
                image = pictures.load(self._paths[0 if self._stands else index])
            except SourceError as err:
                self._corrupt += 1
                if self._corrupt == 1:
                    logger.warning("%s; it is stepped over, like any further ones", err.message)
                if self._stands:
                    return None
                continue
            return Still(image, index / PICTURES_PER_S)
        return None

    def _still_at(self, position_s: float) -> Still | None:
        self._next = round(position_s * PICTURES_PER_S)
        if not self._stands:
            self._next = min(self._next, len(self._paths) - 1)
        return self._next_still()

    def _release_file(self) -> None:
        self._next, self._stands = len(self._paths), False


def open_picture(path: Path, as_fast_as_possible: bool, loop: bool = False) -> PictureSource:
    """Open one picture.

    Raises:
        SourceError: It is damaged.
    """
    pictures.load(path)
    return PictureSource(path.name, [path], as_fast_as_possible, loop)


def _as_counted(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort as people count, frame2 before frame10, and everywhere alike."""
    parts = re.findall(r"\d+|\D+", path.name.casefold())
    return [(0, int(x), "") if x.isdecimal() else (1, 0, x) for x in parts], path.name


def open_folder(folder: Path, as_fast_as_possible: bool, loop: bool = False) -> PictureSource:
    """Open the pictures of a folder, sorted by name, numbers in it by their value.

    Raises:
        SourceError: It holds none that can be read.
    """
    try:
        paths = sorted(
            (
                path
                for path in folder.iterdir()
                if path.suffix.lower() in pictures.SUFFIXES and path.is_file()
            ),
            key=_as_counted,
        )
    except OSError as err:
        raise SourceError(
            f"the folder {folder} cannot be read ({err.strerror})", "Check its permissions."
        ) from err
    if not paths:
        raise SourceError(
            f"the folder {folder} holds no pictures", "Give a folder with JPEG or PNG files."
        )
    return PictureSource(folder.name or str(folder), paths, as_fast_as_possible, loop)
