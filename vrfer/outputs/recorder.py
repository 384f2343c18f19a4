"""The recording: one CSV row a processed frame, a marker file, and a JSON file about the run.

Columns as `COLUMNS` says; comment lines begin with `#`. Fields are empty where there is nothing
to say (no face; `source_s` of a camera). `vrfer.recording` reads a recording back.

Rows go to the operating system one by one, whole or not at all, so that a killed program loses
none. A thread asks the system about once a second to put them on the disk, so that a power cut
costs no more than that. The JSON file says at the end how the recording ended; one that does not
was cut short.
"""

import contextlib
import csv
import io
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS, NO_FACE_LABEL
from vrfer.frames import Reading
from vrfer.replacing import replace_file, sync_folder

logger = logging.getLogger(__name__)

COLUMNS = (
    "frame", "source_s", "captured_at", "monotonic_s", "face", "mouth_x", "mouth_y", "chin_x",
    "chin_y", "width_px", "label", "confidence", "unsure", *EXPRESSIONS,
    *(f"raw_{name}" for name in EXPRESSIONS), "latency_ms",
)  # fmt: skip
MARKER_COLUMNS = ("captured_at", "monotonic_s", "text")
MAGIC: Final = "# vrfer recording"
"""What every recording's first line begins with."""
SYNC_EVERY_S: Final = 1.0
"""How often rows are put on the disk, seconds."""

_PATIENCE_S = 10.0
"""How long `close` waits for a disk that does not answer."""
_ABOUT = (
    f"{MAGIC}: one row a processed picture, in the order of capture. Empty: nothing to say.",
    "# frame: number of the picture in its source, from 0; a gap shows skipped pictures",
    "# source_s: position in a video file, seconds; empty for a camera",
    "# captured_at: when the picture was captured, ISO 8601 with the time zone",
    "# monotonic_s: the same on the computer's steady clock, seconds; differences of it are exact",
    "# face: 1 where a lower face is seen, else 0",
    "# mouth_x, mouth_y: centre of the mouth, pixels of the picture, y down",
    "# chin_x, chin_y: lowest point of the chin, pixels of the picture",
    "# width_px: width of the face, pixels of the picture",
    f"# label: the steady expression; {NO_FACE_LABEL} without a face",
    "# confidence: steady probability of the label, 0-1",
    "# unsure: 1 where the network cannot tell; the label then holds its last value",
    f"# {', '.join(EXPRESSIONS)}: steady probabilities, 0-1; their sum is 1",
    "# raw_...: the network's own probabilities for this picture alone, 0-1",
    "# latency_ms: from capture to everything sent, milliseconds",
    "# Version, model, settings and clock stand in the .json file, markers in .markers.csv.",
)


