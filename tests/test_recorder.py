"""Recordings: what stands in the files, what is refused, and what accidents cost.

Long, as the tests of one module stand in one file.
"""

import csv
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settled import settled

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import LowerFace, Reading
from vrfer.outputs import recorder as recorder_module
from vrfer.outputs.growing import Growing
from vrfer.outputs.losses import losses
from vrfer.outputs.recorder import Recorder
from vrfer.outputs.rows import COLUMNS
from vrfer.recording import load_session

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
            settled(recorder, frame + 1)
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
    written = json.loads((tmp_path / "day.1.json").read_text(encoding="utf-8"))
    assert written.items() >= about.items()
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


def run_here(program: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a program that imports from this folder, in a process whose files may be limited."""
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )


FULL_DISK = """
import json, logging, resource, signal, sys
from pathlib import Path
from settled import settled
from test_recorder import with_face
from vrfer.outputs.recorder import Recorder

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing raises OSError
logging.basicConfig(level=logging.WARNING)
path, most = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)
with Recorder(path, {}) as recorder:
    for frame in range(3):
        recorder.write(with_face(frame), 1.0)
    settled(recorder, 3)
    room = path.stat().st_size + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most[1]))
    for frame in range(3, 60):
        recorder.write(with_face(frame), 1.0)
    settled(recorder, 60)
    full = [recorder.rows, recorder.lost, path.read_text()]
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    for frame in range(60, 63):
        recorder.write(with_face(frame), 1.0)
    settled(recorder, 63)
