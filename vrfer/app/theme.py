"""The window's colours: a light and a dark theme, and one flat look for all controls.

Text stands out from panel and background by a contrast of at least 4.5, everything else that
must be seen by at least 3 (WCAG 2.2, 1.4.3 and 1.4.11). The expressions' colours started from
those of Okabe and Ito (2008), which colour-blind people can tell apart, and were then moved as
little as keeps all eight apart for them on this theme's panel too.

Widgets ask for a look with the property `role`: `panel`, and `card` on a panel, for a frame;
`field`, `text`, `title`, `big` and `alarm` for a label; `primary` and `danger` for a button.
"""

from dataclasses import dataclass
from typing import Final, Literal

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication

from vrfer.shipped import shipped

Choice = Literal["system", "light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as `#rrggbb`."""

    name: Literal["light", "dark"]
    background: str
    panel: str
    """Lies on the background and carries text."""
    control: str
    """Buttons and fields."""
    hover: str
    """A control under the mouse."""
    border: str
    """Outline of controls."""
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


DARK: Final = Theme(
    name="dark",
    background="#14171c",
    panel="#1d2128",
    control="#2a303a",
    hover="#353d49",
    border="#6f7a8a",
    text="#eef1f5",
    muted="#a9b3c0",
    accent="#58b0f0",
    on_accent="#0b0d10",
    good="#3ecf8e",
    warning="#f0b429",
    bad="#ff8178",
    recording="#ff6e66",
    expressions=(
        "#aeb1b6", "#f5ea7a", "#33c7f5", "#3d7dff", "#e8431f", "#2c9a6c", "#b45d98", "#ffa10a",
    ),
)  # fmt: skip
LIGHT: Final = Theme(
    name="light",
    background="#eef0f3",
    panel="#ffffff",
    control="#f5f6f8",
    hover="#e4e8ee",
    border="#7b8696",
    text="#1a1e24",
    muted="#56606e",
    accent="#0067b0",
    on_accent="#ffffff",
    good="#00734f",
    warning="#8a5a00",
    bad="#bf2a1c",
    recording="#c81e1e",
    expressions=(
        "#7b7e85", "#b07d00", "#0b90b4", "#1855f4", "#a84b30", "#1f5a50", "#84207e", "#4a3500",
    ),
)  # fmt: skip


def follow_system(application: QGuiApplication) -> Theme:
    """Return the theme that the system uses; light where it does not say.

    What `apply` told the system of the program's own choice is taken back.
    """
    hints = application.styleHints()
    if hints is None:
        return LIGHT
    hints.unsetColorScheme()
    return DARK if hints.colorScheme() == Qt.ColorScheme.Dark else LIGHT


def chosen(choice: Choice) -> Theme:
    """Return the theme that the user chose; `system` is what the system uses now."""
    if choice == "dark":
        return DARK
    application = QGuiApplication.instance()
    if choice == "light" or not isinstance(application, QGuiApplication):
        return LIGHT
    return follow_system(application)


def apply(application: QApplication, theme: Theme) -> None:
    """Give the whole program a theme: palette and style sheet on Qt's own Fusion style.

    Where the theme is not the system's, title bars and the system's dialogs are asked to
    follow.
    """
    scheme = Qt.ColorScheme.Dark if theme.name == "dark" else Qt.ColorScheme.Light
    hints = application.styleHints()
    if hints is not None and hints.colorScheme() != scheme:
        hints.setColorScheme(scheme)
    application.setStyle("Fusion")
    application.setPalette(_palette(theme))
    application.setStyleSheet(_style(theme, application.font().pointSizeF()))


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, color in (
        (role.Window, theme.background),
        (role.WindowText, theme.text),
        (role.Base, theme.control),
        (role.AlternateBase, theme.hover),
        (role.Text, theme.text),
        (role.BrightText, theme.text),
        (role.PlaceholderText, theme.muted),
        (role.Button, theme.control),
        (role.ButtonText, theme.text),
        (role.Light, theme.hover),
        (role.Midlight, theme.hover),
        (role.Mid, theme.border),
        (role.Dark, theme.border),
        (role.Shadow, theme.background),
        (role.ToolTipBase, theme.panel),
        (role.ToolTipText, theme.text),
        (role.Highlight, theme.accent),
        (role.HighlightedText, theme.on_accent),
        (role.Link, theme.accent),
        (role.LinkVisited, theme.accent),
        (role.Accent, theme.accent),
    ):
        palette.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.muted))
    return palette


