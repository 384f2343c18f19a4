"""A small strip that stays on top of other windows: label, state, and the most needed buttons."""

from PyQt6.QtCore import QPoint, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QMouseEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from vrfer.app.label_view import LabelView
from vrfer.app.theme import Theme
from vrfer.frames import Reading
from vrfer.live.status import Phase, Status


class Strip(QWidget):
    """Shows the expression in little room."""

    closed = pyqtSignal()
    """The large window is wanted again."""
    neutral_wanted = pyqtSignal(bool)
    marker_wanted = pyqtSignal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin without a face."""
        super().__init__(parent, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.setObjectName("strip")
        self._theme = theme
        self._held = False
        self._dragged: QPoint | None = None
        self.label = LabelView(theme)
        self.light = QLabel()
        self.light.setProperty("role", "big")
        self.state = QLabel()
        self.neutral = QPushButton()
        self.neutral.setCheckable(True)
        self.marker = QPushButton()
        self.large = QPushButton()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 6)
        layout.addWidget(self.light)
        layout.addWidget(self.label, 1)
        layout.addWidget(self.state)
        for button in (self.neutral, self.marker, self.large):
            layout.addWidget(button)
        self.neutral.clicked.connect(self.neutral_wanted)
        self.marker.clicked.connect(self.marker_wanted)
        self.large.clicked.connect(self.close)
        self.resize(620, 84)
        self.retranslate()
        self.show_status(Status())

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.setWindowTitle(self.tr("vrfer (small)"))
        self.neutral.setText(self.tr("Hold neutral"))
        self.marker.setText(self.tr("Marker"))
        self.large.setText(self.tr("Large window"))
        self.light.setAccessibleName(self.tr("Recording light"))

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.label.set_theme(theme)

    def show_reading(self, reading: Reading | None) -> None:
        """Show a reading."""
        self.label.show_reading(reading, neutral_held=self._held)

    def show_status(self, status: Status) -> None:
        """Show a status."""
        self._held = status.neutral_held
        self.neutral.setChecked(status.neutral_held)
        recording = status.recording is not None
        self.marker.setEnabled(recording)
        self.light.setText("●" if recording else "○")
        color = self._theme.recording if recording else self._theme.muted
        self.light.setStyleSheet(f"color: {color};")
        self.light.setToolTip(self.tr("Recording") if recording else self.tr("Not recording"))
        if status.phase not in (Phase.RUNNING, Phase.PAUSED):
            self.show_reading(None)  # the last one is of the past
        running = status.phase is Phase.RUNNING
        self.state.setText(
            self.tr("{fps:.0f} fps").format(fps=status.fps) if running else self.tr("no picture")
        )

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to move the strip."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._dragged = event.globalPosition().toPoint() - self.pos()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Move it."""
        if event is not None and self._dragged is not None:
            self.move(event.globalPosition().toPoint() - self._dragged)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Leave it there."""
        self._dragged = None

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Bring the large window back."""
        self.closed.emit()
        super().closeEvent(event)
