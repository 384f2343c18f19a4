"""What a user does with mouse and keys, and what the widgets tell of it."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QLineEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

LEFT = Qt.MouseButton.LeftButton

AnyWidget = TypeVar("AnyWidget", bound=QWidget)
Shown = Callable[[AnyWidget], AnyWidget]
"""What the fixture `shown` gives: shows a widget and returns it."""


class Told(list[Any]):
    """Everything that a signal told since it was asked; without arguments it tells None."""

    def __init__(self, signal: Any) -> None:
        super().__init__()
        signal.connect(lambda *values: self.append(values[0] if values else None))


def click(qtbot: QtBot, button: QAbstractButton) -> None:
    """Click on the middle of a button."""
    qtbot.mouseClick(button, LEFT)


def tick(qtbot: QtBot, box: QCheckBox) -> None:
    """Click on a box's tick, which lies at its left."""
    qtbot.mouseClick(box, LEFT, pos=QPoint(14, box.height() // 2))


def pick(qtbot: QtBot, box: QComboBox, value: object) -> None:
    """Open a list with the keyboard, go down to the entry with a value, and take it."""
    values = [box.itemData(index) for index in range(box.count())]
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    view = box.view()
    assert view is not None
    qtbot.waitUntil(view.isVisible)
    qtbot.keyClick(view, Qt.Key.Key_Home)
    for _ in range(values.index(value)):
        qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Return)


def enter(qtbot: QtBot, field: QAbstractSpinBox | QLineEdit, text: str) -> None:
    """Type a text in place of what a field holds, and press Enter."""
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def push_arrow_up(qtbot: QtBot, field: QAbstractSpinBox) -> None:
    """Click on the upper arrow of a field of numbers."""
    qtbot.mouseClick(field, LEFT, pos=QPoint(field.width() - 9, field.height() // 4))


def walk_through(qtbot: QtBot, widget: QWidget) -> list[QWidget]:
    """Press Tab from control to control until the first comes again; return those met."""
    met: list[QWidget] = []
    widget.setFocus()
    while True:
        now = widget.window().focusWidget() or widget  # type: ignore[union-attr]
        qtbot.keyClick(now, Qt.Key.Key_Tab)
        focused = widget.window().focusWidget()  # type: ignore[union-attr]
        if focused is None or focused in met:
            return met
        met.append(focused)


def controls(widget: QWidget) -> Iterator[QWidget]:
    """Yield everything inside that a user operates."""
    for child in widget.findChildren(QWidget):
        is_part = isinstance(child.parent(), QAbstractSpinBox | QComboBox)
        is_bar = child.metaObject().className() == "QScrollBar"  # type: ignore[union-attr]
        operated = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
        if isinstance(child, operated) and not is_part and not is_bar:
            yield child


def unnamed(widget: QWidget) -> list[QWidget]:
    """Return the controls that a screen reader could not name."""
    return [
        control
        for control in controls(widget)
        if not control.accessibleName()
        and not (isinstance(control, QAbstractButton) and control.text())
    ]