def _style(theme: Theme, font_pt: float) -> str:
    """Return the style sheet; sizes of text follow the font that the user chose."""
    picture = (shipped("assets") / "theme").resolve().as_posix()
    size_pt = font_pt if font_pt > 0 else 10.0
    return f"""
QToolTip {{ background: {theme.panel}; color: {theme.text}; border: 1px solid {theme.border};
  padding: 4px 6px; }}

QFrame[role="panel"] {{ background: {theme.panel}; border: none; border-radius: 10px; }}
QFrame[role="card"] {{ background: {theme.background}; border: none; border-radius: 10px; }}
QLabel[role="text"] {{ font-size: {1.15 * size_pt:.1f}pt; }}
QLabel[role="title"], QLabel[role="alarm"] {{ font-size: {1.3 * size_pt:.1f}pt; font-weight: 600; }}
QLabel[role="field"] {{ min-height: 32px; }}
QLabel[role="alarm"] {{ background: {theme.recording}; color: {theme.on_accent};
  border-radius: 7px; padding: 8px 12px; }}
QLabel[role="big"] {{ font-size: {2.0 * size_pt:.1f}pt; font-weight: 700; }}

QPushButton, QToolButton {{ background: {theme.control}; color: {theme.text};
  border: 1px solid {theme.border}; border-radius: 7px; padding: 7px 15px; min-height: 20px; }}
QToolButton {{ padding: 7px; min-width: 20px; }}
QPushButton:hover, QToolButton:hover {{ background: {theme.hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {theme.border}; }}
QPushButton:checked, QToolButton:checked, QPushButton[role="primary"] {{
  background: {theme.accent}; color: {theme.on_accent}; border-color: {theme.accent}; }}
QPushButton[role="danger"] {{ background: {theme.recording}; color: {theme.on_accent};
  border-color: {theme.recording}; }}
QPushButton[role="danger"]:hover {{ border-color: {theme.text}; }}
QPushButton[role="primary"], QPushButton[role="danger"] {{ font-weight: 600; }}
QPushButton:disabled, QToolButton:disabled, QPushButton[role="primary"]:disabled,
QPushButton[role="danger"]:disabled {{ background: {theme.background}; color: {theme.muted};
  border: 1px dashed {theme.border}; font-weight: 400; }}
QPushButton:focus, QToolButton:focus {{ border: 3px solid {theme.accent}; padding: 5px 13px; }}
QToolButton:focus {{ padding: 5px; }}
QPushButton:checked:focus, QToolButton:checked:focus, QPushButton[role="primary"]:focus,
QPushButton[role="danger"]:focus {{ border-color: {theme.text}; }}

QComboBox, QLineEdit, QAbstractSpinBox, QTextEdit, QPlainTextEdit, QTextBrowser {{
  background: {theme.control}; color: {theme.text}; border: 1px solid {theme.border};
  border-radius: 7px; padding: 5px 9px; selection-background-color: {theme.accent};
  selection-color: {theme.on_accent}; }}
QComboBox, QLineEdit, QAbstractSpinBox {{ min-height: 22px; }}
QComboBox:hover, QLineEdit:hover, QAbstractSpinBox:hover {{ background: {theme.hover}; }}
QComboBox:focus, QLineEdit:focus, QAbstractSpinBox:focus, QTextEdit:focus,
QPlainTextEdit:focus, QTextBrowser:focus {{ border: 2px solid {theme.accent};
  padding: 4px 8px; }}
QComboBox:disabled, QLineEdit:disabled, QAbstractSpinBox:disabled {{
  background: {theme.background}; color: {theme.muted}; border-style: dashed; }}
QComboBox::down-arrow:disabled {{ image: none; }}
QComboBox {{ padding-right: 26px; }}
QComboBox::drop-down {{ border: none; width: 26px; }}
QComboBox::down-arrow {{ image: url("{picture}/down-{theme.name}.svg"); width: 16px;
  height: 16px; }}
QComboBox QAbstractItemView {{ background: {theme.panel}; color: {theme.text};
  border: 1px solid {theme.border}; outline: none; }}
QComboBox QAbstractItemView::item {{ min-height: 30px; padding: 0 8px; }}
QComboBox QAbstractItemView::item:selected {{ background: {theme.accent};
  color: {theme.on_accent}; }}
QAbstractSpinBox {{ padding-right: 26px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ border: none; width: 26px;
  subcontrol-origin: border; }}
QAbstractSpinBox::up-button {{ subcontrol-position: top right; border-top-right-radius: 7px; }}
QAbstractSpinBox::down-button {{ subcontrol-position: bottom right;
  border-bottom-right-radius: 7px; }}
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover {{
  background: {theme.border}; }}
QAbstractSpinBox::up-arrow {{ image: url("{picture}/up-{theme.name}.svg"); width: 12px;
  height: 12px; }}
QAbstractSpinBox::down-arrow {{ image: url("{picture}/down-{theme.name}.svg"); width: 12px;
  height: 12px; }}

QCheckBox, QRadioButton {{ spacing: 9px; padding: 4px; min-height: 24px;
  border: 2px solid transparent; border-radius: 7px; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {theme.accent}; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {theme.muted}; }}
QCheckBox::indicator, QRadioButton::indicator {{ width: 18px; height: 18px;
  background: {theme.control}; border: 1px solid {theme.border}; }}
QCheckBox::indicator {{ border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: 10px; }}
QCheckBox::indicator:hover, QRadioButton::indicator:hover {{ background: {theme.hover}; }}
QCheckBox::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent};
  image: url("{picture}/check-{theme.name}.svg"); }}
QRadioButton::indicator:checked {{ width: 8px; height: 8px; background: {theme.on_accent};
  border: 6px solid {theme.accent}; }}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{
  background: {theme.background}; border: 1px dashed {theme.border}; }}
QCheckBox::indicator:checked:disabled {{ background: {theme.muted}; }}

QSlider:horizontal {{ min-height: 30px; }}
QSlider:vertical {{ min-width: 30px; }}
QSlider::groove:horizontal {{ height: 4px; background: {theme.border}; border-radius: 2px; }}
QSlider::groove:vertical {{ width: 4px; background: {theme.border}; border-radius: 2px; }}
QSlider::sub-page:horizontal, QSlider::add-page:vertical {{ background: {theme.accent};
  border-radius: 2px; }}
QSlider::handle {{ width: 18px; height: 18px; border-radius: 9px; background: {theme.accent}; }}
QSlider::handle:horizontal {{ margin: -7px 0; }}
QSlider::handle:vertical {{ margin: 0 -7px; }}
QSlider::handle:focus {{ width: 12px; height: 12px; border: 3px solid {theme.text}; }}
QSlider::sub-page:disabled, QSlider::add-page:disabled, QSlider::handle:disabled {{
  background: {theme.border}; }}

QProgressBar {{ background: {theme.control}; color: {theme.text};
  border: 1px solid {theme.border}; border-radius: 5px; text-align: center; }}
QProgressBar[textVisible="false"] {{ max-height: 8px; }}
QProgressBar::chunk {{ background: {theme.accent}; border-radius: 4px; }}
QProgressBar[textVisible="true"]::chunk {{ background: {theme.hover}; }}

QTabWidget::pane {{ background: {theme.panel}; border: none; border-radius: 10px; }}
QTabBar::tab {{ padding: 10px 6px; color: {theme.muted}; background: transparent;
  border: none; border-bottom: 3px solid transparent; }}
QTabBar::tab:hover {{ color: {theme.text}; }}
QTabBar::tab:selected {{ color: {theme.text}; border-bottom-color: {theme.accent}; }}
QTabBar:focus {{ outline: none; }}
QTabBar::tab:selected:focus {{ color: {theme.accent}; border: 2px solid {theme.accent};
  border-radius: 7px; padding: 8px 4px 9px 4px; }}
QTabBar::scroller {{ width: 52px; }}
QTabBar QToolButton, QTabBar QToolButton:focus {{ background: {theme.background};
  border: 1px solid {theme.border}; padding: 0; min-width: 20px; min-height: 20px; }}
QTabBar QToolButton:disabled {{ border-color: transparent; }}
QTabBar QToolButton::right-arrow {{ image: url("{picture}/right-{theme.name}.svg"); }}
QTabBar QToolButton::left-arrow {{ image: url("{picture}/left-{theme.name}.svg"); }}
QTabBar QToolButton::right-arrow:disabled, QTabBar QToolButton::left-arrow:disabled {{
  image: none; }}
QGroupBox {{ border: 1px solid {theme.border}; border-radius: 10px; margin-top: 10px;
  padding: 14px 10px 10px 10px; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 12px; padding: 0 5px; }}

QAbstractItemView {{ background: {theme.control}; color: {theme.text};
  alternate-background-color: {theme.hover}; border: 1px solid {theme.border};
  border-radius: 7px; selection-background-color: {theme.accent};
  selection-color: {theme.on_accent}; }}
QAbstractItemView:focus {{ border: 2px solid {theme.accent}; }}
QTableView {{ gridline-color: {theme.hover}; }}
QHeaderView, QHeaderView:focus {{ background: {theme.panel}; border: none; border-radius: 0; }}
QTableCornerButton::section {{ background: {theme.panel}; border: none; }}
QHeaderView::section {{ background: {theme.panel}; color: {theme.muted}; border: none;
  border-bottom: 1px solid {theme.border}; padding: 6px 8px; }}
QMenu {{ background: {theme.panel}; border: 1px solid {theme.border}; padding: 5px; }}
QMenu::item {{ padding: 7px 22px; border-radius: 5px; }}
QMenu::item:selected {{ background: {theme.accent}; color: {theme.on_accent}; }}
QMenu::item:disabled {{ color: {theme.muted}; }}
QMenu::separator {{ height: 1px; background: {theme.border}; margin: 5px; }}

QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
QScrollBar {{ background: transparent; border: none; }}
QScrollBar:vertical {{ width: 14px; }}
QScrollBar:horizontal {{ height: 14px; }}
QScrollBar::handle {{ background: {theme.border}; border-radius: 4px; margin: 3px; }}
QScrollBar::handle:hover {{ background: {theme.muted}; }}
QScrollBar::handle:vertical {{ min-height: 36px; }}
QScrollBar::handle:horizontal {{ min-width: 36px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle:horizontal {{ width: 10px; image: url("{picture}/across-{theme.name}.svg"); }}
QSplitter::handle:vertical {{ height: 10px; image: url("{picture}/along-{theme.name}.svg"); }}
QSplitter::handle:hover {{ background: {theme.hover}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
"""
