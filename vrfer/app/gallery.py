"""Every widget of the window with made-up data, each alone or all side by side.

    python -m vrfer.app.gallery [NAME] [--theme light|dark] [--language en|de|ro]

Nothing is read from a camera, sent or stored. The picture is a frame of the built-in clip, with
the face where the finder saw it; the probabilities are invented.

Long, for everything that the window can show hangs here.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout, QListWidget, QStackedWidget, QWidget

from vrfer.app import language
from vrfer.app.bars import ExpressionBars
from vrfer.app.camera_panel import CameraPanel
from vrfer.app.expression_panel import ExpressionPanel
from vrfer.app.form import Panel
from vrfer.app.found_programs import FoundPrograms
from vrfer.app.guide import Guide, Step
from vrfer.app.label_view import LabelView
from vrfer.app.main_view import MainView
from vrfer.app.network_view import NetworkView
from vrfer.app.offers_card import OffersCard
from vrfer.app.picture_view import PictureView
from vrfer.app.program_panel import ProgramPanel
from vrfer.app.program_search import AvatarFit
from vrfer.app.prompts import Prompts, PromptSettings
from vrfer.app.receivers_panel import ReceiversPanel
from vrfer.app.recording_panel import RecordingPanel
from vrfer.app.rules_panel import RulesPanel
from vrfer.app.state_line import StateLine
from vrfer.app.strip import Strip
from vrfer.app.theme import Choice, Theme, apply, chosen
from vrfer.app.timeline import SHOWN_S, Timeline
from vrfer.crop import CropGeometry, lower_half
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import Frame, LowerFace, Reading
from vrfer.live.board import Seen
from vrfer.live.status import (
    Event,
    Happening,
    Offer,
    Phase,
    ReceiverStatus,
    RecordingStatus,
    Status,
)
from vrfer.oscquery.programs import Program
from vrfer.outputs.osc import PROFILES
from vrfer.pipeline import Look
from vrfer.rules import Rule
from vrfer.settings import (
    CameraPart,
    ExpressionPart,
    NetworkPart,
    OffersPart,
    ReceiverPart,
    RecordingPart,
    WindowPart,
)
from vrfer.shipped import default_model, shipped
from vrfer.sources.camera_list import CameraInfo

_CLIP_FRAME = 330
_FACE: Final = LowerFace(
    mouth=(330.5, 282.5),
    chin=(326.3, 356.6),
    width_px=183.5,
    score=0.99,
    tilt_rad=0.056,
    headset=0.96,
    box=(230.2, 252.7, 431.1, 374.4),
)
"""The lower face in that frame."""
_PATCH_SIZE = (56, 112)
_HAPPY: Final = (0.12, 0.71, 0.06, 0.02, 0.01, 0.03, 0.01, 0.04)
_MIXED: Final = (0.24, 0.21, 0.11, 0.19, 0.08, 0.07, 0.06, 0.04)
_FOLDER = Path("Recordings")
_RECEIVERS: Final = (
    ReceiverPart(),
    ReceiverPart(host="192.168.1.40", port=9100, profile=PROFILES[-1], rate_hz=20.0),
    ReceiverPart(host="headset.local", port=9002),
    ReceiverPart(host="10.0.0.7", port=9003, on=False),
)
_PROGRAMS: Final = (
    Program("Scene of the spider laboratory", "127.0.0.1", 7000, "OSC", "generic", "127.0.0.1", 1),
    Program("VRCFT-9C01E2", "127.0.0.1", 9020, "VRCFaceTracking", "", "127.0.0.1", 2),
    Program("VRChat-Client-6F1A20", "127.0.0.1", 9000, "VRChat", "vrchat", "127.0.0.1", 3),
    Program("VRChat-Client-77B3D4", "127.0.0.1", 9001, "VRChat", "vrchat", "127.0.0.1", 4),
)
_SENT: Final = tuple(
    ReceiverPart(host=program.host, port=program.osc_port, profile=program.profile)
    for program in _PROGRAMS[2:]
)
_NO_PYLSL = (
    "Lab Streaming Layer needs the package pylsl, which is not installed. "
    'Install it: pip install "vrfer[lsl]".'
)
_CAMERAS: Final = [
    CameraInfo(0, "Integrated Camera", ("640x480 @ 30",)),
    CameraInfo(2, "Logitech HD Pro Webcam C920 with a very long name, as drivers have it"),
]


@cache
def frame() -> Frame:
    """Return a frame of the built-in clip in which the face wears a headset.

    Raises:
        RuntimeError: The shipped clip cannot be read: the installation is damaged.
    """
    clip = cv2.VideoCapture(str(shipped("assets") / "demo.mp4"))
    try:
        clip.set(cv2.CAP_PROP_POS_FRAMES, _CLIP_FRAME)
        read, image = clip.read()
    finally:
        clip.release()
    if not read:
        raise RuntimeError("the built-in clip cannot be read; install vrfer again")
    return Frame(np.asarray(image, np.uint8), _CLIP_FRAME, round(SHOWN_S * 1e9), 0, 11.0)


def reading(
    probabilities: Iterable[float] | None = _HAPPY, *, at_s: float = SHOWN_S, unsure: bool = False
) -> Reading:
    """Return an invented reading.

    Args:
        probabilities: Eight steady ones; None is no face.
        at_s: Its moment, in seconds.
        unsure: Whether the network cannot tell.
    """
    captured_ns = round(at_s * 1e9)
    if probabilities is None:
        nothing = np.zeros(len(EXPRESSIONS), np.float32)
        return Reading(0, captured_ns, 0, None, None, None, nothing, NO_FACE_ID, False)
    steady = np.array(list(probabilities), np.float32)
    steady /= steady.sum()
    raw = np.roll(steady, 1) * 0.15 + steady * 0.85
    label = int(steady.argmax())
    return Reading(0, captured_ns, 0, None, _FACE, raw, steady, label, unsure)


def seen() -> Seen:
    """Return an invented look at `frame`, with evidence where the smile is."""
    shown = frame()
    y, x = np.mgrid[0:7, 0:14]
    blob = np.exp(-(((x - 6.5) / 3) ** 2) - ((y - 3.0) / 1.6) ** 2).astype(np.float32)
    evidence: NDArray[np.float32] = np.repeat(blob[None], len(EXPRESSIONS), axis=0)
    patch = lower_half(shown.image, _FACE, CropGeometry(), _PATCH_SIZE)
    return Seen(Look(shown, patch, reading()), evidence)


def running(*, recording: bool = False) -> Status:
    """Return the invented status of a session that runs well."""
    return Status(
        phase=Phase.RUNNING,
        source="Logitech C920",
        mode="640x480 @ 30 MJPEG",
        network="lower-face, CPU",
        fps=29.9,
        latency_p50_ms=14.2,
        latency_p95_ms=19.7,
        face=True,
        receivers=(
            ReceiverStatus(_RECEIVERS[0].receiver(), True, 18_204, 0, ""),
            ReceiverStatus(
                _RECEIVERS[1].receiver(), True, 12_011, 37, "192.168.1.40 cannot be reached"
            ),
            ReceiverStatus(_RECEIVERS[2].receiver(), False, 0, 0, ""),
        ),
        recording=_recorded() if recording else None,
        unsure_below=0.35,
    )


def in_trouble() -> Status:
    """Return the invented status of a session whose camera was unplugged."""
    return Status(phase=Phase.AWAY, source="Logitech C920", network="lower-face, CPU")


def _recorded(pictures: int | None = None, pictures_lost: int = 0) -> RecordingStatus:
    path = Path("2031-05-04 10-31-07.csv")
    return RecordingStatus(path, 5_612, 0, 3, 187.4, pictures=pictures, pictures_lost=pictures_lost)


def _fill(timeline: Timeline) -> None:
    """Give the last minute some expressions that come and go, a gap and two markers."""
    for at_s in np.arange(0, SHOWN_S + 0.2, 0.2):
        if 31 < at_s < 34:
            continue
        waves = [np.sin(at_s / 4.5 + 2.3 * number) for number in range(len(EXPRESSIONS))]
        timeline.add(reading(np.exp(3 * np.array(waves)), at_s=float(at_s)))
    timeline.redraw(SHOWN_S)
    timeline.mark(20.0, "spider appears")
    timeline.mark(47.0, "spider gone")


def _main(theme: Theme) -> MainView:
    view = MainView(theme)
    _fill(view.timeline)
    view.show_status(running(), 0.62)
    shown = seen()
    view.show_seen(shown, neutral_held=False)
    view.network.show_seen(shown)
    return view


def _main_away(theme: Theme) -> MainView:
    view = MainView(theme)
    _fill(view.timeline)
    view.show_status(in_trouble(), 0.12)
    return view


def _picture(theme: Theme) -> PictureView:
    view = PictureView(theme)
    view.show_frame(frame(), _FACE)
    view.show_region((150.0, 80.0, 520.0, 440.0))
    return view


def _label(theme: Theme, shown: Reading) -> LabelView:
    view = LabelView(theme)
    view.show_reading(shown)
    return view


def _bars(theme: Theme) -> ExpressionBars:
    bars = ExpressionBars(theme)
    bars.show_reading(reading())
    return bars


def _network(theme: Theme) -> NetworkView:
    view = NetworkView(theme)
    view.show_seen(seen())
    return view


def _timeline(theme: Theme) -> Timeline:
    timeline = Timeline(theme)
    _fill(timeline)
    return timeline


def _state(theme: Theme, status: Status) -> StateLine:
    line = StateLine(theme)
    line.show_status(status, 0.62)
    return line


def _camera(theme: Theme) -> CameraPanel:
    panel = CameraPanel(CameraPart(source="2", exposure_ms=8.0, region=(150, 80, 520, 440)))
    panel.show_cameras(_CAMERAS)
    panel.show_picture(2, cv2.resize(frame().image, (160, 120)).astype(np.uint8))
    return panel


def _receivers(theme: Theme) -> ReceiversPanel:
    panel = ReceiversPanel(_RECEIVERS, PROFILES, theme)
    panel.show_status(running().receivers)
    return panel


def _found(theme: Theme) -> ReceiversPanel:
    panel = ReceiversPanel(_SENT[:1], PROFILES, theme)
    panel.programs.show_search()
    panel.show_programs(_PROGRAMS)
    panel.show_search_end("")
    panel.show_fit(_PROGRAMS[2], AvatarFit("vrchat", 8, 8))
    return panel


def _programs(theme: Theme, *, error: str = "", found: bool = True) -> FoundPrograms:
    programs = FoundPrograms(theme)
    programs.show_search()
    programs.show_parts(_SENT)
    if found:
        programs.show_programs(_PROGRAMS)
    programs.show_fit(_PROGRAMS[2], AvatarFit("vrchat", 0, 8, other="vrchat-compact"))
    programs.show_fit(_PROGRAMS[3], AvatarFit("vrchat", 0, 8))
    programs.show_end(error)
    return programs


def _offers(theme: Theme) -> OffersCard:
    card = OffersCard(OffersPart(lsl=True, oscquery=True), theme)
    card.show_commands(True, 9010)
    card.show_status(Offer("vrfer", received=True), Offer("vrfer-9C01E2"))
    return card


def _offers_refused(theme: Theme) -> OffersCard:
    card = OffersCard(OffersPart(lsl=True, oscquery=True), theme)
    card.show_commands(False, None)
    card.show_problem(_NO_PYLSL)
    return card


def _expression(theme: Theme) -> ExpressionPanel:
    part = ExpressionPart(
        smoothing_s=0.4, sensitivity={"happiness": -0.8, "fear": 1.5}, person="Ana"
    )
    panel = ExpressionPanel(part, NetworkPart(), [default_model()])
    panel.show_people(["Ana", "Mihai"])
    panel.show_status(Status(resting_s=3.2, unsure_below=0.35))
    return panel


def _recording(theme: Theme) -> RecordingPanel:
    panel = RecordingPanel(RecordingPart(folder=_FOLDER), theme)
    panel.show_recording(_recorded())
    return panel


def _recording_video(theme: Theme) -> RecordingPanel:
    panel = RecordingPanel(RecordingPart(folder=_FOLDER, video=True), theme)
    panel.show_recording(_recorded(5_580, 32))
    return panel


def _rules(theme: Theme) -> RulesPanel:
    fear = Rule(name="spider-away", expression="fear")
    joy = Rule(name="fireworks", expression="happiness", above=0.8, below=0.5, on=False)
    panel = RulesPanel((fear, joy), theme)
    panel.show_active(("spider-away",))
    return panel


def _strip(theme: Theme) -> Strip:
    strip = Strip(theme)
    strip.show_status(running(recording=True))
    strip.show_reading(reading())
    return strip


def _guide(theme: Theme, step: Step, *, failed: bool = False) -> Guide:
    camera = CameraPanel(CameraPart(source="0"))
    camera.show_cameras(_CAMERAS)
    silent = Prompts(PromptSettings(sounds=False, speech=False))
    guide = Guide(theme, silent, camera.source, PROFILES)
    camera.setParent(guide)
    camera.hide()
    guide.show_step(step)
    guide.show_seen(seen())
    if step is Step.REST:
        guide.show_status(Status(resting_s=3.1))
    if failed:
        guide.show_event(Event(Happening.BASELINE_FAILED))
    return guide


EXHIBITS: Final[Mapping[str, Callable[[Theme], QWidget]]] = {
    "main": _main,
    "main-idle": MainView,
    "main-away": _main_away,
    "picture": _picture,
    "label": lambda theme: _label(theme, reading()),
    "label-unsure": lambda theme: _label(theme, reading(_MIXED, unsure=True)),
    "label-no-face": lambda theme: _label(theme, reading(None)),
    "bars": _bars,
    "network": _network,
    "network-no-face": NetworkView,
    "timeline": _timeline,
    "state": lambda theme: _state(theme, running()),
    "state-away": lambda theme: _state(theme, in_trouble()),
    "camera": _camera,
    "receivers": _receivers,
    "receivers-none": lambda theme: ReceiversPanel((), PROFILES, theme),
    "receivers-found": _found,
    "programs": _programs,
    "programs-none": lambda theme: _programs(theme, found=False),
    "programs-no-mdns": lambda theme: _programs(
        theme, found=False, error="no network interface passes multicast on"
    ),
    "offers": _offers,
    "offers-refused": _offers_refused,
    "expression": _expression,
    "recording": _recording,
    "recording-video": _recording_video,
    "recording-stopped": lambda theme: RecordingPanel(RecordingPart(folder=_FOLDER), theme),
    "rules": _rules,
    "rules-none": lambda theme: RulesPanel((), theme),
    "program": lambda theme: ProgramPanel(WindowPart(), language.available()),
    "strip": _strip,
    "strip-idle": Strip,
    "guide-consent": lambda theme: _guide(theme, Step.CONSENT),
    "guide-camera": lambda theme: _guide(theme, Step.CAMERA),
    "guide-headset": lambda theme: _guide(theme, Step.HEADSET),
    "guide-rest": lambda theme: _guide(theme, Step.REST),
    "guide-rest-failed": lambda theme: _guide(theme, Step.REST, failed=True),
    "guide-send": lambda theme: _guide(theme, Step.SEND),
}
"""Makes each widget, in the order of the window."""
_SETTINGS = (Panel, ReceiversPanel, FoundPrograms, OffersCard, RecordingPanel, RulesPanel)


def _on_panel(widget: QWidget) -> QWidget:
    """Return a page of settings on the ground that it has in the window."""
    ground = QFrame()
    ground.setProperty("role", "panel")
    layout = QHBoxLayout(ground)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(widget)
    return ground


def exhibits(theme: Theme, names: Iterable[str] = tuple(EXHIBITS)) -> dict[str, QWidget]:
    """Make widgets with made-up data; none has a parent or is shown.

    Args:
        theme: Their colours; `vrfer.app.theme.apply` gives them to the application.
        names: Of `EXHIBITS`.

    Raises:
        KeyError: There is no such exhibit.
    """
    made = {name: EXHIBITS[name](theme) for name in names}
    return {
        name: _on_panel(widget) if isinstance(widget, _SETTINGS) else widget
        for name, widget in made.items()
    }


class Gallery(QWidget):
    """All exhibits, one at a time."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Hang them all."""
        super().__init__(parent)
        self.setWindowTitle("vrfer")
        self.names = QListWidget()
        self.names.setMaximumWidth(200)
        self.wall = QStackedWidget()
        for name, widget in exhibits(theme).items():
            self.names.addItem(name)
            self.wall.addWidget(widget)
        layout = QHBoxLayout(self)
        layout.addWidget(self.names)
        layout.addWidget(self.wall, 1)
        self.names.currentRowChanged.connect(self.wall.setCurrentIndex)
        self.names.setCurrentRow(0)
        self.resize(1200, 760)


def main(
    name: Annotated[str, typer.Argument(help="One exhibit; without a name all are shown.")] = "",
    theme: Annotated[str, typer.Option(help="system, light or dark.")] = "system",
    spoken: Annotated[str | None, typer.Option("--language", help="en, de or ro.")] = None,
) -> None:
    """Show the widgets of the window with made-up data."""
    choices: dict[str, Choice] = {"system": "system", "light": "light", "dark": "dark"}
    if theme not in choices:
        raise typer.BadParameter(f"themes are {', '.join(choices)}", param_hint="--theme")
    if name and name not in EXHIBITS:
        raise typer.BadParameter(f"exhibits are {', '.join(EXHIBITS)}", param_hint="NAME")
    os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
    application = QApplication(sys.argv[:1])
    language.install(application, spoken)
    colors = chosen(choices[theme])
    apply(application, colors)
    shown = exhibits(colors, [name])[name] if name else Gallery(colors)
    shown.show()
    raise typer.Exit(application.exec())


if __name__ == "__main__":
    typer.run(main)