print(json.dumps([*full, recorder.rows, recorder.lost]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")
@pytest.mark.parametrize("room_bytes", [0, 100])
def test_a_full_disk_loses_rows_says_so_once_and_tears_none(
    tmp_path: Path, room_bytes: int
) -> None:
    path = tmp_path / "x.csv"
    done = run_here(FULL_DISK, path, room_bytes)
    rows_full, lost_full, text_full, written, lost = json.loads(done.stdout)
    assert (rows_full, lost_full) == (3, 57)
    assert text_full.splitlines()[-1].startswith("2,")
    assert (written, lost) == (6, 57)
    assert [int(row["frame"]) for row in rows(path)] == [0, 1, 2, 60, 61, 62]
    assert all(row["latency_ms"] == "1.000" for row in rows(path))
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr
    session = load_session(path)
    assert session.ended is not None
    assert (session.ended.rows, session.ended.lost) == (6, 57)
    assert session.problems == ("57 rows or markers could not be written.",)


FULL_TWICE = """
import json, logging, resource, signal, sys
from pathlib import Path
from settled import settled
from test_recorder import with_face
from vrfer.outputs import recorder as module

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
logging.basicConfig(level=logging.WARNING)
module._RECOVERED_AFTER_S = 0.0  # which takes ten seconds otherwise
most = resource.getrlimit(resource.RLIMIT_FSIZE)
failing = []
with module.Recorder(Path(sys.argv[1]), {}) as recorder:
    for count, room in enumerate((most[0], 10, most[0], 10), 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, most[1]))
        recorder.write(with_face(count), 1.0)
        settled(recorder, count)
        failing.append(recorder.failing)
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
print(json.dumps(failing))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")
def test_a_disk_that_is_full_again_is_said_again(tmp_path: Path) -> None:
    done = run_here(FULL_TWICE, tmp_path / "x.csv")
    assert json.loads(done.stdout) == [False, True, False, True]
    assert done.stderr.count("cannot be written") == 2


def test_losses_are_errors_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(tmp_path / "x.csv", {})
    recorder.close()
    recorder.mark(UNIX_NS, 0, "late")
    recorder.write(with_face(), 1.0)
    assert recorder.lost == 2
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert str(tmp_path / "x.csv") in record.getMessage()


FULL_AT_THE_END = """
import logging, resource, signal, sys
from pathlib import Path
from settled import settled
from test_recorder import with_face
from vrfer.outputs.recorder import Recorder

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
logging.basicConfig(level=logging.WARNING)
with Recorder(Path(sys.argv[1]), {"source": "camera 0"}) as recorder:
    recorder.write(with_face(0), 1.0)
    settled(recorder, 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file sizes")
def test_a_disk_that_is_full_at_the_end_keeps_the_description_whole(tmp_path: Path) -> None:
    done = run_here(FULL_AT_THE_END, tmp_path / "x.csv")
    assert "cannot say how the recording ended" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"x.csv", "x.markers.csv", "x.json"}
    session = load_session(tmp_path / "x.csv")
    assert session.description["source"] == "camera 0"
    assert len(session.rows) == 1
    assert session.problems == ("The recording was not ended properly, or still runs.",)


WRITES_FOR_EVER = """
import itertools, sys
from pathlib import Path
from settled import settled
from test_recorder import UNIX_NS, with_face
from vrfer.outputs.recorder import Recorder

recorder = Recorder(Path(sys.argv[1]), {})
for frame in itertools.count():
    recorder.write(with_face(frame), 1.0)
    recorder.mark(UNIX_NS, frame, f"mark {frame}")
    settled(recorder, 2 * frame + 2)
    print(frame, flush=True)
"""


def test_a_killed_program_loses_nothing_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_FOR_EVER, str(path)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 50:
                break
        process.kill()
        said = [int(line) for line in process.stdout if line.endswith("\n")]
    if sys.platform != "win32":
        assert process.returncode == -signal.SIGKILL
    written = max([50, *said]) + 1
    session = load_session(path)
    assert len(session.rows) in (written, written + 1)
    assert list(session.rows["frame"]) == list(range(len(session.rows)))
    assert len(session.markers) in (written, written + 1)
    assert session.cut_bytes == 0
    assert session.ended is None
    assert session.problems == ("The recording was not ended properly, or still runs.",)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no open files")
def test_deleted_files_are_a_loss_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(with_face(), 1.0)
        (tmp_path / "x.csv").unlink()
        recorder.write(with_face(), 1.0)
    assert recorder.removed
    assert "was deleted" in caplog.text
    (loss,) = losses(recorder, None).values()
    assert str(tmp_path / "x.csv") in loss


def test_a_recording_that_is_there_is_no_loss(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(with_face(), 1.0)
    assert not recorder.removed
    assert losses(recorder, None) == {}


def test_a_loss_says_why(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "x.csv", {})
    recorder.close()
    recorder.write(with_face(), 1.0)
    (loss,) = losses(recorder, None).values()
    assert "1 rows or markers" in loss
    assert recorder.last_error in loss
    assert recorder.last_error


def test_the_description_says_how_the_recording_ended(tmp_path: Path) -> None:
    before = (time.time_ns(), time.perf_counter_ns())
    with Recorder(tmp_path / "x.csv", {"source": "camera 0"}) as recorder:
        clock = json.loads((tmp_path / "x.json").read_bytes())["clock"]
        assert before[0] <= clock["unix_ns"]
        assert before[1] <= clock["monotonic_ns"]
        for frame in range(5):
            recorder.write(with_face(frame), 1.0)
        recorder.mark(UNIX_NS, 0, "begin")
    about = json.loads((tmp_path / "x.json").read_bytes())
    assert about["source"] == "camera 0"
    assert about["clock"] == clock
    ended = about["ended"]
    assert (ended["rows"], ended["markers"], ended["lost"], ended["failed_syncs"]) == (5, 1, 0, 0)
    assert clock["unix_ns"] <= ended["unix_ns"] <= time.time_ns()
    assert clock["monotonic_ns"] <= ended["monotonic_ns"] <= time.perf_counter_ns()
    for name, part in (("started_at", clock), ("ended_at", ended)):
        moment = datetime.fromisoformat(part[name])
        assert abs(moment.timestamp() - part["unix_ns"] / 1e9) < 2e-6


def test_rows_are_put_on_the_disk_while_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "SYNC_EVERY_S", 0.001)
    sync, synced, sizes = os.fsync, threading.Event(), []

    def noted(number: int) -> None:
        sync(number)
        assert threading.current_thread().name == "vrfer-recorder-disk"
        sizes.append(os.fstat(number).st_size)
        synced.set()

    with Recorder(tmp_path / "x.csv", {}) as recorder:
        monkeypatch.setattr(os, "fsync", noted)
        for frame in range(3):
            recorder.write(with_face(frame), 1.0)
            settled(recorder, frame + 1)
            size = (tmp_path / "x.csv").stat().st_size
            while size not in sizes:
                assert synced.wait(60)
                synced.clear()
        monkeypatch.undo()


def test_a_disk_that_does_not_answer_holds_up_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(number: int) -> None:
        asked.set()
        assert answer.wait(60)

    monkeypatch.setattr(os, "fsync", slow)
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        assert asked.wait(60)
        for frame in range(500):
            recorder.write(with_face(frame), 1.0)
        recorder.mark(UNIX_NS, 0, "still here")
        settled(recorder, 501)
        assert len(rows(tmp_path / "x.csv")) == recorder.rows == 500
        answer.set()
    assert load_session(tmp_path / "x.csv").ended is not None


def test_closing_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = threading.Event()
    monkeypatch.setattr(recorder_module, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(os, "fsync", lambda _: answer.wait(60))
    recorder = Recorder(tmp_path / "x.csv", {})
    recorder.write(with_face(), 1.0)
    settled(recorder, 1)
    recorder.close()
    assert "does not answer" in caplog.text
    recorder.write(with_face(), 1.0)
    assert (recorder.rows, recorder.lost) == (1, 1)
    answer.set()
    join("vrfer-recorder-disk")
    assert len(load_session(tmp_path / "x.csv").rows) == 1


def join(*names: str) -> None:
    for thread in threading.enumerate():
        if thread.name in names:
            thread.join()


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Make files take nothing, once this is cleared, until it is set."""
    answers, append = threading.Event(), Growing.append
    answers.set()

    def wait(growing: Growing, piece: bytes) -> None:
        assert answers.wait(60)
        append(growing, piece)

    monkeypatch.setattr(Growing, "append", wait)
    yield answers
    answers.set()


def test_a_drive_that_hangs_holds_up_nobody_and_loses_nothing(
    tmp_path: Path, frozen: threading.Event
) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        frozen.clear()
        for frame in range(5000):
            recorder.write(with_face(frame), 1.0)
            recorder.mark(UNIX_NS, frame, f"mark {frame}")
        assert (recorder.rows, recorder.markers, recorder.lost) == (0, 0, 0)
        frozen.set()
    session = load_session(tmp_path / "x.csv")
    assert list(session.rows["frame"]) == list(range(5000))
    assert [marker.text for marker in session.markers] == [f"mark {n}" for n in range(5000)]
    assert session.problems == ()


def test_a_drive_that_hangs_is_said_once_and_when_it_is_over(
    tmp_path: Path,
    frozen: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(with_face(), 1.0)
        settled(recorder, 1)
        frozen.clear()
        recorder.write(with_face(), 1.0)
        recorder.write(with_face(), 1.0)
        assert caplog.text == ""
        monkeypatch.setattr(recorder_module, "SLOW_AFTER_S", 0.0)
        given = 3
        while "takes nothing" not in caplog.text:  # the writer may not have begun yet
            recorder.write(with_face(), 1.0)
            given += 1
        for _ in range(10):
            recorder.write(with_face(), 1.0)
        monkeypatch.undo()
        frozen.set()
        settled(recorder, given + 10)
    assert caplog.text.count("takes nothing") == 1
    assert caplog.text.count("takes rows again") == 1


def test_a_drive_that_hangs_and_then_fails_takes_no_rows_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    fails = threading.Event()

    def pulled(growing: Growing, piece: bytes) -> None:
        assert fails.wait(60)
        raise OSError(5, "Input/output error")

    with Recorder(tmp_path / "x.csv", {}) as recorder:
        monkeypatch.setattr(Growing, "append", pulled)
        monkeypatch.setattr(recorder_module, "SLOW_AFTER_S", 0.0)
        given = 0
        while "takes nothing" not in caplog.text:  # the writer may not have begun yet
            recorder.write(with_face(), 1.0)
            given += 1
        fails.set()
        settled(recorder, given)
        monkeypatch.undo()
    assert recorder.lost == given
    assert "takes rows again" not in caplog.text


def test_what_waits_for_a_drive_that_hangs_is_bounded_and_the_rest_is_counted(
    tmp_path: Path, frozen: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_WAITING", 50)
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        frozen.clear()
        for frame in range(200):
            recorder.write(with_face(frame), 1.0)
        # The writer holds what it took before the rest came.
        assert 200 - 100 <= recorder.lost <= 200 - 50
        assert recorder.rows == 0
        frozen.set()
    session = load_session(tmp_path / "x.csv")
    assert len(session.rows) == recorder.rows == 200 - recorder.lost
    assert session.problems == (f"{recorder.lost} rows or markers could not be written.",)
    (loss,) = losses(recorder, None).values()
    assert "too much waits" in loss


def test_what_a_closed_recording_holds_is_lost_until_the_drive_answers(
    tmp_path: Path, frozen: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_PATIENCE_S", 0.0)
    recorder = Recorder(tmp_path / "x.csv", {})
    frozen.clear()
    for frame in range(20):
        recorder.write(with_face(frame), 1.0)
    recorder.close()
    assert (recorder.rows, recorder.lost) == (0, 20)
    (loss,) = losses(recorder, None).values()
    assert "does not answer" in loss
    frozen.set()
    join("vrfer-recorder", "vrfer-recorder-disk")
    # It was not in vain to wait: the drive answered, and all was written after all.
    assert (recorder.rows, recorder.lost) == (20, 0)
    assert len(load_session(tmp_path / "x.csv").rows) == 20


def test_a_disk_that_refuses_is_said_once_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(number: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(recorder_module, "SYNC_EVERY_S", 0.001)
    monkeypatch.setattr(os, "fsync", broken)
    refused = threading.Event()

    class Hears(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            refused.set()

    handler = Hears()
    logging.getLogger("vrfer.outputs.recorder").addHandler(handler)
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        assert refused.wait(60)
        recorder.write(with_face(), 1.0)
        monkeypatch.setattr(os, "fsync", lambda _: None)
    logging.getLogger("vrfer.outputs.recorder").removeHandler(handler)
    assert caplog.text.count("the disk refuses") == 1
    assert json.loads((tmp_path / "x.json").read_bytes())["ended"]["failed_syncs"] >= 1


def test_eight_hours_cost_no_memory(tmp_path: Path) -> None:
    hours, per_second, parts = 8, 10, 40
    in_part = hours * 3600 * per_second // parts
    blocks = []
    reading = with_face(source_s=None)
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        for part in range(1, parts + 1):
            for _ in range(in_part):
                recorder.write(reading, 1.0)
            settled(recorder, in_part * part)
            blocks.append(sys.getallocatedblocks())
    assert recorder.rows == hours * 3600 * per_second
    assert blocks[-1] - blocks[1] < 500


def test_names_that_are_no_utf_8_do_not_break_it(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {"source": "clip\udce4.mp4"}) as recorder:
        recorder.mark(UNIX_NS, 0, "half \ud800")
    assert recorder.lost == 0
    session = load_session(tmp_path / "x.csv")
    assert session.description["source"] == "clip\udce4.mp4"
    assert [marker.text for marker in session.markers] == ["half ?"]


def test_a_wall_clock_that_ticks_slowly_is_read_as_it_ticks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else other instruments' recordings are aligned late by as much as a tick."""
    true_ns, tick_ns = time.time_ns, 500_000_000
    began_ns = true_ns() - tick_ns // 2  # in the middle between two ticks

    def ticking_ns() -> int:
        return began_ns + (true_ns() - began_ns) // tick_ns * tick_ns

    monkeypatch.setattr(recorder_module.time, "time_ns", ticking_ns)
    Recorder(tmp_path / "x.csv", {}).close()
    about = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    offset_ns = true_ns() - time.perf_counter_ns()
    for pair in (about["clock"], about["ended"]):
        assert abs(pair["unix_ns"] - pair["monotonic_ns"] - offset_ns) < tick_ns / 5
