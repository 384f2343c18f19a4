"""The rules' panel: every control changes what it says, and the light shows what happens."""

import pytest
from app.by_hand import Told, click, enter, pick, push_arrow_up, tick, unnamed, walk_through
from app.conftest import Shown
from hypothesis import given
from hypothesis import strategies as st
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QTranslator
from PyQt6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from vrfer.app.rules_panel import RulesPanel
from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.expressions import EXPRESSIONS
from vrfer.rules import Rule, RuleBook

SCARED = Rule(name="scared", expression="fear")
GLAD = Rule(
    name="glad",
    expression="happiness",
    above=0.75,
    for_s=1.5,
    below=0.5,
    back_s=0.0,
    cool_down_s=120.0,
    on=False,
)
ODD = Rule(name="-", expression="anger", above=0.123456789, below=0.0, for_s=0.03125)


@pytest.fixture
def panel(shown: Shown[RulesPanel], theme: Theme) -> RulesPanel:
    return shown(RulesPanel((SCARED, GLAD), theme))


def changed(rule: Rule, **fields: object) -> Rule:
    return Rule.model_validate(rule.model_dump() | fields)


@pytest.mark.parametrize("index", [0, 1])
def test_a_rule_is_switched_on_and_off(qtbot: QtBot, panel: RulesPanel, index: int) -> None:
    told = Told(panel.changed)
    tick(qtbot, panel.cards[index].on)
    tick(qtbot, panel.cards[index].on)
    first = (SCARED.on, GLAD.on)[index]
    assert [rules[index].on for rules in told] == [not first, first]
    assert told[-1] == (SCARED, GLAD)


def test_every_field_changes_its_part_of_the_rule(qtbot: QtBot, panel: RulesPanel) -> None:
    told, card, rule = Told(panel.changed), panel.cards[0], SCARED
    pick(qtbot, card.expression, "surprise")
    rule = changed(rule, expression="surprise")
    assert told[-1] == (rule, GLAD)
    for field, text, name, value in (
        (card.name, "Startled_2", "name", "Startled_2"),
        (card.above, "70", "above", 0.7),
        (card.for_time, "1.5", "for_s", 1.5),
        (card.below, "35", "below", 0.35),
        (card.back_time, "0", "back_s", 0.0),
        (card.cool_down, "86400", "cool_down_s", 86400.0),
    ):
        enter(qtbot, field, text)
        rule = changed(rule, **{name: value})
        assert told[-1] == (rule, GLAD)
    assert len(told) == 7


def test_the_arrows_of_a_number_count_at_once(qtbot: QtBot, panel: RulesPanel) -> None:
    told, card = Told(panel.changed), panel.cards[1]
    push_arrow_up(qtbot, card.above)
    push_arrow_up(qtbot, card.for_time)
    assert told == [
        (SCARED, changed(GLAD, above=0.8)),
        (SCARED, changed(GLAD, above=0.8, for_s=2.0)),
    ]


def test_the_end_never_lies_above_the_begin(qtbot: QtBot, panel: RulesPanel) -> None:
    told, card = Told(panel.changed), panel.cards[0]
    enter(qtbot, card.above, "30")
    assert told[-1] == (changed(SCARED, above=0.3, below=0.3), GLAD)
    assert card.below.text() == "30 %"
    enter(qtbot, card.below, "90")
    assert told[-1] == (changed(SCARED, above=0.9, below=0.9), GLAD)
    assert card.above.text() == "90 %"
    assert len(told) == 2


def test_a_name_counts_when_its_field_is_left(qtbot: QtBot, panel: RulesPanel) -> None:
    told, card = Told(panel.changed), panel.cards[0]
    card.name.setFocus()
    card.name.selectAll()
    qtbot.keyClicks(card.name, "afraid")
    assert told == []
    card.above.setFocus()
    assert told == [(changed(SCARED, name="afraid"), GLAD)]


def test_a_name_that_was_erased_comes_back(qtbot: QtBot, panel: RulesPanel) -> None:
    told, card = Told(panel.changed), panel.cards[0]
    enter(qtbot, card.name, "")
    assert told == []
    assert card.name.text() == "scared"


def test_a_name_takes_only_what_an_address_can_hold(qtbot: QtBot, panel: RulesPanel) -> None:
    told = Told(panel.changed)
    enter(qtbot, panel.cards[0].name, " a/b#?" + "x" * 60)
    name = told[-1][0].name
    assert name == "ab" + "x" * 38
    assert panel.cards[0].name.text() == name
    panel.cards[0].name.insert("é")
    assert panel.cards[0].name.text() == name


