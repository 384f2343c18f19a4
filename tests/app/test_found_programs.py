"""The programs that are found: one click makes each a receiver; an empty list says what to do."""

from html import escape

import pytest
from app.by_hand import Shown, Told, click, pick, unnamed, walk_through
from app.looks import shows
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from vrfer.app.found_programs import FoundPrograms, sent_to
from vrfer.app.program_search import AvatarFit
from vrfer.app.receivers_panel import ReceiversPanel
from vrfer.app.theme import DARK, Theme
from vrfer.oscquery.programs import Program
from vrfer.settings import ReceiverPart

VRCHAT = Program("VRChat-Client-1", "127.0.0.1", 9000, "VRChat", "vrchat", "127.0.0.1", 1)
SCENE = Program("Scene", "127.0.0.1", 7000, "OSC", "generic", "127.0.0.1", 2)
DEAF = Program("VRCFT-1", "127.0.0.1", 9020, "VRCFaceTracking", "", "127.0.0.1", 3)
OTHER = ReceiverPart(host="10.0.0.7", port=9000)


@pytest.fixture
def panel(shown: Shown[ReceiversPanel], theme: Theme) -> ReceiversPanel:
    return shown(ReceiversPanel((OTHER,), ("generic", "vrchat"), theme))


def find(qtbot: QtBot, panel: ReceiversPanel, *programs: Program, error: str = "") -> None:
    """Look for programs as the user does."""
    click(qtbot, panel.find_button)
    panel.show_programs(programs)
    panel.show_search_end(error)
    qtbot.waitUntil(lambda: all(card.isVisible() for card in panel.programs.cards))


def says(panel: ReceiversPanel) -> list[str]:
    return [card.says.text() for card in panel.programs.cards]


def test_nothing_is_shown_before_somebody_looks(qtbot: QtBot, panel: ReceiversPanel) -> None:
    wanted = Told(panel.search_wanted)
    assert panel.programs.isHidden()
    for _ in range(2):
        click(qtbot, panel.find_button)
    assert wanted == [None]
    assert panel.programs.isVisible()
    assert panel.programs.note.text() == "Looking …"
    assert "Looking" in panel.find_button.text()
    panel.show_search_end("")
    assert panel.find_button.text() == "&Find programs …"
    click(qtbot, panel.find_button)
    assert wanted == [None, None]


def test_one_click_makes_it_a_receiver(qtbot: QtBot, panel: ReceiversPanel) -> None:
    find(qtbot, panel, SCENE)
    told, avatars = Told(panel.changed), Told(panel.avatar_wanted)
    click(qtbot, panel.programs.cards[0].send)
    part = ReceiverPart(host="127.0.0.1", port=7000, profile="generic")
    assert told == [(OTHER, part)]
    assert [row.part for row in panel.rows] == [OTHER, part]
    assert says(panel) == ["is one of the receivers above"]
    assert panel.programs.cards[0].send.isHidden()
    assert avatars == []
    click(qtbot, panel.rows[1].remove)
    assert says(panel) == ["hears OSC on port 7000"]
    assert panel.programs.cards[0].send.isVisible()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_one_that_is_there_already_keeps_its_profile(
    qtbot: QtBot, panel: ReceiversPanel, host: str
) -> None:
    there = ReceiverPart(host=host, port=9000, profile="mine", on=False)
    panel.show_parts((there, OTHER))
    find(qtbot, panel, VRCHAT)
    told = Told(panel.changed)
    avatars: list[object] = []
    panel.avatar_wanted.connect(lambda *both: avatars.append(both))
    click(qtbot, panel.programs.cards[0].send)
    assert told == [(there.model_copy(update={"on": True}), OTHER)]
    assert avatars == [(VRCHAT, "mine")]


