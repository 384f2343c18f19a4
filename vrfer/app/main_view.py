"""The main view: picture, label, bars, the network's view, the last minute, the state."""

import time

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from vrfer.app.bars import ExpressionBars
from vrfer.app.label_view import LabelView
from vrfer.app.names import waiting_text
from vrfer.app.network_view import NetworkView
from vrfer.app.picture_view import PictureView
from vrfer.app.state_line import StateLine
from vrfer.app.theme import Theme
from vrfer.app.timeline import Timeline
from vrfer.frames import Reading
from vrfer.live.board import Seen
from vrfer.live.status import Phase, Status

_STEPS_A_SECOND = 10
_MOST_STEPS = 2**31 - 1
_TIMELINE_EVERY_S = 0.1


class MainView(QWidget):
    """Shows what the session shows."""

    pause_wanted = pyqtSignal()
    position_wanted = pyqtSignal(float)
    """A file is to go on at this position, in seconds."""
    region_chosen = pyqtSignal(object)
    """Where faces are looked for, as `Box` or None."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin with nothing to show."""
        super().__init__(parent)
        self._drawn_s = 0.0
        self._phase = Phase.IDLE
        self.picture = PictureView(theme)
        self.label = LabelView(theme)
        self.bars = ExpressionBars(theme)
        self.network = NetworkView(theme)
        self.timeline = Timeline(theme)
        self.state = StateLine(theme)
        self.pause = QPushButton()
        self.position = QSlider(Qt.Orientation.Horizontal)
        self.time = QLabel()
        self.playback = QWidget()
        self._lay_out()
        self.pause.clicked.connect(self.pause_wanted)
        self.position.sliderMoved.connect(
            lambda value: self.position_wanted.emit(value / _STEPS_A_SECOND)
        )
        self.position.actionTriggered.connect(self._stepped)
        self.picture.region_chosen.connect(self.region_chosen)
        self.retranslate()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self.playback)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.pause)
        row.addWidget(self.position, 1)
        row.addWidget(self.time)
        self.playback.hide()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.picture, 1)
        column.addWidget(self.playback)
        right = QFrame()
        right.setProperty("role", "panel")
        column = QVBoxLayout(right)
        column.addWidget(self.label, 2)
        column.addWidget(self.bars, 5)
        column.addWidget(self.network, 3)
        upper = QSplitter(Qt.Orientation.Horizontal)
        upper.addWidget(left)
        upper.addWidget(right)
        upper.setSizes([540, 340])
        upper.setStretchFactor(0, 3)
        upper.setStretchFactor(1, 2)
        upper.setChildrenCollapsible(False)
        both = QSplitter(Qt.Orientation.Vertical)
        both.addWidget(upper)
        both.addWidget(self.timeline)
        both.setSizes([520, 150])
        both.setStretchFactor(0, 1)
        both.setStretchFactor(1, 0)
        both.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 0)
        layout.addWidget(both, 1)
        layout.addWidget(self.state)

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        for part in (
            self.picture, self.label, self.bars, self.network, self.timeline, self.state,
        ):  # fmt: skip
            part.retranslate()
        self.position.setAccessibleName(self.tr("Position in the file"))
        self._show_phase()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        for part in (
            self.picture, self.label, self.bars, self.network, self.timeline, self.state,
        ):  # fmt: skip
            part.set_theme(theme)

    def take_readings(self, readings: list[tuple[Reading, float]]) -> None:
        """Take in what was read since the last time; draws nothing."""
        for reading, _ in readings:
            self.timeline.add(reading)

    def show_seen(self, seen: Seen, *, neutral_held: bool) -> None:
        """Draw the newest frame and its reading, unless the source is gone meanwhile."""
        if self._phase not in (Phase.RUNNING, Phase.PAUSED):
            return
        reading = seen.look.reading
        self.picture.show_frame(seen.look.frame, reading.face)
        if self.network.isVisible():
            self.network.show_seen(seen)
        self.bars.show_reading(reading)
        self.label.show_reading(reading, neutral_held=neutral_held)
        now_s = time.monotonic()
        if now_s - self._drawn_s >= _TIMELINE_EVERY_S:
            self._drawn_s = now_s
            self.timeline.redraw(reading.captured_ns / 1e9)

    def show_status(self, status: Status, cpu_share: float) -> None:
        """Show how everything does."""
        self.state.show_status(status, cpu_share)
        changed, self._phase = status.phase is not self._phase, status.phase
        if changed:
            self._show_phase()
        is_file = not status.live and status.duration_s is not None
        self.playback.setVisible(is_file)
        if is_file and status.duration_s and status.position_s is not None:
            # A damaged film may claim any duration, and Qt counts in 32 bits.
            self.position.setMaximum(round(min(status.duration_s * _STEPS_A_SECOND, _MOST_STEPS)))
            if not self.position.isSliderDown():
                self.position.setValue(round(status.position_s * _STEPS_A_SECOND))
            self.time.setText(f"{_clock(status.position_s)} / {_clock(status.duration_s)}")

    def mark(self, text: str) -> None:
        """Set a marker into the last minute."""
        self.timeline.mark(time.perf_counter(), text)

    def _show_phase(self) -> None:
        """Say what the picture waits for, and forget the last face."""
        paused = self._phase is Phase.PAUSED
        self.pause.setText(self.tr("Go on") if paused else self.tr("Pause"))
        if self._phase in (Phase.RUNNING, Phase.PAUSED):
            return
        self.picture.show_text(waiting_text(self._phase))
        self.timeline.end()
        self.network.clear()
        self.bars.show_reading(None)
        self.label.show_reading(None)

    def _stepped(self) -> None:
        """Seek with keys and clicks too; the value is not yet taken over here."""
        if not self.position.isSliderDown():
            self.position_wanted.emit(self.position.sliderPosition() / _STEPS_A_SECOND)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
