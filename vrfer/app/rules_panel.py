"""Rules: which expression, when it lasts, begins which event in the scene."""

from collections.abc import Callable, Collection, Sequence
from itertools import count, pairwise
from typing import Any

from PyQt6.QtCore import QRegularExpression, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtGui import QRegularExpressionValidator
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from vrfer.app.form import fill, keep_from_wheel
from vrfer.app.names import expression_names
from vrfer.app.theme import Theme
from vrfer.expressions import EXPRESSIONS
from vrfer.rules import LONGEST_S, NAME_PATTERN, Rule

ADDRESS = "/vrfer/event/"


class RuleCard(QFrame):
    """One rule."""

    changed = pyqtSignal()
    removed = pyqtSignal()

    def __init__(self, rule: Rule, is_free: Callable[[str], bool], theme: Theme) -> None:
        """Show a rule.

        Args:
            rule: What is shown.
            is_free: Says of a name whether no other rule has it.
            theme: Colours.
        """
        super().__init__()
        self.rule = rule
        """What is shown."""
        self._is_free = is_free
        self._theme = theme
        self._active = False
        self.setProperty("role", "card")
        self.on = QCheckBox()
        self.light = QLabel()
        self.name = QLineEdit()
        empty_or_name = f"({NAME_PATTERN})?"
        self.name.setValidator(QRegularExpressionValidator(QRegularExpression(empty_or_name)))
        self.expression = QComboBox()
        self.above, self.below = (_number(100, 5, 0) for _ in range(2))
        times = (_number(LONGEST_S, 0.5, 1) for _ in range(3))
        self.for_time, self.back_time, self.cool_down = times
        self.remove = QPushButton()
        self.address = QLabel()
        self.address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.says = QLabel()
        for label in (self.address, self.says):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.stops = (
            self.on,
            self.name,
            self.expression,
            self.above,
            self.for_time,
            self.below,
            self.back_time,
            self.cool_down,
            self.remove,
        )
        """The controls, in the order in which Tab reaches them."""
        self._captions = [QLabel() for _ in range(4)]
        self._lay_out()
        self.retranslate()
        self.on.clicked.connect(lambda on: self._change(on=on))
        self.name.editingFinished.connect(self._name_entered)
        self.expression.activated.connect(
            lambda: self._change(expression=self.expression.currentData())
        )
        self.above.valueChanged.connect(self._above_entered)
        self.below.valueChanged.connect(self._below_entered)
        self.for_time.valueChanged.connect(lambda value: self._change(for_s=value))
        self.back_time.valueChanged.connect(lambda value: self._change(back_s=value))
        self.cool_down.valueChanged.connect(lambda value: self._change(cool_down_s=value))
        self.remove.clicked.connect(self.removed)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.on)
        top.addWidget(self.name, 1)
        grid = QGridLayout()
        for column in (0, 1):
            grid.setColumnStretch(column, 1)
        expression, begins, ends, pause = self._captions
        for row, caption, span, fields in (
            (0, expression, 1, (self.expression,)),
            (1, begins, 2, (self.above, self.for_time)),
            (3, ends, 2, (self.below, self.back_time)),
            (5, pause, 1, (self.cool_down,)),
        ):
            caption.setWordWrap(True)
            caption.setBuddy(fields[0])
            grid.addWidget(caption, row, 0, 1, span)
            for column, field in enumerate(fields, start=2 - len(fields)):
                grid.addWidget(field, row + span - 1, column)
        below = QHBoxLayout()
        below.addWidget(self.light, 1)
        below.addWidget(self.remove)
        lines = QVBoxLayout(self)
        lines.addLayout(top)
        lines.addLayout(grid)
        lines.addWidget(self.address)
        lines.addWidget(self.says)
        lines.addLayout(below)
        keep_from_wheel(self)

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.remove.setText(self.tr("Remove"))
        captions = (
            self.tr("Expression"),
            self.tr("Begins above this, for this long"),
            self.tr("Ends below this, for this long"),
            self.tr("Pause after it"),
        )
        for label, text in zip(self._captions, captions, strict=True):
            label.setText(text)
        for field, name, tip in (
            (self.on, self.tr("Follow this rule"), ""),
            (
                self.name,
                self.tr("Name of the event"),
                self.tr("Becomes part of the OSC address: letters, digits, - and _"),
            ),
            (self.expression, self.tr("Expression"), ""),
            (
                self.above,
                self.tr("Begins above"),
                self.tr("The event begins once the steady probability has been above this"),
            ),
            (
                self.for_time,
                self.tr("Begins after"),
                self.tr("How long it must have been above before the event begins"),
            ),
            (
                self.below,
                self.tr("Ends below"),
                self.tr("The event ends once the steady probability has been below this"),
            ),
            (
                self.back_time,
                self.tr("Ends after"),
                self.tr("How long it must have been below before the event ends"),
            ),
            (
                self.cool_down,
                self.tr("Pause after it"),
                self.tr("How long after its end the event cannot begin again"),
            ),
        ):
            field.setAccessibleName(name)
            field.setToolTip(tip or name)
        for share in (self.above, self.below):
            share.setSuffix(self.tr(" %"))
        for time in (self.for_time, self.back_time, self.cool_down):
            time.setSuffix(self.tr(" s"))
        self._show()

    def show_active(self, active: bool) -> None:
        """Say whether the event has begun and not ended."""
        self._active = active
        theme = self._theme
        if not self.rule.on:
            color, text = theme.muted, self.tr("switched off")
        elif active:
            color, text = theme.good, self.tr("● happens now")
        else:
            color, text = theme.muted, self.tr("○ waits")
        self.light.setText(text)
        weight = 600 if self.rule.on and active else 400
        self.light.setStyleSheet(f"color: {color}; font-weight: {weight};")

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self._say()

    def _show(self) -> None:
        rule = self.rule
        self.on.setChecked(rule.on)
        self.name.setText(rule.name)
        entries = zip(expression_names(), EXPRESSIONS, strict=True)
        fill(self.expression, entries, rule.expression)
        for field, value in (
            (self.above, 100 * rule.above),
            (self.below, 100 * rule.below),
            (self.for_time, rule.for_s),
            (self.back_time, rule.back_s),
            (self.cool_down, rule.cool_down_s),
        ):
            _show_number(field, value)
        self._say()

    def _say(self, problem: str = "") -> None:
        """Say in a sentence what the rule does, or what is wrong with what was typed."""
        self.show_active(self._active)
        self.address.setText(f"{ADDRESS}{self.rule.name}")
        told = self.tr(
            "1 is sent once {expression} has been above {above} for {for_time}, "
            "0 once it has been below {below} for {back_time}."
        ).format(
            expression=self.expression.currentText(),
            above=_unbroken(self.above),
            for_time=_unbroken(self.for_time),
            below=_unbroken(self.below),
            back_time=_unbroken(self.back_time),
        )
        self.says.setText(problem or told)
        color = self._theme.bad if problem else self._theme.muted
        self.says.setStyleSheet(f"color: {color};")

    def _name_entered(self) -> None:
        name = self.name.text()
        if name == self.rule.name:
            return
        if name and self._is_free(name):
            self._change(name=name)
            return
        self.name.setText(self.rule.name)
        if name:
            told = self.tr("Another rule is called {name} already.")
            self._say(told.format(name=name))

    def _above_entered(self, percent: float) -> None:
        above = percent / 100
        self._change(above=above, below=min(above, self.rule.below))

    def _below_entered(self, percent: float) -> None:
        below = percent / 100
        self._change(above=max(below, self.rule.above), below=below)

    def _change(self, **fields: Any) -> None:
        rule = self.rule.model_copy(update=fields)
        if rule != self.rule:
            self.rule = rule
            for field, value in ((self.above, 100 * rule.above), (self.below, 100 * rule.below)):
                _show_number(field, value)
            self._say()
            self.changed.emit()


