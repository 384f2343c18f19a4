"""The recording: one CSV row a processed frame, a marker file, and a JSON file about the run.

Columns as `COLUMNS` says; comment lines begin with `#`. Fields are empty where there is nothing
to say (no face; `source_s` of a camera).
"""

import contextlib
import csv
import io
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading

logger = logging.getLogger(__name__)

COLUMNS = (
    "frame", "source_s", "captured_at", "monotonic_s", "face", "mouth_x", "mouth_y", "chin_x",
    "chin_y", "width_px", "label", "confidence", "unsure", *EXPRESSIONS,
    *(f"raw_{name}" for name in EXPRESSIONS), "latency_ms",
)  # fmt: skip
MARKER_COLUMNS = ("captured_at", "monotonic_s", "text")

_ABOUT = (
    "# vrfer recording. captured_at: ISO 8601 with time zone; monotonic_s: seconds on the "
    "computer's steady clock; source_s: position in a file, seconds; positions in pixels of the "
    "picture; eight steady probabilities, then the network's own (raw_); latency_ms: capture to "
    "sent. More in the .json file beside this one."
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
            about: What the JSON file says of the run.

        Raises:
            OutputError: One of the files exists, or cannot be created.
        """
        self.path = path
        self.rows = 0
        """Rows written."""
        self.lost = 0
        """Rows that could not be written."""
        if path.suffix != ".csv":
            raise OutputError(
                f"the recording {path} must be named *.csv", "Write for example session.csv."
            )
        markers, description = path.with_suffix(".markers.csv"), path.with_suffix(".json")
        for file in (path, markers, description):
            if file.exists():
                raise OutputError(
                    f"the recording {file} exists already", "Name another; none is overwritten."
                )
        try:
            with contextlib.ExitStack() as opened:
                made: list[Path] = []
                opened.callback(_remove, made)
                self._rows_file = opened.enter_context(path.open("xb", buffering=0))
                made.append(path)
                _write_whole(self._rows_file, f"{_ABOUT}\r\n{','.join(COLUMNS)}\r\n")
                self._markers_file = opened.enter_context(markers.open("xb", buffering=0))
                made.append(markers)
                _write_whole(self._markers_file, f"{','.join(MARKER_COLUMNS)}\r\n")
                description.write_text(
                    json.dumps(dict(about), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
                )
                opened.pop_all()
        except OSError as err:
            raise OutputError(
                f"the recording {path} cannot be created: {err.strerror or err}",
                "Name a file in a folder that exists and can be written.",
            ) from err

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self.close()

    def close(self) -> None:
        """Close the files; more calls do nothing."""
        for file in (self._rows_file, self._markers_file):
            try:
                file.close()
            except OSError as err:
                logger.warning("closing the recording %s: %s", self.path, err)

    def write(self, reading: Reading, latency_ms: float) -> None:
        """Append one row; a failure is counted and said once."""
        if self._append(self._rows_file, _row(reading, latency_ms)):
            self.rows += 1
        else:
            self.lost += 1

    def mark(self, captured_unix_ns: int, captured_ns: int, text: str) -> None:
        """Append a marker with its time."""
        moment = [_iso(captured_unix_ns), f"{captured_ns / 1e9:.6f}", text]
        if not self._append(self._markers_file, moment):
            self.lost += 1

    def _append(self, file: io.FileIO, fields: list[str]) -> bool:
        line = io.StringIO()
        csv.writer(line).writerow(fields)
        try:
            _write_whole(file, line.getvalue())
        except (OSError, ValueError) as err:
            if self.lost == 0:
                logger.error("the recording %s cannot be written: %s", self.path, err)  # noqa: TRY400
            return False
        return True


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _write_whole(file: io.FileIO, text: str) -> None:
    """Write all of a text, or nothing: a full disk tears no row, and none appears later."""
    end = file.tell()
    left = text.encode()
    try:
        while left:
            left = left[file.write(left) :]
    except OSError:
        with contextlib.suppress(OSError):
            file.seek(end)
            file.truncate()
        raise


def _iso(unix_ns: int) -> str:
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
        _iso(reading.captured_unix_ns),
        f"{reading.captured_ns / 1e9:.6f}",
        str(int(face is not None)),
        *place,
        reading.label,
        *numbers,
        *raw,
        f"{latency_ms:.3f}",
    ]
