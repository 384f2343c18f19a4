"""The receivers' panel: every control changes what it says, and each receiver says how it does."""

import pytest
from app.by_hand import Shown, Told, click, enter, pick, push_arrow_up, tick, unnamed, walk_through
from hypothesis import given
from hypothesis import strategies as st
from PyQt6 import sip
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vrfer.app.receivers_panel import ReceiversPanel
from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.live.status import ReceiverStatus
from vrfer.settings import ReceiverPart

PROFILES = ("generic", "vrchat")
FIRST = ReceiverPart()
SECOND = ReceiverPart(host="192.168.1.20", port=39539, profile="vrchat", rate_hz=20.0, on=False)
ODD = ReceiverPart(host="fe80::1", port=1, profile="mine", rate_hz=500.25)


@pytest.fixture
def panel(shown: Shown[ReceiversPanel], theme: Theme) -> ReceiversPanel:
    return shown(ReceiversPanel((FIRST, SECOND), PROFILES, theme))


def status(
    part: ReceiverPart, *, ready: bool = True, sent: int = 0, failed: int = 0, error: str = ""
) -> ReceiverStatus:
    return ReceiverStatus(part.receiver(), ready, sent, failed, error)


def changed(part: ReceiverPart, **fields: object) -> ReceiverPart:
    return part.model_copy(update=fields)


@pytest.mark.parametrize("index", [0, 1])
def test_a_receiver_is_switched_on_and_off(qtbot: QtBot, panel: ReceiversPanel, index: int) -> None:
    told = Told(panel.changed)
    tick(qtbot, panel.rows[index].on)
    tick(qtbot, panel.rows[index].on)
    first = (FIRST.on, SECOND.on)[index]
    assert [parts[index].on for parts in told] == [not first, first]
    assert told[-1] == (FIRST, SECOND)