def test_a_name_that_another_rule_has_is_refused_in_words(qtbot: QtBot, panel: RulesPanel) -> None:
    told, card = Told(panel.changed), panel.cards[1]
    enter(qtbot, card.name, "scared")
    assert told == []
    assert card.name.text() == "glad"
    assert card.says.text() == "Another rule is called scared already."
    assert DARK.bad in card.says.styleSheet()
    enter(qtbot, card.name, "happy")
    assert told == [(SCARED, changed(GLAD, name="happy"))]
    assert "already" not in card.says.text()
    assert DARK.muted in card.says.styleSheet()


def test_a_rule_is_removed(qtbot: QtBot, panel: RulesPanel) -> None:
    told, gone = Told(panel.changed), panel.cards[0]
    click(qtbot, gone.remove)
    qtbot.waitUntil(lambda: sip.isdeleted(gone))
    assert told == [(GLAD,)]
    click(qtbot, panel.cards[0].remove)
    assert told[-1] == ()


def test_rules_that_are_added_have_names_of_their_own(qtbot: QtBot, panel: RulesPanel) -> None:
    told = Told(panel.changed)
    for _ in range(3):
        click(qtbot, panel.add_button)
    click(qtbot, panel.cards[2].remove)
    click(qtbot, panel.add_button)
    assert len(told) == 5
    assert told[-1][:2] == (SCARED, GLAD)
    assert RuleBook(told[-1]).rules == told[-1]
    assert len(told[-1]) == 5
    enter(qtbot, panel.cards[-1].name, "mine")
    assert told[-1][-1].name == "mine"


def test_cards_stand_in_their_order(qtbot: QtBot, panel: RulesPanel) -> None:
    old = list(panel.cards)
    panel.show_rules([GLAD, ODD, SCARED])
    qtbot.waitUntil(lambda: all(map(sip.isdeleted, old)))
    click(qtbot, panel.add_button)
    qtbot.waitUntil(lambda: panel.cards[-1].y() > 0)
    heights = [card.y() for card in panel.cards]
    assert heights == sorted(heights)
    assert len(set(heights)) == 4


def test_it_shows_what_it_is_given_and_tells_nothing(panel: RulesPanel) -> None:
    told = Told(panel.changed)
    panel.show_rules((GLAD, ODD))
    glad, odd = panel.cards
    assert (glad.name.text(), glad.expression.currentText()) == ("glad", "Happiness")
    assert (glad.above.text(), glad.for_time.text()) == ("75 %", "1.5 s")
    assert (glad.below.text(), glad.back_time.text()) == ("50 %", "0.0 s")
    assert glad.cool_down.text() == "120.0 s"
    assert not glad.on.isChecked()
    assert odd.on.isChecked()
    assert (odd.above.text(), odd.for_time.text()) == ("12.346 %", "0.031 s")
    panel.retranslate()
    assert told == []


def test_what_a_rule_does_stands_there_as_a_sentence(qtbot: QtBot, panel: RulesPanel) -> None:
    card = panel.cards[0]
    enter(qtbot, card.for_time, "2.5")
    enter(qtbot, card.name, "afraid")
    assert card.address.text() == "/vrfer/event/afraid"
    assert card.says.text().replace("\N{NO-BREAK SPACE}", " ") == (
        "1 is sent once Fear has been above 60 % for 2.5 s, "
        "0 once it has been below 40 % for 3.0 s."
    )


def test_the_light_shows_what_happens(qtbot: QtBot, panel: RulesPanel) -> None:
    other = changed(GLAD, on=True)
    panel.show_rules((SCARED, other, ODD, changed(ODD, name="off", on=False)))
    panel.show_active(("glad", "off"))
    texts = ["○ waits", "● happens now", "○ waits", "switched off"]
    assert [card.light.text() for card in panel.cards] == texts
    assert DARK.good in panel.cards[1].light.styleSheet()
    assert DARK.muted in panel.cards[0].light.styleSheet()
    panel.show_active(())
    assert panel.cards[1].light.text() == "○ waits"
    tick(qtbot, panel.cards[0].on)
    assert panel.cards[0].light.text() == "switched off"


def test_the_light_stays_on_where_rules_are_shown_anew(panel: RulesPanel) -> None:
    panel.show_active(("scared",))
    panel.show_rules((GLAD, SCARED))
    assert [card.light.text() for card in panel.cards] == ["switched off", "● happens now"]


def test_a_theme_changes_the_colours_at_once(panel: RulesPanel) -> None:
    panel.show_active(("scared",))
    panel.set_theme(LIGHT)
    assert LIGHT.good in panel.cards[0].light.styleSheet()
    assert LIGHT.muted in panel.cards[0].says.styleSheet()
    panel.show_rules((SCARED,))
    assert LIGHT.good in panel.cards[0].light.styleSheet()


