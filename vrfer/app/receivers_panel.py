"""Where readings are sent: receivers and how each does, programs found, and what is offered."""

from collections.abc import Sequence
from itertools import count, pairwise
from typing import Any

from PyQt6.QtCore import QSignalBlocker, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from vrfer.app.form import fill, keep_from_wheel
from vrfer.app.found_programs import FoundPrograms, sent_to
from vrfer.app.offers_card import OffersCard
from vrfer.app.program_search import AvatarFit
from vrfer.app.theme import Theme
from vrfer.live.status import ReceiverStatus
from vrfer.oscquery.programs import Program
from vrfer.settings import OffersPart, ReceiverPart

_FASTEST_HZ = 1000.0
_USUAL_PORT = 9000
_LEAST_RATE_PX = 150
_NO_OFFERS = OffersPart()


class ReceiverRow(QFrame):
    """One receiver."""

    changed = pyqtSignal()
    removed = pyqtSignal()

    def __init__(self, part: ReceiverPart, profiles: Sequence[str], theme: Theme) -> None:
        """Show a receiver."""
        super().__init__()
        self.part = part
        """What is shown."""
        self._profiles = profiles
        self._theme = theme
        self.setProperty("role", "card")
        self.on = QCheckBox()
        self.host = QLineEdit()
        self.port = QSpinBox()
        self.port.setRange(1, 65535)
        self.port.setGroupSeparatorShown(False)
        self.port.setKeyboardTracking(False)
        self.profile = QComboBox()
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0, _FASTEST_HZ)
        self.rate.setKeyboardTracking(False)
        # Else it asks for the room of 1000.000, which a narrow panel with a scroll bar has not.
        self.rate.setMinimumWidth(_LEAST_RATE_PX)
        self.remove = QPushButton()
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.stops = (self.on, self.host, self.port, self.profile, self.rate, self.remove)
        """The controls, in the order in which Tab reaches them."""
        self._profile_name = QLabel()
        self._profile_name.setBuddy(self.profile)
        self._lay_out()
        self.retranslate()
        self._show()
        self.on.clicked.connect(lambda on: self._change(on=on))
        self.host.editingFinished.connect(self._host_entered)
        self.port.valueChanged.connect(lambda value: self._change(port=value))
        self.profile.activated.connect(lambda: self._change(profile=self.profile.currentData()))
        self.rate.valueChanged.connect(lambda value: self._change(rate_hz=value or None))
        self.remove.clicked.connect(self.removed)

    def _lay_out(self) -> None:
        address = QHBoxLayout()
        address.addWidget(self.on)
        address.addWidget(self.host, 1)
        address.addWidget(self.port)
        form = QHBoxLayout()
        form.addWidget(self._profile_name)
        form.addWidget(self.profile, 1)
        below = QHBoxLayout()
        below.addWidget(self.rate, 1)
        below.addWidget(self.remove)
        column = QVBoxLayout(self)
        for row in (address, form, below):
            column.addLayout(row)
        column.addWidget(self.state)
        keep_from_wheel(self)

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        for field, name, tip in (
            (self.on, self.tr("Send to this receiver"), ""),
            (
                self.host,
                self.tr("Host"),
                self.tr("127.0.0.1 is this computer; another computer or headset by its address"),
            ),
            (self.port, self.tr("Port"), self.tr("VRChat and many others hear on 9000")),
            (self.profile, self.tr("Profile"), self.tr("Which names and numbers are sent")),
            (self.rate, self.tr("Most pictures told a second"), ""),
        ):
            field.setAccessibleName(name)
            field.setToolTip(tip or name)
        self._profile_name.setText(self.profile.accessibleName())
        self.rate.setSpecialValueText(self.tr("every frame"))
        self.rate.setSuffix(self.tr(" a second"))
        self.remove.setText(self.tr("Remove"))

    def show_status(self, status: ReceiverStatus | None) -> None:
        """Say how it does; None: nothing is known of it."""
        theme = self._theme
        if not self.part.on:
            color, text = theme.muted, self.tr("switched off")
        elif status is None or not (status.ready or status.error):
            color, text = theme.warning, self.tr("looking the host up …")
        elif status.error:
            color = theme.bad
            text = self.tr("{error} · sent {sent}, failed {failed}").format(
                error=status.error, sent=status.sent, failed=status.failed
            )
        elif status.sent == 0:
            color, text = theme.muted, self.tr("ready; nothing sent yet")
        else:
            color, text = theme.good, self.tr("sent {sent}").format(sent=status.sent)
        self.state.setText(text)
        self.state.setStyleSheet(f"color: {color};")

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme

    def _show(self) -> None:
        part = self.part
        self.on.setChecked(part.on)
        self.host.setText(part.host)
        with QSignalBlocker(self.port):
            self.port.setValue(part.port)
        known = dict.fromkeys([*self._profiles, part.profile])
        fill(self.profile, [(name, name) for name in known], part.profile)
        rate_hz = part.rate_hz or 0.0
        with QSignalBlocker(self.rate):
            self.rate.setDecimals(1 if rate_hz == round(rate_hz, 1) else 3)
            self.rate.setValue(rate_hz)

    def _host_entered(self) -> None:
        host = self.host.text().strip() or self.part.host
        self.host.setText(host)
        self._change(host=host)

    def _change(self, **fields: Any) -> None:
        part = self.part.model_copy(update=fields)
        if part != self.part:
            self.part = part
            self.changed.emit()