def test_host_port_profile_and_rate(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told, row = Told(panel.changed), panel.rows[0]
    enter(qtbot, row.host, " headset.local ")
    part = changed(FIRST, host="headset.local")
    assert told[-1] == (part, SECOND)
    assert row.host.text() == "headset.local"
    enter(qtbot, row.port, "9001")
    part = changed(part, port=9001)
    assert told[-1] == (part, SECOND)
    pick(qtbot, row.profile, "vrchat")
    part = changed(part, profile="vrchat")
    assert told[-1] == (part, SECOND)
    enter(qtbot, row.rate, "12.5")
    part = changed(part, rate_hz=12.5)
    assert told[-1] == (part, SECOND)
    enter(qtbot, row.rate, "0")
    assert told[-1] == (changed(part, rate_hz=None), SECOND)
    assert row.rate.text() == "every frame"
    assert len(told) == 5
    assert ReceiverPart.model_validate(told[-1][0].model_dump()) == told[-1][0]


def test_the_arrows_of_a_number_count_at_once(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told, row = Told(panel.changed), panel.rows[1]
    push_arrow_up(qtbot, row.port)
    push_arrow_up(qtbot, row.rate)
    assert told == [
        (FIRST, changed(SECOND, port=39540)),
        (FIRST, changed(SECOND, port=39540, rate_hz=21.0)),
    ]


def test_a_host_that_was_erased_comes_back(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told = Told(panel.changed)
    enter(qtbot, panel.rows[0].host, " ")
    assert told == []
    assert panel.rows[0].host.text() == FIRST.host


def test_a_host_counts_when_its_field_is_left(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told, row = Told(panel.changed), panel.rows[0]
    row.host.setFocus()
    row.host.selectAll()
    qtbot.keyClicks(row.host, "10.0.0.7")
    assert told == []
    row.port.setFocus()
    assert told == [(changed(FIRST, host="10.0.0.7"), SECOND)]


def test_a_receiver_is_removed(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told, gone = Told(panel.changed), panel.rows[0]
    click(qtbot, gone.remove)
    qtbot.waitUntil(lambda: sip.isdeleted(gone))
    assert told == [(SECOND,)]
    assert [row.part for row in panel.rows] == [SECOND]
    click(qtbot, panel.rows[0].remove)
    assert told[-1] == ()


def test_one_that_was_added_goes_to_nobody_who_is_there_already(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    told = Told(panel.changed)
    for _ in range(3):
        click(qtbot, panel.add_button)
    click(qtbot, panel.rows[2].remove)
    click(qtbot, panel.add_button)
    assert len(told) == 5
    assert len({part.receiver() for part in told[-1]}) == len(told[-1]) == 5
    assert told[-1][:2] == (FIRST, SECOND)
    enter(qtbot, panel.rows[-1].host, "example.org")
    assert told[-1][-1].host == "example.org"


def test_rows_stand_in_their_order(qtbot: QtBot, panel: ReceiversPanel) -> None:
    old = list(panel.rows)
    panel.show_parts([SECOND, ODD, FIRST])
    qtbot.waitUntil(lambda: all(map(sip.isdeleted, old)))
    click(qtbot, panel.add_button)
    qtbot.waitUntil(lambda: panel.rows[-1].y() > 0)
    heights = [row.y() for row in panel.rows]
    assert heights == sorted(heights)
    assert len(set(heights)) == 4


def test_the_test_signal_is_asked_for(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told = Told(panel.test_wanted)
    click(qtbot, panel.test_button)
    assert told == [None]


def test_it_shows_what_it_is_given_and_tells_nothing(qtbot: QtBot, panel: ReceiversPanel) -> None:
    told = Told(panel.changed)
    panel.show_parts((ODD, SECOND, changed(FIRST, rate_hz=0.004)))
    first, second, third = panel.rows
    assert (first.host.text(), first.port.value()) == ("fe80::1", 1)
    assert first.profile.currentText() == "mine"
    assert first.rate.value() == 500.25
    assert first.on.isChecked()
    assert second.profile.currentText() == "vrchat"
    assert second.rate.text() == "20.0 a second"
    assert not second.on.isChecked()
    assert third.rate.text() == "0.004 a second"
    panel.retranslate()
    assert told == []


def test_a_host_half_typed_is_forgotten_where_other_receivers_are_shown(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    told, old = Told(panel.changed), panel.rows[0]
    old.host.setFocus()
    qtbot.keyClicks(old.host, "half")
    panel.show_parts((SECOND,))
    qtbot.waitUntil(lambda: sip.isdeleted(old))
    assert told == []


def test_walking_through_changes_nothing_and_meets_everything(
    qtbot: QtBot, panel: ReceiversPanel
) -> None:
    panel.show_parts((ODD, changed(FIRST, rate_hz=0.004)))
    qtbot.waitUntil(lambda: all(row.isVisible() for row in panel.rows))
    told = Told(panel.changed)
    met = walk_through(qtbot, panel)
    assert told == []
    for row in panel.rows:
        for control in (row.on, row.host, row.port, row.profile, row.rate, row.remove):
            assert control in met
    assert {panel.add_button, panel.test_button} <= set(met)


@pytest.mark.parametrize(
    ("fields", "says", "color"),
    [
        ({"ready": False}, "looking the host up …", DARK.warning),
        ({}, "ready; nothing sent yet", DARK.muted),
        ({"sent": 1234}, "sent 1234", DARK.good),
        (
            {"sent": 7, "failed": 2, "error": "the host {me} is unknown"},
            "the host {me} is unknown · sent 7, failed 2",
            DARK.bad,
        ),
    ],
    ids=["looking", "ready", "sending", "failing"],
)
def test_each_says_in_words_how_it_does(
    panel: ReceiversPanel, fields: dict[str, object], says: str, color: str
) -> None:
    panel.show_status([status(FIRST, **fields)])  # type: ignore[arg-type]
    assert panel.rows[0].state.text() == says
    assert color in panel.rows[0].state.styleSheet()
    assert panel.rows[1].state.text() == "switched off"


def test_each_finds_its_own_status(panel: ReceiversPanel) -> None:
    other = changed(SECOND, on=True)
    panel.show_parts((FIRST, other))
    panel.show_status([status(other, sent=5), status(FIRST, sent=3)])
    assert [row.state.text() for row in panel.rows] == ["sent 3", "sent 5"]


def test_one_that_is_switched_on_but_not_known_yet_is_not_called_off(
    panel: ReceiversPanel,
) -> None:
    panel.show_status([])
    assert [row.state.text() for row in panel.rows] == ["looking the host up …", "switched off"]


def test_a_theme_changes_the_colours(panel: ReceiversPanel) -> None:
    panel.set_theme(LIGHT)
    panel.show_status([status(FIRST, sent=1)])
    assert LIGHT.good in panel.rows[0].state.styleSheet()


def test_screen_readers_find_a_name_for_everything(panel: ReceiversPanel) -> None:
    assert unnamed(panel) == []


@given(
    parts=st.lists(
        st.builds(
            ReceiverPart,
            host=st.from_regex(r"[a-z0-9.:-]{1,20}", fullmatch=True),
            port=st.integers(1, 65535),
            profile=st.sampled_from(["generic", "vrchat", "unknown"]),
            rate_hz=st.none() | st.floats(0.001, 1000),
            on=st.booleans(),
        ),
        max_size=3,
    )
)
def test_whatever_settings_hold_survives_an_edit_of_something_else(
    qapp: QApplication, parts: list[ReceiverPart]
) -> None:
    panel = ReceiversPanel(parts, PROFILES, DARK)
    told = Told(panel.changed)
    panel.show_status([status(part) for part in parts])
    for row in panel.rows:
        row.host.editingFinished.emit()
        row.on.click()
        row.on.click()
    assert all(len(now) == len(parts) for now in told)
    if parts:
        assert told[-1] == tuple(parts)
    panel.deleteLater()
