"""The two themes: contrast, colours that colour-blind people tell apart, and how widgets look."""

from collections.abc import Iterator
from itertools import combinations
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)
from pytestqt.qtbot import QtBot
from skimage.color import deltaE_ciede2000, rgb2lab

from vrfer.app.theme import DARK, LIGHT, Theme, apply, chosen, follow_system
from vrfer.expressions import EXPRESSIONS

SIGHTS = {
    "trichromatic": np.eye(3),
    "protanopic": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopic": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopic": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What each eye makes of linear RGB: Machado, Oliveira and Fernandes (2009), severity 1."""

both_themes = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])


def linear(color: str) -> NDArray[np.float64]:
    rgb = np.array(QColor(color).getRgb()[:3]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(linear(color) @ weights) for color in (first, second))
    return (high + 0.05) / (low + 0.05)


def seen(color: str, sight: str) -> NDArray[np.float64]:
    light = np.clip(SIGHTS[sight] @ linear(color), 0, 1)
    rgb = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(rgb[None, None])[0, 0])


def center_color(widget: QWidget, x: int | None = None, y: int | None = None) -> QColor:
    image = widget.grab().toImage()
    return image.pixelColor(
        image.width() // 2 if x is None else x, image.height() // 2 if y is None else y
    )


@pytest.fixture
def application(qapp: QApplication) -> Iterator[QApplication]:
    palette, style = qapp.palette(), qapp.style()
    before = "fusion" if style is None else style.objectName()
    yield qapp
    qapp.setStyleSheet("")
    qapp.setPalette(palette)
    qapp.setStyle(before)
    hints = qapp.styleHints()
    assert hints is not None
    hints.unsetColorScheme()


@both_themes
@pytest.mark.parametrize("name", ["text", "muted", "accent", "good", "warning", "bad", "recording"])
def test_text_can_be_read_on_panel_background_and_controls(theme: Theme, name: str) -> None:
    for ground in (theme.panel, theme.background, theme.control):
        assert contrast(getattr(theme, name), ground) >= 4.5, ground


@both_themes
def test_text_can_be_read_on_filled_and_hovered_controls(theme: Theme) -> None:
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.on_accent, theme.recording) >= 4.5
    assert contrast(theme.text, theme.hover) >= 4.5


@both_themes
def test_outlines_and_expressions_stand_out(theme: Theme) -> None:
    assert len(theme.expressions) == len(EXPRESSIONS)
    for color in (theme.border, *theme.expressions):
        assert contrast(color, theme.panel) >= 3, color
        assert contrast(color, theme.background) >= 3, color


@both_themes
@pytest.mark.parametrize("sight", SIGHTS)
def test_every_eye_tells_the_eight_expressions_apart(theme: Theme, sight: str) -> None:
    least = 18 if sight == "trichromatic" else 10
    for (one, first), (two, second) in combinations(
        zip(EXPRESSIONS, theme.expressions, strict=True), 2
    ):
        distance = float(deltaE_ciede2000(seen(first, sight), seen(second, sight)))  # type: ignore[no-untyped-call]
        assert distance >= least, (one, two)


class Hints:
    """A system with a dark or a light theme, and a program that had asked for another one."""

    def __init__(self, system: Qt.ColorScheme, asked_for: Qt.ColorScheme) -> None:
        self.system, self.asked_for = system, asked_for

    def styleHints(self) -> "Hints":
        return self

    def unsetColorScheme(self) -> None:
        self.asked_for = Qt.ColorScheme.Unknown

    def colorScheme(self) -> Qt.ColorScheme:
        return self.system if self.asked_for == Qt.ColorScheme.Unknown else self.asked_for


@pytest.mark.parametrize(
    ("system", "theme"),
    [
        (Qt.ColorScheme.Dark, DARK),
        (Qt.ColorScheme.Light, LIGHT),
        (Qt.ColorScheme.Unknown, LIGHT),
    ],
)
def test_follows_the_system_whatever_was_applied_before(
    system: Qt.ColorScheme, theme: Theme
) -> None:
    for asked_for in Qt.ColorScheme:
        assert follow_system(cast(QGuiApplication, Hints(system, asked_for))) is theme


def test_the_users_choice_is_taken(application: QApplication) -> None:
    assert chosen("dark") is DARK
    assert chosen("light") is LIGHT
    assert chosen("system") is follow_system(application)


@both_themes
def test_widgets_take_the_colours_of_the_theme(
    theme: Theme, application: QApplication, qtbot: QtBot
) -> None:
    apply(application, theme)
    panel = QFrame()
    panel.setProperty("role", "panel")
    button = QPushButton()
    button.setCheckable(True)
    primary = QPushButton()
    primary.setProperty("role", "primary")
    for widget in (panel, button, primary):
        qtbot.addWidget(widget)
        widget.resize(120, 40)
    assert application.palette().color(QPalette.ColorRole.Window) == QColor(theme.background)
    assert center_color(panel) == QColor(theme.panel)
    assert center_color(button) == QColor(theme.control)
    button.setChecked(True)
    assert center_color(button) == QColor(theme.accent)
    assert center_color(primary) == QColor(theme.accent)
    primary.setEnabled(False)
    assert center_color(primary) == QColor(theme.background)


@both_themes
def test_a_theme_replaces_the_one_before(
    theme: Theme, application: QApplication, qtbot: QtBot
) -> None:
    button = QPushButton()
    qtbot.addWidget(button)
    for applied in (LIGHT, DARK, theme):
        apply(application, applied)
    assert center_color(button, x=12) == QColor(theme.control)


@both_themes
def test_focus_is_a_ring_and_moves_nothing(
    theme: Theme, application: QApplication, qtbot: QtBot
) -> None:
    apply(application, theme)
    window = QWidget()
    qtbot.addWidget(window)
    widgets: list[QWidget] = [QPushButton("A", window), QLineEdit(window), QSpinBox(window)]
    for number, widget in enumerate(widgets):
        widget.setGeometry(10, 10 + 60 * number, 140, 40)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    for widget in widgets:
        window.setFocus()
        size, rested = widget.sizeHint(), center_color(widget, y=1)
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        assert rested != QColor(theme.accent)
        assert center_color(widget, y=1) == QColor(theme.accent)
        assert widget.sizeHint() == size


@both_themes
def test_arrows_and_ticks_are_drawn(theme: Theme, application: QApplication, qtbot: QtBot) -> None:
    apply(application, theme)
    menu, tick = QComboBox(), QCheckBox()
    tick.setChecked(True)
    for widget, color, columns in ((menu, theme.text, 26), (tick, theme.on_accent, 30)):
        qtbot.addWidget(widget)
        widget.resize(160, 36)
        image = widget.grab().toImage()
        left = image.width() - columns if widget is menu else 0
        wanted = QColor(color).lightness()
        nearest = min(
            abs(image.pixelColor(x, y).lightness() - wanted)
            for x in range(left, left + columns)
            for y in range(8, image.height() - 8)
        )
        assert nearest < 20


@both_themes
def test_controls_are_large_enough_to_hit(
    theme: Theme, application: QApplication, qtbot: QtBot
) -> None:
    apply(application, theme)
    for widget in (QPushButton("A"), QComboBox(), QLineEdit(), QSpinBox(), QCheckBox("A")):
        qtbot.addWidget(widget)
        widget.ensurePolished()
        assert widget.sizeHint().height() >= 32, widget


def test_titles_follow_the_size_of_the_programs_font(
    application: QApplication, qtbot: QtBot
) -> None:
    font = application.font()
    larger = application.font()
    larger.setPointSize(20)
    application.setFont(larger)
    try:
        apply(application, LIGHT)
        heights = []
        for role in ("", "title", "big"):
            label = QLabel("Recording")
            label.setProperty("role", role)
            qtbot.addWidget(label)
            label.ensurePolished()
            heights.append(label.font().pointSizeF())
    finally:
        application.setFont(font)
    assert heights == [20, 26, 40]
