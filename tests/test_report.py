"""Reports: their figures, the page that holds them, the picture, the command.

Long, as the tests of one module stand in one file.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from vrfer.command_line import BAD_INPUT, DONE, run_app
from vrfer.expressions import EXPRESSIONS, NO_FACE_LABEL
from vrfer.frames import LowerFace, Reading
from vrfer.outputs.recorder import Recorder
from vrfer.pipeline import Outputs, Reader, run
from vrfer.recorded_film import FILM_FRAME
from vrfer.recording import ROW, Ended, Marker, Session, load_session
from vrfer.report import BINS, curves, figures, runs
from vrfer.report_chart import COLORS, UNSEEN, percent
from vrfer.report_command import report
from vrfer.report_page import CAVEAT, page
from vrfer.report_picture import picture
from vrfer.sources import open_source

DEMO = Path(__file__).resolve().parent.parent / "assets" / "demo.mp4"
BEGIN = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
HAPPINESS, SADNESS = EXPRESSIONS.index("happiness"), EXPRESSIONS.index("sadness")


def session(
    labels: Sequence[str],
    times_s: Sequence[float] | None = None,
    *,
    unsure: Sequence[int] = (),
    markers: dict[float, str] | None = None,
    description: dict[str, object] | None = None,
    name: str = "x",
) -> Session:
    """Make a recording, one row a tenth of a second unless times are given."""
    seconds = np.arange(len(labels)) / 10 if times_s is None else np.asarray(times_s)
    rows = np.zeros(len(labels), ROW)
    rows["frame"] = np.arange(len(labels))
    rows["source_s"] = np.nan
    rows["monotonic_s"] = 100 + seconds
    rows["label"] = labels
    rows["face"] = rows["label"] != NO_FACE_LABEL
    rows["unsure"][list(unsure)] = True
    rows["latency_ms"] = 10 + np.arange(len(labels)) % 11
    for expression in EXPRESSIONS:
        steady = np.where(rows["label"] == expression, 0.93, 0.01)
        rows[expression] = np.where(rows["face"], steady, np.nan)
    notes = tuple(
        Marker(BEGIN + timedelta(seconds=at), 100 + at, text)
        for at, text in (markers or {}).items()
    )
    ended = Ended(BEGIN, len(rows), 0)
    return Session(Path(f"{name}.csv"), rows, notes, description or {}, BEGIN, ended, 0, ())


def test_figures_count_time_changes_and_losses() -> None:
    # 2 s happy, 1 s nothing, 1 s happy, 2 s sad of which 0.5 s unsure; then 3 s happy
    labels = ["happiness"] * 20 + ["none"] * 10 + ["happiness"] * 10 + ["sadness"] * 20
    labels += ["happiness"] * 30
    numbers = figures(session(labels, unsure=range(45, 50)))
    assert_allclose(numbers.duration_s, 9)
    assert_allclose(numbers.face_s, 8)
    assert_allclose(numbers.no_face_s, 1)
    assert_allclose(numbers.unrecorded_s, 0, atol=1e-9)
    assert_allclose(numbers.unsure_s, 0.5)
    assert_allclose(numbers.label_s[[HAPPINESS, SADNESS]], [6, 2])
    assert_allclose(numbers.share_of_read(numbers.label_s[SADNESS]), 0.25)
    assert numbers.transitions[HAPPINESS, SADNESS] == numbers.transitions[SADNESS, HAPPINESS] == 1
    assert numbers.transitions.sum() == 2
    assert_allclose(numbers.flips_per_minute, 2 / 8 * 60)
    assert_allclose(numbers.frames_per_s, 10)
    assert_allclose(numbers.latency_ms, [15, 20])


def test_a_gap_between_rows_is_not_recorded_and_no_change() -> None:
    times = np.concatenate([np.arange(20) / 10, 60 + np.arange(10) / 10])
    numbers = figures(session(["happiness"] * 20 + ["sadness"] * 10, times))
    assert_allclose(numbers.duration_s, 61)
    assert_allclose(numbers.face_s, 1.9 + 1 + 1)  # the last row before the gap holds for 1 s
    assert_allclose(numbers.unrecorded_s, 61 - 3.9)
    assert numbers.transitions.sum() == 0
    assert_allclose(numbers.frames_per_s, 10)


def test_time_that_is_lost_before_and_after_the_rows_counts() -> None:
    about = {"clock": {"monotonic_ns": 60 * 10**9}, "ended": {"monotonic_ns": 160 * 10**9}}
    lost = session(["happiness"] * 100, description=about)  # from 100 s to 110 s
    numbers, lines = figures(lost), curves(lost)
    assert_allclose([numbers.duration_s, numbers.unrecorded_s], [100, 90])
    assert_allclose(lines.edges_s[[0, -1]], [-40, 60])
    assert_allclose(lines.unrecorded.mean(), 0.9, atol=0.01)
    assert_allclose(lines.edges_s[list(runs(lines.label == HAPPINESS)[0])], [0, 10], atol=0.3)
    # What a camera takes to open is no loss.
    usual = {"clock": {"monotonic_ns": 99_500_000_000}, "ended": {"monotonic_ns": 110_400_000_000}}
    assert_allclose(figures(session(["happiness"] * 100, description=usual)).duration_s, 10)


def test_neutral_that_is_held_is_no_expression() -> None:
    labels = ["sadness"] * 20 + ["neutral"] * 30 + ["sadness"] * 20
    notes = {2.0: "neutral held", 5.0: "neutral released"}
    held = session(labels, markers=notes)
    held.rows["neutral"][20:50] = 1
    numbers, lines = figures(held), curves(held)
    assert_allclose([numbers.face_s, numbers.held_s, numbers.read_s], [7, 3, 4])
    assert numbers.label_s[EXPRESSIONS.index("neutral")] == 0
    assert_allclose(numbers.share_of_read(numbers.label_s[SADNESS]), 1)
    assert numbers.transitions.sum() == 0
    (span,) = runs(lines.held)
    assert_allclose(lines.edges_s[list(span)], [2, 5], atol=0.1)
    assert np.isnan(lines.mean[:, slice(*span)][:, 3:-3]).all()
    # Whoever writes such a marker by hand holds nothing.
    assert figures(session(labels, markers=notes)).held_s == 0
    # It may have been held before the recording began.
    before = session(labels, markers={5.0: "neutral released"}, description={"neutral_held": True})
    before.rows["neutral"][20:50] = 1
    assert_allclose(figures(before).held_s, 3)


@pytest.mark.parametrize("note", ["face found elsewhere", "source opened: camera 1"])
def test_another_persons_face_is_no_change_of_expression(note: str) -> None:
    labels = ["happiness"] * 20 + ["sadness"] * 20
    assert figures(session(labels)).transitions.sum() == 1
    assert figures(session(labels, markers={2.0: note})).transitions.sum() == 0
    assert figures(session(labels, markers={1.0: note})).transitions.sum() == 1


def test_what_is_seldom_seen_is_drawn_all_the_same() -> None:
    labels = (["happiness"] * 9 + ["none"] * 11) * 6000  # 0.9 s of each 2 s, for hours
    lines = curves(session(labels))
    assert (lines.label == HAPPINESS).all()
    assert_allclose(lines.mean[HAPPINESS], 0.93)
    assert lines.unseen.all()


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"), (1e-14, "0 %"), (0.0004, "< 0.1 %"), (0.5, "50.0 %"), (0.9996, "> 99.9 %"),
        (1 - 1e-14, "100 %"), (1, "100 %"),
    ],
)  # fmt: skip
def test_no_share_is_rounded_to_all_or_nothing(share: float, text: str) -> None:
    assert percent(share) == text


def test_a_pause_of_a_film_slows_nothing_down() -> None:
    paused = session(["happiness"] * 60)
    paused.rows["source_s"] = np.arange(60) / 10
    paused.rows["monotonic_s"][30:] += 600
    assert_allclose(figures(paused).duration_s, 6)
    assert_allclose(figures(paused).frames_per_s, 10)
    assert_allclose(np.nanmin(curves(paused).frames_per_s), 10, rtol=0.05)


@pytest.mark.parametrize("label", ["happiness", "none"])
def test_one_row_is_enough(label: str) -> None:
    alone = session([label], markers={0.0: "only"})
    numbers = figures(alone)
    assert numbers.duration_s > 0
    assert numbers.flips_per_minute == 0
    assert page(alone, BEGIN).endswith(b"</html>\n")
    assert cv2.imdecode(np.frombuffer(picture(alone), np.uint8), cv2.IMREAD_COLOR) is not None


steps = st.lists(st.sampled_from([0.0, 0.02, 0.1, 0.4, 7.0]), min_size=0, max_size=60)


@given(steps, st.data())
@settings(deadline=None)
def test_all_time_is_accounted_for(gaps: list[float], data: st.DataObject) -> None:
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    names = st.sampled_from([*EXPRESSIONS, NO_FACE_LABEL])
    labels = data.draw(st.lists(names, min_size=len(times), max_size=len(times)))
    recorded = session(labels, times)
    numbers, lines = figures(recorded), curves(recorded)
    whole = numbers.face_s + numbers.no_face_s + numbers.unrecorded_s
    assert_allclose(whole, numbers.duration_s, atol=1e-6)
    assert_allclose(numbers.label_s.sum(), numbers.face_s, atol=1e-6)
    assert_allclose(lines.edges_s[[0, -1]], [0, numbers.duration_s])
    drawn = np.isfinite(lines.mean)
    assert (drawn == (lines.label >= 0)).all()
    assert (drawn == np.isfinite(lines.peak)).all()
    assert (lines.peak[drawn] >= lines.mean[drawn] - 1e-9).all()
    assert (lines.peak[drawn] <= 1).all()
    assert (lines.mean[drawn] >= 0).all()
    assert not (lines.unseen & lines.unrecorded & (lines.label >= 0)).any()


def test_curves_show_when_what_happened() -> None:
    labels = ["happiness"] * 100 + ["none"] * 100 + ["sadness"] * 200
    times = np.concatenate([np.arange(300) / 10, 40 + np.arange(100) / 10])
    lines = curves(session(labels, times, unsure=range(220, 260)))
    per_s = BINS / 50
    (happy,) = runs(lines.label == HAPPINESS)
    assert_allclose(np.array(happy) / per_s, [0, 10], atol=0.2)
    (unseen,) = runs(lines.unseen)
    assert_allclose(np.array(unseen) / per_s, [10, 20], atol=0.2)
    (unrecorded,) = runs(lines.unrecorded)
    assert_allclose(np.array(unrecorded) / per_s, [31, 40], atol=0.2)
    (unsure,) = runs(lines.unsure)
    assert_allclose(np.array(unsure) / per_s, [22, 26], atol=0.2)
    assert_allclose(np.nanmin(lines.frames_per_s), 10, rtol=0.05)
    assert_allclose(np.nanmax(lines.frames_per_s), 10, rtol=0.05)


def test_a_short_smile_in_a_long_session_is_seen() -> None:
    labels = ["neutral"] * 100_000
    labels[50_000:50_003] = ["happiness"] * 3
    lines = curves(session(labels))
    assert lines.peak[HAPPINESS].max() > 0.9
    assert lines.mean[HAPPINESS].max() < 0.1


@given(st.lists(st.booleans()))
def test_runs_are_where_flags_are_set(flags: list[bool]) -> None:
    found = runs(np.array(flags, np.bool_))
    rebuilt = np.zeros(len(flags), np.bool_)
    for begin, end in found:
        assert begin < end
        rebuilt[begin:end] = True
    assert rebuilt.tolist() == flags
    assert all(a[1] < b[0] for a, b in pairwise(found))


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


EVIL = "<script>alert('1')</script> & \"quoted\" ]]> <b onload=x> \0\u202eevil"


def evil_session() -> Session:
    about = {"vrfer": EVIL, "source": f"rtsp://ana:secret@host/{EVIL}", EVIL: {EVIL: [EVIL]}}
    labels = ["happiness"] * 20 + ["none"] * 20 + ["sadness"] * 20
    return session(labels, markers={1.0: EVIL, 4.0: "größer"}, description=about, name=EVIL)


def test_no_text_becomes_markup() -> None:
    seen = Seen(page(evil_session(), BEGIN))
    plain = {tag for tag, _ in Seen(page(session(["happiness"] * 9, markers={0: "a"}), BEGIN)).tags}
    assert {tag for tag, _ in seen.tags} <= plain | {"rect", "pattern"}
    assert "script" not in plain | {tag for tag, _ in seen.tags}
    assert seen.text.count("<script>alert('1')</script> & \"quoted\" ]]> <b onload=x>") >= 3
    assert "\0" not in seen.text
    assert "\u202e" not in seen.text
    assert "größer" in seen.text
    assert "secret" not in seen.text


def test_the_page_needs_nothing_else() -> None:
    content = page(evil_session(), BEGIN)
    for tag, attributes in Seen(content).tags:
        assert tag not in {"script", "link", "img", "iframe", "object", "base", "image", "use"}
        assert not {"src", "href", "xlink:href"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
    style = content.split(b"<style>")[1].split(b"</style>")[0]
    assert b"@import" not in style
    assert set(re.findall(rb"url\([^)]*\)", content)) <= {b"url(#stripes)"}
    assert set(re.findall(rb'"https?:[^"]*"', content)) == {b'"http://www.w3.org/2000/svg"'}


def test_the_page_says_what_the_recording_says() -> None:
    about = {
        "vrfer": "0.1.0",
        "source": "camera 0",
        "model": "lower-face.onnx",
        "model_sha256": "ab" * 32,
        "contract": {"name": "lower-face", "architecture": "mobilenet"},
        "steady": {"smoothing_s": 0.3, "sensitivity": [0.0, 0.5]},
        "baseline": None,
        "outputs": [{"profile": "vrchat"}],
    }
    labels = ["happiness"] * 30 + ["none"] * 10 + ["sadness"] * 10 + ["happiness"] * 10
    recorded = session(labels, markers={2.0: "begin", 4.5: "spider"}, description=about)
    text = Seen(page(recorded, BEGIN)).text
    for says in (
        "2026-03-01 14:30:00 +00:00", CAVEAT, "83.3 %", "80.0 %", "20.0 %", "16.7 %", "14 / 20 ms",
        "begin", "spider", "0:04.5", "14:30:04", "no face seen", "ab" * 32, "lower-face.onnx",
        "mobilenet", "steady.smoothing_s", "0.0, 0.5", "camera 0", "1 change, 12.0 a minute",
    ):  # fmt: skip
        assert says in text, says


def test_the_page_names_the_video_and_what_it_lacks() -> None:
    recorded = session(["happiness"] * 4)
    assert "video" not in page(recorded, BEGIN).decode()
    film_frames = np.array([(0, 0), (1, 2), (2, 3)], FILM_FRAME)
    filmed = replace(recorded, film=Path("folder/x.video.mkv"), film_frames=film_frames)
    text = page(filmed, BEGIN).decode()
    assert "<td>video</td><td>x.video.mkv, 3 pictures, 1 left out</td>" in text


def test_problems_are_on_the_page(tmp_path: Path) -> None:
    Recorder(tmp_path / "x.csv", {}).close()
    (tmp_path / "x.csv").write_bytes((tmp_path / "x.csv").read_bytes() + b"1,2")
    loaded = load_session(tmp_path / "x.csv")
    whole = session(["happiness"])
    broken = replace(whole, problems=loaded.problems)
    assert "3 bytes of x.csv belong to no whole row." in Seen(page(broken, BEGIN)).text


def long_session(hours: float = 8) -> Session:
    count = int(hours * 3600 * 30)
    random = np.random.default_rng(1)
    short = session(["neutral"])
    rows = np.repeat(short.rows, count)
    rows["monotonic_s"] = np.arange(count) / 30
    which = np.repeat(random.integers(0, 9, count // 20 + 1), 20)[:count]
    rows["label"] = np.array([*EXPRESSIONS, NO_FACE_LABEL])[which]
    rows["face"] = which < len(EXPRESSIONS)
    rows["unsure"] = rows["face"] & (random.random(count) < 0.3)
    markers = tuple(Marker(BEGIN, at, "note") for at in np.linspace(0, count / 30, 40))
    return Session(short.path, rows, markers, {}, BEGIN, None, 0, ())


def test_the_page_of_eight_hours_is_as_light_as_that_of_a_minute() -> None:
    content = page(long_session(), BEGIN)
    assert len(content) < 400_000
    shapes = [a["points"] for tag, a in Seen(content).tags if tag in {"polygon", "polyline"}]
    assert max(len((points or "").split()) for points in shapes) <= 1500
    whole = picture(long_session(0.5))
    assert cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR) is not None


def height_of(png: bytes, color: str) -> int:
    """Return how many rows of a picture show a colour."""
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    same = (pixels[..., ::-1] == list(bytes.fromhex(color[1:]))).all(axis=-1)
    return int(same.any(axis=1).sum())


def test_the_picture_shows_the_expressions_that_were_there() -> None:
    happy = picture(session(["happiness"] * 50, markers={1: "größer"}))
    band_and_ribbon = 2 * (0.9 * 40 + 14)
    assert height_of(happy, COLORS["happiness"]) > band_and_ribbon
    low = height_of(happy, COLORS["sadness"])
    assert low < 10
    both = picture(session(["happiness"] * 50 + ["sadness"] * 50))
    assert height_of(both, COLORS["sadness"]) > band_and_ribbon - 2 * 14


def test_the_picture_is_drawn_without_the_new_fonts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    happy = session(["happiness"] * 50, markers={1: "größer"})
    with_fonts = picture(happy)
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    without = picture(happy)
    assert height_of(without, COLORS["happiness"]) > 0
    assert without != with_fonts or not hasattr(cv2, "FontFace")


def test_no_face_and_unsure_are_drawn() -> None:
    labels = ["happiness"] * 50 + ["none"] * 50 + ["sadness"] * 50
    tags = Seen(page(session(labels, unsure=range(110, 140)), BEGIN)).tags
    boxes = [a for tag, a in tags if tag == "rect"]
    spans = [a for a in boxes if float(a["height"] or 0) > 100]
    assert [a["fill"] for a in spans] == [UNSEEN, "url(#stripes)"]
    widths = [float(a["width"] or 0) for a in spans]
    assert_allclose(widths[0] / widths[1], 5 / 3, rtol=0.02)


def command(*arguments: str) -> int:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command()(report)
    return run_app(app, arguments)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A real recording of the first seconds of the built-in clip."""
    path = tmp_path / "day 1.csv"
    with (
        Reader() as reader,
        open_source(str(DEMO), as_fast_as_possible=True) as source,
        Recorder(path, {"source": "demo.mp4", "model": reader.model.name}) as recorder,
    ):

        def look(*_: object) -> None:
            if recorder.rows >= 30:
                source.close()

        run(source, reader, Outputs((), recorder, look))
    return path


