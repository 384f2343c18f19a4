"""What other programs fetch by themselves: Lab Streaming Layer streams and OSCQuery."""

from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from vrfer.app.theme import Theme
from vrfer.live.status import Offer
from vrfer.outputs.lsl import can_name_stream
from vrfer.settings import OffersPart

_LSL, _OSCQUERY = "Lab Streaming Layer", "OSCQuery"
"""As errors call them: a problem says by nothing else what it is about."""


class OffersCard(QFrame):
    """Shows and changes the offers, and says how they do."""

    changed = pyqtSignal(object)
    """The new `OffersPart`."""

    def __init__(self, part: OffersPart, theme: Theme, parent: QWidget | None = None) -> None:
        """Show a part; of how it does, nothing is known yet."""
        super().__init__(parent)
        self._part, self._theme = part, theme
        self._lsl_offer: Offer | None = None
        self._oscquery_offer: Offer | None = None
        self._commands_on = True
        self._commands_port: int | None = None
        self._problems: dict[str, str] = {}
        self.setProperty("role", "card")
        self.title = QLabel()
        self.title.setProperty("role", "title")
        self.title.setWordWrap(True)
        self.lsl = QCheckBox()
        self.lsl_name = QLineEdit()
        self.lsl_name.setMaxLength(64)
        self._name_label = QLabel()
        self._name_label.setBuddy(self.lsl_name)
        self.lsl_state = QLabel()
        self.oscquery = QCheckBox()
        self.oscquery_state = QLabel()
        self._about_lsl, self._about_oscquery = QLabel(), QLabel()
        self.stops = (self.lsl, self.lsl_name, self.oscquery)
        """The controls, in the order in which Tab reaches them."""
        name = QHBoxLayout()
        name.addWidget(self._name_label)
        name.addWidget(self.lsl_name, 1)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        for box, about, state in (
            (self.lsl, self._about_lsl, self.lsl_state),
            (self.oscquery, self._about_oscquery, self.oscquery_state),
        ):
            about.setWordWrap(True)
            state.setWordWrap(True)
            state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(box)
            column.addWidget(about)
            if box is self.lsl:
                column.addLayout(name)
            column.addWidget(state)
        column.addStretch(1)
        self.retranslate()
        self.lsl.clicked.connect(lambda on: self._change(lsl=on))
        self.oscquery.clicked.connect(lambda on: self._change(oscquery=on))
        self.lsl_name.editingFinished.connect(self._named)

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.title.setText(self.tr("For other programs"))
        self.lsl.setText(self.tr("Lab Streaming Layer (LSL)"))
        self._about_lsl.setText(
            self.tr("For researchers: beside EEG and the like. The whole network can read it.")
        )
        self._name_label.setText(self.tr("Stream"))
        self.lsl_name.setAccessibleName(self.tr("Name of the LSL stream"))
        self.lsl_name.setToolTip(
            self.tr("Recorders find it by this name; two programs need two names")
        )
        self.oscquery.setText(self.tr("OSCQuery"))
        self._about_oscquery.setText(
            self.tr("Programs on this computer find vrfer, what it sends and what it obeys.")
        )
        self.lsl.setAccessibleDescription(self._about_lsl.text())
        self.oscquery.setAccessibleDescription(self._about_oscquery.text())
        self.show_part(self._part)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self._say()

    def show_part(self, part: OffersPart) -> None:
        """Show a part; nothing is told."""
        self._part = part
        self.lsl.setChecked(part.lsl)
        self.oscquery.setChecked(part.oscquery)
        self.lsl_name.setText(part.lsl_name)
        self._say()

    def show_status(self, lsl: Offer | None, oscquery: Offer | None) -> None:
        """Say how the offers do; None: not offered."""
        self._lsl_offer, self._oscquery_offer = lsl, oscquery
        self._say()

    def show_commands(self, on: bool, port: int | None) -> None:
        """Say whether commands are heard, which OSCQuery tells of.

        Args:
            on: Whether they shall be heard.
            port: Where they are; None where they are not.
        """
        self._commands_on, self._commands_port = on, port
        self._say()

    def show_problem(self, text: str) -> None:
        """Say what the session could not do, if it is about an offer."""
        for about in (_LSL, _OSCQUERY):
            if about in text:
                self._problems[about] = text
        self._say()

    def _say(self) -> None:
        theme, part = self._theme, self._part
        if not can_name_stream(self.lsl_name.text().strip()):
            color = theme.bad
            text = self.tr("Take up to 64 letters, digits, spaces, dots, - and _.")
        elif not part.lsl:
            color, text = theme.muted, self.tr("off")
        else:
            color, text = self._state(self._lsl_offer, _LSL)
        self._show(self.lsl_state, color, text)
        if not part.oscquery:
            color, text = theme.muted, self.tr("off")
        elif not self._commands_on:
            color = theme.warning
            text = self.tr(
                "Not offered: commands over OSC are off. Switch them on under Program, for "
                "OSCQuery tells where they are heard."
            )
        elif self._commands_port is None:
            color = theme.bad
            text = self.tr(
                "Not offered: commands cannot be heard, for their port is taken. Choose another "
                "under Program."
            )
        else:
            color, text = self._state(self._oscquery_offer, _OSCQUERY)
        self._show(self.oscquery_state, color, text)

    def _state(self, offer: Offer | None, about: str) -> tuple[str, str]:
        theme = self._theme
        if offer is None:
            problem = self._problems.get(about)
            return (theme.bad, problem) if problem else (theme.warning, self.tr("not offered yet"))
        if offer.error:
            return theme.warning, offer.error
        if offer.received:
            return theme.good, self.tr("{name}: a program receives it").format(name=offer.name)
        return theme.good, self.tr("offered as {name}").format(name=offer.name)

    def _show(self, state: QLabel, color: str, text: str) -> None:
        state.setText(text)
        state.setStyleSheet(f"color: {color};")

    def _named(self) -> None:
        name = self.lsl_name.text().strip()
        if can_name_stream(name):
            self.lsl_name.setText(name)
            self._change(lsl_name=name)
        self._say()

    def _change(self, **fields: Any) -> None:
        part = self._part.model_copy(update=fields)
        if part != self._part:
            self._part = part
            self._problems.pop(_OSCQUERY if "oscquery" in fields else _LSL, None)
            self._say()
            self.changed.emit(part)