class _Backwards(QTranslator):
    """A language in which every text is spelt backwards, but for its placeholders."""

    def translate(self, *args: str | None, **_: int) -> str:
        text = args[1] or ""
        return text if "{" in text else text[::-1]


def test_everything_is_said_in_another_language(qapp: QApplication, panel: RulesPanel) -> None:
    language = _Backwards()
    told = Told(panel.changed)
    qapp.installTranslator(language)
    try:
        panel.retranslate()
        qapp.sendPostedEvents(None, QEvent.Type.LanguageChange)
        card = panel.cards[0]
        assert card.expression.currentText() == "raeF"
        assert card.expression.currentData() == "fear"
        assert "once raeF has been above 60%\N{NO-BREAK SPACE} for" in card.says.text()
        assert card.light.text() == "stiaw ○"
        assert card.remove.text() == "evomeR"
        assert panel.add_button.text() == "elur a ddA&"
    finally:
        qapp.removeTranslator(language)
    assert told == []


def test_a_name_half_typed_is_forgotten_where_other_rules_are_shown(
    qtbot: QtBot, panel: RulesPanel
) -> None:
    told, old = Told(panel.changed), panel.cards[0]
    old.name.setFocus()
    qtbot.keyClicks(old.name, "half")
    panel.show_rules((GLAD,))
    qtbot.waitUntil(lambda: sip.isdeleted(old))
    assert told == []


def test_walking_through_changes_nothing_and_meets_everything(
    qtbot: QtBot, panel: RulesPanel
) -> None:
    panel.show_rules((ODD, SCARED))
    qtbot.waitUntil(lambda: all(card.isVisible() for card in panel.cards))
    told = Told(panel.changed)
    met = walk_through(qtbot, panel)
    assert told == []
    assert [control for control in met if control is not panel.add_button] == [
        stop for card in panel.cards for stop in card.stops
    ]
    assert panel.add_button in met


def test_a_new_card_is_reached_before_what_follows_the_panel(
    qtbot: QtBot, shown: Shown[QWidget], theme: Theme
) -> None:
    window, panel, neighbour = QWidget(), RulesPanel((SCARED,), theme), QPushButton("after")
    column = QVBoxLayout(window)
    column.addWidget(panel)
    column.addWidget(neighbour)
    shown(window)
    click(qtbot, panel.add_button)
    qtbot.waitUntil(lambda: all(card.isVisible() for card in panel.cards))
    neighbour.setFocus()
    stops = [stop for card in panel.cards for stop in card.stops]
    assert walk_through(qtbot, window) == [*stops, panel.add_button, neighbour]


def test_screen_readers_find_a_name_for_everything(panel: RulesPanel) -> None:
    assert unnamed(panel) == []


def test_nothing_is_cut_off_in_a_narrow_window(qtbot: QtBot, panel: RulesPanel) -> None:
    panel.show_rules((changed(SCARED, name="x" * 40),))
    panel.resize(330, 600)
    card = panel.cards[0]
    qtbot.waitUntil(lambda: card.isVisible() and 0 < card.width() < 330)
    assert card.width() >= card.minimumSizeHint().width()
    right = card.mapTo(panel, card.rect().topRight()).x()
    assert right <= panel.width() - 12
    for field in (card.above, card.for_time, card.below, card.back_time, card.cool_down):
        line = field.lineEdit()
        assert line is not None
        assert line.fontMetrics().horizontalAdvance(field.text()) < line.width()


@given(
    rules=st.lists(
        st.builds(
            lambda shares, **fields: Rule(above=max(shares), below=min(shares), **fields),
            st.tuples(st.floats(0, 1), st.floats(0, 1)),
            name=st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True),
            expression=st.sampled_from(EXPRESSIONS),
            for_s=st.floats(0, 86400),
            back_s=st.floats(0, 86400),
            cool_down_s=st.floats(0, 86400),
            on=st.booleans(),
        ),
        max_size=3,
        unique_by=lambda rule: rule.name,
    )
)
def test_whatever_settings_hold_survives_an_edit_of_something_else(
    qapp: QApplication, rules: list[Rule]
) -> None:
    panel = RulesPanel(rules, DARK)
    told = Told(panel.changed)
    panel.show_active([rule.name for rule in rules])
    for card in panel.cards:
        card.name.editingFinished.emit()
        card.on.click()
        card.on.click()
    assert all(len(now) == len(rules) for now in told)
    if rules:
        assert told[-1] == tuple(rules)
    panel.deleteLater()
