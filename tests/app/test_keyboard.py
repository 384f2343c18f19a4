"""The whole window by keyboard and for screen readers, and in little room."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from app.by_hand import walk_through
from app.looks import pixels
from app.room import clipped
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QTabBar,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from vrfer.app import language
from vrfer.app.controller import Controller
from vrfer.app.gallery import running, seen
from vrfer.app.prompts import Prompts, PromptSettings
from vrfer.app.theme import Theme
from vrfer.app.window import Window
from vrfer.people import People
from vrfer.rules import Rule
from vrfer.settings import ReceiverPart, Settings, SettingsFile, WindowPart
from vrfer.shipped import default_model

PANELS = 6
SMALL = (900, 600)
SAME_ROW_PX = 24

every_language = pytest.mark.parametrize("code", language.LANGUAGES)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, theme: Theme, tmp_path: Path) -> Iterator[Window]:
    """The window with two receivers and no source."""
    file = SettingsFile(tmp_path / "settings.toml")
    file.save(
        Settings(
            receivers=(ReceiverPart(on=False), ReceiverPart(port=9001, on=False)),
            rules=(Rule(name="fireworks", expression="happiness"),),
            window=WindowPart(theme="dark", language="en", welcomed=True, size=(1240, 1000)),
        )
    )
    prompts = Prompts(PromptSettings(sounds=False, speech=False))
    controller = Controller(file, People(tmp_path / "people"), prompts)
    language.install(qapp, "en")
    window = Window(controller, prompts, [default_model()], ["generic"])
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.close()
    window.deleteLater()
    language.install(qapp, "en")


def speak(qapp: QApplication, qtbot: QtBot, window: Window, code: str) -> None:
    """Change the language as the user does, while the window is open."""
    language.install(qapp, code)
    heard = {"en": "Camera", "de": "Kamera", "ro": "Cameră"}[code]
    qtbot.waitUntil(lambda: window.camera.source.accessibleName() == heard)


def focusable(widget: QWidget) -> Iterator[QWidget]:
    """Yield everything that Tab could ever reach, but for the inner parts of controls."""
    for child in widget.findChildren(QWidget):
        inner = (
            isinstance(child.parent(), QAbstractSpinBox) or child.window() is not widget.window()
        )
        reached = child.focusPolicy() & Qt.FocusPolicy.TabFocus and child.focusProxy() is None
        if reached and not inner and not isinstance(child, QTabWidget):
            yield child


def spoken(widget: QWidget) -> list[str]:
    """Return what a screen reader calls a widget; a tab bar says its tabs."""
    if isinstance(widget, QTabBar):
        return [widget.tabText(index) for index in range(widget.count())]
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return [widget.accessibleName() or text]


@every_language
def test_everything_that_has_the_focus_has_a_name(
    qtbot: QtBot, qapp: QApplication, window: Window, code: str
) -> None:
    speak(qapp, qtbot, window, code)
    found = [*focusable(window), *focusable(window.strip)]
    assert len(found) > 50
    assert window.tabs.count() == PANELS
    nameless = [child for child in found if not all(map(str.strip, spoken(child)))]
    assert nameless == []
    assert not [child for child in found if "&" in child.accessibleName()]


@pytest.mark.parametrize("number", range(PANELS))
def test_tab_goes_through_the_window_as_one_reads(
    qtbot: QtBot, window: Window, number: int
) -> None:
    window.show_tab(number)
    page = window.tabs.currentWidget()
    assert page is not None
    met = walk_through(qtbot, window)
    inside = [widget for widget in met if page.isAncestorOf(widget)]
    expected = {child for child in focusable(page) if child.isEnabled() and child.isVisible()}
    assert expected <= set(inside)
    outside = [widget for widget in met if not page.isAncestorOf(widget)]
    assert outside[:5] == [
        window.start_button,
        window.neutral_button,
        window.record_button,
        window.strip_button,
        window.settings_button,
    ]
    places = [widget.mapTo(page, QPoint(0, widget.height() // 2)) for widget in inside]
    for before, after in pairwise(places):
        same_row = abs(after.y() - before.y()) < SAME_ROW_PX
        assert after.x() > before.x() if same_row else after.y() > before.y()


@pytest.mark.parametrize("number", range(PANELS))
def test_the_focus_can_be_seen(qtbot: QtBot, window: Window, number: int) -> None:
    window.show_tab(number)
    for widget in walk_through(qtbot, window):
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        focused = pixels(widget)
        widget.clearFocus()
        assert (pixels(widget) != focused).any(), spoken(widget)


@every_language
def test_a_small_window_shows_everything(
    qtbot: QtBot, qapp: QApplication, window: Window, code: str
) -> None:
    speak(qapp, qtbot, window, code)
    window.view.show_status(running(recording=True), 0.62)
    window.view.show_seen(seen(), neutral_held=False)
    window.resize(*SMALL)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == SMALL)
    for number in range(window.tabs.count()):
        window.show_tab(number)
        qapp.processEvents()
        assert clipped(window) == []
