"""The film beside a recording: the pictures themselves, for those who ask for them.

`X.video.mkv` holds them as JPEGs, `X.video.csv` says which picture belongs to which row of `X.csv`.
It shows the person, and lies there as open as any file: nothing makes a film unless it is asked to.

Tracking never waits for it. Pictures wait in memory, no more than `MOST_WAITING`; a thread turns
them into JPEGs and hands each to the system whole or not at all, and another asks the system about
once a second to put them on the disk. What does not fit is left out and counted.

Measured with `benchmarks/film.py`: a JPEG costs less time than a picture of OpenCV's own video
writer, which moreover keeps up to seconds of film in memory and says nothing of a full disk.
"""

import contextlib
import logging
import os
import shutil
import threading
from pathlib import Path
from typing import Final, Self

from vrfer.errors import OutputError
from vrfer.frames import Frame
from vrfer.outputs.growing import Growing
from vrfer.outputs.reel import Reel
from vrfer.outputs.rows import iso_time
from vrfer.outputs.waiting import Waiting
from vrfer.replacing import remove_files, sync_folder

logger = logging.getLogger(__name__)

COLUMNS: Final = ("video_frame", "frame", "captured_at", "monotonic_s")
"""Number of the picture in the film, from 0; the other three as in the recording's row."""
SYNC_EVERY_S: Final = 1.0
"""How often pictures are put on the disk, seconds."""
MOST_WAITING: Final = 90
"""So many pictures wait for the encoder at most."""
MOST_WAITING_BYTES: Final = 64 * 2**20
"""So much memory they take at most, but for a single one that is larger."""
KEEP_FREE_BYTES: Final = 256 * 2**20
"""The film leaves so much of the drive to the recording's numbers, which matter more."""

_PATIENCE_S = 10.0
"""How long `close` waits for a disk that does not answer."""
_CLOSED = "it is closed"
_TOO_SLOW = "the processor or the disk is too slow for it"
_NEARLY_FULL = "the drive is nearly full; what is left of it is for the numbers"


def film_files(recording: Path) -> tuple[Path, Path]:
    """Return where the film of a recording lies, and the table of its pictures."""
    return recording.with_suffix(".video.mkv"), recording.with_suffix(".video.csv")


