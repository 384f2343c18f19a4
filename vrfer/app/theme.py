"""The window's colours: a light and a dark theme, and one flat look for all controls.

The expressions' colours are those of Okabe and Ito (2008), which colour-blind people can tell
apart, made lighter or darker until they stand out from the theme's panels.
"""

from dataclasses import dataclass
from typing import Literal

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as `#rrggbb`."""

    background: str
    panel: str
    """Lies on the background and carries text."""
    control: str
    """Buttons and fields."""
    border: str
    text: str
    muted: str
    """Text that matters less."""
    accent: str
    on_accent: str
    """Text on the accent and on `recording`."""
    good: str
    warning: str
    bad: str
    recording: str
    expressions: tuple[str, ...]
    """One for each expression, in canonical order."""


DARK = Theme(
    background="#14171c",
    panel="#1d2128",
    control="#2a303a",
    border="#475061",
    text="#eef1f5",
    muted="#a3adba",
    accent="#4ba3e3",
    on_accent="#0b0d10",
    good="#3ecf8e",
    warning="#f0b429",
    bad="#ff7b72",
    recording="#ff6159",
    expressions=(
        "#a8b3bf", "#f0e442", "#56b4e9", "#8d9dff", "#ff7a45", "#2fc79a", "#dd93c6", "#e69f00",
    ),
)  # fmt: skip
LIGHT = Theme(
    background="#eef0f3",
    panel="#ffffff",
    control="#f5f6f8",
    border="#8a94a3",
    text="#1a1e24",
    muted="#56606e",
    accent="#0067b0",
    on_accent="#ffffff",
    good="#00734f",
    warning="#8a5a00",
    bad="#c02b1d",
    recording="#c81e1e",
    expressions=(
        "#5f6975", "#8f7400", "#1f82b8", "#3f51b5", "#c24a00", "#007f5b", "#a3407f", "#a86a00",
    ),
)  # fmt: skip

Choice = Literal["system", "light", "dark"]


def chosen(choice: Choice) -> Theme:
    """Return the theme that the user chose; `system` is what the system uses now."""
    if choice == "system":
        hints = QGuiApplication.styleHints()
        dark = hints is not None and hints.colorScheme() == Qt.ColorScheme.Dark
        return DARK if dark else LIGHT
    return DARK if choice == "dark" else LIGHT


def apply(application: QApplication, theme: Theme) -> None:
    """Give the whole program a theme: palette and style sheet on Qt's own Fusion style."""
    application.setStyle("Fusion")
    application.setPalette(_palette(theme))
    application.setStyleSheet(_style(theme))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, color in (
        (role.Window, theme.background),
        (role.WindowText, theme.text),
        (role.Base, theme.control),
        (role.AlternateBase, theme.panel),
        (role.Text, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Button, theme.control),
        (role.ButtonText, theme.text),
        (role.ToolTipBase, theme.panel),
        (role.ToolTipText, theme.text),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.accent),
        (role.Accent, theme.accent),
    ):
        palette.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    return palette


def _style(theme: Theme) -> str:
    return f"""
QWidget {{ font-size: 13px; }}
QToolTip {{ background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.border};
  padding: 4px; }}
QFrame[role="panel"] {{ background: {theme.panel}; border-radius: 8px; }}
QLabel[role="title"] {{ font-size: 17px; font-weight: 600; }}
QLabel[role="big"] {{ font-size: 26px; font-weight: 700; }}
QPushButton {{ background: {theme.control}; border: 1px solid {theme.border};
  border-radius: 6px; padding: 6px 14px; min-height: 20px; }}
QPushButton:hover {{ border-color: {theme.accent}; }}
QPushButton:pressed {{ background: {theme.border}; }}
QPushButton:checked {{ background: {theme.accent}; color: {theme.on_accent};
  border-color: {theme.accent}; }}
QPushButton:disabled {{ color: {theme.muted}; background: {theme.background}; }}
QPushButton[role="primary"] {{ background: {theme.accent}; color: {theme.on_accent};
  border-color: {theme.accent}; font-weight: 600; }}
QPushButton[role="danger"] {{ background: {theme.recording}; color: {theme.on_accent};
  border-color: {theme.recording}; font-weight: 600; }}
QPushButton:focus, QComboBox:focus, QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus
  {{ border: 2px solid {theme.accent}; }}
QPushButton[role="primary"]:focus, QPushButton[role="danger"]:focus
  {{ border: 2px solid {theme.text}; }}
QCheckBox:focus, QSlider:focus {{ outline: 2px solid {theme.accent}; }}
QComboBox, QLineEdit, QSpinBox, QDoubleSpinBox {{ background: {theme.control};
  border: 1px solid {theme.border}; border-radius: 6px; padding: 4px 8px; min-height: 20px; }}
QComboBox::drop-down, QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button,
QDoubleSpinBox::down-button {{ border: none; background: transparent; width: 20px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; }}
QTabWidget::pane {{ border: none; background: {theme.panel}; border-radius: 8px; }}
QTabBar::tab {{ padding: 8px 10px; color: {theme.muted}; border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {theme.text}; border-bottom: 2px solid {theme.accent}; }}
QTabBar::tab:focus {{ color: {theme.accent}; }}
QProgressBar {{ background: {theme.control}; border: 1px solid {theme.border};
  border-radius: 4px; max-height: 8px; }}
QProgressBar::chunk {{ background: {theme.good}; border-radius: 4px; }}
QSplitter::handle {{ background: transparent; }}
"""
