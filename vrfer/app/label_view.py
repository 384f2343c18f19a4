"""The expression in letters that can be read from two metres."""

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from vrfer.app.names import expression_names, label_name
from vrfer.app.theme import Theme
from vrfer.expressions import NO_FACE_ID
from vrfer.frames import Reading

_LARGEST_PX = 84
_SMALLEST_PX = 9
_MARGIN_PX = 12


class LabelView(QWidget):
    """Draws the steady label as large as it fits, and what it is worth below."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin without a face."""
        super().__init__(parent)
        self._theme = theme
        self._label_id = NO_FACE_ID
        self._says = ""
        self.setMinimumSize(120, 56)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.setAccessibleName(self.tr("Expression"))
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size it looks best in."""
        return QSize(380, 120)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_reading(self, reading: Reading | None, *, neutral_held: bool = False) -> None:
        """Draw a reading; None is no face."""
        self._label_id = NO_FACE_ID if reading is None else reading.label_id
        if reading is None or reading.face is None:
            self._says = ""
        elif neutral_held:
            self._says = self.tr("held by you")
        elif reading.unsure:
            self._says = self.tr("unsure: the last clear expression is kept")
        else:
            self._says = f"{reading.confidence:.0%}"
        self.setAccessibleDescription(f"{label_name(self._label_id)} {self._says}".strip())
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = max(12, min(18, self.height() // 6))
        # The longest name decides, so that the letters do not change their size with each label.
        words = [*expression_names(), label_name(NO_FACE_ID)]
        font = QFont(self.font())
        font.setBold(True)
        font.setPixelSize(_LARGEST_PX)
        longest = max(QFontMetrics(font).horizontalAdvance(word) for word in words)
        fitting = min(1.0, (self.width() - 8) / longest)
        font.setPixelSize(
            max(14, int(min(_LARGEST_PX * fitting, (self.height() - small - 8) * 0.8)))
        )
        painter.setFont(font)
        known = self._label_id != NO_FACE_ID
        color = self._theme.expressions[self._label_id] if known else self._theme.muted
        painter.setPen(QColor(color))
        upper = self.rect().adjusted(0, 0, 0, -small - 6 if self._says else 0)
        painter.drawText(upper, int(Qt.AlignmentFlag.AlignCenter), label_name(self._label_id))
        font.setBold(False)
        font.setPixelSize(small)
        needed, room = QFontMetrics(font).horizontalAdvance(self._says), self.width() - _MARGIN_PX
        if needed > room:
            font.setPixelSize(max(_SMALLEST_PX, small * room // needed))
        painter.setFont(font)
        painter.setPen(QColor(self._theme.muted))
        lower = self.rect().adjusted(0, self.height() - small - 8, 0, 0)
        painter.drawText(lower, int(Qt.AlignmentFlag.AlignCenter), self._says)