class RulesPanel(QWidget):
    """Shows and changes the rules."""

    changed = pyqtSignal(tuple)
    """The new rules, as `Rule`; no two have the same name."""

    def __init__(self, rules: Sequence[Rule], theme: Theme, parent: QWidget | None = None) -> None:
        """Show rules; nothing is active.

        Args:
            rules: The rules; no two have the same name.
            theme: Colours.
            parent: Owner of this widget.
        """
        super().__init__(parent)
        self._theme = theme
        self._active: Collection[str] = ()
        self.cards: list[RuleCard] = []
        """One a rule, in their order."""
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.add_button = QPushButton()
        page = QWidget()
        self._list = QVBoxLayout(page)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 12, 12, 12)
        layout.addWidget(self.about)
        layout.addWidget(area, 1)
        layout.addWidget(self.add_button)
        self.add_button.clicked.connect(self._add_another)
        self.show_rules(rules)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.about.setText(
            self.tr(
                "A rule changes the scene: when an expression lasts, an event begins, and "
                "receivers are told. VRChat hears it as a bool parameter of the avatar, "
                "vrfer/event/NAME; programs that speak VMC hear no events."
            )
        )
        self.add_button.setText(self.tr("&Add a rule"))
        for card in self.cards:
            card.retranslate()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        for card in self.cards:
            card.set_theme(theme)

    def show_rules(self, rules: Sequence[Rule]) -> None:
        """Show rules; nothing is told."""
        for card in self.cards:
            _drop(card)
        self.cards = []
        for rule in rules:
            self._add_card(rule)

    def show_active(self, names: Collection[str]) -> None:
        """Show which rules' events have begun and not ended."""
        self._active = names
        for card in self.cards:
            card.show_active(card.rule.name in names)

    def _add_card(self, rule: Rule) -> RuleCard:
        card = RuleCard(rule, self._is_free, self._theme)
        card.show_active(rule.name in self._active)
        card.changed.connect(self._tell)
        card.removed.connect(lambda: self._remove(card))
        self._list.insertWidget(len(self.cards), card)
        self.cards.append(card)
        # New widgets would come last in the whole window when Tab is pressed.
        stops = [self.add_button, *(stop for card in self.cards for stop in card.stops)]
        for before, after in pairwise([*stops, self.add_button]):
            QWidget.setTabOrder(before, after)
        return card

    def _is_free(self, name: str) -> bool:
        return all(card.rule.name != name for card in self.cards)

    def _add_another(self) -> None:
        names = (f"event-{number}" for number in count(1))
        name = next(filter(self._is_free, names))
        self._add_card(Rule(name=name, expression="fear"))
        self._tell()

    def _remove(self, card: RuleCard) -> None:
        self.cards.remove(card)
        _drop(card)
        self._tell()

    def _tell(self) -> None:
        self.changed.emit(tuple(card.rule for card in self.cards))


def _number(most: float, step: float, decimals: int) -> QDoubleSpinBox:
    """Return a field for numbers from 0; the widest of them may be cut off."""
    field = QDoubleSpinBox()
    field.setRange(0, most)
    field.setSingleStep(step)
    field.setDecimals(decimals)
    field.setKeyboardTracking(False)
    field.setMinimumWidth(84)
    return field


def _show_number(field: QDoubleSpinBox, value: float) -> None:
    """Show a number, with more decimals where it has them; nothing is told."""
    with QSignalBlocker(field):
        if abs(value - round(value, field.decimals())) > 1e-9:
            field.setDecimals(3)
        field.setValue(value)


def _unbroken(field: QDoubleSpinBox) -> str:
    """Return a number with its unit, between which no line ends."""
    return field.text().replace(" ", "\N{NO-BREAK SPACE}")


def _drop(card: RuleCard) -> None:
    """Delete a card; what was half typed into it is told to nobody."""
    card.blockSignals(True)
    card.hide()
    card.deleteLater()