class ReceiversPanel(QWidget):
    """Shows and changes the receivers."""

    changed = pyqtSignal(tuple)
    """The new receivers, as `ReceiverPart`."""
    test_wanted = pyqtSignal()
    """The user wants the test pattern sent."""
    search_wanted = pyqtSignal()
    """Programs are to be looked for."""
    avatar_wanted = pyqtSignal(object, str)
    """A `Program`'s avatar is to be compared with the profile of this name."""

    def __init__(
        self,
        parts: Sequence[ReceiverPart],
        profiles: Sequence[str],
        theme: Theme,
        parent: QWidget | None = None,
        *,
        offers: OffersPart = _NO_OFFERS,
    ) -> None:
        """Show receivers.

        Args:
            parts: The receivers.
            profiles: Names of the profiles that can be chosen.
            theme: Colours.
            parent: Owner of this widget.
            offers: What is offered besides.
        """
        super().__init__(parent)
        self._profiles, self._theme = profiles, theme
        self.rows: list[ReceiverRow] = []
        """One a receiver, in their order."""
        self.add_button = QPushButton()
        self.test_button = QPushButton()
        self.find_button = QPushButton()
        self._searching = False
        self._compared: dict[Program, str] = {}
        """The profile that a program's avatar was compared with."""
        self.programs = FoundPrograms(theme)
        self.offers = OffersCard(offers, theme)
        page = QWidget()
        self._list = QVBoxLayout(page)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addWidget(self.programs)
        self._list.addWidget(self.offers)
        self._list.addStretch(1)
        area = self._area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(self.test_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(area, 1)
        layout.addLayout(buttons)
        layout.addWidget(self.find_button)
        self.find_button.clicked.connect(self._search)
        self.programs.send_wanted.connect(self._send_to)
        self.add_button.clicked.connect(self._add_another)
        self.test_button.clicked.connect(self.test_wanted)
        self.show_parts(parts)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.add_button.setText(self.tr("&Add a receiver"))
        self.test_button.setText(self.tr("Send a &test signal"))
        self.test_button.setToolTip(
            self.tr(
                "Each expression in turn, so that you see in the scene whether anything arrives"
            )
        )
        self._name_find_button()
        self.find_button.setToolTip(
            self.tr("Programs on this computer that hear OSC and say so, such as VRChat")
        )
        for row in self.rows:
            row.retranslate()
        self.programs.retranslate()
        self.offers.retranslate()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        for row in self.rows:
            row.set_theme(theme)
        self.programs.set_theme(theme)
        self.offers.set_theme(theme)

    def show_parts(self, parts: Sequence[ReceiverPart]) -> None:
        """Show receivers; nothing is told."""
        for row in self.rows:
            _drop(row)
        self.rows = []
        for part in parts:
            self._add_row(part)
        self._order()
        self.programs.show_parts(parts)

    def show_programs(self, programs: Sequence[Program]) -> None:
        """Show the programs that are found so far."""
        self.programs.show_programs(programs)
        self._order()

    def show_search_end(self, error: str) -> None:
        """Say that the search is over.

        Args:
            error: Why mDNS does not work; empty if it does.
        """
        self._searching = False
        self.programs.show_end(error)
        self._name_find_button()

    def show_fit(self, program: Program, fit: AvatarFit) -> None:
        """Say how well a program's avatar fits the profile."""
        self.programs.show_fit(program, fit)

    def show_status(self, statuses: Sequence[ReceiverStatus]) -> None:
        """Say how each does."""
        by_receiver = {status.receiver: status for status in statuses}
        for row in self.rows:
            row.show_status(by_receiver.get(row.part.receiver()))

    def _add_row(self, part: ReceiverPart) -> None:
        row = ReceiverRow(part, self._profiles, self._theme)
        row.changed.connect(self._tell)
        row.removed.connect(lambda: self._remove(row))
        self._list.insertWidget(len(self.rows), row)
        self.rows.append(row)

    def _order(self) -> None:
        """Have Tab go from top to bottom: new widgets would come last in the whole window."""
        inside = (
            *(stop for row in self.rows for stop in row.stops),
            *(card.send for card in self.programs.cards),
            *self.offers.stops,
        )
        buttons = (self.add_button, self.test_button, self.find_button)
        for before, after in pairwise([self.add_button, *inside, *buttons]):
            QWidget.setTabOrder(before, after)

    def _add_another(self) -> None:
        taken = {row.part.port for row in self.rows}
        port = next(port for port in count(_USUAL_PORT) if port not in taken)
        self._add_row(ReceiverPart(port=port))
        self._order()
        self._tell()

    def _search(self) -> None:
        if not self._searching:
            self._searching = True
            self.programs.show_search()
            self._name_find_button()
            self.search_wanted.emit()
            # What is found comes below the receivers, which may fill the panel.
            QTimer.singleShot(0, lambda: self._area.ensureWidgetVisible(self.programs))

    def _name_find_button(self) -> None:
        self.find_button.setText(
            self.tr("Looking for programs …") if self._searching else self.tr("&Find programs …")
        )

    def _send_to(self, program: Program) -> None:
        """Make a program a receiver, or switch on the one that it is."""
        parts = [row.part for row in self.rows]
        known = sent_to(program, parts)
        if known is None:
            known = ReceiverPart(host=program.host, port=program.osc_port, profile=program.profile)
            parts.append(known)
        else:
            switched_on = known.model_copy(update={"on": True})
            parts[parts.index(known)] = known = switched_on
        self.show_parts(parts)
        self._tell()
        self.find_button.setFocus()
        if program.kind == "VRChat":
            self._compare(program, known.profile)

    def _remove(self, row: ReceiverRow) -> None:
        self.rows.remove(row)
        _drop(row)
        self._tell()

    def _compare(self, program: Program, profile: str) -> None:
        self._compared[program] = profile
        self.avatar_wanted.emit(program, profile)

    def _tell(self) -> None:
        parts = tuple(row.part for row in self.rows)
        self.programs.show_parts(parts)
        self.changed.emit(parts)
        for program, profile in list(self._compared.items()):
            part = sent_to(program, parts)
            if part is not None and part.profile != profile:
                self._compare(program, part.profile)


def _drop(row: ReceiverRow) -> None:
    """Delete a row; what was half typed into it is told to nobody."""
    row.blockSignals(True)
    row.hide()
    row.deleteLater()
