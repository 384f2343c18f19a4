"""The programs of this computer that hear OSC, each with one click to send to it."""

from collections.abc import Sequence

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from vrfer.app.program_search import AvatarFit
from vrfer.app.state_line import ElidedLabel
from vrfer.app.theme import Theme
from vrfer.oscquery.programs import Program
from vrfer.settings import ReceiverPart

_HERE = frozenset({"127.0.0.1", "localhost"})


def sent_to(program: Program, parts: Sequence[ReceiverPart]) -> ReceiverPart | None:
    """Return the receiver that is this program; None where there is none."""
    for part in parts:
        same_host = part.host == program.host or {part.host, program.host} <= _HERE
        if same_host and part.port == program.osc_port:
            return part
    return None


class FoundProgram(QFrame):
    """One program."""

    wanted = pyqtSignal()
    """It is to be sent to."""

    def __init__(self, program: Program, theme: Theme) -> None:
        """Show a program."""
        super().__init__()
        self.program = program
        """What is shown."""
        self._theme = theme
        self._part: ReceiverPart | None = None
        self._fit: AvatarFit | None = None
        self.setProperty("role", "card")
        # Others write their names: they are shown as they are, never as HTML.
        self.name = ElidedLabel()
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.send = QPushButton()
        self.says = QLabel()
        self.says.setTextFormat(Qt.TextFormat.PlainText)
        self.says.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.send)
        column = QVBoxLayout(self)
        column.addLayout(head)
        column.addWidget(self.says)
        self.send.clicked.connect(self.wanted)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.name.setText(self.program.name)
        self.send.setText(self.tr("Send to it"))
        self.send.setAccessibleName(self.tr("Send to {program}").format(program=self.program.name))
        self.send.setToolTip(
            self.tr("Makes it a receiver: {host}, port {port}").format(
                host=self.program.host, port=self.program.osc_port
            )
        )
        self._say()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self._say()

    def show_part(self, part: ReceiverPart | None) -> None:
        """Show whether it is sent to already, as this receiver."""
        self._part = part
        self._say()

    def show_fit(self, fit: AvatarFit) -> None:
        """Say how well its avatar fits the profile."""
        self._fit = fit
        self._say()

    def _say(self) -> None:
        theme, fit = self._theme, self._fit
        expressions = bool(self.program.profile)
        sent = self._part is not None and self._part.on
        self.send.setVisible(expressions and not sent)
        color, text = theme.muted, ""
        if not expressions:
            text = self.tr("hears OSC, but no expressions")
        elif not sent:
            text = self.tr("hears OSC on port {port}").format(port=self.program.osc_port)
        elif fit is None or self._part is None or fit.profile != self._part.profile:
            color, text = theme.good, self.tr("is one of the receivers above")
        elif fit.error:
            color, text = theme.warning, fit.error
        elif fit.heard:
            color = theme.good
            text = self.tr(
                "This avatar hears {heard} of the {of} addresses of the profile {profile}."
            ).format(heard=fit.heard, of=fit.of, profile=fit.profile)
        elif fit.other:
            color = theme.warning
            text = self.tr(
                "This avatar has no parameters of the profile {profile}, but some of {other}: "
                "choose that profile above."
            ).format(profile=fit.profile, other=fit.other)
        else:
            color = theme.warning
            text = self.tr(
                "This avatar has none of vrfer's parameters; docs/profiles.md says how to add them."
            )
        self.says.setText(text)
        self.says.setStyleSheet(f"color: {color};")


class FoundPrograms(QWidget):
    """The list of them, and what to do where it is empty."""

    send_wanted = pyqtSignal(object)
    """A `Program` is to be sent to."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin hidden: nothing was looked for."""
        super().__init__(parent)
        self._theme = theme
        self._parts: Sequence[ReceiverPart] = ()
        self._searching = False
        self._error = ""
        self._fits: dict[Program, AvatarFit] = {}
        self.cards: list[FoundProgram] = []
        """One a program, by name."""
        self.title = QLabel()
        self.title.setProperty("role", "title")
        self.title.setWordWrap(True)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.title)
        self._column.addWidget(self.note)
        self._column.addStretch(1)
        self.hide()
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.title.setText(self.tr("Programs on this computer"))
        for card in self.cards:
            card.retranslate()
        self._say()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        for card in self.cards:
            card.set_theme(theme)

    def show_search(self) -> None:
        """Say that programs are looked for."""
        self._searching, self._error = True, ""
        self._fits = {}
        self.show_programs(())
        self.show()

    def show_end(self, error: str) -> None:
        """Say what became of the search.

        Args:
            error: Why mDNS does not work; empty if it does.
        """
        self._searching, self._error = False, error
        self._say()

    def show_programs(self, programs: Sequence[Program]) -> None:
        """Show these, in their order."""
        for card in self.cards:
            card.hide()
            card.deleteLater()
        self.cards = []
        for program in programs:
            card = FoundProgram(program, self._theme)
            card.wanted.connect(lambda p=program: self.send_wanted.emit(p))
            self._column.insertWidget(self._column.count() - 1, card)
            self.cards.append(card)
            if program in self._fits:
                card.show_fit(self._fits[program])
        self.show_parts(self._parts)
        self._say()

    def show_parts(self, parts: Sequence[ReceiverPart]) -> None:
        """Show which of them are sent to already."""
        self._parts = parts
        for card in self.cards:
            card.show_part(sent_to(card.program, parts))

    def show_fit(self, program: Program, fit: AvatarFit) -> None:
        """Say how well a program's avatar fits the profile."""
        self._fits[program] = fit
        for card in self.cards:
            if card.program == program:
                card.show_fit(fit)

    def _say(self) -> None:
        if self._searching:
            text = "" if self.cards else self.tr("Looking …")
        elif self._error:
            text = self.tr(
                "Programs cannot be found here, often because of a VPN ({error}). Add a receiver "
                "with host and port by hand: VRChat usually hears on 127.0.0.1, port 9000."
            ).format(error=self._error)
        elif not self.cards:
            text = self.tr(
                "Nothing was found. Is the program running, and is OSC switched on in it? VRChat: "
                "Action Menu > Options > OSC > Enabled. A program that does not speak OSCQuery is "
                "never found; add a receiver with its host and port."
            )
        else:
            text = ""
        self.note.setText(text)
        self.note.setVisible(bool(text))
        self.note.setStyleSheet(f"color: {self._theme.warning};" if self._error else "")
