"""Eight bars: steady probabilities, the network's own behind them, and the label."""

import numpy as np
from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PyQt6.QtWidgets import QSizePolicy, QWidget

from vrfer.app.names import expression_names
from vrfer.app.theme import Theme
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading

_GAP = 6


class ExpressionBars(QWidget):
    """Draws a reading."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin without a face."""
        super().__init__(parent)
        self._theme = theme
        self._reading: Reading | None = None
        self.setMinimumSize(220, 8 * 22)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self._names = expression_names()
        self.setAccessibleName(self.tr("Probabilities of the eight expressions"))
        self.setToolTip(
            self.tr("Wide bar: the steady probability, which is sent. Thin line: this frame alone")
        )
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size it looks best in."""
        return QSize(360, 8 * 30)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_reading(self, reading: Reading | None) -> None:
        """Draw a reading; None is no face."""
        self._reading = reading
        if reading is not None and reading.face is not None:
            self.setAccessibleDescription(
                ", ".join(
                    f"{name} {value:.0%}"
                    for name, value in zip(self._names, reading.steady, strict=True)
                )
            )
        else:
            self.setAccessibleDescription(self.tr("No face"))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        reading = self._reading
        steady = np.zeros(len(EXPRESSIONS)) if reading is None else reading.steady
        raw = None if reading is None else reading.raw
        bold = QFont(painter.font())
        bold.setBold(True)
        metrics = QFontMetrics(bold)
        names = max(metrics.horizontalAdvance(name) for name in self._names) + 14
        numbers = metrics.horizontalAdvance("100 %") + 8
        row = self.height() / len(EXPRESSIONS)
        room = self.width() - names - numbers
        for index, name in enumerate(self._names):
            chosen = reading is not None and index == reading.label_id
            top = index * row
            font = QFont(painter.font())
            font.setBold(chosen)
            painter.setFont(font)
            painter.setPen(QColor(self._theme.text if chosen else self._theme.muted))
            line = QRectF(0, top, names - 8, row)
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(line, int(middle | Qt.AlignmentFlag.AlignLeft), name)
            number = QRectF(self.width() - numbers, top, numbers, row)
            text = f"{steady[index]:.0%}"
            painter.drawText(number, int(middle | Qt.AlignmentFlag.AlignRight), text)
            track = QRectF(names, top + _GAP / 2, room, row - _GAP)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._theme.background))
            painter.drawRoundedRect(track, 4, 4)
            color = QColor(self._theme.expressions[index])
            if not chosen:
                color.setAlpha(150)
            painter.setBrush(color)
            filled = QRectF(track)
            filled.setWidth(track.width() * float(steady[index]))
            painter.drawRoundedRect(filled, 4, 4)
            if raw is not None:
                painter.setBrush(QColor(self._theme.text))
                x = track.left() + track.width() * float(raw[index])
                painter.drawRect(QRectF(x - 1, track.top(), 2, track.height()))
