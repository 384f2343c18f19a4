"""Reading a recording back: every one that vrfer wrote, whole or cut short.

A power cut or a full disk may end a file anywhere. Whole rows are read, whatever lies between or
after them is counted, and nothing is guessed.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS, NO_FACE_LABEL
from vrfer.outputs.rows import (
    COLUMNS,
    FOUND_ELSEWHERE,
    MAGIC,
    MARKER_COLUMNS,
    NEUTRAL_HELD,
    NEUTRAL_RELEASED,
    SOURCE_CHANGED,
)
from vrfer.recorded_film import FILM_FRAME, load_film, pictures_of

if TYPE_CHECKING:
    import pandas as pd

ROW: Final = np.dtype(
    [
        ("frame", "i8"),
        ("source_s", "f8"),
        ("captured_at", "M8[us]"),
        ("monotonic_s", "f8"),
        ("face", "?"),
        *((name, "f4") for name in ("mouth_x", "mouth_y", "chin_x", "chin_y", "width_px")),
        ("label", f"U{max(map(len, (*EXPRESSIONS, NO_FACE_LABEL)))}"),
        ("confidence", "f4"),
        ("unsure", "?"),
        *((name, "f4") for name in EXPRESSIONS),
        *((f"raw_{name}", "f4") for name in EXPRESSIONS),
        ("latency_ms", "f4"),
    ]
)
"""A row in memory. `captured_at` is UTC; numbers are NaN where the file says nothing."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK_BYTES = 1 << 22
_JUMP_S = 1.0
"""By how much the two clocks part before it is said, seconds: small corrections are usual."""
_MOST_JUMPS = 5
"""So many of them are told one by one."""
_NUMBER = r"-?\d+(?:\.\d+)?"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
_NOTHING = re.compile(r",(?=[,\r\n])")
_PATTERNS = {
    "frame": r"\d{1,18}",
    "captured_at": _TIME,
    "monotonic_s": _NUMBER,
    "face": "[01]",
    "label": "|".join((*EXPRESSIONS, NO_FACE_LABEL)),
    "unsure": "[01]?",
    "latency_ms": _NUMBER,
}
"""What stands in a field; the others hold a number or nothing."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What someone noted while the recording ran."""

    captured_at: datetime
    """When, with the time zone of the recording."""
    monotonic_s: float
    """The same on the clock of the rows' `monotonic_s`."""
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a recording ended, as the recorder itself wrote at the end."""

    ended_at: datetime
    rows: int
    """Rows written."""
    lost: int
    """Rows and markers that could not be written."""
    markers: int | None = None
    """Markers written; None where an older version did not say."""
    failed_syncs: int = 0
    """How often the disk refused to keep what was written."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A recording in memory."""

    path: Path
    """The CSV file."""
    rows: NDArray[np.void]
    """One element a processed frame, of type `ROW`: `session.rows["happiness"]`."""
    markers: tuple[Marker, ...]
    description: Mapping[str, Any]
    """The JSON file; empty where it is missing or damaged."""
    started_at: datetime | None
    """When the first frame was captured, with the time zone of the recording."""
    ended: Ended | None
    """None where the recording was not ended properly, or still runs."""
    cut_bytes: int
    """Bytes of the CSV file that belong to no whole row."""
    problems: tuple[str, ...]
    """What is wrong with the recording, in plain sentences; empty where all is well."""
    film: Path | None = None
    """The video beside it; None where none was made, or it was taken away."""
    film_frames: NDArray[np.void] = field(default_factory=lambda: np.empty(0, FILM_FRAME))
    """Which picture of the video (`video_frame`, from 0) shows which element of `rows` (`row`)."""

    @property
    def steady(self) -> NDArray[np.float32]:
        """Steady probabilities: rows x 8 in canonical order, NaN without a face."""
        return np.stack([self.rows[name] for name in EXPRESSIONS], axis=1)

    @property
    def raw(self) -> NDArray[np.float32]:
        """The network's own probabilities: rows x 8 in canonical order, NaN without a face."""
        return np.stack([self.rows[f"raw_{name}"] for name in EXPRESSIONS], axis=1)

    @property
    def times_s(self) -> NDArray[np.float64]:
        """Seconds since the first row: of the film where one was read, else of capture."""
        if self._is_of_a_film:
            return np.asarray(self.rows["source_s"] - self.rows["source_s"][0])
        return np.asarray(self.rows["monotonic_s"] - self.rows["monotonic_s"][:1])

    @property
    def marker_times_s(self) -> NDArray[np.float64]:
        """Where the markers lie on the clock of `times_s`."""
        moments = np.array([marker.monotonic_s for marker in self.markers], np.float64)
        if not len(self.rows):
            return np.zeros_like(moments)
        if self._is_of_a_film:
            return np.interp(moments, self.rows["monotonic_s"], self.times_s)
        return np.asarray(moments - self.rows["monotonic_s"][0])

    @property
    def span_s(self) -> tuple[float, float]:
        """When the recording began and ended on the clock of `times_s`, as its JSON file says.

        Where that says nothing, and on a film's own clock, it is the first and the last row.
        """
        times_s = self.times_s
        if not len(times_s):
            return 0.0, 0.0
        begin_s, end_s = 0.0, float(times_s[-1])
        if not self._is_of_a_film:
            first_s = float(self.rows["monotonic_s"][0])
            began_s, ended_s = (_monotonic_s(self.description, part) for part in ("clock", "ended"))
            begin_s = begin_s if began_s is None else min(begin_s, began_s - first_s)
            end_s = end_s if ended_s is None else max(end_s, ended_s - first_s)
        return begin_s, end_s

    @property
    def neutral_held(self) -> NDArray[np.bool_]:
        """Which rows say neutral because somebody held it, whatever the face showed."""
        switches = sorted(
            (
                (marker.monotonic_s, marker.text == NEUTRAL_HELD)
                for marker in self.markers
                if marker.text in (NEUTRAL_HELD, NEUTRAL_RELEASED)
            ),
            key=itemgetter(0),  # of two at the same moment the file knows which came first
        )
        states = [self.description.get("neutral_held") is True, *(held for _, held in switches)]
        moments_s = [at_s for at_s, _ in switches]
        now = np.searchsorted(moments_s, self.rows["monotonic_s"], side="right")
        # Anybody can write such a marker; what is held is certain.
        certain = self.rows["neutral"] > 1 - 1e-6
        return np.asarray(np.array(states)[now] & certain, np.bool_)

    @property
    def found_elsewhere(self) -> NDArray[np.bool_]:
        """Which rows are the first of a face at another place, perhaps another person's."""
        moments_s = [
            marker.monotonic_s
            for marker in self.markers
            if marker.text == FOUND_ELSEWHERE or marker.text.startswith(SOURCE_CHANGED)
        ]
        first = np.zeros(len(self.rows) + 1, np.bool_)
        # A marker has the time of its row, to a microsecond.
        first[np.searchsorted(self.rows["monotonic_s"], np.subtract(moments_s, 1e-6))] = True
        return first[:-1]

    @property
    def _is_of_a_film(self) -> bool:
        """Say whether the rows lie on one film's clock.

        Pictures that are opened one after the other all lie at its beginning.
        """
        seconds = self.rows["source_s"]
        if not len(seconds) or not np.isfinite(seconds).all() or (np.diff(seconds) < 0).any():
            return False
        first_s, last_s = self.rows["monotonic_s"][[0, -1]]
        several = any(
            marker.text.startswith(SOURCE_CHANGED) and first_s < marker.monotonic_s <= last_s
            for marker in self.markers
        )
        return not several

    def pictures(self) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield the index of a row and its picture, for every row that the video shows.

        Pictures are height x width x 3, BGR. In a video that was cut the last ones lack.

        Raises:
            OutputError: There is no video, or it cannot be read.
        """
        if self.film is None:
            raise OutputError(
                f"no video lies beside the recording {self.path}", "Record with video to have one."
            )
        row_of: dict[int, int] = dict(self.film_frames.tolist())
        for number, image in pictures_of(self.film):
            if number in row_of:
                yield row_of[number], image

    def frame(self) -> "pd.DataFrame":
        """Return the rows as a pandas frame, with `captured_at` in UTC.

        Raises:
            OutputError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as err:
            raise OutputError(
                "pandas is not installed",
                "Install it with: pip install pandas. Or use .rows, an array of numpy's.",
            ) from err
        frame = pd.DataFrame(self.rows)
        frame["captured_at"] = frame["captured_at"].dt.tz_localize("UTC")
        return frame


