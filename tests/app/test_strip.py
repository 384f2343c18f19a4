"""The small strip: label, state, a light, three buttons; it stays on top and can be moved."""

from pathlib import Path

import pytest
from app.by_hand import LEFT, Shown, Told, click, unnamed, walk_through
from app.looks import shows
from app.made_up import reading, sure_of
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from pytestqt.qtbot import QtBot

from vrfer.app.strip import Strip
from vrfer.app.theme import LIGHT, Theme
from vrfer.live.status import Phase, RecordingStatus, Status

RECORDING = RecordingStatus(Path("x.csv"), 1, 0, 0, 1.0)


@pytest.fixture
def strip(shown: Shown[Strip], theme: Theme) -> Strip:
    strip = shown(Strip(theme))
    strip.resize(620, 84)
    return strip


def test_it_stays_on_top_of_other_windows(strip: Strip) -> None:
    assert strip.isWindow()
    assert strip.windowFlags() & Qt.WindowType.WindowStaysOnTopHint


def test_it_shows_the_expression(strip: Strip) -> None:
    assert strip.label.accessibleDescription() == "No face"
    strip.show_reading(reading(sure_of(1)))
    assert strip.label.accessibleDescription() == "Happiness 100%"
    strip.show_reading(reading(sure_of(2), unsure=True))
    assert strip.label.accessibleDescription().startswith("Surprise unsure")
    strip.show_reading(None)
    assert strip.label.accessibleDescription() == "No face"


def test_neutral_is_held_and_released(qtbot: QtBot, strip: Strip) -> None:
    told = Told(strip.neutral_wanted)
    click(qtbot, strip.neutral)
    click(qtbot, strip.neutral)
    assert told == [True, False]
    strip.show_status(Status(neutral_held=True))
    assert strip.neutral.isChecked()
    strip.show_reading(reading(sure_of(0)))
    assert strip.label.accessibleDescription() == "Neutral held by you"
    strip.show_status(Status())
    assert not strip.neutral.isChecked()
    assert told == [True, False]


def test_a_marker_is_set_while_recording(qtbot: QtBot, strip: Strip) -> None:
    told = Told(strip.marker_wanted)
    assert not strip.marker.isEnabled()
    click(qtbot, strip.marker)
    assert told == []
    strip.show_status(Status(recording=RECORDING))
    click(qtbot, strip.marker)
    assert told == [None]


def test_the_light_is_on_while_recording(strip: Strip, theme: Theme) -> None:
    assert not shows(strip.light, theme.recording)
    assert strip.light.toolTip() == "Not recording"
    strip.show_status(Status(recording=RECORDING))
    assert shows(strip.light, theme.recording)
    assert strip.light.toolTip() == "Recording"
    strip.set_theme(LIGHT)
    strip.show_status(Status(recording=RECORDING))
    assert shows(strip.light, LIGHT.recording)
    strip.show_status(Status())
    assert not shows(strip.light, LIGHT.recording)


@pytest.mark.parametrize("phase", Phase)
def test_an_expression_of_the_past_is_not_shown(strip: Strip, phase: Phase) -> None:
    strip.show_status(Status(phase=Phase.RUNNING))
    strip.show_reading(reading(sure_of(1)))
    strip.show_status(Status(phase=phase))
    goes_on = phase in (Phase.RUNNING, Phase.PAUSED)
    assert strip.label.accessibleDescription() == ("Happiness 100%" if goes_on else "No face")


@pytest.mark.parametrize("phase", Phase)
def test_it_says_whether_there_are_pictures(strip: Strip, phase: Phase) -> None:
    strip.show_status(Status(phase=phase, fps=29.7))
    assert strip.state.text() == ("30 fps" if phase is Phase.RUNNING else "no picture")


def test_the_large_window_comes_back(qtbot: QtBot, strip: Strip) -> None:
    told = Told(strip.closed)
    click(qtbot, strip.large)
    assert told == [None]
    assert not strip.isVisible()


def test_closing_it_brings_the_large_window_back(strip: Strip) -> None:
    told = Told(strip.closed)
    strip.close()
    assert told == [None]


def test_it_is_moved_with_the_mouse(qtbot: QtBot, strip: Strip) -> None:
    strip.move(100, 100)
    qtbot.waitUntil(lambda: strip.pos() == QPoint(100, 100))
    QTest.mousePress(strip, LEFT, pos=QPoint(4, 40))
    QTest.mouseMove(strip, QPoint(54, 60))
    QTest.mouseRelease(strip, LEFT, pos=QPoint(54, 60))
    qtbot.waitUntil(lambda: strip.pos() == QPoint(150, 120))
    QTest.mousePress(strip, Qt.MouseButton.RightButton, pos=QPoint(4, 40))
    QTest.mouseMove(strip, QPoint(54, 60))
    QTest.mouseRelease(strip, Qt.MouseButton.RightButton, pos=QPoint(54, 60))
    assert strip.pos() == QPoint(150, 120)


def test_the_keyboard_reaches_every_button(qtbot: QtBot, strip: Strip) -> None:
    strip.show_status(Status(recording=RECORDING))
    neutral, marker = Told(strip.neutral_wanted), Told(strip.marker_wanted)
    assert set(walk_through(qtbot, strip)) >= {strip.neutral, strip.marker, strip.large}
    for button in (strip.neutral, strip.marker):
        button.setFocus()
        qtbot.keyClick(button, Qt.Key.Key_Space)
    assert (neutral, marker) == ([True], [None])


def test_screen_readers_find_a_name_for_everything(strip: Strip) -> None:
    assert unnamed(strip) == []
    assert strip.light.accessibleName() == "Recording light"
    assert strip.windowTitle() == "vrfer (small)"
