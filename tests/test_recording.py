"""Reading recordings back: whole ones, cut ones, damaged ones, those of older versions."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from settled import settled

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import Frame, LowerFace, Reading
from vrfer.outputs.film import Film
from vrfer.outputs.recorder import Recorder
from vrfer.outputs.rows import COLUMNS
from vrfer.recording import ROW, Session, load_session

UNIX_NS = 1_700_000_000_123_456_000
OLD_HEAD = (
    "# vrfer recording. captured_at: ISO 8601 with time zone; monotonic_s: seconds on the "
    "computer's steady clock; source_s: position in a file, seconds; positions in pixels of the "
    "picture; eight steady probabilities, then the network's own (raw_); latency_ms: capture to "
    "sent. More in the .json file beside this one.\r\n"
    "frame,source_s,captured_at,monotonic_s,face,mouth_x,mouth_y,chin_x,chin_y,width_px,label,"
    "confidence,unsure,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
    "raw_neutral,raw_happiness,raw_surprise,raw_sadness,raw_anger,raw_disgust,raw_fear,"
    "raw_contempt,latency_ms\r\n"
)
OLD_ROW = (
    "7,0.233333,2026-11-27T02:38:43.165864+02:00,2338.711566,1,336.30,279.14,331.90,342.69,192.01,"
    "happiness,0.97076,1,0.02864,0.97076,0.00010,0.00010,0.00010,0.00010,0.00010,0.00010,0.02865,"
    "0.97124,0.00008,0.00001,0.00000,0.00000,0.00000,0.00002,131.804\r\n"
    "8,0.266667,2026-11-27T02:38:43.306703+02:00,2338.852409,0,,,,,,none,,,,,,,,,,,,,,,,,,,50.540\r\n"
)
"""As the first version wrote them."""

probabilities = st.lists(st.floats(0.001, 1), min_size=8, max_size=8).map(
    lambda weights: (np.array(weights) / sum(weights)).astype(np.float32)
)
faces = st.builds(
    LowerFace,
    *(st.tuples(*[st.floats(-50, 4000)] * 2),) * 2,
    st.floats(1, 2000),
    st.floats(0, 1),
)


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    face = draw(st.none() | faces)
    seen = face is not None
    return Reading(
        frame=draw(st.integers(0, 10**9)),
        captured_ns=draw(st.integers(0, 10**15)),
        captured_unix_ns=draw(st.integers(0, 4 * 10**18)),
        source_s=draw(st.none() | st.floats(0, 1e6)),
        face=face,
        raw=draw(probabilities) if seen else None,
        steady=draw(probabilities) if seen else np.zeros(8, np.float32),
        label_id=draw(st.integers(0, 7)) if seen else NO_FACE_ID,
        unsure=seen and draw(st.booleans()),
    )


def reading(number: int, *, source_s: float | None = None, seen: bool = True) -> Reading:
    steady = np.full(8, 0.05, np.float32)
    steady[number % 8] += 0.6
    nothing = np.zeros(8, np.float32)
    face = LowerFace((10.0 + number, 20.0), (11.0, 30.5), 40.0, 0.9) if seen else None
    return Reading(
        number, 10**9 + number * 10**8, UNIX_NS + number * 10**8, source_s, face,
        steady if seen else None, steady if seen else nothing,
        number % 8 if seen else NO_FACE_ID, unsure=False,
    )  # fmt: skip


def assert_same(rows: NDArray[np.void], others: NDArray[np.void]) -> None:
    assert len(rows) == len(others)
    for name in ROW.names or ():
        assert_array_equal(rows[name], others[name])


def record(path: Path, count: int = 6, texts: tuple[str, ...] = ()) -> Path:
    with Recorder(path, {"source": "camera 0"}) as recorder:
        for number in range(count):
            recorder.write(reading(number, seen=number % 3 != 2), 12.5)
        for number, text in enumerate(texts):
            recorder.mark(UNIX_NS + number * 10**8, 10**9 + number * 10**8, text)
    return path


@given(st.lists(st.tuples(readings(), st.floats(0, 1e5)), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_was_written_is_read(tmp_path: Path, written: list[tuple[Reading, float]]) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        for item, latency_ms in written:
            recorder.write(item, latency_ms)
    session = load_session(tmp_path / "x.csv")
    assert not [
        text for text in session.problems if "wall clock" not in text and "more times" not in text
    ]
    assert session.rows.dtype == ROW
    assert len(session.rows) == len(written)
    for row, steady, raw, (item, latency_ms) in zip(
        session.rows, session.steady, session.raw, written, strict=True
    ):
        assert row["frame"] == item.frame
        assert_allclose(
            row["source_s"], np.nan if item.source_s is None else item.source_s, atol=1e-6
        )
        moment = np.datetime64(item.captured_unix_ns // 1000, "us")
        assert abs(row["captured_at"] - moment) <= np.timedelta64(2, "us")
        assert_allclose(row["monotonic_s"], item.captured_ns / 1e9, atol=1e-6)
        assert row["face"] == (item.face is not None)
        place = (np.nan,) * 5 if item.face is None else (*item.face.mouth, *item.face.chin)
        for name, value in zip(("mouth_x", "mouth_y", "chin_x", "chin_y"), place, strict=False):
            assert_allclose(row[name], value, atol=0.006)
        assert row["label"] == item.label
        assert row["unsure"] == item.unsure
        seen = item.face is not None
        assert_allclose(row["confidence"], item.confidence if seen else np.nan, atol=1e-5)
        assert_allclose(steady, item.steady if seen else [np.nan] * 8, atol=1e-5)
        assert_allclose(raw, [np.nan] * 8 if item.raw is None else item.raw, atol=1e-5)
        assert_allclose(row["latency_ms"], latency_ms, atol=0.006)


def test_a_recording_cut_at_any_byte_gives_its_whole_rows(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv", 4)
    content = path.read_bytes()
    whole = load_session(path)
    assert len(whole.rows) == 4
    ends = [end + 1 for end, byte in enumerate(content) if byte == ord("\n")]
    header_end = content.index(b"\r\nframe,") + 2
    header_end = content.index(b"\n", header_end) + 1
    row_ends = [end for end in ends if end > header_end]
    for size in range(len(content)):
        path.write_bytes(content[:size])
        session = load_session(path)
        expected = sum(end <= size for end in row_ends)
        assert_same(session.rows, whole.rows[:expected])
        kept = max((end for end in [header_end, *row_ends] if end <= size), default=0)
        assert session.cut_bytes == size - kept
        said = f"{size - kept} bytes of x.csv belong to no whole row."
        assert (said in session.problems) == (size > kept)
        assert f"4 rows were written, {expected} are there." in session.problems
        assert session.started_at == (whole.started_at if expected else None)


def test_markers_cut_at_any_byte_give_the_whole_ones(tmp_path: Path) -> None:
    texts = ("begin", 'two\nlines, "quoted"', "größer\r\n", "", "end")
    path, file = tmp_path / "x.csv", tmp_path / "x.markers.csv"
    with Recorder(path, {}) as recorder:
        ends = [file.stat().st_size]
        for number, text in enumerate(texts):
            recorder.mark(UNIX_NS, number, text)
            settled(recorder, number + 1)
            ends.append(file.stat().st_size)
    content = file.read_bytes()
    whole = load_session(path)
    assert tuple(marker.text for marker in whole.markers) == texts
    assert whole.problems == ()
    for size in range(len(content)):
        file.write_bytes(content[:size])
        session = load_session(path)
        assert session.markers == whole.markers[: sum(end <= size for end in ends[1:])]
        cut = size - max((end for end in ends if end <= size), default=0)
        bytes_cut = f"{cut} bytes of x.markers.csv belong to no whole marker."
        count = len(session.markers)
        fewer = f"5 markers were written, {count} are there."
        assert session.problems == ((bytes_cut,) if cut else ()) + ((fewer,) if count < 5 else ())


def test_a_description_cut_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv")
    file = tmp_path / "x.json"
    content = file.read_bytes().rstrip()
    for size in range(len(content)):
        file.write_bytes(content[:size])
        session = load_session(path)
        assert len(session.rows) == 6
        assert session.ended is None
        assert session.description == {}
        assert session.problems == ("x.json is damaged.",)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_turned_bits_and_overwritten_ends_cost_only_the_rows_they_hit(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "x.csv"
    if not path.exists():
        record(path, 6, ("one", "two"))
        (tmp_path / "whole").write_bytes(path.read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    first_row = content.index(b"\n0,") + 1
    at = data.draw(st.integers(first_row, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=600) | st.just(b"\0" * 600))
    content[at : at + len(damage)] = damage
    path.write_bytes(content)
    session = load_session(path)
    before = content[:at].count(b"\n") - content[:first_row].count(b"\n")
    assert list(session.rows["frame"][:before]) == list(range(before))
    assert np.isin(session.rows["label"], [*EXPRESSIONS, "none"]).all()
    assert np.isfinite(session.rows["monotonic_s"]).all()
    assert np.isfinite(session.times_s).all()


def test_rows_after_a_torn_one_are_read(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv", 6)
    lines = path.read_bytes().splitlines(keepends=True)
    torn = lines[-3][:40]
    lines[-3] = torn
    path.write_bytes(b"".join(lines))
    session = load_session(path)
    assert list(session.rows["frame"]) == [0, 1, 2, 5]
    assert session.cut_bytes == len(torn) + len(lines[-2])


def test_the_first_versions_recordings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_bytes((OLD_HEAD + OLD_ROW).encode())
    (tmp_path / "old.markers.csv").write_bytes(b"captured_at,monotonic_s,text\r\n")
    (tmp_path / "old.json").write_text('{"vrfer": "0.1.0", "baseline": null}', encoding="utf-8")
    session = load_session(path)
    assert session.problems == ()
    assert session.ended is None
    assert session.started_at == datetime.fromisoformat("2026-11-27T02:38:43.165864+02:00")
    assert session.started_at.utcoffset() == timedelta(hours=2)
    first, second = session.rows
    assert first["captured_at"] == np.datetime64("2026-11-27T00:38:43.165864")
    assert (first["frame"], first["face"], first["unsure"]) == (7, True, True)
    assert first["raw_happiness"] == np.float32(0.97124)
    assert (second["label"], second["face"], second["unsure"]) == ("none", False, False)
    assert np.isnan(session.steady[1]).all()
    assert_allclose(session.times_s, [0, 0.033334])


def test_columns_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv", 3)
    whole = load_session(path).rows
    lines = path.read_text(encoding="utf-8").splitlines()
    more = [line if line.startswith("#") else f"new,{line},newer" for line in lines]
    path.write_bytes("".join(f"{line}\r\n" for line in more).encode())
    session = load_session(path)
    assert session.cut_bytes == 0
    assert_same(session.rows, whole)


@pytest.mark.parametrize(
    "content",
    [
        b"time,x\r\n1,2\r\n",
        b"hello",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"# some other program\r\n" + ",".join(COLUMNS).encode(),
        b"# vrfer recording, but\r\nframe,label\r\n1,happiness\r\n",
        bytes(1000),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"x\.csv is no recording of vrfer's") as caught:
        load_session(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot be read"):
        load_session(tmp_path / name)


def test_files_that_lack_beside_it_are_said(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv", 2)
    (tmp_path / "x.json").unlink()
    (tmp_path / "x.markers.csv").unlink()
    session = load_session(str(path))
    assert len(session.rows) == 2
    assert session.problems == ("x.markers.csv cannot be read.", "x.json cannot be read.")


@pytest.mark.parametrize("ended", [None, 3, [], {}, {"ended_at": "x", "rows": 1, "lost": 0}])
def test_an_ending_that_says_nothing_is_none(tmp_path: Path, ended: object) -> None:
    path = record(tmp_path / "x.csv", 2)
    about = json.loads((tmp_path / "x.json").read_bytes())
    (tmp_path / "x.json").write_text(json.dumps({**about, "ended": ended}), encoding="utf-8")
    session = load_session(path)
    assert session.ended is None
    assert session.problems == ("The recording was not ended properly, or still runs.",)


def test_a_recording_can_be_read_while_it_runs(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(reading(0), 1.0)
        settled(recorder, 1)
        session = load_session(tmp_path / "x.csv")
        assert len(session.rows) == 1
        assert session.problems == ("The recording was not ended properly, or still runs.",)


def test_times_are_those_of_the_camera(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv", 4, ("a", "b", "c"))
    session = load_session(path)
    assert_allclose(session.times_s, [0, 0.1, 0.2, 0.3], atol=2e-6)
    assert_allclose(session.marker_times_s, [0, 0.1, 0.2], atol=2e-6)


def test_what_the_clocks_say_of_sleep_is_told(tmp_path: Path) -> None:
    """The wall clock goes on while a computer sleeps, the steady one may not."""
    path = tmp_path / "x.csv"
    slept_s_of = {0: 0, 1: 0, 2: 3600, 3: 3600, 4: 0}
    with Recorder(path, {}) as recorder:
        for number, slept_s in slept_s_of.items():
            moment = reading(number)
            recorder.write(
                replace(moment, captured_unix_ns=moment.captured_unix_ns + slept_s * 10**9), 1.0
            )
    assert load_session(path).problems == (
        "After 0.1 s the wall clock jumped ahead by 3600.0 s: it was set, or the computer slept.",
        "After 0.3 s the wall clock jumped back by 3600.0 s: it was set, or the computer slept.",
    )
    assert load_session(record(tmp_path / "still.csv")).problems == ()


def test_a_recording_spans_more_than_its_rows(tmp_path: Path) -> None:
    path = record(tmp_path / "x.csv")
    about = json.loads(path.with_suffix(".json").read_bytes())
    about["clock"]["monotonic_ns"] = -4 * 10**9
    about["ended"]["monotonic_ns"] = 61 * 10**9
    path.with_suffix(".json").write_text(json.dumps(about), encoding="utf-8")
    assert_allclose(load_session(path).span_s, [-5, 60])  # the first row is at 1 s
    path.with_suffix(".json").write_text("{}", encoding="utf-8")
    assert_allclose(load_session(path).span_s, [0, 0.5])


def test_pictures_that_are_opened_one_after_the_other_lie_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with Recorder(path, {}) as recorder:
        for number in range(3):
            if number:
                recorder.mark(
                    UNIX_NS, 10**9 + number * 10**8 - 1000, f"source opened: {number}.png"
                )
            recorder.write(reading(number, source_s=0.0), 1.0)
    assert_allclose(load_session(path).times_s, [0, 0.1, 0.2])


def test_times_are_those_of_the_film(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        for number in range(4):
            recorder.write(reading(number, source_s=5.0 + number), 1.0)
        recorder.mark(UNIX_NS, 10**9 + 15 * 10**7, "in the middle")
    session = load_session(tmp_path / "x.csv")
    assert_allclose(session.times_s, [0, 1, 2, 3], atol=2e-6)
    assert_allclose(session.marker_times_s, [1.5], atol=2e-5)


def test_a_film_that_begins_anew_is_told_by_the_clock(tmp_path: Path) -> None:
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        for number in range(4):
            recorder.write(reading(number, source_s=float(number % 2)), 1.0)
    session = load_session(tmp_path / "x.csv")
    assert_allclose(session.times_s, [0, 0.1, 0.2, 0.3], atol=2e-6)


def test_pandas_gets_a_frame(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    session = load_session(record(tmp_path / "x.csv", 6))
    frame = session.frame()
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == 6
    assert frame["captured_at"].iloc[0] == pandas.Timestamp(UNIX_NS, unit="ns", tz="UTC")
    assert frame["happiness"].isna().tolist() == [False, False, True] * 2
    assert frame["label"].tolist()[:3] == ["neutral", "happiness", "none"]


def test_without_pandas_there_are_arrays_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    session = load_session(record(tmp_path / "x.csv", 2))
    assert len(session.rows["label"]) == 2
    with pytest.raises(OutputError, match="pandas is not installed"):
        session.frame()


def shade(number: int) -> NDArray[np.uint8]:
    return np.full((32, 48, 3), 8 * number, np.uint8)


def film_of(path: Path, readings: Sequence[Reading]) -> None:
    """Film a recording: each picture is as bright as the number of its row says."""
    with Film(path) as film:
        for item in readings:
            image = shade(item.frame)
            film.write(Frame(image, item.frame, item.captured_ns, item.captured_unix_ns))
    assert film.lost == 0


def record_and_film(path: Path, count: int = 6, left_out: Sequence[int] = ()) -> Path:
    readings = [reading(number) for number in range(count)]
    with Recorder(path, {}) as recorder:
        for item in readings:
            recorder.write(item, 1.0)
    film_of(path, [item for item in readings if item.frame not in left_out])
    return path


def shown(session: Session) -> list[tuple[int, int]]:
    """Return which rows are shown with which picture."""
    return [(row, round(image.mean() / 8)) for row, image in session.pictures()]


def test_without_video_there_is_none(tmp_path: Path) -> None:
    session = load_session(record(tmp_path / "x.csv"))
    assert session.film is None
    assert len(session.film_frames) == 0
    with pytest.raises(OutputError, match="no video lies beside"):
        next(session.pictures())


@pytest.mark.skipif(sys.platform == "win32", reason="no file's name holds a colon there")
def test_a_recordings_name_may_look_like_a_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    session = load_session(record_and_film(Path("anna-12:30.csv")))
    assert shown(session) == [(number, number) for number in range(6)]


def test_pictures_come_with_their_rows(tmp_path: Path) -> None:
    session = load_session(record_and_film(tmp_path / "day.1.csv"))
    assert session.film == tmp_path / "day.1.video.mkv"
    assert session.problems == ()
    assert session.film_frames.tolist() == [(number, number) for number in range(6)]
    pairs = list(session.pictures())
    assert all(image.shape == (32, 48, 3) and image.dtype == np.uint8 for _, image in pairs)
    assert shown(session) == [(number, number) for number in range(6)]


def test_pictures_that_were_left_out_are_said_and_shift_nothing(tmp_path: Path) -> None:
    session = load_session(record_and_film(tmp_path / "x.csv", 8, left_out=(0, 3, 4)))
    assert session.problems == ("3 of 8 pictures are not in x.video.mkv.",)
    assert session.film_frames.tolist() == [(0, 1), (1, 2), (2, 5), (3, 6), (4, 7)]
    assert shown(session) == [(row, row) for row in (1, 2, 5, 6, 7)]


def test_rows_that_were_lost_shift_no_picture(tmp_path: Path) -> None:
    path = record_and_film(tmp_path / "x.csv")
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[-4]
    path.write_bytes(b"".join(lines))
    session = load_session(path)
    assert list(session.rows["frame"]) == [0, 1, 3, 4, 5]
    assert shown(session) == [(0, 0), (1, 1), (2, 3), (3, 4), (4, 5)]


def test_rows_are_told_apart_where_numbers_begin_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    first = [reading(number) for number in range(3)]
    later = [replace(item, captured_ns=item.captured_ns + 10**12) for item in first]
    with Recorder(path, {}) as recorder:
        for item in (*first, *later):
            recorder.write(item, 1.0)
    film_of(path, (first[1], later[0], later[2]))
    assert load_session(path).film_frames["row"].tolist() == [1, 3, 5]


def test_a_table_cut_at_any_byte_keeps_its_whole_lines(tmp_path: Path) -> None:
    path = record_and_film(tmp_path / "x.csv", 4)
    file = tmp_path / "x.video.csv"
    content = file.read_bytes()
    ends = [end + 1 for end, byte in enumerate(content) if byte == ord("\n")]
    for size in range(len(content)):
        file.write_bytes(content[:size])
        session = load_session(path)
        there = sum(end <= size for end in ends[1:])
        assert session.film_frames["row"].tolist() == list(range(there))
        damaged = "1 lines of x.video.csv are damaged." in session.problems
        assert damaged == (size not in (0, *ends))
        missing = f"{4 - there} of 4 pictures are not in x.video.mkv." in session.problems
        assert missing == (there < 4)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_table_costs_only_the_lines_that_are_hit(
    tmp_path: Path, data: st.DataObject
) -> None:
    path, file = tmp_path / "x.csv", tmp_path / "x.video.csv"
    if not path.exists():
        record_and_film(path)
        (tmp_path / "whole").write_bytes(file.read_bytes())
    content = bytearray((tmp_path / "whole").read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    damage = data.draw(st.binary(min_size=1, max_size=80) | st.just(b"\0" * 200))
    content[at : at + len(damage)] = damage
    file.write_bytes(content)
    pairs = load_session(path).film_frames.tolist()
    before = max(content[:at].count(b"\n") - 1, 0)
    assert pairs[:before] == [(number, number) for number in range(before)]
    assert all(0 <= row < 6 for _, row in pairs)


def test_a_missing_table_is_said(tmp_path: Path) -> None:
    path = record_and_film(tmp_path / "x.csv")
    (tmp_path / "x.video.csv").unlink()
    session = load_session(path)
    assert session.film is not None
    assert list(session.pictures()) == []
    assert session.problems == ("x.video.csv cannot be read.",)


def test_a_video_that_was_taken_away_is_no_problem(tmp_path: Path) -> None:
    path = record_and_film(tmp_path / "x.csv")
    (tmp_path / "x.video.mkv").unlink()
    session = load_session(path)
    assert (session.film, session.problems) == (None, ())


def test_a_video_that_was_cut_shows_what_is_left(tmp_path: Path) -> None:
    path = record_and_film(tmp_path / "x.csv")
    film = tmp_path / "x.video.mkv"
    content = film.read_bytes()
    clusters = [match.start() for match in re.finditer(b"\x1f\x43\xb6\x75", content)]
    film.write_bytes(content[: clusters[4] + 100])
    assert shown(load_session(path)) == [(number, number) for number in range(4)]
    film.write_bytes(content[:100])
    with pytest.raises(OutputError, match=r"x\.video\.mkv cannot be read"):
        next(load_session(path).pictures())


def test_a_damaged_picture_shifts_no_other(tmp_path: Path) -> None:
    path = record_and_film(tmp_path / "x.csv")
    film = tmp_path / "x.video.mkv"
    content = bytearray(film.read_bytes())
    second = [match.start() for match in re.finditer(b"\xff\xd8\xff", content)][1]
    content[second : second + 300] = bytes(300)
    film.write_bytes(content)
    assert shown(load_session(path)) == [(number, number) for number in (0, 2, 3, 4, 5)]
