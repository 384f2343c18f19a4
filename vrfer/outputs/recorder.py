"""The recording: one CSV row a processed frame, a marker file, and a JSON file about the run.

Columns as `vrfer.outputs.rows.COLUMNS` says; comment lines begin with `#`. Fields are empty where
there is nothing to say (no face; `source_s` of a camera). `vrfer.recording` reads a recording back.

Tracking never waits for it. A thread hands rows to the operating system as they come, whole or
not at all, so that a killed program loses none that it took; where a drive hangs they wait in
memory, no more than `MOST_WAITING`. Another thread asks the system about once a second to put them
on the disk, so that a power cut costs no more than that. The JSON file says at the end how the
recording ended; one that does not was cut short.
"""

import contextlib
import io
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

from vrfer.errors import OutputError
from vrfer.frames import Reading
from vrfer.outputs.growing import Growing
from vrfer.outputs.rows import (
    ABOUT,
    COLUMNS,
    MARKER_COLUMNS,
    as_line,
    iso_time,
    marker_of,
    row_of,
)
from vrfer.outputs.waiting import Waiting
from vrfer.replacing import remove_files, replace_file, sync_folder

logger = logging.getLogger(__name__)

SYNC_EVERY_S: Final = 1.0
"""How often rows are put on the disk, seconds."""
MOST_WAITING: Final = 20_000
"""So many rows and markers wait for the disk at most: ten minutes at 30 a second."""
MOST_WAITING_BYTES: Final = 16 * 2**20
"""So much memory they take at most."""
SLOW_AFTER_S: Final = 2.0
"""A drive that takes nothing for so long, in seconds, is said to hang."""

_RECOVERED_AFTER_S = 10.0
"""After so many seconds without a loss the next one is said again. On a full drive a short line may
fit now and then."""
_PATIENCE_S = 10.0
"""How long `close` waits for a disk that does not answer."""
_CLOSED = "it is closed"
_HANGS = "its drive takes nothing, and too much waits for it"


class _Table:
    """One of the files to which lines are added."""

    def __init__(self, file: io.FileIO) -> None:
        self.growing = Growing(file)
        self.written = 0
        """Lines that it took."""


class _Line(NamedTuple):
    table: _Table
    text: bytes


