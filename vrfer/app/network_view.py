"""What the network sees: the canonical lower half, and where in it the evidence lies."""

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from vrfer.app.names import label_name
from vrfer.app.pictures import from_gray, with_evidence
from vrfer.app.theme import Theme
from vrfer.live.board import Seen


class NetworkView(QWidget):
    """Draws the newest patch with the Grad-CAM map of the label."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin without a patch."""
        super().__init__(parent)
        self._theme = theme
        self._picture: QImage | None = None
        self._caption = ""
        self.setMinimumSize(128, 110)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.setAccessibleName(self.tr("What the network sees"))
        self.setToolTip(
            self.tr("The gray lower half that the network reads; bright colours show its evidence")
        )

    def sizeHint(self) -> QSize:
        """Return the size it looks best in."""
        return QSize(220, 190)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_seen(self, seen: Seen) -> None:
        """Draw a frame's patch."""
        patch, reading = seen.look.patch, seen.look.reading
        if patch is None:
            self._picture, self._caption = None, ""
        elif seen.evidence is None:
            self._picture, self._caption = from_gray(patch), ""
        else:
            strongest = reading.label_id
            self._picture = with_evidence(patch, seen.evidence[strongest])
            self._caption = self.tr("Evidence for: {expression}").format(
                expression=label_name(strongest)
            )
        self.update()

    def clear(self) -> None:
        """Draw nothing."""
        self._picture = None
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(self._theme.panel))
        painter.setPen(QColor(self._theme.muted))
        line = painter.fontMetrics().height() + 6
        below = self.rect().adjusted(4, self.height() - line, -4, 0)
        if self._picture is None:
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), int(flags), self.tr("The network sees no face"))
            return
        room = self.rect().adjusted(0, 0, 0, -line)
        scale = min(room.width() / self._picture.width(), room.height() / self._picture.height())
        width, height = self._picture.width() * scale, self._picture.height() * scale
        painter.drawImage(
            QRectF((self.width() - width) / 2, (room.height() - height) / 2, width, height),
            self._picture,
        )
        painter.drawText(below, int(Qt.AlignmentFlag.AlignCenter), self._caption)