def load_session(path: Path | str) -> Session:
    """Read a recording, also one that was cut short or still runs.

    Args:
        path: The CSV file; `X.markers.csv`, `X.json` and the video are looked for beside it.

    Raises:
        OutputError: It cannot be read, or is no recording of vrfer's.
    """
    path = Path(path)
    try:
        rows, started_at, cut_bytes = _load_rows(path)
    except OSError as err:
        raise OutputError(
            f"the recording {path} cannot be read: {err.strerror or err}",
            "Name the .csv file of a recording.",
        ) from err
    problems: list[str] = []
    markers = _load_markers(path.with_suffix(".markers.csv"), problems)
    description = _load_description(path.with_suffix(".json"), problems)
    ended = _ending(description)
    if "clock" in description and ended is None:  # older versions wrote neither
        problems.append("The recording was not ended properly, or still runs.")
    if cut_bytes:
        problems.append(f"{cut_bytes} bytes of {path.name} belong to no whole row.")
    if ended is not None and ended.lost:
        problems.append(f"{ended.lost} rows or markers could not be written.")
    if ended is not None and ended.rows != len(rows):
        problems.append(f"{ended.rows} rows were written, {len(rows)} are there.")
    if ended is not None and ended.markers not in (None, len(markers)):
        problems.append(f"{ended.markers} markers were written, {len(markers)} are there.")
    if ended is not None and ended.failed_syncs:
        problems.append("The disk refused to keep some of it: a power cut may have cost rows.")
    problems += _clock_jumps(rows)
    film, film_frames = load_film(path, rows["frame"], rows["monotonic_s"], problems)
    return Session(
        path=path,
        rows=rows,
        markers=markers,
        description=description,
        started_at=started_at,
        ended=ended,
        cut_bytes=cut_bytes,
        problems=tuple(problems),
        film=film,
        film_frames=film_frames,
    )