class Recorder:
    """Writes a recording; a context manager.

    `write` and `mark` are for one thread and never wait. A row that cannot be written is counted
    in `lost`, what was written stays, and writing is tried again with the next row.
    """

    def __init__(self, path: Path, about: Mapping[str, object]) -> None:
        """Create the three files.

        Args:
            path: The CSV file; `X.markers.csv` and `X.json` go beside it.
            about: What the JSON file says of the run; `clock` and `ended` are added.

        Raises:
            OutputError: One of the files exists, or cannot be created.
        """
        self.path = path
        self.last_error = ""
        """Why a row or marker was not written last; empty where all were."""
        if path.suffix != ".csv":
            raise OutputError(
                f"the recording {path} must be named *.csv", "Write for example session.csv."
            )
        markers, self._description = path.with_suffix(".markers.csv"), path.with_suffix(".json")
        for file in (path, markers, self._description):
            if file.exists():
                raise OutputError(
                    f"the recording {file} exists already", "Name another; none is overwritten."
                )
        self._about = {**about, "clock": _clock()}
        try:
            with contextlib.ExitStack() as opened:
                made: list[Path] = []
                opened.callback(remove_files, made)
                self._rows = _Table(opened.enter_context(path.open("xb", buffering=0)))
                made.append(path)
                head = "".join(f"{line}\r\n" for line in (*ABOUT, ",".join(COLUMNS)))
                self._rows.growing.append(head.encode())
                self._marks = _Table(opened.enter_context(markers.open("xb", buffering=0)))
                made.append(markers)
                self._marks.growing.append(as_line(MARKER_COLUMNS))
                with self._description.open("xb") as description:
                    made.append(self._description)
                    description.write(_as_json(self._about))
                opened.pop_all()
        except OSError as err:
            raise OutputError(
                f"the recording {path} cannot be created: {err.strerror or err}",
                "Name a file in a folder that exists and can be written.",
            ) from err
        self._closed = False
        self._given_up = False
        self._described = threading.Event()
        self._given = 0
        self._left_out = 0
        self._failed = 0
        self._failing = False
        self._failed_s = 0.0
        self._said_hanging = False
        self._writing_since_s: float | None = None
        self._waiting = Waiting[_Line](MOST_WAITING, MOST_WAITING_BYTES)
        self._written = threading.Event()
        self._disk = _ToDisk(
            self._description,
            (self._rows.growing.file, self._marks.growing.file),
            ending=self._written,
        )
        self._writer = threading.Thread(
            target=self._write_waiting, name="vrfer-recorder", daemon=True
        )
        self._writer.start()

    @property
    def rows(self) -> int:
        """Rows written."""
        return self._rows.written

    @property
    def markers(self) -> int:
        """Markers written."""
        return self._marks.written

    @property
    def lost(self) -> int:
        """Rows and markers that were not written and will not be."""
        if self._given_up:
            return self._given - self.rows - self.markers
        return self._left_out + self._failed

    @property
    def failing(self) -> bool:
        """Whether rows or markers could not be written lately."""
        return self._failing

    @property
    def removed(self) -> bool:
        """Whether somebody deleted a file of it meanwhile: what is in there is lost."""
        return self._disk.removed

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Write what waits, put all on the disk, say in the JSON file how it ended, close.

        More calls do nothing. It waits for the disk. Where tracking goes on meanwhile, call it from
        another thread, once no more rows come.
        """
        if self._closed:
            return
        self._closed = True
        self._waiting.end()
        give_up_s = time.monotonic() + _PATIENCE_S
        for thread in (self._writer, self._disk.thread):
            thread.join(max(0.0, give_up_s - time.monotonic()))
            if thread.is_alive():
                # What waits is still written where the drive answers before the program ends.
                self._given_up = True
                self.last_error = "its drive does not answer"
                logger.error(
                    "the disk of the recording %s does not answer; what waits for it is missing "
                    "unless it answers before the program ends",
                    self.path,
                )
                return
        try:
            replace_file(self._description, _as_json({**self._about, "ended": self._ended()}))
        except OSError as err:
            logger.warning("%s cannot say how the recording ended: %s", self._description, err)

    def describe(self, about: Mapping[str, object]) -> bool:
        """Say of the run what was unknown (None) when it began, if all of it was.

        It stands in the JSON file with the next row.

        Returns:
            Whether it was.
        """
        unknown = all(self._about.get(name) is None for name in about)
        if unknown:
            self._about = {**self._about, **about}
            self._described.set()
        return unknown

    def write(self, reading: Reading, latency_ms: float) -> None:
        """Give the next row; one that is not written is counted, and the first of them is said."""
        self._give(self._rows, row_of(reading, latency_ms))

    def mark(self, captured_unix_ns: int, captured_ns: int, text: str) -> None:
        """Give a marker; a failure counts as a lost row does.

        Args:
            captured_unix_ns: When, nanoseconds since the Unix epoch.
            captured_ns: The same moment by `time.perf_counter_ns()`.
            text: What is noted.
        """
        self._give(self._marks, marker_of(captured_unix_ns, captured_ns, text))

    def _give(self, table: _Table, fields: Sequence[str]) -> None:
        self._given += 1
        line = as_line(fields)
        if not self._waiting.put(_Line(table, line), len(line)):
            self._say_lost(_CLOSED if self._closed else _HANGS)  # first, for others read the count
            self._left_out += 1
        since_s = self._writing_since_s
        hangs = since_s is not None and time.monotonic() - since_s > SLOW_AFTER_S
        if hangs and not self._said_hanging:
            self._said_hanging = True
            logger.warning(
                "the drive of the recording %s takes nothing; rows wait in memory", self.path
            )

    def _write_waiting(self) -> None:
        try:
            while lines := self._waiting.take_all():
                before = self.rows + self.markers
                self._writing_since_s = time.monotonic()
                for table in (self._rows, self._marks):
                    self._append(table, [line.text for line in lines if line.table is table])
                self._writing_since_s = None
                if self._said_hanging and self.rows + self.markers > before:
                    self._said_hanging = False
                    logger.info("the drive of the recording %s takes rows again", self.path)
                self._disk.changed.set()
                self._write_description()
                del lines  # which would be kept until the next come
        finally:
            self._written.set()

    def _write_description(self) -> None:
        """Say in the JSON file what became known meanwhile: a power cut may come."""
        if self._described.is_set():
            self._described.clear()
            try:
                replace_file(self._description, _as_json(self._about))
            except OSError as err:  # tried again at the end
                logger.warning("%s does not name its source: %s", self._description, err)

    def _append(self, table: _Table, lines: Sequence[bytes]) -> None:
        """Write lines at once; where there is no room for all, as many as there is room for."""
        if not lines:
            return
        try:
            table.growing.append(b"".join(lines))
            table.written += len(lines)
            self._note_success()
        except OSError as err:
            if len(lines) > 1:
                for line in lines:
                    self._append(table, [line])
            else:
                self._say_lost(str(err))
                self._failed += 1

    def _say_lost(self, why: str) -> None:
        self.last_error = why
        self._failed_s = time.monotonic()
        if not self._failing:
            self._failing = True
            logger.error("the recording %s cannot be written: %s", self.path, why)

    def _note_success(self) -> None:
        if self._failing and time.monotonic() - self._failed_s > _RECOVERED_AFTER_S:
            self._failing = False
            logger.info("the recording %s is written again", self.path)

    def _ended(self) -> dict[str, object]:
        unix_ns, monotonic_ns = _moment()
        return {
            "ended_at": iso_time(unix_ns),
            "unix_ns": unix_ns,
            "monotonic_ns": monotonic_ns,
            "rows": self.rows,
            "markers": self.markers,
            "lost": self.lost,
            "failed_syncs": self._disk.failures,
        }


class _ToDisk:
    """A thread that asks the system to put files on the disk, which may take long.

    Once the last line is written, `ending` is set: it does so a last time, closes the files, ends.
    """

    def __init__(
        self, description: Path, files: Sequence[io.FileIO], *, ending: threading.Event
    ) -> None:
        self.changed = threading.Event()
        """Set after something was written."""
        self.failures = 0
        """How often the disk refused."""
        self.removed = False
        """Whether a file was deleted. (Windows deletes no open files.)"""
        self._description = description
        self._files = files
        self._ending = ending
        self.thread = threading.Thread(target=self._run, name="vrfer-recorder-disk", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self._sync(self._sync_new_files)
        while not self._ending.wait(SYNC_EVERY_S):
            self._sync_written()
        self._sync_written()
        for opened in self._files:
            try:
                opened.close()
            except OSError as err:
                logger.warning("closing what is recorded beside %s: %s", self._description, err)

    def _sync_written(self) -> None:
        if self.changed.is_set():
            self.changed.clear()
            self._sync(self._sync_open_files)
            self._sync(self._look_for_files)

    def _sync(self, files: Callable[[], None]) -> None:
        try:
            files()
        except OSError as err:
            self.failures += 1
            if self.failures == 1:
                logger.error(  # noqa: TRY400
                    "the disk refuses what is recorded beside %s: %s", self._description, err
                )

    def _sync_new_files(self) -> None:
        with self._description.open("r+b") as file:
            os.fsync(file.fileno())
        self._sync_open_files()
        sync_folder(self._description.parent)

    def _look_for_files(self) -> None:
        # Some drives count no links, and a folder that was only moved is still written to.
        gone = (
            os.fstat(file.fileno()).st_nlink == 0 and not Path(file.name).exists()
            for file in self._files
        )
        if not self.removed and any(gone):
            self.removed = True
            logger.error("what is recorded beside %s was deleted", self._description)

    def _sync_open_files(self) -> None:
        for file in self._files:
            os.fsync(file.fileno())


def _moment() -> tuple[int, int]:
    """Return the wall clock's next tick, and the same moment by the steady clock, ns.

    Windows' wall clock ticks every 16 ms before Python 3.13, and is late in between.
    """
    before = time.time_ns()
    while (unix_ns := time.time_ns()) == before:
        pass
    return unix_ns, time.perf_counter_ns()


def _clock() -> dict[str, object]:
    """Return one moment on both clocks, by which other instruments' recordings are aligned."""
    steady = time.get_clock_info("perf_counter")
    unix_ns, monotonic_ns = _moment()
    return {
        "started_at": iso_time(unix_ns),
        "unix_ns": unix_ns,
        "monotonic_ns": monotonic_ns,
        "monotonic_clock": steady.implementation,
        "monotonic_resolution_s": steady.resolution,
    }


def _as_json(about: Mapping[str, object]) -> bytes:
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")  # names of files need not be UTF-8
