"""The first start: camera, headset, resting face, receiver; every step said aloud.

From the moment the headset is on, the wearer sees nothing: the guide goes on by itself once it
sees a face, and says what it does.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from enum import IntEnum

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from vrfer.app.expression_panel import RESTING_S
from vrfer.app.form import fill, keep_from_wheel
from vrfer.app.names import waiting_text
from vrfer.app.picture_view import PictureView
from vrfer.app.prompts import Prompts, Sound
from vrfer.app.theme import Theme
from vrfer.errors import OutputError
from vrfer.live.board import Seen
from vrfer.live.status import Event, Happening, Phase, Status
from vrfer.outputs.profiles import load_profile
from vrfer.people import NOBODY_NAMED
from vrfer.settings import ReceiverPart

_SEEN_S = 3.0
"""The guide goes on after a face was seen for so long with the headset on ..."""
_WORN = 0.6
"""... as far as the finder is at least so sure of it, 0-1 ..."""
_ANYHOW_S = 20.0
"""... or for so long at all: the wearer of a headset that it does not know sees no button."""
_SPOKEN_MS = 8000
"""The resting face is watched at the latest so long after the request began to be spoken."""
_MOST_TRIES = 3
"""So often the resting face is asked for without a button being pressed."""
_LINE_PX = 820
"""Longer lines are hard to read."""
_FIELD_PX = 260
_USUAL_PORT = 9000


class Step(IntEnum):
    """The pages."""

    CONSENT = 0
    CAMERA = 1
    HEADSET = 2
    REST = 3
    SEND = 4


class Guide(QWidget):
    """Leads through the first start; may be skipped and repeated."""

    finished = pyqtSignal()
    """Done, or skipped."""
    camera_wanted = pyqtSignal()
    """The camera is to be opened, if none is."""
    learning_wanted = pyqtSignal(str)
    """A baseline is to be made for this person."""
    learning_stopped = pyqtSignal()
    """It is not wanted any more."""
    receiver_chosen = pyqtSignal(object)
    """Where to send, as `ReceiverPart`."""

    def __init__(
        self,
        theme: Theme,
        prompts: Prompts,
        source_box: QWidget,
        profiles: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        """Begin at the first page.

        Args:
            theme: Colours.
            prompts: Says each step aloud.
            source_box: The control that chooses the camera; shown on its page.
            profiles: Names of the OSC profiles that can be chosen.
            parent: Owner of this widget.
        """
        super().__init__(parent)
        self._prompts = prompts
        self._step = Step.CONSENT
        self._face_since_s: float | None = None
        self._worn_since_s: float | None = None
        self._spoken = QTimer(self)
        self._spoken.setSingleShot(True)
        self._spoken.timeout.connect(self._go_on)
        prompts.finished.connect(self._take_spoken)
        self._asked = False
        self._learning = False
        self._baseline = False
        self._failed = False
        self._tries = 0
        self._phase = Phase.RUNNING
        self._pictured = False
        self.title = QLabel()
        self.title.setProperty("role", "big")
        self.title.setWordWrap(True)
        self.count = QLabel()
        self.text = QLabel()
        self.text.setProperty("role", "text")
        self.text.setMaximumWidth(_LINE_PX)
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.picture = PictureView(theme)
        self.picture.setEnabled(False)
        self.progress = QProgressBar()
        self.progress.setRange(0, 100)
        self.progress.setTextVisible(False)
        self.scene = QComboBox()
        fill(self.scene, _titles(profiles), ReceiverPart().profile)
        self.host = QLineEdit("127.0.0.1")
        self.port = QSpinBox()
        self.port.setRange(1, 65535)
        self.port.setValue(_USUAL_PORT)
        self._scene_name, self._host_name, self._port_name = QLabel(), QLabel(), QLabel()
        self.skip = QPushButton()
        self.back = QPushButton()
        self.next = QPushButton()
        self.next.setProperty("role", "primary")
        self.next.setDefault(True)
        self._source_box = source_box
        self._pages = QStackedWidget()
        self._lay_out()
        self.skip.clicked.connect(self._finish)
        self.back.clicked.connect(lambda: self.show_step(Step(self._step - 1)))
        self.next.clicked.connect(self._next)
        self.scene.activated.connect(self._take_usual_port)
        self.set_theme(theme)
        self.retranslate()

    def _lay_out(self) -> None:
        empty = QWidget()
        sending = QWidget()
        form = QFormLayout(sending)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.host.setMinimumWidth(_FIELD_PX)
        for name, field in (
            (self._scene_name, self.scene),
            (self._host_name, self.host),
            (self._port_name, self.port),
        ):
            name.setProperty("role", "field")
            name.setBuddy(field)
            form.addRow(name, field)
        camera = QWidget()
        column = QVBoxLayout(camera)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self._source_box)
        keep_from_wheel(sending)
        column.addWidget(self.picture, 1)
        for page in (empty, camera, sending):
            self._pages.addWidget(page)
        self._pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        buttons = QHBoxLayout()
        buttons.addWidget(self.skip)
        buttons.addStretch(1)
        buttons.addWidget(self.back)
        buttons.addWidget(self.next)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(48, 32, 48, 32)
        layout.setSpacing(14)
        layout.addWidget(self.count)
        layout.addWidget(self.title)
        layout.addWidget(self.text)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.progress)
        layout.addLayout(buttons)

    @property
    def step(self) -> Step:
        """The page that is shown."""
        return self._step

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.skip.setText(self.tr("Skip the guide"))
        self.back.setText(self.tr("&Back"))
        for name, field, text in (
            (self._scene_name, self.scene, self.tr("Scene")),
            (self._host_name, self.host, self.tr("Host")),
            (self._port_name, self.port, self.tr("Port")),
        ):
            name.setText(text)
            field.setAccessibleName(text)
        self.progress.setAccessibleName(self.tr("Progress of this step"))
        self._show_texts()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self.count.setStyleSheet(f"color: {theme.muted};")
        self.picture.set_theme(theme)

    def show_step(self, step: Step) -> None:
        """Show a page and say it aloud."""
        self._stop_learning()
        self._step = step
        self._face_since_s = self._worn_since_s = None
        self._failed = False
        if step is Step.CAMERA:
            self._tries, self._pictured = 0, False
        self.progress.setValue(0)
        self._show_texts()
        sound = Sound.HOLD if step is Step.REST else Sound.READY
        if step is not Step.CONSENT:
            self._prompts.say(self.text.text(), sound)
        if step in (Step.CAMERA, Step.HEADSET):
            self.camera_wanted.emit()
        if step is Step.REST:
            self._asked = True
            if self._prompts.settings.speech:
                self._spoken.start(_SPOKEN_MS)
            else:
                self._learn()

    def show_seen(self, seen: Seen) -> None:
        """Show the camera's picture."""
        watches = self._step in (Step.CAMERA, Step.HEADSET, Step.REST)
        if watches and not waiting_text(self._phase):
            self.picture.show_frame(seen.look.frame, seen.look.reading.face)
            self._pictured = True

    def show_status(self, status: Status) -> None:
        """Go on by itself while the wearer cannot see the screen."""
        now_s = time.monotonic()
        if status.phase is not self._phase:
            self._phase = status.phase
            if status.phase is Phase.IDLE:
                self.picture.show_text(self.tr("Choose a camera"))
            elif text := waiting_text(status.phase):
                self.picture.show_text(text)
        if self._step is Step.HEADSET:
            self._face_since_s = _since(self._face_since_s, status.face, now_s)
            worn = status.face and status.headset >= _WORN
            self._worn_since_s = _since(self._worn_since_s, worn, now_s)
            seen_s = 0.0 if self._face_since_s is None else now_s - self._face_since_s
            worn_s = 0.0 if self._worn_since_s is None else now_s - self._worn_since_s
            progress = min(1.0, max(worn_s / _SEEN_S, seen_s / _ANYHOW_S))
            self.progress.setValue(round(100 * progress))
            if progress == 1:
                self.show_step(Step.REST)
        elif self._step is Step.REST and status.resting_s is not None:
            self.progress.setValue(round(100 * min(1.0, status.resting_s / RESTING_S)))

    def show_event(self, event: Event) -> None:
        """Go on when the baseline is made; say when it is not."""
        if self._step is not Step.REST:
            return
        if event.happening is Happening.BASELINE_MADE:
            self._learning, self._baseline = False, True
            self.show_step(Step.SEND)
        elif event.happening is Happening.BASELINE_FAILED:
            self._learning, self._failed = False, True
            self._tries += 1
            self._show_texts()
            self._prompts.say(self.text.text(), Sound.ATTENTION)
            if self._tries < _MOST_TRIES:
                self._spoken.start(_SPOKEN_MS)

    def _take_usual_port(self) -> None:
        """Offer the port on which such scenes listen."""
        try:
            port = load_profile(self.scene.currentData()).port
        except OutputError:  # its file was changed meanwhile; the receiver will say what is wrong
            return
        if port is not None:
            self.port.setValue(port)

    def _next(self) -> None:
        if self._step is Step.SEND:
            host = self.host.text().strip()
            if host:
                profile = self.scene.currentData()
                part = ReceiverPart(host=host, port=self.port.value(), profile=profile)
                self.receiver_chosen.emit(part)
            self._finish()
        elif self._step is Step.REST:
            self.show_step(Step.REST if self._failed else Step.SEND)
        elif self._step is Step.CAMERA and not self._pictured:
            if not waiting_text(self._phase):
                self.picture.show_text(self.tr("Choose a camera"))
            self._prompts.say(self.text.text(), Sound.ATTENTION)  # nobody sees himself yet
        else:
            self.show_step(Step(self._step + 1))

    def _finish(self) -> None:
        self._stop_learning()
        self._step = Step.CONSENT  # where nothing happens by itself
        self.finished.emit()

    def _take_spoken(self, text: str) -> None:
        if text == self.text.text() and (self._asked or self._spoken.isActive()):
            self._go_on()

    def _go_on(self) -> None:
        """Watch the resting face, or after a failure wait for the headset again."""
        self._spoken.stop()
        if self._asked:
            self._learn()
        elif self._failed:
            self.show_step(Step.HEADSET)

    def _learn(self) -> None:
        """Watch the resting face, once the request for it was spoken."""
        if self._asked:
            self._asked = False
            self._spoken.stop()
            self._learning = True
            self.learning_wanted.emit(NOBODY_NAMED)

    def _stop_learning(self) -> None:
        self._asked = False
        self._spoken.stop()
        if self._learning:
            self._learning = False
            self.learning_stopped.emit()

    def _show_texts(self) -> None:
        title, text, button = self._texts()[self._step]
        self.count.setText(f"{self._step + 1} / {len(Step)}")
        self.title.setText(title)
        self.text.setText(text)
        self.next.setText(button)
        self.back.setVisible(self._step is not Step.CONSENT)
        self.progress.setVisible(self._step in (Step.HEADSET, Step.REST))
        pages = {Step.CONSENT: 0, Step.SEND: 2}
        self._pages.setCurrentIndex(pages.get(self._step, 1))
        self._source_box.setVisible(self._step is Step.CAMERA)

    def _texts(self) -> dict[Step, tuple[str, str, str]]:
        return {
            Step.CONSENT: (
                self.tr("Welcome to vrfer"),
                self.tr(
                    "vrfer watches the lower half of your face with a camera and tells your VR "
                    "scene which expression it shows.\n\n"
                    "It measures eight probabilities: neutral, happiness, surprise, sadness, "
                    "anger, disgust, fear and contempt. An expression is what a face shows, not "
                    "what a person feels. vrfer is no medical device and makes no diagnosis.\n\n"
                    "Pictures are looked at and forgotten at once; none is ever sent. Nothing is "
                    "recorded unless you press Record. A recording stays in a folder of this "
                    "computer, which you can choose, and holds numbers, your markers, and the "
                    "names of the person and the camera as they are written here; pictures are "
                    "kept only if you tick that.\n\n"
                    "If you watch somebody else, tell them this first and ask whether they agree."
                ),
                self.tr("I &agree"),
            ),
            Step.CAMERA: (
                self.tr("Choose your camera"),
                self.tr(
                    "Choose a camera and put it in front of you, at the height of your mouth or a "
                    "little below. You should see yourself, with a frame around mouth and chin."
                ),
                self.tr("I see &myself"),
            ),
            Step.HEADSET: (
                self.tr("Put your headset on"),
                self.tr(
                    "Put your headset on and look straight ahead. I go on by myself as soon as I "
                    "see your mouth."
                ),
                self.tr("&Continue"),
            ),
            Step.REST: (
                self.tr("Rest your face"),
                self.tr("Your face was not seen long enough. Let the camera see mouth and chin.")
                if self._failed
                else self.tr("Rest your face for five seconds, with your mouth closed."),
                self.tr("&Try again") if self._failed else self.tr("&Without a baseline"),
            ),
            Step.SEND: (
                self.tr("Your resting face is known")
                if self._baseline
                else self.tr("Where should vrfer send?"),
                self.tr(
                    "Now say what your VR scene is and where it listens. 127.0.0.1 is this "
                    "computer; VRChat and many others listen on port 9000. You can change this "
                    "at any time."
                ),
                self.tr("&Finish"),
            ),
        }


def _titles(profiles: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield title and name of each profile that can be used."""
    for name in profiles:
        with contextlib.suppress(OutputError):
            yield load_profile(name).name, name


def _since(before_s: float | None, holds: bool, now_s: float) -> float | None:
    """Return since when something holds; None where it does not."""
    if not holds:
        return None
    return now_s if before_s is None else before_s