class Recorder:
    """Writes a recording; a context manager.

    Tracking goes on when a row cannot be written: it is counted in `lost`, what was written
    stays, and writing is tried again with the next row.
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
        self.rows = 0
        """Rows written."""
        self.markers = 0
        """Markers written."""
        self.lost = 0
        """Rows and markers that could not be written."""
        self.last_error = ""
        """Why the last of them was not written; empty where all were."""
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
                opened.callback(_remove, made)
                self._rows_file = opened.enter_context(path.open("xb", buffering=0))
                made.append(path)
                head = "".join(f"{line}\r\n" for line in (*_ABOUT, ",".join(COLUMNS)))
                _write_whole(self._rows_file, head)
                self._markers_file = opened.enter_context(markers.open("xb", buffering=0))
                made.append(markers)
                _write_whole(self._markers_file, f"{','.join(MARKER_COLUMNS)}\r\n")
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
        self._disk = _ToDisk(self._description, (self._rows_file, self._markers_file))

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
        """Put all on the disk, say in the JSON file how it ended, close; more calls do nothing.

        It waits for the disk. Where tracking goes on meanwhile, call it from another thread, once
        no more rows come.
        """
        if self._closed:
            return
        self._closed = True
        if not self._disk.end():
            logger.error(
                "the disk of the recording %s does not answer; its last seconds may be missing",
                self.path,
            )
            return
        try:
            replace_file(self._description, _as_json({**self._about, "ended": self._ended()}))
        except OSError as err:
            logger.warning("%s cannot say how the recording ended: %s", self._description, err)

    def write(self, reading: Reading, latency_ms: float) -> None:
        """Append one row; a failure is counted and said once."""
        if self._append(self._rows_file, _row(reading, latency_ms)):
            self.rows += 1
        else:
            self.lost += 1

    def mark(self, captured_unix_ns: int, captured_ns: int, text: str) -> None:
        """Append a marker with its time; a failure counts as a lost row does."""
        moment = [iso_time(captured_unix_ns), f"{captured_ns / 1e9:.6f}", text]
        if self._append(self._markers_file, moment):
            self.markers += 1
        else:
            self.lost += 1

    def _append(self, file: io.FileIO, fields: list[str]) -> bool:
        line = io.StringIO()
        csv.writer(line).writerow(fields)
        problem: object = "it is closed"
        if not self._closed:
            try:
                _write_whole(file, line.getvalue())
                problem = None
            except (OSError, ValueError) as err:  # ValueError: closed just now
                problem = err
        if problem is not None:
            if self.lost == 0:
                logger.error("the recording %s cannot be written: %s", self.path, problem)
            self.last_error = str(problem)
            return False
        self._disk.changed.set()
        return True

    def _ended(self) -> dict[str, object]:
        unix_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
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
    """A thread that does nothing but ask the system to put files on the disk, and closes them.

    That may take long on a slow or busy disk, so the pipeline must never wait for it.
    """

    def __init__(self, description: Path, files: Sequence[io.FileIO]) -> None:
        self.changed = threading.Event()
        """Set after something was written."""
        self.failures = 0
        """How often the disk refused."""
        self.removed = False
        """Whether a file was deleted. (Windows deletes no open files.)"""
        self._description = description
        self._files = files
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vrfer-recorder", daemon=True)
        self._thread.start()

    def end(self) -> bool:
        """Do it a last time, close the files, end; return whether that was done in time."""
        self._ending.set()
        self._thread.join(_PATIENCE_S)
        return not self._thread.is_alive()

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


def _clock() -> dict[str, object]:
    """Return one moment on both clocks, by which other instruments' recordings are aligned."""
    steady = time.get_clock_info("monotonic")
    unix_ns, monotonic_ns = time.time_ns(), time.monotonic_ns()
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


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _write_whole(file: io.FileIO, text: str) -> None:
    """Write all of a text, or nothing: a full disk tears no row, and none appears later."""
    end = file.tell()
    left = text.encode(errors="replace")
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        with contextlib.suppress(OSError):
            file.seek(end)
            file.truncate()
        raise


def iso_time(unix_ns: int) -> str:
    """Return nanoseconds since the Unix epoch as ISO 8601 with this computer's time zone."""
    return (
        datetime.fromtimestamp(unix_ns / 1e9, tz=UTC)
        .astimezone()
        .isoformat(timespec="microseconds")
    )


def _row(reading: Reading, latency_ms: float) -> list[str]:
    face = reading.face
    place = [""] * 5
    numbers = [""] * (2 + len(EXPRESSIONS))
    raw = [""] * len(EXPRESSIONS)
    if face is not None:
        place = [f"{v:.2f}" for v in (*face.mouth, *face.chin, face.width_px)]
        steady = [f"{p:.5f}" for p in reading.steady]
        numbers = [f"{reading.confidence:.5f}", str(int(reading.unsure)), *steady]
    if reading.raw is not None:
        raw = [f"{p:.5f}" for p in reading.raw]
    return [
        str(reading.frame),
        "" if reading.source_s is None else f"{reading.source_s:.6f}",
        iso_time(reading.captured_unix_ns),
        f"{reading.captured_ns / 1e9:.6f}",
        str(int(face is not None)),
        *place,
        reading.label,
        *numbers,
        *raw,
        f"{latency_ms:.3f}",
    ]
