"""The recording's panel: start, stop, markers, the folder, and a light that nobody misses."""

from dataclasses import replace
from pathlib import Path

import pytest
from app.by_hand import Shown, Told, click, enter, tick, unnamed, walk_through
from app.looks import shows
from PyQt6.QtWidgets import QApplication, QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from vrfer.app.recording_panel import RecordingPanel
from vrfer.app.theme import LIGHT, Theme, apply
from vrfer.live.status import RecordingStatus
from vrfer.settings import RecordingPart

RUNNING = RecordingStatus(Path("/recordings/Ana 3.csv"), 250, 0, 2, 125.9)


@pytest.fixture
def panel(shown: Shown[RecordingPanel], theme: Theme) -> RecordingPanel:
    return shown(RecordingPanel(RecordingPart(), theme))


def test_it_starts_and_stops(qtbot: QtBot, panel: RecordingPanel) -> None:
    started, stopped = Told(panel.start_wanted), Told(panel.stop_wanted)
    assert panel.toggle.text() == "Start &recording"
    click(qtbot, panel.toggle)
    assert (started, stopped) == ([None], [])
    panel.show_recording(RUNNING)
    assert panel.toggle.text() == "&Stop recording"
    click(qtbot, panel.toggle)
    assert (started, stopped) == ([None], [None])
    panel.show_recording(None)
    click(qtbot, panel.toggle)
    assert (started, stopped) == ([None, None], [None])


def test_nobody_misses_the_light(panel: RecordingPanel, theme: Theme) -> None:
    for _ in range(2):
        assert panel.light.text() == "○ Not recording"
        assert not shows(panel, theme.recording)
        panel.show_recording(RUNNING)
        assert panel.light.text() == "● Recording 2:05"
        assert shows(panel.light, theme.recording)
        panel.show_recording(None)


@pytest.mark.parametrize(
    ("duration_s", "clock"), [(0.0, "0:00"), (59.99, "0:59"), (60.0, "1:00"), (3725.0, "62:05")]
)
def test_the_clock(panel: RecordingPanel, duration_s: float, clock: str) -> None:
    panel.show_recording(RecordingStatus(RUNNING.path, 0, 0, 0, duration_s))
    assert panel.light.text() == f"● Recording {clock}"


def test_it_says_how_the_recording_does(panel: RecordingPanel, theme: Theme) -> None:
    panel.show_recording(RUNNING)
    assert panel.says.text() == "Ana 3.csv: 250 rows, 2 markers"
    assert not shows(panel.says, theme.bad)
    panel.show_recording(RecordingStatus(RUNNING.path, 250, 17, 2, 130.0))
    assert "17 could not be written: is the drive full?" in panel.says.text()
    assert shows(panel.says, theme.bad)
    panel.show_recording(RUNNING)
    assert not shows(panel.says, theme.bad)
    panel.show_recording(None)
    assert panel.says.text() == ""


@pytest.mark.parametrize("by_key", [True, False])
def test_a_marker_is_set_with_its_text(qtbot: QtBot, panel: RecordingPanel, by_key: bool) -> None:
    told = Told(panel.marker_wanted)
    panel.show_recording(RUNNING)
    for text in (" spider comes ", ""):
        if by_key:
            enter(qtbot, panel.marker_text, text)
        else:
            qtbot.keyClicks(panel.marker_text, text)
            click(qtbot, panel.marker)
        assert panel.marker_text.text() == ""
    assert told == ["spider comes", ""]


def test_without_a_recording_no_marker_is_set_and_its_text_stays(
    qtbot: QtBot, panel: RecordingPanel
) -> None:
    told = Told(panel.marker_wanted)
    assert not panel.marker.isEnabled()
    enter(qtbot, panel.marker_text, "too early")
    click(qtbot, panel.marker)
    assert told == []
    assert panel.marker_text.text() == "too early"


def test_a_text_half_typed_outlives_a_status(qtbot: QtBot, panel: RecordingPanel) -> None:
    panel.show_recording(RUNNING)
    qtbot.keyClicks(panel.marker_text, "spi")
    panel.show_recording(RecordingStatus(RUNNING.path, 260, 0, 2, 126.2))
    assert panel.marker_text.text() == "spi"


def test_the_folder_is_chosen(
    qtbot: QtBot, panel: RecordingPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(parent: QWidget, title: str, folder: str) -> str:
        asked.append(folder)
        return str(tmp_path)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer)
    told = Told(panel.changed)
    before = RecordingPart().where()
    assert panel.folder.text() == f"Recordings go to {before}"
    click(qtbot, panel.choose_folder)
    assert asked == [str(before)]
    assert told == [RecordingPart(folder=tmp_path)]
    assert panel.folder.text() == f"Recordings go to {tmp_path}"


