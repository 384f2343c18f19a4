"""What is offered to other programs: two ticks, a name, and in words how each does."""

import pytest
from app.by_hand import Shown, Told, enter, tick, unnamed, walk_through
from app.looks import shows
from pytestqt.qtbot import QtBot

from vrfer.app.offers_card import OffersCard
from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.live.status import Offer
from vrfer.settings import OffersPart

BOTH = OffersPart(lsl=True, oscquery=True)
NO_PYLSL = "Lab Streaming Layer needs the package pylsl, which is not installed. Install it: pip"


@pytest.fixture
def card(shown: Shown[OffersCard], theme: Theme) -> OffersCard:
    card = shown(OffersCard(OffersPart(), theme))
    card.show_commands(True, 9010)
    return card


def test_both_are_ticked_and_named(qtbot: QtBot, card: OffersCard) -> None:
    told = Told(card.changed)
    tick(qtbot, card.lsl)
    tick(qtbot, card.oscquery)
    enter(qtbot, card.lsl_name, " room 2 ")
    tick(qtbot, card.lsl)
    assert told == [
        OffersPart(lsl=True),
        BOTH,
        OffersPart(lsl=True, lsl_name="room 2", oscquery=True),
        OffersPart(lsl_name="room 2", oscquery=True),
    ]
    assert card.lsl_name.text() == "room 2"


@pytest.mark.parametrize("name", [" ", "it's", " . a/b"])
def test_a_name_that_cannot_be_used_is_said_and_changes_nothing(
    qtbot: QtBot, card: OffersCard, name: str
) -> None:
    told = Told(card.changed)
    enter(qtbot, card.lsl_name, name)
    assert told == []
    assert card.lsl_state.text().startswith("Take up to 64 letters")
    assert shows(card.lsl_state, DARK.bad)
    enter(qtbot, card.lsl_name, "vrfer")
    assert card.lsl_state.text() == "off"


def test_it_says_how_each_does(card: OffersCard) -> None:
    assert (card.lsl_state.text(), card.oscquery_state.text()) == ("off", "off")
    card.show_part(BOTH)
    assert (card.lsl_state.text(), card.oscquery_state.text()) == ("not offered yet",) * 2
    card.show_status(Offer("room"), Offer("vrfer-1"))
    assert card.lsl_state.text() == "offered as room"
    assert card.oscquery_state.text() == "offered as vrfer-1"
    card.show_status(Offer("room", received=True), Offer("vrfer-1", error="no mDNS"))
    assert card.lsl_state.text() == "room: a program receives it"
    assert card.oscquery_state.text() == "no mDNS"
    assert DARK.good in card.lsl_state.styleSheet()
    assert DARK.warning in card.oscquery_state.styleSheet()


def test_oscquery_needs_the_commands_port(card: OffersCard) -> None:
    card.show_part(BOTH)
    card.show_commands(False, None)
    assert "commands over OSC are off" in card.oscquery_state.text()
    card.show_commands(True, None)
    assert "their port is taken" in card.oscquery_state.text()
    card.show_commands(True, 9011)
    assert card.oscquery_state.text() == "not offered yet"


def test_what_the_session_refuses_stands_where_it_was_asked_for(
    qtbot: QtBot, card: OffersCard
) -> None:
    card.show_problem("no voice")
    tick(qtbot, card.lsl)
    card.show_problem(NO_PYLSL)
    assert card.lsl_state.text() == NO_PYLSL
    assert shows(card.lsl_state, DARK.bad)
    tick(qtbot, card.oscquery)
    card.show_problem("TCP port 5 for OSCQuery cannot be listened to: taken.")
    assert "TCP port 5" in card.oscquery_state.text()
    assert card.lsl_state.text() == NO_PYLSL
    for _ in range(2):
        tick(qtbot, card.lsl)
    assert card.lsl_state.text() == "not offered yet"
    assert "TCP port 5" in card.oscquery_state.text()


def test_it_shows_what_it_is_given_and_tells_nothing(qtbot: QtBot, card: OffersCard) -> None:
    told = Told(card.changed)
    part = OffersPart(lsl=True, lsl_name="eeg.1", oscquery=True)
    card.show_part(part)
    card.retranslate()
    assert card.lsl.isChecked()
    assert card.oscquery.isChecked()
    assert card.lsl_name.text() == "eeg.1"
    assert walk_through(qtbot, card) == list(card.stops)
    assert told == []


def test_a_name_half_typed_outlives_a_status(qtbot: QtBot, card: OffersCard) -> None:
    card.lsl_name.setFocus()
    card.lsl_name.selectAll()
    qtbot.keyClicks(card.lsl_name, "roo")
    card.show_status(None, None)
    assert card.lsl_name.text() == "roo"


def test_a_theme_changes_the_colours(card: OffersCard) -> None:
    card.show_part(BOTH)
    card.show_status(Offer("a"), None)
    card.set_theme(LIGHT)
    assert LIGHT.good in card.lsl_state.styleSheet()


def test_screen_readers_find_a_name_for_everything(card: OffersCard) -> None:
    assert unnamed(card) == []
    assert "EEG" in card.lsl.accessibleDescription()
