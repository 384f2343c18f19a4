"""Parts that the panels of settings are made of."""

from collections.abc import Iterable

from PyQt6.QtCore import QEvent, QObject, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QWidget,
)


class _StrayWheel(QObject):
    """Lets the wheel scroll the page, and turn only what was clicked or tabbed to before.

    Else whoever scrolls past a box chooses another camera in it.
    """

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hand a wheel that is not meant for a field on to the page."""
        wheel = event is not None and event.type() == QEvent.Type.Wheel
        if wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            assert event is not None
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def keep_from_wheel(owner: QWidget) -> None:
    """Have a widget's fields, or the widget itself, turned by the wheel only with the focus."""
    guard = _StrayWheel(owner)
    for field in (owner, *owner.findChildren(QWidget)):
        if isinstance(field, QComboBox | QAbstractSpinBox | QSlider):
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            field.installEventFilter(guard)


class Panel(QScrollArea):
    """A page of labelled controls that scrolls where the window is small."""

    def __init__(self, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = QWidget()
        self.form = QFormLayout(page)
        self.form.setContentsMargins(12, 12, 12, 12)
        self.form.setVerticalSpacing(8)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.setWidget(page)
        self._labels: dict[QWidget, QLabel] = {}

    def add(self, field: QWidget) -> None:
        """Add a row whose label is written by `name`."""
        label = QLabel()
        label.setProperty("role", "field")
        label.setBuddy(field)
        self._labels[field] = label
        self.form.addRow(label, field)
        keep_from_wheel(field)

    def widen(self, field: QWidget) -> None:
        """Give a row's field the whole width, below its label."""
        row, _ = self.form.getWidgetPosition(field)
        self.form.takeRow(field)
        self.form.insertRow(row, field)
        self.form.insertRow(row, self._labels[field])

    def name(self, field: QWidget, text: str, tip: str = "") -> None:
        """Write a row's label, its tool tip, and what a screen reader says.

        A button or slider whose label is empty has the whole width.
        """
        label = self._labels[field]
        label.setText(text)
        label.setToolTip(tip)
        told = [text, field.text()] if isinstance(field, QAbstractButton) else [text]
        field.setAccessibleName(": ".join(part for part in told if part).replace("&", ""))
        field.setToolTip(tip)
        wide = isinstance(field, QPushButton | QSlider | QProgressBar)
        if wide and not text and not label.isHidden():
            label.hide()
            self.widen(field)


def narrow(box: QComboBox, characters: int) -> None:
    """Let a box with long entries be as narrow as some characters."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(characters)


def fill(box: QComboBox, entries: Iterable[tuple[str, object]], chosen: object) -> None:
    """Offer entries (text, value) and choose one by its value, silently."""
    before = box.blockSignals(True)
    box.clear()
    for text, value in entries:
        box.addItem(text, value)
    choose(box, chosen)
    box.blockSignals(before)


def choose(box: QComboBox, value: object) -> None:
    """Choose the entry with a value, silently; the first where none has it."""
    before = box.blockSignals(True)
    found = [index for index in range(box.count()) if box.itemData(index) == value]
    box.setCurrentIndex(found[0] if found else 0)
    box.blockSignals(before)
