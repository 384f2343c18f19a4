"""The live picture with what was found in it, and a region that the mouse draws."""

from PyQt6.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PyQt6.QtWidgets import QSizePolicy, QWidget

from vrfer.app.pictures import from_bgr
from vrfer.app.theme import Theme
from vrfer.finder import lower_face_box
from vrfer.frames import Box, Frame, LowerFace

_LEAST_REGION_PX = 20.0
"""A smaller region is a click that trembled."""


class PictureView(QWidget):
    """Draws the newest frame; dragging chooses where faces are looked for."""

    region_chosen = pyqtSignal(object)
    """The region as `Box` in pixels of the picture, or None for everywhere."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin without a picture."""
        super().__init__(parent)
        self._theme = theme
        self._picture: QImage | None = None
        self._face: LowerFace | None = None
        self._region: Box | None = None
        self._drag: tuple[QPointF, QPointF] | None = None
        self._says = ""
        self.setMinimumSize(240, 160)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.setAccessibleName(self.tr("Camera picture"))
        self.setToolTip(
            self.tr("Drag to look for the face in a part of the picture only; Esc looks everywhere")
        )

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.update()

    def show_frame(self, frame: Frame, face: LowerFace | None) -> None:
        """Draw a frame and the lower face in it."""
        self._picture, self._face, self._says = from_bgr(frame.image), face, ""
        self.update()

    def show_text(self, text: str) -> None:
        """Draw a text in place of a picture."""
        self._picture, self._face, self._says = None, None, text
        self._drag = None
        self.update()

    def show_region(self, region: Box | None) -> None:
        """Draw where faces are looked for."""
        self._region = region
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        painter = QPainter(self)
        self._paint(painter)
        if self.hasFocus():
            painter.resetTransform()
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(self._theme.accent), 3))
            painter.drawRect(self.rect().adjusted(1, 1, -2, -2))

    def _paint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), QColor(self._theme.panel))
        if self._picture is None:
            painter.setPen(QColor(self._theme.muted))
            inside = self.rect().adjusted(24, 24, -24, -24)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inside, int(flags), self._says)
            return
        area, scale = self._area()
        painter.drawImage(area, self._picture)
        painter.translate(area.topLeft())
        painter.scale(scale, scale)
        pixel = 1 / scale
        if self._region is not None:
            self._dim_around(painter, self._region, pixel)
        if self._face is not None:
            self._draw_face(painter, self._face, pixel)
        if self._drag is not None:
            painter.setPen(QPen(QColor(self._theme.accent), 2 * pixel, Qt.PenStyle.DashLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(*self._drag).normalized())

    def _dim_around(self, painter: QPainter, region: Box, pixel: float) -> None:
        assert self._picture is not None
        x0, y0, x1, y1 = region
        width, height = self._picture.width(), self._picture.height()
        dark = QColor(0, 0, 0, 120)
        for part in (
            QRectF(0, 0, width, y0),
            QRectF(0, y1, width, height - y1),
            QRectF(0, y0, x0, y1 - y0),
            QRectF(x1, y0, width - x1, y1 - y0),
        ):
            painter.fillRect(part, dark)
        painter.setPen(QPen(QColor(self._theme.accent), 2 * pixel))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(QRectF(x0, y0, x1 - x0, y1 - y0))

    def _draw_face(self, painter: QPainter, face: LowerFace, pixel: float) -> None:
        x0, y0, x1, y1 = lower_face_box(face)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in ((QColor(0, 0, 0, 150), 4), (QColor(self._theme.good), 2)):
            painter.setPen(QPen(color, width * pixel))
            painter.drawRoundedRect(QRectF(x0, y0, x1 - x0, y1 - y0), 6 * pixel, 6 * pixel)
        for point in (face.mouth, face.chin):
            painter.setPen(QPen(QColor(0, 0, 0, 150), 1.5 * pixel))
            painter.setBrush(QColor(self._theme.good))
            painter.drawEllipse(QPointF(*point), 4 * pixel, 4 * pixel)

    def _area(self) -> tuple[QRectF, float]:
        """Return where the picture is drawn, and how much larger."""
        assert self._picture is not None
        scale = min(self.width() / self._picture.width(), self.height() / self._picture.height())
        width, height = self._picture.width() * scale, self._picture.height() * scale
        return QRectF(
            (self.width() - width) / 2, (self.height() - height) / 2, width, height
        ), scale

    def _in_picture(self, position: QPointF) -> QPointF:
        assert self._picture is not None
        area, scale = self._area()
        place = (position - area.topLeft()) / scale
        return QPointF(
            min(max(place.x(), 0.0), self._picture.width()),
            min(max(place.y(), 0.0), self._picture.height()),
        )

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to draw a region."""
        if event is None or self._picture is None or event.button() != Qt.MouseButton.LeftButton:
            return
        place = self._in_picture(event.position())
        self._drag = (place, place)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Draw it."""
        if event is not None and self._drag is not None and self._picture is not None:
            self._drag = (self._drag[0], self._in_picture(event.position()))
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End it."""
        if self._drag is None:
            return
        rect, self._drag = QRectF(*self._drag).normalized(), None
        self.update()
        if min(rect.width(), rect.height()) >= _LEAST_REGION_PX:
            self.region_chosen.emit((rect.left(), rect.top(), rect.right(), rect.bottom()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Give a drag up with Esc; without one, look everywhere again."""
        escape = event is not None and event.key() == Qt.Key.Key_Escape
        if escape and self._drag is not None:
            self._drag = None
            self.update()
        elif escape and self._region is not None:
            self.region_chosen.emit(None)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Draw anew."""
        self.update()