def _load_rows(path: Path) -> tuple[NDArray[np.void], datetime | None, int]:
    blocks: list[NDArray[np.void]] = []
    started_at: datetime | None = None
    with path.open("rb") as file:
        columns, cut_bytes = _read_head(path, file)
        whole = re.compile(
            ",".join(f"(?:{_pattern(name)})" for name in columns) + r"\r?\n", re.ASCII
        )
        when = columns.index("captured_at")
        while lines := file.readlines(_BLOCK_BYTES):
            texts, moments = [], []
            for line in lines:
                text = line.decode("latin-1")
                moment = _moment(text.split(",", when + 1)[when]) if whole.fullmatch(text) else None
                if moment is None:
                    cut_bytes += len(line)
                else:
                    texts.append(text)
                    moments.append(moment)
            if texts:
                started_at = started_at or moments[0]
                blocks.append(_as_rows(texts, moments, columns))
    return np.concatenate(blocks) if blocks else np.empty(0, ROW), started_at, cut_bytes


def _read_head(path: Path, file: BinaryIO) -> tuple[tuple[str, ...], int]:
    """Read up to the line of the columns; return them, and the bytes of a head that is cut."""
    cut_bytes = 0
    magic = MAGIC.encode()
    start = file.read(len(magic))
    file.seek(0)
    for line in file if magic.startswith(start) else ():
        if not line.endswith(b"\n"):
            return COLUMNS, cut_bytes + len(line)
        cut_bytes += len(line)
        if not line.startswith(b"#"):
            columns = tuple(line.decode("latin-1").rstrip("\r\n").split(","))
            if set(COLUMNS) <= set(columns):
                return columns, 0
            break
    else:
        if magic.startswith(start):
            return COLUMNS, cut_bytes
    raise OutputError(
        f"{path} is no recording of vrfer's",
        "Name the .csv file that vrfer-app run --record wrote.",
    )


def _pattern(column: str) -> str:
    if column not in COLUMNS:  # a later version may record more
        return "[^,]*"
    return _PATTERNS.get(column, f"(?:{_NUMBER})?")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # a 31st of February: some bits have turned
        return None