class Film:
    """Writes a film; a context manager. `write` is for one thread; it never waits, never fails."""

    def __init__(self, recording: Path, *, rate_hz: float = 30.0) -> None:
        """Create the two files.

        Args:
            recording: The CSV file of the recording, which need not exist yet.
            rate_hz: Pictures a second (above 0), where their own times do not say: a file begun
                anew.

        Raises:
            OutputError: One of the files exists, or cannot be created.
        """
        if recording.suffix != ".csv":
            raise OutputError(
                f"the recording {recording} must be named *.csv", "Write for example session.csv."
            )
        self.path, self._table_path = film_files(recording)
        self.pictures = 0
        """Pictures that lie in the film, with their rows."""
        self.error = ""
        """Why a picture was left out last, or did not reach the disk; empty where none was."""
        self.failed_syncs = 0
        """How often the disk refused."""
        for path in (self.path, self._table_path):
            if path.exists():
                raise OutputError(
                    f"the video {path} exists already",
                    "Name another recording; none is overwritten.",
                )
        if _is_nearly_full(recording.parent):
            raise OutputError(
                f"the drive of {self.path} is too full for a video",
                f"Make more than {KEEP_FREE_BYTES // 2**20} MB of room, or record without video.",
            )
        try:
            with contextlib.ExitStack() as opened:
                opened.callback(remove_files, made := [])
                self._film = Growing(opened.enter_context(self.path.open("xb", buffering=0)))
                made.append(self.path)
                self._table = Growing(
                    opened.enter_context(self._table_path.open("xb", buffering=0))
                )
                made.append(self._table_path)
                self._table.append(f"{','.join(COLUMNS)}\r\n".encode())
                opened.pop_all()
        except OSError as err:
            raise OutputError(
                f"the video {self.path} cannot be created: {err.strerror or err}",
                "Name a recording in a folder that exists and can be written.",
            ) from err
        self._left_out = 0
        self._failed = 0
        self._said: set[str] = set()
        self._obstacle = ""
        self._changed = threading.Event()
        self._written = threading.Event()
        self._waiting = Waiting[Frame](MOST_WAITING, MOST_WAITING_BYTES)
        self._reel = Reel(self._film, rate_hz)
        self._closed = False
        self._threads = (
            threading.Thread(target=self._encode, name="vrfer-film", daemon=True),
            threading.Thread(target=self._keep_on_disk, name="vrfer-film-disk", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    @property
    def lost(self) -> int:
        """Pictures left out: the computer or the disk was too slow, or did not take them."""
        return self._left_out + self._failed

    def write(self, frame: Frame) -> None:
        """Give the next picture, which must not be changed any more."""
        if not self._waiting.put(frame, frame.image.nbytes):
            self._left_out += 1
            self._say(_CLOSED if self._closed else _TOO_SLOW)

    def close(self) -> None:
        """Write what waits, put all on the disk, close; more calls do nothing.

        It waits for the disk. Where tracking goes on meanwhile, call it from another thread. A
        film without a picture is removed.
        """
        if self._closed:
            return
        self._closed = True
        self._waiting.end()
        for thread in self._threads:
            thread.join(_PATIENCE_S)
            if thread.is_alive():
                self._left_out += self._waiting.drop()
                self._say("the disk does not answer; the last seconds may be missing")
                return
        if self.pictures == self.lost == 0:
            with contextlib.suppress(OSError):
                remove_files([self.path, self._table_path])

    def _encode(self) -> None:
        try:
            while (frame := self._waiting.take()) is not None:
                self._take(frame)
            self._reel.finish()
        except OSError as err:
            logger.warning("the video %s gets no index: %s", self.path, _why(err))
        finally:
            self._written.set()

    def _take(self, frame: Frame) -> None:
        why = self._obstacle
        if not why:
            try:
                number = self._reel.append(frame)
                self._table.append(_row(number, frame))
            except (OSError, ValueError) as err:
                why = _why(err)
        if why:
            self._say(why)
            self._failed += 1
        else:
            self.pictures += 1
            self._changed.set()

    def _keep_on_disk(self) -> None:
        sync_folder(self.path.parent)
        over = False
        while not over:
            self._obstacle = self._find_obstacle()
            over = self._written.wait(SYNC_EVERY_S)
            if over or self._changed.is_set():
                self._changed.clear()
                self._sync()
        for growing in (self._film, self._table):
            try:
                growing.file.close()
            except OSError as err:
                logger.warning("closing the video %s: %s", self.path, err)

    def _sync(self) -> None:
        try:
            # In this order, so that after a power cut hardly a row lacks its picture.
            os.fsync(self._film.file.fileno())
            os.fsync(self._table.file.fileno())
        except OSError as err:
            self.failed_syncs += 1
            self._say(f"the disk refuses it: {_why(err)}")

    def _find_obstacle(self) -> str:
        """Return why no picture is to be written now; empty where nothing stands in the way."""
        try:
            # A file that was only moved is still written to.
            if os.fstat(self._film.file.fileno()).st_nlink == 0 and not self.path.exists():
                return "it was removed"
        except OSError:
            return ""  # a system that cannot be asked; writing says what is wrong
        return _NEARLY_FULL if _is_nearly_full(self.path.parent) else ""

    def _say(self, why: str) -> None:
        self.error = why
        if why not in self._said:
            self._said.add(why)
            logger.error("pictures are left out of the video %s: %s", self.path, why)


def _row(number: int, frame: Frame) -> bytes:
    captured_at = iso_time(frame.captured_unix_ns)
    return f"{number},{frame.index},{captured_at},{frame.captured_ns / 1e9:.6f}\r\n".encode()


def _is_nearly_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < KEEP_FREE_BYTES
    except OSError:
        return False


def _why(err: Exception) -> str:
    return (err.strerror if isinstance(err, OSError) else None) or str(err)
