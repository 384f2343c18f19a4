"""The main view alone; with a session behind it, it is looked at in test_window."""

import pytest
from pytestqt.qtbot import QtBot

from vrfer.app.main_view import MainView
from vrfer.app.theme import DARK
from vrfer.live.status import Phase, Status


@pytest.mark.parametrize("duration_s", [12.5, 1e12])
def test_a_film_may_claim_any_duration(qtbot: QtBot, duration_s: float) -> None:
    view = MainView(DARK)
    qtbot.addWidget(view)
    status = Status(phase=Phase.RUNNING, live=False, duration_s=duration_s, position_s=2.5)
    view.show_status(status, 0.0)
    assert not view.playback.isHidden()
    assert view.position.maximum() == min(round(duration_s * 10), 2**31 - 1)
    assert view.position.value() == 25
