"""Every widget on its own: it can be shown in each theme and language, and no text is cut."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from app.looks import pixels
from app.room import clipped
from PyQt6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QWidget,
)
from pytestqt.qtbot import QtBot

from vrfer.app import language
from vrfer.app.gallery import EXHIBITS, Gallery, exhibits
from vrfer.app.theme import DARK, LIGHT, Theme, apply

PANEL = (330, 540)
"""The least that the window leaves to its settings."""
SIZES = {
    "camera": PANEL,
    "receivers": PANEL,
    "receivers-none": PANEL,
    "receivers-found": PANEL,
    "programs": PANEL,
    "programs-none": PANEL,
    "programs-no-mdns": PANEL,
    "offers": PANEL,
    "offers-refused": PANEL,
    "expression": PANEL,
    "recording": PANEL,
    "recording-video": PANEL,
    "recording-stopped": PANEL,
    "rules": PANEL,
    "rules-none": PANEL,
    "program": PANEL,
    "main": (520, 500),
    "main-idle": (520, 500),
    "main-away": (520, 500),
    "state": (510, 60),
    "state-away": (510, 60),
    "label": (220, 90),
    "label-unsure": (220, 90),
    "label-no-face": (220, 90),
    "bars": (220, 176),
    "network": (220, 150),
    "timeline": (510, 120),
}
"""What they have in a window of 900 x 600."""


@pytest.fixture
def application(theme: Theme, qapp: QApplication) -> Iterator[QApplication]:
    """The program, with its theme and its language put back afterwards."""
    yield qapp
    language.install(qapp, "en")


def show(qtbot: QtBot, name: str, theme: Theme) -> QWidget:
    """Show an exhibit as small as it gets."""
    widget = exhibits(theme, [name])[name]
    qtbot.addWidget(widget)
    if not name.startswith("strip"):
        widget.resize(*SIZES.get(name, (900, 600)))
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


def test_all_show_something_in_both_themes(qtbot: QtBot, application: QApplication) -> None:
    brightness: dict[str, list[float]] = {name: [] for name in EXHIBITS}
    for colors in (DARK, LIGHT):
        apply(application, colors)
        for name in EXHIBITS:
            seen = pixels(show(qtbot, name, colors))
            assert seen.std() > 3, (name, colors.name)
            colors_seen = seen.astype(np.int64) @ (1 << 16, 1 << 8, 1)
            assert len(np.unique(colors_seen)) > 20, (name, colors.name)
            brightness[name].append(float(seen.mean()))
    for name, (dark, light) in brightness.items():
        assert light > dark + 10, name


@pytest.mark.parametrize("code", language.LANGUAGES)
def test_no_text_is_cut(qtbot: QtBot, application: QApplication, code: str) -> None:
    language.install(application, code)
    cut = {name: clipped(show(qtbot, name, DARK)) for name in EXHIBITS}
    assert {name: texts for name, texts in cut.items() if texts} == {}


def test_all_take_another_language_while_they_are_shown(
    qtbot: QtBot, application: QApplication
) -> None:
    widgets = {name: show(qtbot, name, DARK) for name in EXHIBITS}
    before = {name: texts(widget) for name, widget in widgets.items()}
    language.install(application, "de")
    for name, widget in widgets.items():
        for part in (widget, *widget.findChildren(QWidget)):
            if hasattr(part, "retranslate"):
                part.retranslate()
        assert texts(widget) != before[name], name


def texts(widget: QWidget) -> list[str]:
    """Return everything that a widget says."""
    parts = [widget, *widget.findChildren(QWidget)]
    said = [part.accessibleName() for part in parts]
    return said + [part.text() for part in parts if isinstance(part, QLabel | QAbstractButton)]


def test_all_hang_side_by_side(qtbot: QtBot, application: QApplication) -> None:
    gallery = Gallery(DARK)
    qtbot.addWidget(gallery)
    with qtbot.waitExposed(gallery):
        gallery.show()
    assert gallery.names.count() == gallery.wall.count() == len(EXHIBITS)
    for row in range(gallery.names.count()):
        gallery.names.setCurrentRow(row)
        shown = gallery.wall.currentWidget()
        assert shown is not None
        assert shown.isVisible()


def test_an_exhibit_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError):
        exhibits(DARK, ["mirror"])
    result = subprocess.run(
        [sys.executable, "-m", "vrfer.app.gallery", "mirror"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 2
    assert "guide-consent" in result.stderr
