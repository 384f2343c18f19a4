"""A place for windows: offscreen unless a display is there, and nothing of the user's own."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2  # noqa: F401  # it leads Qt to OpenCV's own plugins: see below
import platformdirs
import pytest
from app.by_hand import AnyWidget, Shown
from PyQt6.QtCore import QLocale, QStandardPaths
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from vrfer.app.theme import DARK, Theme, apply

if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)


@pytest.fixture(autouse=True)
def _nothing_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever asks for a folder of the user's gets an empty one; numbers are English."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for kind in ("config", "data", "cache"):
        folder = tmp_path / "home" / kind
        monkeypatch.setattr(platformdirs, f"user_{kind}_path", lambda *_, f=folder, **__: f)
    QStandardPaths.setTestModeEnabled(True)
    before = QLocale()
    QLocale.setDefault(QLocale("en_US"))
    yield
    QLocale.setDefault(before)
    QStandardPaths.setTestModeEnabled(False)


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    """The dark theme, which the whole program wears meanwhile."""
    palette, style = qapp.palette(), qapp.style()
    before = "fusion" if style is None else style.objectName()
    apply(qapp, DARK)
    yield DARK
    qapp.setStyleSheet("")
    qapp.setStyle(before)
    qapp.setPalette(palette)
    hints = qapp.styleHints()
    assert hints is not None
    hints.unsetColorScheme()


@pytest.fixture
def shown(qtbot: QtBot, theme: Theme) -> Shown[QWidget]:
    """Show a widget as the active window, large enough for all of it, and let it go at the end."""

    def show(widget: AnyWidget) -> AnyWidget:
        qtbot.addWidget(widget)
        widget.resize(560, 1400)
        with qtbot.waitExposed(widget):
            widget.show()
        widget.activateWindow()
        qtbot.waitUntil(widget.isActiveWindow)
        return widget

    return show


@pytest.fixture(autouse=True, scope="session")
def _widgets_die_in_their_own_thread() -> Iterator[None]:
    """Keep Python's collector out of sessions' threads: there, it would delete widgets."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(autouse=True)
def _collect_here() -> Iterator[None]:
    """Collect in the window's thread, between two tests."""
    yield
    gc.collect()
