"""Recordings: what stands in the files, what is refused, and what a full disk costs."""

import csv
import json
import logging
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import LowerFace, Reading
from vrfer.outputs.recorder import COLUMNS, Recorder

STEADY = np.array([0.05, 0.5, 0.1, 0.05, 0.1, 0.05, 0.1, 0.05], np.float32)
RAW = np.array([0, 1, 0, 0, 0, 0, 0, 0], np.float32)
FACE = LowerFace((10.125, 20.0), (11.0, 30.5), 40.0, 0.9)
HEADER = (
    "frame,source_s,captured_at,monotonic_s,face,mouth_x,mouth_y,chin_x,chin_y,width_px,label,"
    "confidence,unsure,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
    "raw_neutral,raw_happiness,raw_surprise,raw_sadness,raw_anger,raw_disgust,raw_fear,"
    "raw_contempt,latency_ms"
)
"""As design.md promises it to scripts."""
UNIX_NS = 1_700_000_000_123_456_789


def with_face(frame: int = 3, source_s: float | None = 1.5, unix_ns: int = UNIX_NS) -> Reading:
    return Reading(frame, 12_345_678_901, unix_ns, source_s, FACE, RAW, STEADY, 1, unsure=True)


def without_face(frame: int = 4) -> Reading:
    nothing = np.zeros(8, np.float32)
    return Reading(frame, 0, UNIX_NS, None, None, None, nothing, -1, unsure=False)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_the_header_is_the_promised_one(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    Recorder(path, {}).close()
    lines = path.read_bytes().decode().split("\r\n")
    comments = [line for line in lines if line.startswith("#")]
    assert lines == [*comments, HEADER, ""]
    assert comments
    assert ",".join(COLUMNS) == HEADER


def test_a_row_with_a_face_has_every_field(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(with_face(), 12.3456)
    (row,) = rows(tmp_path / "x.csv")
    captured_at = datetime.fromisoformat(row.pop("captured_at"))
    assert abs(captured_at.timestamp() - UNIX_NS / 1e9) < 2e-6
    assert row == {
        "frame": "3", "source_s": "1.500000", "monotonic_s": "12.345679", "face": "1",
        "mouth_x": "10.12", "mouth_y": "20.00", "chin_x": "11.00", "chin_y": "30.50",
        "width_px": "40.00", "label": "happiness", "confidence": "0.50000", "unsure": "1",
        **{name: f"{p:.5f}" for name, p in zip(EXPRESSIONS, STEADY, strict=True)},
        **{f"raw_{name}": f"{p:.5f}" for name, p in zip(EXPRESSIONS, RAW, strict=True)},
        "latency_ms": "12.346",
    }  # fmt: skip


def test_a_row_without_a_face_is_empty_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(without_face(), 1.0)
    (row,) = rows(tmp_path / "x.csv")
    filled = {name: text for name, text in row.items() if text}
    del filled["captured_at"]
    assert filled == {
        "frame": "4",
        "monotonic_s": "0.000000",
        "face": "0",
        "label": "none",
        "latency_ms": "1.000",
    }


def test_rows_stand_in_the_file_at_once_and_in_order(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        for frame in range(20):
            recorder.write(with_face(frame) if frame % 3 else without_face(frame), 1.0)
            assert [int(row["frame"]) for row in rows(tmp_path / "x.csv")] == [*range(frame + 1)]
    assert (recorder.rows, recorder.lost) == (20, 0)


@given(st.integers(0, 4_000_000_000 * 10**9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_iso_times_have_a_zone_and_come_back(tmp_path: Path, unix_ns: int) -> None:
    path = tmp_path / "x.csv"
    for old in tmp_path.iterdir():
        old.unlink()
    with Recorder(path, {}) as recorder:
        recorder.write(with_face(unix_ns=unix_ns), 1.0)
    moment = datetime.fromisoformat(rows(path)[0]["captured_at"])
    assert moment.utcoffset() is not None
    assert abs(moment.timestamp() - unix_ns / 1e9) < 2e-6


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system sets no time zone for tests")
def test_iso_times_are_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "XXX-05:30")
        time.tzset()
        with Recorder(tmp_path / "x.csv", {}) as recorder:
            recorder.write(with_face(), 1.0)
    time.tzset()
    text = rows(tmp_path / "x.csv")[0]["captured_at"]
    assert text.startswith("2023-11-15T03:43:20.12345")
    assert datetime.fromisoformat(text).utcoffset() == timedelta(hours=5, minutes=30)


def test_markers_and_the_description_lie_beside_it(tmp_path: Path) -> None:
    about = {"source": "Kamera für alle", "hz": 30}
    with Recorder(tmp_path / "day.1.csv", about) as recorder:
        recorder.mark(UNIX_NS, 2_000_000_000, 'begin "one", of two\nlines')
        recorder.mark(UNIX_NS, 3_000_000_000, "größer")
    names = {"day.1.csv", "day.1.markers.csv", "day.1.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert json.loads((tmp_path / "day.1.json").read_text(encoding="utf-8")) == about
    with (tmp_path / "day.1.markers.csv").open(newline="", encoding="utf-8") as file:
        header, first, second = csv.reader(file)
    assert header == ["captured_at", "monotonic_s", "text"]
    assert first[1:] == ["2.000000", 'begin "one", of two\nlines']
    assert second[1:] == ["3.000000", "größer"]
    assert datetime.fromisoformat(first[0]).utcoffset() is not None


@pytest.mark.parametrize("name", ["x.csv", "x.markers.csv", "x.json"])
def test_what_exists_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"{name} exists already"):
        Recorder(tmp_path / "x.csv", {})
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["x", "x.txt", "x.csv.gz", ".csv", "", "..", "x.CSV"])
def test_other_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"must be named \*\.csv"):
        Recorder(Path(name), {})
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be created: No such file"):
        Recorder(tmp_path / "missing" / "x.csv", {})


@pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few users make links")
def test_files_are_closed_where_the_last_of_them_cannot_be_made(tmp_path: Path) -> None:
    # An open file that is forgotten would be a ResourceWarning, and so an error here.
    (tmp_path / "x.json").symlink_to(tmp_path / "missing" / "x.json")
    with pytest.raises(OutputError, match="cannot be created"):
        Recorder(tmp_path / "x.csv", {})
    # Nothing half made is left, so that the next try can succeed.
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_after_closing_rows_are_lost_and_nothing_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(tmp_path / "x.csv", {})
    recorder.close()
    recorder.close()
    for _ in range(3):
        recorder.write(with_face(), 1.0)
    assert (recorder.rows, recorder.lost) == (0, 3)
    assert len(caplog.records) == 1


FULL_DISK = """
import json, logging, resource, signal, sys
from pathlib import Path
from test_recorder import with_face
from vrfer.outputs.recorder import Recorder

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing raises OSError
logging.basicConfig(level=logging.WARNING)
path, most = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)
with Recorder(path, {}) as recorder:
    for frame in range(3):
        recorder.write(with_face(frame), 1.0)
    room = path.stat().st_size + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most[1]))
    for frame in range(3, 60):
        recorder.write(with_face(frame), 1.0)
    full = [recorder.rows, recorder.lost, path.read_text()]
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    for frame in range(60, 63):
        recorder.write(with_face(frame), 1.0)
print(json.dumps([*full, recorder.rows, recorder.lost]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")
@pytest.mark.parametrize("room_bytes", [0, 100])
def test_a_full_disk_loses_rows_says_so_once_and_tears_none(
    tmp_path: Path, room_bytes: int
) -> None:
    path = tmp_path / "x.csv"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(room_bytes)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    rows_full, lost_full, text_full, written, lost = json.loads(done.stdout)
    assert (rows_full, lost_full) == (3, 57)
    assert text_full.splitlines()[-1].startswith("2,")
    assert (written, lost) == (6, 57)
    assert [int(row["frame"]) for row in rows(path)] == [0, 1, 2, 60, 61, 62]
    assert all(row["latency_ms"] == "1.000" for row in rows(path))
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr


def test_losses_are_errors_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path / "x.csv", {})
    recorder.close()
    recorder.mark(UNIX_NS, 0, "late")
    recorder.write(with_face(), 1.0)
    assert recorder.lost == 2
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert str(tmp_path / "x.csv") in record.getMessage()