def test_another_profile_is_compared_with_the_avatar_anew(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    panel.show_parts((ReceiverPart(port=9000, profile="mine", on=False),))
    find(qtbot, panel, VRCHAT)
    click(qtbot, panel.programs.cards[0].send)
    panel.show_fit(VRCHAT, AvatarFit("mine", 0, 8, "vrchat"))
    assert "choose that profile above" in says(panel)[0]
    avatars: list[object] = []
    panel.avatar_wanted.connect(lambda *both: avatars.append(both))
    pick(qtbot, panel.rows[0].profile, "vrchat")
    assert avatars == [(VRCHAT, "vrchat")]
    assert says(panel) == ["is one of the receivers above"]
    panel.show_fit(VRCHAT, AvatarFit("vrchat", 3, 8))
    assert "hears 3 of the 8" in says(panel)[0]


def test_a_program_that_hears_no_expressions_cannot_be_sent_to(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    find(qtbot, panel, DEAF)
    assert says(panel) == ["hears OSC, but no expressions"]
    assert panel.programs.cards[0].send.isHidden()


@pytest.mark.parametrize(
    ("fit", "said", "color"),
    [
        (AvatarFit("vrchat", 3, 8), "hears 3 of the 8 addresses of the profile vrchat", DARK.good),
        (AvatarFit("vrchat", 0, 8, "vrcft"), "some of vrcft", DARK.warning),
        (AvatarFit("vrchat", 0, 8), "none of vrfer's parameters; docs/profiles.md", DARK.warning),
        (AvatarFit("vrchat", 0, 0, error="it is gone"), "it is gone", DARK.warning),
    ],
)
def test_it_says_what_the_avatar_hears(
    qtbot: QtBot, panel: ReceiversPanel, fit: AvatarFit, said: str, color: str
) -> None:
    find(qtbot, panel, DEAF, VRCHAT)
    click(qtbot, panel.programs.cards[1].send)
    panel.show_fit(VRCHAT, fit)
    panel.show_programs((VRCHAT, SCENE))  # another one came
    assert said in says(panel)[0]
    assert color in panel.programs.cards[0].says.styleSheet()


def test_nothing_found_says_what_to_do(qtbot: QtBot, panel: ReceiversPanel) -> None:
    find(qtbot, panel)
    assert "Action Menu > Options > OSC > Enabled" in panel.programs.note.text()
    find(qtbot, panel, error="no route <b>")
    assert "(no route <b>)" in panel.programs.note.text()
    assert "by hand" in panel.programs.note.text()
    assert shows(panel.programs.note, DARK.warning)


def test_where_mdns_fails_in_between_what_was_found_stays(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    find(qtbot, panel, SCENE)
    assert panel.programs.note.isHidden()
    assert [card.program for card in panel.programs.cards] == [SCENE]


def test_names_are_shown_as_they_are_and_never_as_html(qtbot: QtBot, panel: ReceiversPanel) -> None:
    evil = Program("<h1>VRChat</h1>" * 5, "127.0.0.1", 9000, "OSC", "generic", "127.0.0.1", 1)
    find(qtbot, panel, evil)
    card = panel.programs.cards[0]
    assert card.name.textFormat() == Qt.TextFormat.PlainText
    assert card.width() <= panel.width()
    assert card.name.toolTip() == f"<p>{escape(evil.name)}</p>"


def test_tab_reaches_them_in_their_order_and_each_has_a_name(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    find(qtbot, panel, SCENE, VRCHAT)
    met = walk_through(qtbot, panel)
    expected = [*panel.rows[0].stops, *(card.send for card in panel.programs.cards)]
    expected += [*panel.offers.stops, panel.add_button, panel.test_button, panel.find_button]
    begin = met.index(expected[0])
    assert [*met[begin:], *met[:begin]] == expected
    assert panel.programs.cards[0].send.accessibleName() == "Send to Scene"
    assert unnamed(panel) == []


def test_a_theme_and_a_retranslation_keep_what_is_said(
    qtbot: QtBot, panel: ReceiversPanel, theme: Theme
) -> None:
    find(qtbot, panel, SCENE, DEAF)
    before = says(panel)
    panel.set_theme(theme)
    panel.retranslate()
    assert says(panel) == before


def test_which_receiver_a_program_is() -> None:
    assert sent_to(SCENE, (OTHER,)) is None
    assert sent_to(VRCHAT, (OTHER, ReceiverPart(port=9001))) is None
    mine = ReceiverPart(port=9000, profile="x")
    assert sent_to(VRCHAT, (OTHER, mine)) is mine


def test_without_cards_it_takes_a_theme(qtbot: QtBot, theme: Theme) -> None:
    programs = FoundPrograms(theme)
    qtbot.addWidget(programs)
    programs.set_theme(DARK)
    assert programs.cards == []
