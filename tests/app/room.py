"""Whether everything has the room that it asks for."""

from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QWidget,
)

from vrfer.app.state_line import ElidedLabel


def clipped(widget: QWidget) -> list[str]:
    """Return what does not have the room that it asks for, or reaches beyond its window."""
    found = []
    for part in widget.findChildren(QWidget):
        if not part.isVisibleTo(widget) or isinstance(part.parent(), QComboBox):
            continue
        if isinstance(part, QLabel) and not isinstance(part, ElidedLabel):
            wraps = part.wordWrap()
            cut = (
                part.height() < part.heightForWidth(part.width())
                if wraps
                else part.width() < part.sizeHint().width()
            )
        elif isinstance(part, QPushButton | QCheckBox):
            cut = part.width() < part.sizeHint().width() or part.height() < part.sizeHint().height()
        elif isinstance(part, QComboBox | QLineEdit | QSlider):
            cut = part.width() < part.minimumSizeHint().width()
        else:
            continue
        left = part.mapTo(widget, QPoint(0, 0)).x()
        if cut or left < 0 or left + part.width() > widget.width():
            says = part.text() if isinstance(part, QLabel | QAbstractButton) else ""
            found.append(f"{type(part).__name__} {says or part.accessibleName()!r}")
    return found