def _as_rows(
    texts: list[str], moments: list[datetime], columns: tuple[str, ...]
) -> NDArray[np.void]:
    """Turn whole lines into rows."""
    names = [name for name in COLUMNS if name != "captured_at"]
    in_file = np.dtype([(n, ROW[n] if ROW[n].kind in "iU" else "f8") for n in names])
    fields = np.loadtxt(
        [_NOTHING.sub(",nan", text) for text in texts],
        in_file,
        comments=None,
        delimiter=",",
        usecols=[columns.index(name) for name in names],
        ndmin=1,
    )
    rows = np.empty(len(texts), ROW)
    for name in names:
        rows[name] = np.nan_to_num(fields[name]) if ROW[name].kind == "b" else fields[name]
    microsecond = timedelta(microseconds=1)
    rows["captured_at"] = [(moment - _EPOCH) // microsecond for moment in moments]
    return rows


def _load_markers(path: Path, problems: list[str]) -> tuple[Marker, ...]:
    try:
        content = path.read_bytes()
    except OSError:
        problems.append(f"{path.name} cannot be read.")
        return ()
    markers: list[Marker] = []
    cut_bytes = 0
    for number, (record, whole) in enumerate(_csv_records(content)):
        if number == 0 and whole and record.rstrip(b"\r\n") == ",".join(MARKER_COLUMNS).encode():
            continue
        marker = _marker(record.decode(errors="replace")) if whole else None
        if marker is None:
            cut_bytes += len(record)
        else:
            markers.append(marker)
    if cut_bytes:
        problems.append(f"{cut_bytes} bytes of {path.name} belong to no whole marker.")
    return tuple(markers)


def _csv_records(content: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield records, and whether they are whole; a text in quotes may hold line ends of its own."""
    lines: list[bytes] = []
    quotes = 0
    for line in content.splitlines(keepends=True):
        lines.append(line)
        quotes += line.count(b'"')
        if quotes % 2 == 0 and line.endswith(b"\n"):
            yield b"".join(lines), True
            lines = []
    if lines:
        yield b"".join(lines), False


def _marker(record: str) -> Marker | None:
    try:
        captured_at, monotonic_s, text = next(csv.reader([record], strict=True))
    except (csv.Error, StopIteration, ValueError):
        return None
    moment = _moment(captured_at)
    if moment is None or moment.tzinfo is None or not re.fullmatch(_NUMBER, monotonic_s):
        return None
    return Marker(moment, float(monotonic_s), text)


def _load_description(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        description = json.loads(path.read_bytes())
    except OSError:
        problems.append(f"{path.name} cannot be read.")
        return {}
    except ValueError:
        description = None
    if not isinstance(description, dict):
        problems.append(f"{path.name} is damaged.")
        return {}
    return description


def _ending(description: Mapping[str, Any]) -> Ended | None:
    ended = description.get("ended")
    try:
        moment = datetime.fromisoformat(ended["ended_at"])  # type: ignore[index]
        counts = int(ended["rows"]), int(ended["lost"])  # type: ignore[index]
        markers = ended.get("markers")  # type: ignore[union-attr]
        failed_syncs = int(ended.get("failed_syncs", 0))  # type: ignore[union-attr]
        return Ended(moment, *counts, None if markers is None else int(markers), failed_syncs)
    except (TypeError, KeyError, ValueError, OverflowError):
        return None


def _monotonic_s(description: Mapping[str, Any], part: str) -> float | None:
    """Return a moment of the JSON file on the clock of the rows; None where it has none."""
    moment = description.get(part)
    nanoseconds = moment.get("monotonic_ns") if isinstance(moment, Mapping) else None
    return nanoseconds / 1e9 if isinstance(nanoseconds, int) else None


def _clock_jumps(rows: NDArray[np.void]) -> list[str]:
    """Say where the wall clock and the steady one part: it was set, or the computer slept."""
    wall_s = (rows["captured_at"] - np.datetime64(0, "us")) / np.timedelta64(1, "s")
    jumps_s = np.diff(wall_s - rows["monotonic_s"])
    at = np.flatnonzero(np.abs(jumps_s) > _JUMP_S)
    return [
        f"After {rows['monotonic_s'][row] - rows['monotonic_s'][0]:.1f} s the wall clock jumped "
        f"{'ahead' if jumps_s[row] > 0 else 'back'} by {abs(jumps_s[row]):.1f} s: it was set, or "
        "the computer slept."
        for row in at[:_MOST_JUMPS]
    ] + ([f"It jumped {len(at) - _MOST_JUMPS} more times."] if len(at) > _MOST_JUMPS else [])