def test_the_command_makes_a_page_and_a_picture_of_a_real_run(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    png = recorded.with_name("timeline.png")
    assert command(str(recorded), "--png", str(png)) == DONE
    content = recorded.with_suffix(".html").read_bytes()
    text = Seen(content).text
    assert "day 1" in text
    assert "demo.mp4" in text
    assert "happiness" in text
    assert png.read_bytes().startswith(b"\x89PNG")
    assert height_of(png.read_bytes(), COLORS["happiness"]) > 0
    assert capsys.readouterr().out.splitlines() == [
        f"wrote {recorded.with_suffix('.html')}",
        f"wrote {png}",
    ]
    assert not [path for path in recorded.parent.iterdir() if path.suffix == ".part"]


def made_up_recording(path: Path) -> Path:
    """Record five rows and nothing beside them."""
    steady = np.eye(len(EXPRESSIONS), dtype=np.float32)[HAPPINESS]
    face = LowerFace((10.0, 20.0), (11.0, 30.5), 40.0, 0.9)
    with Recorder(path, {}) as recorder:
        for frame in range(5):
            reading = Reading(
                frame, frame * 10**8, frame * 10**8, None, face, steady, steady, HAPPINESS, False
            )
            recorder.write(reading, 12.5)
    return path


def test_an_older_report_is_replaced_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made_up_recording(tmp_path / "x.csv")
    page_file, png = tmp_path / "x.html", tmp_path / "x.png"
    for _ in range(2):
        assert command(str(path), "--png", str(png)) == DONE
    before = page_file.read_bytes()
    for option, victim in (("--out", path), ("--png", page_file), ("--out", png)):
        content = victim.read_bytes()
        assert command(str(path), option, str(victim)) == BAD_INPUT
        assert victim.read_bytes() == content
        assert "is no report of vrfer's" in capsys.readouterr().err.splitlines()[-1]
    foreign = tmp_path / "foreign.html"
    foreign.write_text("<!DOCTYPE html><html>mine</html>", encoding="utf-8")
    picture_of_mine = tmp_path / "mine.png"
    cv2.imwrite(str(picture_of_mine), np.zeros((9, 9, 3), np.uint8))
    for option, victim in (("--out", foreign), ("--png", picture_of_mine), ("--out", tmp_path)):
        assert command(str(path), option, str(victim)) == BAD_INPUT
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert foreign.read_text(encoding="utf-8") == "<!DOCTYPE html><html>mine</html>"
    assert page_file.read_bytes()[:200] == before[:200]


@pytest.mark.parametrize("arguments", [["--out", "missing/x.html"], ["--png", "missing/x.png"]])
def test_what_cannot_be_written_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    path = made_up_recording(tmp_path / "x.csv")
    assert command(str(path), *arguments) == BAD_INPUT
    assert "cannot be written: No such file" in capsys.readouterr().err


def test_a_recording_without_rows_and_none_at_all_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Recorder(tmp_path / "x.csv", {}):
        pass
    (tmp_path / "y.csv").write_text("time,x\n1,2\n", encoding="utf-8")
    for name, says in (("x", "holds no whole row"), ("y", "is no recording"), ("z", "cannot be")):
        assert command(str(tmp_path / f"{name}.csv")) == BAD_INPUT
        (line,) = capsys.readouterr().err.splitlines()
        assert says in line
        assert not (tmp_path / f"{name}.html").exists()


@pytest.mark.parametrize("name", [".", "", "/"])
def test_what_has_no_name_is_no_recording(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(name) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert "no recording" in line


def test_the_page_is_opened_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = made_up_recording(tmp_path / "x.csv")
    opened: list[str] = []
    for code in (0, 1):
        monkeypatch.setattr(typer, "launch", lambda url, code=code: opened.append(url) or code)
        assert command(str(path), "--open") == DONE
        assert ("open the page yourself" in capsys.readouterr().err) == bool(code)
    assert opened == [str(tmp_path / "x.html")] * 2
