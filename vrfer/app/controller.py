"""Between settings, session and prompts: what the window's controls mean.

It knows no widget: panels tell it what the user wants, and it says what there is to show.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from vrfer.app.bridge import Bridge
from vrfer.app.happenings import in_words
from vrfer.app.prompts import Prompts, PromptSettings, Sound
from vrfer.errors import OutputError, SettingsError, VrferError
from vrfer.frames import Box
from vrfer.live.obeying import Steered, obey
from vrfer.live.remote import LOOPBACK, Command, Remote
from vrfer.live.session import Session
from vrfer.live.status import Event, Happening, Phase, Status
from vrfer.people import People
from vrfer.rules import Rule
from vrfer.settings import (
    CameraPart,
    ExpressionPart,
    NetworkPart,
    OffersPart,
    ReceiverPart,
    RecordingPart,
    RemotePart,
    SettingsFile,
    WindowPart,
    default_log_file,
    read_settings,
    write_settings,
)

logger = logging.getLogger(__name__)

_SAVE_AFTER_MS = 500
_WRONG = (
    Happening.SOURCE_FAILED,
    Happening.RECORDING_FAILED,
    Happening.BASELINE_FAILED,
    Happening.NETWORK_FAILED,
    Happening.PROBLEM,
)
"""What the user has to mend; a face or camera that is away comes back."""


class Controller(QObject):
    """Holds the settings and the session."""

    settings_changed = pyqtSignal(object)
    """All `Settings` are others: after an import, or because the controller changed one."""
    said = pyqtSignal(str, bool)
    """A line for the user, and whether something is wrong."""
    people_changed = pyqtSignal(list)
    """The people who have a baseline."""
    listening_changed = pyqtSignal(bool, object)
    """Whether commands over OSC shall be heard, and on which port they are; None: they are not."""
    _commanded = pyqtSignal(object)

    def __init__(
        self,
        file: SettingsFile,
        people: People,
        prompts: Prompts,
        parent: QObject | None = None,
    ) -> None:
        """Load the settings and begin a session without a source.

        Args:
            file: Where settings are kept.
            people: Where baselines are kept.
            prompts: Says aloud what happens.
            parent: Owner of this object.
        """
        super().__init__(parent)
        self._file, self._people, self._prompts = file, people, prompts
        self.settings, self.trouble = file.load()
        """`trouble`: what became of a broken settings file, in words; None if all is well."""
        self.bridge = Bridge(self.settings.window.cpu_share, self)
        self.last_recording: Path | None = None
        """The recording that was made last, for its report."""
        self.status = Status()
        """The newest snapshot."""
        self._once: CameraPart | None = None
        self._session = Session(
            self.settings.network.wish(),
            steady=self.settings.expression.steady_wish(),
            people=people,
            on_event=self.bridge.tell,
        )
        self._saving = QTimer(self)
        self._saving.setSingleShot(True)
        self._saving.setInterval(_SAVE_AFTER_MS)
        self._saving.timeout.connect(self.save)
        self.bridge.happened.connect(self._happened)
        self.bridge.status.connect(self._keep_status)
        self._remote: Remote | None = None
        self._streamed: str | None = None
        self._served: int | None = None
        self._steered = Steered(
            self._session, self._start_if_closed, self.learn_resting, self._use_profile
        )
        self._commanded.connect(self._obey)
        self._send_to(self.settings.receivers)
        self._session.use_person(self.settings.expression.person)
        self._session.set_rules(self.settings.rules)
        self._offer()
        self._apply_window(self.settings.window)
        self.bridge.watch(self._session)

    def close(self) -> list[str]:
        """End the session; a recording is closed properly, settings are kept.

        Returns:
            What the recording lost, in words.
        """
        self._stop_listening()
        self.bridge.stop()
        self._session.close()
        if self._saving.isActive():
            self._saving.stop()
            self.save()
        told, self.bridge.untold = self.bridge.untold, []
        return [one.text for one in told if one.happening is Happening.RECORDING_FAILED]

    def listen(self) -> None:
        """Begin to hear commands over OSC, as the settings say."""
        self._stop_listening()
        part = self.settings.remote
        host = "" if part.everyone else LOOPBACK
        try:
            if part.on:
                self._remote = Remote(self._commanded.emit, port=part.port, host=host)
        except OutputError as err:
            self.said.emit(str(err), True)
        self.listening_changed.emit(part.on, self._heard_on)
        self._offer()

    @property
    def _heard_on(self) -> int | None:
        return None if self._remote is None else self._remote.port

    # The source.

    @property
    def camera(self) -> CameraPart:
        """The source that is meant: the settings', or one that is not remembered."""
        return self.settings.camera if self._once is None else self._once

    def say_unforeseen(self, error: str) -> None:
        """Say what nobody foresaw, from any thread."""
        text = self.tr("Something went wrong, and vrfer goes on: {error} (the log has more: {log})")
        self.said.emit(text.format(error=error, log=default_log_file()), True)

    @property
    def no_camera(self) -> str:
        """What is said where a camera must be chosen first."""
        return self.tr("Choose a camera first.")

    def start(self) -> None:
        """Open the source."""
        camera = self.camera
        if not camera.source:
            self.said.emit(self.no_camera, True)
            return
        self._session.open(camera.wish())

    def _start_if_closed(self) -> None:
        camera = self.camera
        if not camera.source:
            self.said.emit(self.no_camera, True)
            return
        self._session.start(camera.wish())

    def open_once(self, source: str) -> None:
        """Open another source than the settings', without remembering it."""
        self._once = self.settings.camera.model_copy(
            update={"source": source, "name": "", "region": None}
        )
        self.start()
        self._tell_settings()

    def stop(self) -> None:
        """Close the source."""
        self._session.close_source()

    def toggle(self) -> None:
        """Start or stop."""
        running = self.status.phase in (Phase.OPENING, Phase.RUNNING, Phase.PAUSED, Phase.AWAY)
        (self.stop if running else self.start)()

    def toggle_pause(self) -> None:
        """Let the source stand still, or go on."""
        self._session.pause(None)

    def seek(self, position_s: float) -> None:
        """Go on at another position of a file."""
        self._session.seek(position_s)

    def want_evidence(self, wanted: bool) -> None:
        """Have Grad-CAM maps made, or not."""
        self._session.want_evidence(wanted)

    # Parts of the settings, as the panels tell them.

    def change_camera(self, part: CameraPart) -> None:
        """Take another camera, or other settings of it."""
        before = self.camera
        self._take_camera(part)
        at_once = {"region", "mirrored", "rotation_deg"}
        if part.camera() is not None:
            at_once.add("loop")  # which is for files
        another = (part.source, part.name) != (before.source, before.name)
        if part.model_dump(exclude=at_once) == before.model_dump(exclude=at_once):
            self._session.turn(part.camera_settings().orientation)
            self._session.look_only_in(part.region)
        elif not part.source:
            self.stop()
        elif another or self._session.status().phase is not Phase.IDLE:
            # What somebody stopped stays off until somebody starts it.
            self.start()

    def change_region(self, region: Box | None) -> None:
        """Look for faces in a part of the picture only."""
        self._take_camera(self.camera.model_copy(update={"region": region}))
        self._session.look_only_in(region)
        self._tell_settings()

    def change_receivers(self, parts: tuple[ReceiverPart, ...]) -> None:
        """Send to these."""
        self._change(receivers=parts)
        self._send_to(parts)

    def test_receivers(self) -> None:
        """Send all receivers the test signal."""
        self._session.test_receivers()

    def change_expression(self, part: ExpressionPart) -> None:
        """Read expressions otherwise."""
        before = self.settings.expression
        self._change(expression=part)
        self._session.set_steady(part.steady_wish())
        if part.person != before.person:
            self._session.use_person(part.person)

    def change_rules(self, rules: tuple[Rule, ...]) -> None:
        """Begin and end events by other rules."""
        self._change(rules=rules)
        self._session.set_rules(rules)

    def change_network(self, part: NetworkPart) -> None:
        """Read with another network."""
        self._change(network=part)
        self._session.set_network(part.wish())

    def change_recording(self, part: RecordingPart) -> None:
        """Record elsewhere, or with pictures, from the next recording on."""
        self._change(recording=part)

    def change_window(self, part: WindowPart) -> None:
        """Look and sound otherwise."""
        self._change(window=part)
        self._apply_window(part)

    # Deeds.

    def hold_neutral(self, held: bool) -> None:
        """Say neutral, or what the face shows."""
        self._session.hold_neutral(held)

    def toggle_recording(self) -> None:
        """Begin or end a recording, in a file that is called after the moment."""
        if self.status.recording is not None:
            self._session.stop_recording()
            return
        moment = datetime.now().astimezone().strftime("%Y-%m-%d %H-%M-%S")
        part = self.settings.recording
        self._session.record(part.where() / f"{moment}.csv", film=part.video)

    def mark(self, text: str) -> None:
        """Set a marker."""
        self._session.mark(text)

    def learn_resting(self, person: str | None = None, *, aloud: bool = True) -> None:
        """Make a baseline from some seconds of a resting face; aloud: ask for it."""
        if aloud:
            self._prompts.say(self.tr("Rest your face, with your mouth closed."), Sound.HOLD)
        self._session.learn_resting(person)

    def stop_learning(self) -> None:
        """Give the baseline up."""
        self._session.stop_learning()

    def delete_person(self, person: str) -> None:
        """Delete a baseline."""
        if self.settings.expression.person == person:
            self._use_person(None)
        self._guarded(lambda: self._people.delete(person))
        self.people_changed.emit(self.people())

    def people(self) -> list[str]:
        """Return who has a baseline."""
        return self._people.names()

    def export_settings(self, path: Path) -> None:
        """Write all settings to a file."""
        self._guarded(lambda: write_settings(self.settings, path))

    def import_settings(self, path: Path) -> None:
        """Take all settings from a file; one that cannot be used changes nothing."""
        try:
            settings = read_settings(path)
        except SettingsError as err:
            self.said.emit(str(err), True)
            return
        self.settings, self._once = settings, None
        self._saving.start()
        self._session.set_network(settings.network.wish())
        self._session.set_steady(settings.expression.steady_wish())
        self._session.use_person(settings.expression.person)
        self._session.set_rules(settings.rules)
        self._send_to(settings.receivers)
        self._apply_window(settings.window)
        self.listen()  # which offers what the settings say, too
        self.settings_changed.emit(settings)
        (self.start if settings.camera.source else self.stop)()

    def save(self) -> None:
        """Write the settings now."""
        self._guarded(lambda: self._file.save(self.settings))

    def change_remote(self, part: RemotePart) -> None:
        """Hear commands elsewhere, or none."""
        self._change(remote=part)
        self.listen()

    def change_offers(self, part: OffersPart) -> None:
        """Offer other things to programs that fetch by themselves."""
        self._change(offers=part)
        self._offer()

    # The rest.

    def _stop_listening(self) -> None:
        if self._remote is not None:
            self._remote.close()
            self._remote = None

    def _offer(self) -> None:
        """Have the session offer what the settings say; what stays is not interrupted."""
        part = self.settings.offers
        name = part.lsl_name if part.lsl else None
        if name != self._streamed:
            self._streamed = name
            self._session.stream_lsl(name)
        port = self._heard_on if part.oscquery else None
        if port != self._served:
            self._served = port
            self._session.serve_oscquery(port)

    def _obey(self, command: Command) -> None:
        """Do what another program asked for over OSC."""
        self._guarded(lambda: obey(command, self._steered))

    def _use_profile(self, profile: str) -> None:
        parts = [part.model_copy(update={"profile": profile}) for part in self.settings.receivers]
        self.change_receivers(tuple(parts))
        self._tell_settings()

    def _change(self, **parts: object) -> None:
        self.settings = self.settings.model_copy(update=parts)
        self._saving.start()

    def _take_camera(self, part: CameraPart) -> None:
        if self._once is not None and part.source == self._once.source:
            self._once = part
        else:
            self._once = None
            self._change(camera=part)

    def _tell_settings(self) -> None:
        self.settings_changed.emit(self.settings.model_copy(update={"camera": self.camera}))

    def _send_to(self, parts: tuple[ReceiverPart, ...]) -> None:
        self._session.set_receivers([part.receiver() for part in parts if part.on])

    def _apply_window(self, part: WindowPart) -> None:
        self.bridge.cpu_share = part.cpu_share
        self._prompts.use(
            PromptSettings(
                sounds=part.sounds,
                speech=part.speech,
                volume=part.volume,
                locale=self._prompts.settings.locale,
            )
        )

    def _use_person(self, person: str | None) -> None:
        expression = self.settings.expression.model_copy(update={"person": person})
        self._change(expression=expression)
        self._session.use_person(person)
        self._tell_settings()

    def _keep_status(self, status: Status, cpu_share: float) -> None:
        self.status = status

    def _guarded(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except VrferError as err:
            self.said.emit(str(err), True)

    def _happened(self, event: Event) -> None:
        """Say what happened, aloud where the wearer should know."""
        self.status = self._session.status()
        if event.happening is Happening.BASELINE_MADE:
            self._use_person(event.text)
            self.people_changed.emit(self.people())
        if event.happening is Happening.NETWORK_FAILED:
            used = self.status.reads_with
            self._change(network=NetworkPart(model=used.model, device=used.device))
            self._tell_settings()
        if event.happening is Happening.RECORDING_STARTED:
            self.last_recording = Path(event.text)
        text, sound = in_words(event)
        if sound is not None:
            self._prompts.say(text, sound)
        if text:
            wrong = event.happening in _WRONG
            detail = f" {event.text[:1].upper()}{event.text[1:]}" if wrong and event.text else ""
            self.said.emit(text + detail, wrong)
