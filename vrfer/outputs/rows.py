"""What stands in a recording's lines."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from vrfer.expressions import EXPRESSIONS, NO_FACE_LABEL
from vrfer.frames import Reading

COLUMNS = (
    "frame", "source_s", "captured_at", "monotonic_s", "face", "mouth_x", "mouth_y", "chin_x",
    "chin_y", "width_px", "label", "confidence", "unsure", *EXPRESSIONS,
    *(f"raw_{name}" for name in EXPRESSIONS), "latency_ms",
)  # fmt: skip
MARKER_COLUMNS = ("captured_at", "monotonic_s", "text")
NEUTRAL_HELD: Final = "neutral held"
NEUTRAL_RELEASED: Final = "neutral released"
FOUND_ELSEWHERE: Final = "face found elsewhere"
"""What vrfer itself notes where the face is no longer where it was: it may be another person's."""
SOURCE_CHANGED: Final = "source opened: "
"""What the marker of another source begins with."""
TIME_STEP_NS: Final = 1000
"""Times in a recording are a multiple of this."""
MAGIC: Final = "# vrfer recording"
"""What every recording's first line begins with."""
ABOUT = (
    f"{MAGIC}: one row a processed picture, in the order of capture. Empty: nothing to say.",
    "# frame: number of the picture in its source, from 0; a gap shows skipped pictures",
    "# source_s: position in a video file, seconds; empty for a camera",
    "# captured_at: when the picture was captured, ISO 8601 with the time zone",
    "# monotonic_s: the same on the computer's steady clock, seconds: take differences of it",
    "# face: 1 where a lower face is seen, else 0",
    "# mouth_x, mouth_y: centre of the mouth, pixels of the picture, y down",
    "# chin_x, chin_y: lowest point of the chin, pixels of the picture",
    "# width_px: width of the face, pixels of the picture",
    f"# label: the steady expression; {NO_FACE_LABEL} without a face; between the markers",
    f"# '{NEUTRAL_HELD}' and '{NEUTRAL_RELEASED}' label and steady probabilities are made up",
    "# confidence: steady probability of the label, 0-1",
    "# unsure: 1 where the network cannot tell; the label then holds its last value",
    f"# {', '.join(EXPRESSIONS)}: steady probabilities, 0-1; their sum is 1",
    "# raw_...: the network's own probabilities for this picture alone, 0-1",
    "# latency_ms: from capture to everything sent, milliseconds",
    "# Version, model, settings and clock stand in the .json file, markers in .markers.csv.",
)
"""Explains the columns at the head of a recording."""


def as_line(fields: Iterable[str]) -> bytes:
    """Return a line of CSV in UTF-8, with its end."""
    line = io.StringIO()
    csv.writer(line).writerow(fields)
    return line.getvalue().encode(errors="replace")


def row_of(reading: Reading, latency_ms: float) -> list[str]:
    """Return the fields of `COLUMNS` for a reading that took so long from capture to sent."""
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


def marker_of(captured_unix_ns: int, captured_ns: int, text: str) -> list[str]:
    """Return the fields of `MARKER_COLUMNS` for a moment on both clocks, in nanoseconds."""
    return [iso_time(captured_unix_ns), f"{captured_ns / 1e9:.6f}", text]


def iso_time(unix_ns: int) -> str:
    """Return nanoseconds since the Unix epoch as ISO 8601 with this computer's time zone."""
    return (
        datetime.fromtimestamp(unix_ns / 1e9, tz=UTC)
        .astimezone()
        .isoformat(timespec="microseconds")
    )
