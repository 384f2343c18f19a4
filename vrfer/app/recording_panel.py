"""Recording: start, stop, markers, where it goes, and whether pictures are kept too."""

from pathlib import Path
from typing import Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from vrfer.app.theme import Theme
from vrfer.live.status import RecordingStatus
from vrfer.settings import RecordingPart


class RecordingPanel(QWidget):
    """Shows and steers the recording."""

    start_wanted = pyqtSignal()
    stop_wanted = pyqtSignal()
    marker_wanted = pyqtSignal(str)
    """A marker with this text, which may be empty."""
    changed = pyqtSignal(object)
    """The new `RecordingPart`."""
    report_wanted = pyqtSignal()
    """The last recording is to be shown as a page."""

    def __init__(self, part: RecordingPart, theme: Theme, parent: QWidget | None = None) -> None:
        """Show that nothing is recorded."""
        super().__init__(parent)
        self._part, self._theme = part, theme
        self._recording: RecordingStatus | None = None
        self.light = QLabel()
        self.toggle = QPushButton()
        self.marker_text = QLineEdit()
        self.marker = QPushButton()
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.folder = QLabel()
        self.folder.setWordWrap(True)
        self.choose_folder = QPushButton()
        self.video = QCheckBox()
        self._about_video = QLabel()
        self._about_video.setWordWrap(True)
        self.report = QPushButton()
        self.report.setEnabled(False)
        self._about = QLabel()
        self._about.setWordWrap(True)
        marking = QHBoxLayout()
        marking.addWidget(self.marker_text, 1)
        marking.addWidget(self.marker)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(self.light)
        layout.addWidget(self.toggle)
        layout.addLayout(marking)
        layout.addWidget(self.says)
        layout.addSpacing(12)
        layout.addWidget(self.video)
        layout.addWidget(self._about_video)
        layout.addSpacing(12)
        layout.addWidget(self.folder)
        layout.addWidget(self.choose_folder)
        layout.addWidget(self.report)
        layout.addStretch(1)
        layout.addWidget(self._about)
        self.toggle.clicked.connect(self._toggled)
        self.marker.clicked.connect(self._marked)
        self.marker_text.returnPressed.connect(self._marked)
        self.video.clicked.connect(lambda on: self._change(video=on))
        self.choose_folder.clicked.connect(self._choose_folder)
        self.report.clicked.connect(self.report_wanted)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.marker.setText(self.tr("Set &marker"))
        self.marker_text.setPlaceholderText(self.tr("What happens now"))
        self.marker_text.setAccessibleName(self.tr("Text of the marker"))
        self.choose_folder.setText(self.tr("Choose the &folder …"))
        self.report.setText(self.tr("Show the last recording as a page"))
        self.video.setText(self.tr("Keep the pictures too (&video)"))
        self.video.setToolTip(
            self.tr("So that people can judge the expressions later; counts from the next one on")
        )
        self.show_part(self._part)
        self.show_recording(self._recording)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.show_part(self._part)
        self.show_recording(self._recording)

    def show_part(self, part: RecordingPart) -> None:
        """Show where recordings go and what they hold; nothing is told."""
        self._part = part
        self.video.setChecked(part.video)
        self._say_what_is_kept()
        self.folder.setText(self.tr("Recordings go to {folder}").format(folder=part.where()))

    def show_recording(self, recording: RecordingStatus | None) -> None:
        """Show how the recording does; None: nothing is recorded."""
        self._recording = recording
        self._say_what_is_kept()
        running = recording is not None
        self.toggle.setText(self.tr("&Stop recording") if running else self.tr("Start &recording"))
        _give_role(self.toggle, "danger" if running else "primary")
        self.marker.setEnabled(running)
        self.light.setStyleSheet("" if running else f"color: {self._theme.muted};")
        _give_role(self.light, "alarm" if running else "title")
        if recording is None:
            self.light.setText(self.tr("○ Not recording"))
            self.says.clear()
            return
        self.report.setEnabled(True)
        minutes, seconds = divmod(int(recording.duration_s), 60)
        self.light.setText(
            self.tr("● Recording {minutes}:{seconds:02}").format(minutes=minutes, seconds=seconds)
        )
        says = self.tr("{file}: {rows} rows, {markers} markers").format(
            file=recording.path.name, rows=recording.rows, markers=recording.markers
        )
        if recording.lost:
            lost = self.tr("{lost} could not be written: is the drive full?")
            says += " · " + lost.format(lost=recording.lost)
        if recording.pictures is not None:
            says += " · " + self.tr("{pictures} pictures").format(pictures=recording.pictures)
        if recording.pictures_lost:
            left_out = self.tr(
                "{number} pictures left out: computer too slow, or drive nearly full?"
            )
            says += " · " + left_out.format(number=recording.pictures_lost)
        self.says.setText(says)
        missing = recording.lost or recording.pictures_lost
        self.says.setStyleSheet(f"color: {self._theme.bad};" if missing else "")

    def _say_what_is_kept(self) -> None:
        """Say what the recording that runs holds, or else what the next one will."""
        with_pictures, running = self._part.video, self._recording is not None
        self._about_video.setVisible(with_pictures)
        self._about_video.setText(
            self.tr(
                "The video shows the person. It lies beside the numbers, unencrypted: whoever "
                "can open the folder can watch it."
            )
        )
        self._about_video.setStyleSheet(f"color: {self._theme.warning};")
        if self._recording is not None:
            with_pictures = self._recording.pictures is not None
        if with_pictures:
            text = self.tr("This recording holds numbers and the pictures themselves.")
            if not running:
                text = self.tr("Recordings will hold numbers and the pictures themselves.")
        else:
            text = self.tr(
                "A recording holds numbers: times, probabilities, positions; beside them your "
                "markers and the names of the person and the camera. No pictures."
            )
        if running and with_pictures != self._part.video:
            text += " " + self.tr("The next one will be as ticked.")
        self._about.setText(text)

    def _toggled(self) -> None:
        (self.start_wanted if self._recording is None else self.stop_wanted).emit()

    def _marked(self) -> None:
        if self._recording is not None:
            self.marker_wanted.emit(self.marker_text.text().strip())
            self.marker_text.clear()

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, self.tr("Folder for recordings"), str(self._part.where())
        )
        if folder:
            self._change(folder=Path(folder))

    def _change(self, **fields: Any) -> None:
        part = self._part.model_copy(update=fields)
        self.show_part(part)
        self.changed.emit(part)


def _give_role(widget: QWidget, role: str) -> None:
    """Give a widget another look of the theme's."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        style = widget.style()
        if style is not None:
            style.polish(widget)