def test_an_unanswered_question_leaves_the_folder(
    qtbot: QtBot, panel: RecordingPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: "")
    panel.show_part(RecordingPart(folder=tmp_path))
    told = Told(panel.changed)
    click(qtbot, panel.choose_folder)
    assert told == []
    assert panel.folder.text() == f"Recordings go to {tmp_path}"


def test_the_page_can_be_shown_once_something_was_recorded(
    qtbot: QtBot, panel: RecordingPanel
) -> None:
    told = Told(panel.report_wanted)
    assert not panel.report.isEnabled()
    panel.show_recording(RUNNING)
    panel.show_recording(None)
    click(qtbot, panel.report)
    assert told == [None]


def test_it_shows_what_it_is_given_and_tells_nothing(
    qtbot: QtBot, panel: RecordingPanel, tmp_path: Path
) -> None:
    told = [
        Told(signal)
        for signal in (
            panel.changed, panel.start_wanted, panel.stop_wanted, panel.marker_wanted,
            panel.report_wanted,
        )
    ]  # fmt: skip
    panel.show_recording(RUNNING)
    panel.show_part(RecordingPart(folder=tmp_path))
    panel.retranslate()
    assert panel.folder.text() == f"Recordings go to {tmp_path}"
    assert panel.light.text() == "● Recording 2:05"
    met = walk_through(qtbot, panel)
    for control in (panel.toggle, panel.marker_text, panel.marker, panel.choose_folder):
        assert control in met
    assert told == [[]] * len(told)


def told_of_pictures(panel: RecordingPanel) -> str:
    """Return what is said of what a recording holds."""
    labels = [child for child in panel.findChildren(type(panel.light)) if child.isVisible()]
    return " ".join(label.text() for label in labels if "icture" in label.text())


def test_it_says_that_no_pictures_are_kept(panel: RecordingPanel) -> None:
    assert "No pictures" in told_of_pictures(panel)
    assert "names of the person and the camera" in told_of_pictures(panel)


def test_pictures_are_kept_on_demand_and_what_that_means_is_said(
    qtbot: QtBot, panel: RecordingPanel, tmp_path: Path, theme: Theme
) -> None:
    panel.show_part(RecordingPart(folder=tmp_path))
    told = Told(panel.changed)
    tick(qtbot, panel.video)
    assert told == [RecordingPart(folder=tmp_path, video=True)]
    assert "No pictures" not in told_of_pictures(panel)
    assert "numbers and the pictures" in told_of_pictures(panel)
    warning = next(
        label for label in panel.findChildren(type(panel.light)) if "unencrypted" in label.text()
    )
    assert warning.isVisible()
    assert "shows the person" in warning.text()
    assert shows(warning, theme.warning)
    tick(qtbot, panel.video)
    assert told[-1] == RecordingPart(folder=tmp_path)
    assert not warning.isVisible()
    assert "No pictures" in told_of_pictures(panel)


@pytest.mark.parametrize("with_pictures", [True, False])
def test_a_change_while_recording_holds_for_the_next_one(
    qtbot: QtBot, panel: RecordingPanel, with_pictures: bool
) -> None:
    panel.show_part(RecordingPart(video=with_pictures))
    pictures = 3 if with_pictures else None
    panel.show_recording(replace(RUNNING, pictures=pictures))
    before = told_of_pictures(panel)
    tick(qtbot, panel.video)
    now = told_of_pictures(panel)
    assert ("This recording holds numbers and the pictures" in now) == with_pictures
    assert ("No pictures" in now) != with_pictures
    assert "The next one will be as ticked." not in before
    assert any("next one" in label.text() for label in panel.findChildren(type(panel.light)))


def test_pictures_and_those_left_out_are_counted(panel: RecordingPanel, theme: Theme) -> None:
    panel.show_recording(replace(RUNNING, pictures=248))
    assert panel.says.text() == "Ana 3.csv: 250 rows, 2 markers · 248 pictures"
    assert not shows(panel.says, theme.bad)
    panel.show_recording(replace(RUNNING, pictures=248, pictures_lost=2))
    assert "2 pictures left out" in panel.says.text()
    assert shows(panel.says, theme.bad)


def test_a_theme_changes_the_colours(
    qapp: QApplication, panel: RecordingPanel, theme: Theme
) -> None:
    panel.show_recording(RUNNING)
    apply(qapp, LIGHT)
    panel.set_theme(LIGHT)
    assert shows(panel.light, LIGHT.recording)
    assert not shows(panel.light, theme.recording)


def test_screen_readers_find_a_name_for_everything(panel: RecordingPanel) -> None:
    assert unnamed(panel) == []
