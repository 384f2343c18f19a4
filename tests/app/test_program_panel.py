"""The program's panel: every control changes what it says, and showing a part tells nothing."""

from pathlib import Path

import pytest
from app.by_hand import Shown, Told, click, enter, pick, tick, unnamed, walk_through
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from vrfer.app.program_panel import ProgramPanel
from vrfer.settings import RemotePart, WindowPart

LANGUAGES = (("en", "English"), ("de", "Deutsch"), ("ro", "Română"))
ODD = WindowPart(
    theme="dark",
    language="ro",
    sounds=False,
    speech=False,
    volume=0.333,
    network_view=False,
    cpu_share=0.077,
    size=(800, 600),
    welcomed=True,
)


@pytest.fixture
def panel(shown: Shown[ProgramPanel]) -> ProgramPanel:
    return shown(ProgramPanel(WindowPart(), LANGUAGES))


def test_colours_are_chosen(qtbot: QtBot, panel: ProgramPanel) -> None:
    told = Told(panel.changed)
    for theme in ("dark", "light", "system"):
        pick(qtbot, panel.theme, theme)
    assert [part.theme for part in told] == ["dark", "light", "system"]


def test_a_language_is_chosen_under_its_own_name(qtbot: QtBot, panel: ProgramPanel) -> None:
    told = Told(panel.changed)
    assert panel.language.currentText() == "As the system"
    pick(qtbot, panel.language, "ro")
    assert panel.language.currentText() == "Română"
    pick(qtbot, panel.language, None)
    assert [part.language for part in told] == ["ro", None]


@pytest.mark.parametrize("field", ["sounds", "speech", "network_view"])
def test_what_is_ticked(qtbot: QtBot, panel: ProgramPanel, field: str) -> None:
    told = Told(panel.changed)
    tick(qtbot, getattr(panel, field))
    tick(qtbot, getattr(panel, field))
    assert told == [WindowPart().model_copy(update={field: False}), WindowPart()]


@pytest.mark.parametrize("field", ["volume", "cpu_share"])
def test_a_share_is_set_by_key(qtbot: QtBot, panel: ProgramPanel, field: str) -> None:
    told = Told(panel.changed)
    slider = getattr(panel, field)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Home):
        qtbot.keyClick(slider, key)
    before = getattr(WindowPart(), field)
    shares = [getattr(part, field) for part in told]
    assert shares == [pytest.approx(before + 0.01), 1.0, slider.minimum() / 100]
    for part in told:
        assert WindowPart.model_validate(part.model_dump()) == part


@pytest.mark.parametrize("control", ["theme", "language"])
def test_choosing_the_same_again_tells_nothing(
    qtbot: QtBot, panel: ProgramPanel, control: str
) -> None:
    told = Told(panel.changed)
    box = getattr(panel, control)
    pick(qtbot, box, box.currentData())
    assert told == []


def test_the_guide_is_wanted_again(qtbot: QtBot, panel: ProgramPanel) -> None:
    told = Told(panel.guide_wanted)
    click(qtbot, panel.guide)
    assert told == [None]


def test_settings_are_written_and_read(
    qtbot: QtBot, panel: ProgramPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "Sitzung 1.toml"
    answer = staticmethod(lambda *_, **__: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    exported, imported = Told(panel.export_wanted), Told(panel.import_wanted)
    click(qtbot, panel.export)
    assert (exported, imported) == ([path], [])
    monkeypatch.setattr(QFileDialog, "getOpenFileName", answer)
    click(qtbot, panel.import_)
    assert (exported, imported) == ([path], [path])


def test_unanswered_questions_do_nothing(
    qtbot: QtBot, panel: ProgramPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for question in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, question, lambda *_, **__: ("", ""))
    exported, imported = Told(panel.export_wanted), Told(panel.import_wanted)
    click(qtbot, panel.export)
    click(qtbot, panel.import_)
    assert (exported, imported) == ([], [])


def test_it_shows_what_it_is_given_and_tells_nothing(panel: ProgramPanel) -> None:
    told = Told(panel.changed)
    panel.show_part(ODD)
    assert panel.theme.currentText() == "Dark"
    assert panel.language.currentText() == "Română"
    assert not panel.sounds.isChecked()
    assert not panel.speech.isChecked()
    assert panel.volume.value() == 33
    assert not panel.network_view.isChecked()
    assert panel.cpu_share.value() == 8
    panel.retranslate()
    assert told == []


def test_a_change_keeps_everything_else(qtbot: QtBot, panel: ProgramPanel) -> None:
    panel.show_part(ODD)
    told = Told(panel.changed)
    tick(qtbot, panel.sounds)
    assert told == [ODD.model_copy(update={"sounds": True})]


def test_walking_through_changes_nothing_and_meets_everything(
    qtbot: QtBot, panel: ProgramPanel
) -> None:
    panel.show_part(ODD)
    told = Told(panel.changed)
    met = walk_through(qtbot, panel)
    assert told == []
    for control in (
        panel.theme, panel.language, panel.sounds, panel.speech, panel.volume, panel.network_view,
        panel.cpu_share, panel.guide, panel.export, panel.import_,
    ):  # fmt: skip
        assert control in met


def test_screen_readers_find_a_name_for_everything(panel: ProgramPanel) -> None:
    assert unnamed(panel) == []


def test_commands_are_switched_off_and_moved(qtbot: QtBot, panel: ProgramPanel) -> None:
    told, others = Told(panel.remote_changed), Told(panel.changed)
    enter(qtbot, panel.remote_port, "9011")
    tick(qtbot, panel.everyone)
    tick(qtbot, panel.remote)
    assert told == [
        RemotePart(port=9011),
        RemotePart(port=9011, everyone=True),
        RemotePart(port=9011, everyone=True, on=False),
    ]
    assert not panel.remote_port.isEnabled()
    assert not panel.everyone.isEnabled()
    tick(qtbot, panel.remote)
    assert told[-1].on
    assert panel.remote_port.isEnabled()
    assert others == []


def test_other_commands_are_shown_and_nothing_is_told(panel: ProgramPanel) -> None:
    told = Told(panel.remote_changed)
    panel.show_remote(RemotePart(on=False, port=1, everyone=True))
    panel.retranslate()
    assert (panel.remote.isChecked(), panel.everyone.isChecked()) == (False, True)
    assert panel.remote_port.value() == 1
    assert told == []
