"""The window: main view, panels of settings, the guide, and the small strip.

Long, for it is the one place where all of them are connected; what they do is not here.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import QEvent, QSize, Qt, QTimer
from PyQt6.QtGui import (
    QCloseEvent,
    QGuiApplication,
    QHideEvent,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PyQt6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
)

from vrfer.app import language, theme
from vrfer.app.camera_panel import CameraPanel
from vrfer.app.camera_search import CameraSearch
from vrfer.app.card import show_card
from vrfer.app.controller import Controller
from vrfer.app.expression_panel import ExpressionPanel
from vrfer.app.guide import Guide, Step
from vrfer.app.main_view import MainView
from vrfer.app.program_panel import ProgramPanel
from vrfer.app.program_search import ProgramSearch
from vrfer.app.prompts import Prompts
from vrfer.app.receivers_panel import ReceiversPanel
from vrfer.app.recording_panel import RecordingPanel
from vrfer.app.reporting import Reporting
from vrfer.app.rules_panel import RulesPanel
from vrfer.app.strip import Strip
from vrfer.frames import Reading
from vrfer.live.board import Seen
from vrfer.live.status import Event, Happening, Phase, Status
from vrfer.settings import ReceiverPart, Settings, WindowPart

logger = logging.getLogger(__name__)

_SIZE = (1240, 800)
_LEAST = (1000, 640)
_TITLE_BAR_PX = 40
_MENDED_BY = {
    Happening.SOURCE_OPENED: Happening.SOURCE_FAILED,
    Happening.BASELINE_MADE: Happening.BASELINE_FAILED,
}
"""What is right again, and what was wrong."""
_SAID_MS = 8000
"""A line that is no problem disappears after this long."""
_HELD_MS = 20_000
"""For so long no such line takes the place of one that says what is wrong."""


class Window(QMainWindow):
    """Puts everything together; closing it ends the session."""

    def __init__(
        self,
        controller: Controller,
        prompts: Prompts,
        models: Sequence[Path],
        profiles: Sequence[str],
    ) -> None:
        """Build the window; nothing is opened yet.

        Args:
            controller: Does what the controls ask for.
            prompts: Says things aloud.
            models: The shipped networks, the default first.
            profiles: Names of the OSC profiles that can be chosen.
        """
        super().__init__()
        self.controller = controller
        self._prompts = prompts
        settings = controller.settings
        colors = theme.chosen(settings.window.theme)
        self.view = MainView(colors)
        self.camera = CameraPanel(settings.camera)
        self.sending = ReceiversPanel(settings.receivers, profiles, colors, offers=settings.offers)
        self.expression = ExpressionPanel(settings.expression, settings.network, models)
        self.recording = RecordingPanel(settings.recording, colors)
        self.rules = RulesPanel(settings.rules, colors)
        self.program = ProgramPanel(settings.window, language.available(), remote=settings.remote)
        self._guide_camera = CameraPanel(settings.camera)
        self.guide = Guide(colors, prompts, self._guide_camera.source, profiles)
        self.strip = Strip(colors)
        self.search = CameraSearch(self)
        self.program_search = ProgramSearch(self)
        self.reporting = Reporting(self)
        self.start_button = QPushButton()
        self.start_button.setProperty("role", "primary")
        self.neutral_button = QPushButton()
        self.neutral_button.setCheckable(True)
        self.record_button = QPushButton()
        self.strip_button = QPushButton()
        self.settings_button = QPushButton()
        self.settings_button.setCheckable(True)
        self.settings_button.setChecked(True)
        self.attended = True
        """Whether somebody is there who can answer, as far as is known."""
        self._cpu_share = 0.0
        self._wrong = False
        self._trouble = ""
        self._troubles: dict[Happening, str] = {}
        """What was said last of what went wrong."""
        self._theme: theme.Theme | None = None
        self._language = settings.window.language
        self.notice = QLabel()
        self.notice.setWordWrap(True)
        self.notice.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.dismiss = QToolButton()
        self.dismiss.setText("✕")
        self.dismiss.setAutoRaise(True)
        self.dismiss.clicked.connect(self._close_notice)
        self._notice_bar = QFrame()
        self.tabs = QTabWidget()
        self._notice_timer = QTimer(self)
        self._notice_timer.setSingleShot(True)
        self._notice_timer.timeout.connect(self._end_line)
        self._held = QTimer(self)
        self._held.setSingleShot(True)
        self._pages = QStackedWidget()
        self._lay_out()
        self._connect()
        self._set_shortcuts()
        hints = QGuiApplication.styleHints()
        if hints is not None:
            hints.colorSchemeChanged.connect(self._follow_system)
        self._apply_look(settings.window)
        self.view.picture.show_region(settings.camera.region)
        self.retranslate()
        size = QSize(*(settings.window.size or _SIZE))
        self.resize(size.boundedTo(self._room()).expandedTo(QSize(*_LEAST)))
        self.expression.show_people(controller.people())
        controller.listen()
        if controller.trouble:
            self.say(controller.trouble, True)

    def _lay_out(self) -> None:
        for panel in (
            self.camera, self.sending, self.expression, self.recording, self.rules, self.program,
        ):  # fmt: skip
            self.tabs.addTab(panel, "")
        self.tabs.setMinimumWidth(330)
        bar = QHBoxLayout()
        bar.setContentsMargins(8, 8, 8, 0)
        for button in (self.start_button, self.neutral_button, self.record_button):
            button.setMinimumHeight(40)
            bar.addWidget(button)
        bar.addStretch(1)
        bar.addWidget(self.strip_button)
        bar.addWidget(self.settings_button)
        body = QSplitter(Qt.Orientation.Horizontal)
        body.addWidget(self.view)
        body.addWidget(self.tabs)
        body.setStretchFactor(0, 1)
        body.setStretchFactor(1, 0)
        body.setSizes([840, 400])
        body.setChildrenCollapsible(False)
        self._notice_bar.hide()
        row = QHBoxLayout(self._notice_bar)
        row.setContentsMargins(12, 6, 12, 6)
        row.addWidget(self.notice, 1)
        row.addWidget(self.dismiss)
        page = QFrame()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(bar)
        column.addWidget(body, 1)
        self._pages.addWidget(page)
        self._pages.addWidget(self.guide)
        whole = QFrame()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._notice_bar)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(whole)

    def _connect(self) -> None:
        controller, bridge = self.controller, self.controller.bridge
        bridge.readings.connect(self._take_readings)
        bridge.seen.connect(self._show_seen)
        bridge.status.connect(self._show_status)
        bridge.happened.connect(self._happened)
        controller.said.connect(self.say)
        controller.settings_changed.connect(self._show_settings)
        controller.people_changed.connect(self.expression.show_people)
        self.start_button.clicked.connect(controller.toggle)
        self.neutral_button.clicked.connect(controller.hold_neutral)
        self.record_button.clicked.connect(controller.toggle_recording)
        self.strip_button.clicked.connect(self.show_strip)
        self.settings_button.toggled.connect(self.tabs.setVisible)
        self.view.pause_wanted.connect(controller.toggle_pause)
        self.view.position_wanted.connect(controller.seek)
        self.view.region_chosen.connect(controller.change_region)
        for panel in (self.camera, self._guide_camera):
            panel.changed.connect(controller.change_camera)
            panel.changed.connect(lambda part: self.view.picture.show_region(part.region))
            panel.search_wanted.connect(lambda: self.look_for_cameras(with_pictures=True))
            self.search.found.connect(panel.show_cameras)
            self.search.pictured.connect(panel.show_picture)
        self._guide_camera.changed.connect(self.camera.show_part)
        self.camera.changed.connect(self._guide_camera.show_part)
        self.sending.changed.connect(controller.change_receivers)
        self.sending.test_wanted.connect(controller.test_receivers)
        self.sending.search_wanted.connect(self.program_search.start)
        self.sending.avatar_wanted.connect(self.program_search.look_at_avatar)
        self.program_search.found.connect(self.sending.show_programs)
        self.program_search.finished.connect(self.sending.show_search_end)
        self.program_search.avatar_seen.connect(self.sending.show_fit)
        self.sending.offers.changed.connect(controller.change_offers)
        controller.listening_changed.connect(self.sending.offers.show_commands)
        self.expression.changed.connect(controller.change_expression)
        self.expression.network_changed.connect(controller.change_network)
        self.expression.learning_wanted.connect(controller.learn_resting)
        self.expression.learning_stopped.connect(controller.stop_learning)
        self.expression.deletion_wanted.connect(controller.delete_person)
        self.expression.card.clicked.connect(
            lambda: show_card(self, controller.settings.network.model)
        )
        self.recording.start_wanted.connect(controller.toggle_recording)
        self.recording.stop_wanted.connect(controller.toggle_recording)
        self.recording.marker_wanted.connect(controller.mark)
        self.recording.changed.connect(controller.change_recording)
        self.recording.report_wanted.connect(self._show_report)
        self.rules.changed.connect(controller.change_rules)
        self.program.changed.connect(self._change_window)
        self.program.remote_changed.connect(controller.change_remote)
        self.program.export_wanted.connect(controller.export_settings)
        self.program.import_wanted.connect(controller.import_settings)
        self.program.guide_wanted.connect(self.show_guide)
        self.guide.finished.connect(self._end_guide)
        self.guide.camera_wanted.connect(self._open_for_guide)
        self.guide.learning_wanted.connect(lambda name: controller.learn_resting(name, aloud=False))
        self.guide.learning_stopped.connect(controller.stop_learning)
        self.guide.receiver_chosen.connect(self._add_receiver)
        self.reporting.failed.connect(lambda text: self.say(text, True))
        self.strip.closed.connect(self._leave_strip)
        self.strip.neutral_wanted.connect(controller.hold_neutral)
        self.strip.marker_wanted.connect(lambda: controller.mark(""))

    def _set_shortcuts(self) -> None:
        controller = self.controller
        # On many keyboards the F keys are media keys first.
        for keys, deed in (
            (("F1",), self.show_guide),
            (("F5", "Ctrl+Shift+S"), controller.toggle),
            (
                ("F7", "Ctrl+Shift+N"),
                lambda: controller.hold_neutral(not controller.status.neutral_held),
            ),
            (("F8", "Ctrl+Shift+M"), lambda: controller.mark("")),
            (("F9", "Ctrl+Shift+R"), controller.toggle_recording),
            (("F11", "Ctrl+Shift+W"), self.toggle_strip),
            (("Ctrl+Q",), self.close),
        ):
            for owner in (self, self.strip):
                shortcut = QShortcut(owner)
                shortcut.setKeys([QKeySequence(one) for one in keys])
                shortcut.activated.connect(deed)
                shortcut.setAutoRepeat(False)  # a wearer feels for the key, and holds it
        QShortcut(QKeySequence("Ctrl+,"), self, self.settings_button.toggle)
        for number in range(self.tabs.count()):
            QShortcut(QKeySequence(f"Ctrl+{number + 1}"), self, lambda n=number: self.show_tab(n))

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.setWindowTitle("vrfer")
        for panel in (
            self.view, self.camera, self._guide_camera, self.sending, self.expression,
            self.recording, self.rules, self.program, self.guide, self.strip,
        ):  # fmt: skip
            panel.retranslate()
        for number, title in enumerate(
            (
                self.tr("Camera"),
                self.tr("Send"),
                self.tr("Expression"),
                self.tr("Record"),
                self.tr("Rules"),
                self.tr("Program"),
            )
        ):
            self.tabs.setTabText(number, title)
        self.neutral_button.setText(self.tr("Hold neutral (F7)"))
        self.neutral_button.setToolTip(
            self.tr("Send neutral, whatever the face does, until you press this again")
        )
        self.strip_button.setText(self.tr("Small window (F11)"))
        self.settings_button.setText(self.tr("Settings"))
        self.dismiss.setAccessibleName(self.tr("Close this line"))
        self.dismiss.setToolTip(self.dismiss.accessibleName())
        self._show_buttons(self.controller.status)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the language, and draw nothing while minimised."""
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        if event is not None and event.type() == QEvent.Type.WindowStateChange:
            self._follow_visibility()
        super().changeEvent(event)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Draw."""
        super().showEvent(event)
        self._follow_visibility()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Draw nothing."""
        super().hideEvent(event)
        self._follow_visibility()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """End the session: a recording is closed properly, settings are kept."""
        window = self.controller.settings.window
        size = (self.width(), self.height())
        usual = not (self.isMaximized() or self.isFullScreen())
        if self.isVisible() and usual and window.size != size:
            self.controller.change_window(window.model_copy(update={"size": size}))
        self.search.stop()
        self.program_search.stop()
        lost = self.controller.close()
        if lost and self.attended:  # no line of the window would be seen any more
            QMessageBox.warning(self, "vrfer", "\n\n".join(lost))
        for line in lost:
            logger.error("%s", line)
        self.program_search.close()
        self.strip.blockSignals(True)
        self.strip.close()
        super().closeEvent(event)
        application = QApplication.instance()
        if application is not None:
            application.quit()

    def _room(self) -> QSize:
        """Return the largest size that the screen has room for, title bar included."""
        screen = self.screen()
        assert screen is not None
        return screen.availableSize() - QSize(0, _TITLE_BAR_PX)

    def say(self, text: str, wrong: bool) -> None:
        """Show a line; one that is no problem disappears by itself.

        What is wrong is hidden by none for a while, and comes back after others until it is closed.
        """
        if wrong:
            self._trouble = text
            self._held.start(_HELD_MS)
        elif self._held.isActive():
            return
        self._wrong = wrong
        self.notice.setText(text)
        self._color_notice()
        self._notice_bar.show()
        self._notice_timer.stop()
        if not wrong:
            self._notice_timer.start(_SAID_MS)

    def _end_line(self) -> None:
        """Take a line away; what is wrong comes back."""
        if self._trouble and not self._wrong:
            self._wrong = True
            self.notice.setText(self._trouble)
            self._color_notice()
        else:
            self._close_notice()

    def _close_notice(self) -> None:
        self._trouble = ""
        self._held.stop()
        self._notice_timer.stop()
        self.notice.clear()
        self._notice_bar.hide()

    def _color_notice(self) -> None:
        assert self._theme is not None
        color = self._theme.bad if self._wrong else self._theme.muted
        self.notice.setStyleSheet(f"color: {color};")

    def show_guide(self) -> None:
        """Show the first start's guide from its beginning."""
        self.strip.close()
        self._pages.setCurrentWidget(self.guide)
        self.guide.show_step(Step.CONSENT)
        self.guide.next.setFocus()

    def show_tab(self, number: int) -> None:
        """Show a panel of settings."""
        self.settings_button.setChecked(True)
        self.tabs.setCurrentIndex(number)

    def show_strip(self) -> None:
        """Show the small strip in place of the window."""
        self.hide()
        self.strip.show()
        self._follow_visibility()

    def toggle_strip(self) -> None:
        """Show the small strip, or the window again."""
        (self.strip.close if self.strip.isVisible() else self.show_strip)()

    def look_for_cameras(self, *, with_pictures: bool) -> None:
        """List the cameras; with pictures each is switched on for a moment."""
        self.search.start(self.controller.camera.camera(), with_pictures=with_pictures)

    def _leave_strip(self) -> None:
        self.show()
        self.raise_()

    def _follow_visibility(self) -> None:
        shown = (self.isVisible() and not self.isMinimized()) or self.strip.isVisible()
        self.controller.bridge.set_hidden(not shown)
        self.controller.want_evidence(
            self.isVisible()
            and not self.isMinimized()
            and self.controller.settings.window.network_view
        )

    def _take_readings(self, readings: list[tuple[Reading, float]]) -> None:
        self.view.take_readings(readings)

    def _show_seen(self, seen: Seen) -> None:
        if self.strip.isVisible():
            self.strip.show_reading(seen.look.reading)
        elif self._pages.currentWidget() is self.guide:
            self.guide.show_seen(seen)
        else:
            self.view.show_seen(seen, neutral_held=self.controller.status.neutral_held)

    def _show_status(self, status: Status, cpu_share: float) -> None:
        self._cpu_share = cpu_share
        self.view.show_status(status, cpu_share)
        self.sending.show_status(status.receivers)
        self.sending.offers.show_status(status.lsl, status.oscquery)
        self.expression.show_status(status)
        self.recording.show_recording(status.recording)
        self.rules.show_active(status.active_rules)
        self.strip.show_status(status)
        self.guide.show_status(status)
        self._show_buttons(status)

    def _show_buttons(self, status: Status) -> None:
        running = status.phase not in (Phase.IDLE, Phase.ENDED, Phase.FAILED)
        opening = status.phase is Phase.OPENING
        self.start_button.setText(
            self.tr("Cancel (F5)")
            if opening
            else self.tr("Stop (F5)")
            if running
            else self.tr("Start (F5)")
        )
        self.neutral_button.setChecked(status.neutral_held)
        recording = status.recording is not None
        self.record_button.setText(
            self.tr("● Stop recording (F9)") if recording else self.tr("Record (F9)")
        )
        role = "danger" if recording else ""
        if self.record_button.property("role") != role:
            self.record_button.setProperty("role", role)
            style = self.record_button.style()
            if style is not None:
                style.polish(self.record_button)

    def _happened(self, event: Event) -> None:
        self.guide.show_event(event)
        if event.happening in _MENDED_BY.values():
            self._troubles[event.happening] = self._trouble
        if event.happening in _MENDED_BY:
            mended = {self._troubles.pop(_MENDED_BY[event.happening], None)}
            if event.happening is Happening.SOURCE_OPENED:
                mended.add(self.controller.no_camera)
            if self._trouble in mended:
                self._close_notice()
        if event.happening is Happening.MARKED:
            self.view.mark(event.text or self.tr("Marker"))
        if event.happening is Happening.PROBLEM:
            self.sending.offers.show_problem(event.text)
        self._show_status(self.controller.status, self._cpu_share)

    def _show_settings(self, settings: Settings) -> None:
        self.camera.show_part(settings.camera)
        self._guide_camera.show_part(settings.camera)
        self.sending.show_parts(settings.receivers)
        self.sending.offers.show_part(settings.offers)
        self.expression.show_parts(settings.expression, settings.network)
        self.recording.show_part(settings.recording)
        self.rules.show_rules(settings.rules)
        self.program.show_part(settings.window)
        self.program.show_remote(settings.remote)
        self.view.picture.show_region(settings.camera.region)
        self._apply_look(settings.window)

    def _change_window(self, part: WindowPart) -> None:
        self.controller.change_window(part)
        self._apply_look(part)

    def _apply_look(self, part: WindowPart) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        if part.language != self._language:
            self._language = part.language
            spoken = language.install(application, part.language)
            self._prompts.use(replace(self._prompts.settings, locale=spoken))
        self._use_theme(application, theme.chosen(part.theme))
        self.view.network.setVisible(part.network_view)
        self._follow_visibility()

    def _use_theme(self, application: QApplication, chosen: theme.Theme) -> None:
        """Dress everything, which takes a while, where it is not dressed so already."""
        if chosen == self._theme:
            return
        self._theme = chosen
        theme.apply(application, chosen)
        for panel in (
            self.view, self.sending, self.recording, self.rules, self.guide, self.strip,
        ):  # fmt: skip
            panel.set_theme(chosen)
        self._color_notice()

    def _follow_system(self) -> None:
        part = self.controller.settings.window
        if part.theme == "system" and theme.chosen("system") != self._theme:
            self._apply_look(part)

    def _open_for_guide(self) -> None:
        if self.guide.step is Step.CAMERA:
            self.look_for_cameras(with_pictures=False)
        if self.controller.camera.source and self.controller.status.phase in (
            Phase.IDLE, Phase.ENDED, Phase.FAILED,
        ):  # fmt: skip
            self.controller.start()
        elif self.controller.status.phase is Phase.PAUSED:
            self.controller.toggle_pause()

    def _add_receiver(self, part: ReceiverPart) -> None:
        """Send to this one too, which may be there already; in place of what nobody chose."""
        parts = self.controller.settings.receivers
        same = [one for one in parts if (one.host, one.port) == (part.host, part.port)]
        if same:
            parts = tuple(one.model_copy(update={"on": one.on or one in same}) for one in parts)
        else:
            parts = (part,) if parts == Settings().receivers else (*parts, part)
        if parts != self.controller.settings.receivers:
            self.controller.change_receivers(parts)
            self.sending.show_parts(parts)

    def _end_guide(self) -> None:
        self._pages.setCurrentIndex(0)
        window = self.controller.settings.window.model_copy(update={"welcomed": True})
        self.controller.change_window(window)
        self.program.show_part(window)

    def _show_report(self) -> None:
        if self.controller.last_recording is not None:
            self.reporting.show(self.controller.last_recording)
