"""The expression's panel: every control changes what it says, and showing tells nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from app.by_hand import Shown, Told, click, enter, pick, push_arrow_up, tick, unnamed, walk_through
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from vrfer.app.expression_panel import RESTING_S, ExpressionPanel
from vrfer.classifier import Device
from vrfer.expressions import EXPRESSIONS
from vrfer.live.status import Status
from vrfer.settings import PRESETS, ExpressionPart, NetworkPart

MODELS = [Path("models/lower-face.onnx"), Path("models/vgg.onnx")]
ODD = ExpressionPart(
    smoothing_s=0.123,
    hold_s=7.777,
    sensitivity={"anger": 4.96, "fear": -0.04, "contempt": -2.5},
    unsure_below=0.333,
    person="Ana",
)
"""Nothing as it usually is, and little that a control can show to the last digit."""


@pytest.fixture
def panel(shown: Shown[ExpressionPanel]) -> ExpressionPanel:
    return shown(ExpressionPanel(ExpressionPart(), NetworkPart(), MODELS))


def texts(panel: ExpressionPanel) -> list[str]:
    return [label.text() for label in panel.findChildren(QLabel)]


@pytest.mark.parametrize("name", ["calm", "quick"])
def test_a_preset_sets_both_numbers(qtbot: QtBot, panel: ExpressionPanel, name: str) -> None:
    told = Told(panel.changed)
    pick(qtbot, panel.preset, name)
    preset = PRESETS[name]
    assert told == [ExpressionPart(smoothing_s=preset.smoothing_s, hold_s=preset.hold_s)]
    assert panel.smoothing.value() == preset.smoothing_s
    assert panel.hold.value() == preset.hold_s
    assert panel.preset.currentData() == name


def test_numbers_of_ones_own_are_no_preset_until_one_is_chosen_again(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    told = Told(panel.changed)
    enter(qtbot, panel.smoothing, "0.42")
    assert panel.preset.currentText() == "My own"
    enter(qtbot, panel.hold, "1.5")
    assert [(part.smoothing_s, part.hold_s) for part in told] == [
        (0.42, ExpressionPart().hold_s),
        (0.42, 1.5),
    ]
    pick(qtbot, panel.preset, "balanced")
    assert told[-1] == ExpressionPart()
    assert panel.preset.findText("My own") == -1


@pytest.mark.parametrize(("control", "field"), [("smoothing", "smoothing_s"), ("hold", "hold_s")])
def test_the_arrows_of_a_number_count_at_once(
    qtbot: QtBot, panel: ExpressionPanel, control: str, field: str
) -> None:
    told = Told(panel.changed)
    push_arrow_up(qtbot, getattr(panel, control))
    before = getattr(ExpressionPart(), field)
    assert [getattr(part, field) for part in told] == [pytest.approx(before + 0.05)]


@pytest.mark.parametrize("index", range(len(EXPRESSIONS)), ids=EXPRESSIONS)
def test_each_expression_has_its_own_sensitivity(
    qtbot: QtBot, panel: ExpressionPanel, index: int
) -> None:
    told = Told(panel.changed)
    slider = panel.sliders[index]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_PageUp, Qt.Key.Key_Left, Qt.Key.Key_Left):
        qtbot.keyClick(slider, key)
    name = EXPRESSIONS[index]
    assert [part.sensitivity for part in told] == [{name: n} for n in (0.1, 0.6, 0.5, 0.4)]
    assert "0.4" in texts(panel)


def test_the_middle_of_a_slider_is_no_sensitivity(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.changed)
    qtbot.keyClick(panel.sliders[2], Qt.Key.Key_Left)
    qtbot.keyClick(panel.sliders[2], Qt.Key.Key_Right)
    assert told == [ExpressionPart(sensitivity={"surprise": -0.1}), ExpressionPart()]


def test_a_slider_follows_the_mouse(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.changed)
    slider = panel.sliders[0]
    middle = slider.rect().center()
    far = QPoint(slider.width() - 1, middle.y())
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(slider, far)
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=far)
    assert told[-1].sensitivity == {"neutral": slider.maximum() / 10}


def test_one_slider_leaves_the_others_as_they_were(qtbot: QtBot, panel: ExpressionPanel) -> None:
    panel.show_parts(ODD, NetworkPart())
    told = Told(panel.changed)
    qtbot.keyClick(panel.sliders[1], Qt.Key.Key_Right)
    assert [part.sensitivity for part in told] == [{**ODD.sensitivity, "happiness": 0.1}]


def test_every_sensitivity_that_settings_allow_can_be_shown_and_chosen(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    told = Told(panel.changed)
    qtbot.keyClick(panel.sliders[4], Qt.Key.Key_End)
    qtbot.keyClick(panel.sliders[4], Qt.Key.Key_Home)
    assert [part.sensitivity["anger"] for part in told] == [5.0, -5.0]
    assert ExpressionPart.model_validate(told[-1].model_dump()) == told[-1]


def test_the_threshold_is_the_networks_or_ones_own(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.changed)
    panel.show_status(Status(unsure_below=0.37))
    assert panel.unsure.value() == 37
    assert not panel.unsure.isEnabled()
    assert told == []
    tick(qtbot, panel.own_threshold)
    assert panel.unsure.isEnabled()
    qtbot.keyClick(panel.unsure, Qt.Key.Key_Right)
    panel.show_status(Status(unsure_below=0.38))
    tick(qtbot, panel.own_threshold)
    assert [part.unsure_below for part in told] == [0.37, 0.38, None]
    assert not panel.unsure.isEnabled()


def test_a_status_does_not_move_ones_own_threshold(panel: ExpressionPanel) -> None:
    panel.show_parts(ExpressionPart(unsure_below=0.6), NetworkPart())
    panel.show_status(Status(unsure_below=0.2))
    assert panel.unsure.value() == 60


def test_a_person_is_chosen_and_nobody_again(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.changed)
    panel.show_people(["Ana", "Zoë"])
    assert not panel.delete.isEnabled()
    pick(qtbot, panel.person, "Zoë")
    assert panel.delete.isEnabled()
    pick(qtbot, panel.person, None)
    assert [part.person for part in told] == ["Zoë", None]
    assert not panel.delete.isEnabled()


def test_the_chosen_persons_baseline_is_deleted_on_request(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    panel.show_parts(ExpressionPart(person="Ana"), NetworkPart())
    told, changed = Told(panel.deletion_wanted), Told(panel.changed)
    click(qtbot, panel.delete)
    assert told == ["Ana"]
    assert changed == []


@pytest.mark.parametrize("by_key", [True, False])
def test_a_baseline_is_made_for_the_name_that_was_typed(
    qtbot: QtBot, panel: ExpressionPanel, by_key: bool
) -> None:
    told = Told(panel.learning_wanted)
    if by_key:
        enter(qtbot, panel.new_person, " Zoe ")
    else:
        qtbot.keyClicks(panel.new_person, " Zoe ")
        click(qtbot, panel.learn)
    assert told == ["Zoe"]


def test_a_name_that_was_typed_is_not_taken_for_the_next_person(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    """Else her baseline would be made from his face."""
    qtbot.keyClicks(panel.new_person, "Ana")
    panel.show_people(["Ana", "Mihai"])
    pick(qtbot, panel.person, "Mihai")
    told = Told(panel.learning_wanted)
    click(qtbot, panel.learn)
    assert told == ["Mihai"]


def test_a_baseline_that_is_not_in_use_is_said(panel: ExpressionPanel) -> None:
    loaded = Status(network="vgg-f-112, CPU")
    panel.show_parts(ExpressionPart(person="Ana"), NetworkPart())
    for status, said in (
        (replace(loaded, person="Ana"), False),
        (loaded, True),
        (Status(), False),  # no network is loaded yet
    ):
        panel.show_status(status)
        assert panel.unused.isVisible() is said


def test_without_a_name_the_baseline_of_the_chosen_person_is_made_anew(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    panel.show_parts(ExpressionPart(person="Ana"), NetworkPart())
    told = Told(panel.learning_wanted)
    click(qtbot, panel.learn)
    assert told == ["Ana"]


def test_without_any_name_one_is_asked_for(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.learning_wanted)
    click(qtbot, panel.learn)
    assert told == []
    assert panel.new_person.hasFocus()


def test_a_baseline_being_made_shows_how_far_it_is_and_can_be_stopped(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    wanted, stopped = Told(panel.learning_wanted), Told(panel.learning_stopped)
    assert panel.learn.text() == "Make"
    panel.show_status(Status(resting_s=RESTING_S / 2))
    assert panel.learn.text() == "Stop"
    assert panel.progress.value() == panel.progress.maximum() / 2
    click(qtbot, panel.learn)
    assert (wanted, stopped) == ([], [None])
    panel.show_status(Status())
    assert panel.learn.text() == "Make"
    assert panel.progress.value() == 0


def test_a_shipped_network_is_chosen_and_the_default_again(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    told = Told(panel.network_changed)
    pick(qtbot, panel.model, MODELS[1])
    assert panel.model.currentText() == "vgg"
    pick(qtbot, panel.model, None)
    assert told == [NetworkPart(model=MODELS[1]), NetworkPart()]
    assert panel.model.currentText() == "lower-face"


def test_another_network_is_chosen_from_a_file(
    qtbot: QtBot, panel: ExpressionPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.onnx"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(mine), ""))
    told = Told(panel.network_changed)
    ask = panel.model.itemData(panel.model.findText("Another file …"))
    pick(qtbot, panel.model, ask)
    assert told == [NetworkPart(model=mine)]
    assert panel.model.currentText() == "mine.onnx"
    pick(qtbot, panel.model, ask)
    assert len(told) == 1
    assert panel.model.currentText() == "mine.onnx"


def test_an_unanswered_question_leaves_the_network(
    qtbot: QtBot, panel: ExpressionPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: ("", ""))
    panel.show_parts(ExpressionPart(), NetworkPart(model=MODELS[1]))
    told = Told(panel.network_changed)
    pick(qtbot, panel.model, panel.model.itemData(panel.model.findText("Another file …")))
    assert told == []
    assert panel.model.currentText() == "vgg"


def test_the_device_is_chosen(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.network_changed)
    for device in (Device.CUDA, Device.CPU, Device.AUTO):
        pick(qtbot, panel.device, device)
    assert [part.device for part in told] == [Device.CUDA, Device.CPU, Device.AUTO]
    assert all(isinstance(part.device, Device) for part in told)


@pytest.mark.parametrize("control", ["preset", "person", "model", "device"])
def test_choosing_the_same_again_tells_nothing(
    qtbot: QtBot, panel: ExpressionPanel, control: str
) -> None:
    told, network_told = Told(panel.changed), Told(panel.network_changed)
    box = getattr(panel, control)
    pick(qtbot, box, box.currentData())
    assert (told, network_told) == ([], [])


def test_the_card_is_asked_for(qtbot: QtBot, panel: ExpressionPanel) -> None:
    told = Told(panel.card.clicked)
    click(qtbot, panel.card)
    assert len(told) == 1


def test_it_shows_what_it_is_given_and_tells_nothing(panel: ExpressionPanel) -> None:
    told, network_told = Told(panel.changed), Told(panel.network_changed)
    panel.show_people(["Bea"])
    panel.show_parts(ODD, NetworkPart(model=Path("/else/where.onnx"), device=Device.CUDA))
    assert panel.preset.currentText() == "My own"
    assert panel.smoothing.value() == 0.12
    assert panel.hold.value() == 7.78
    assert [slider.value() for slider in panel.sliders] == [0, 0, 0, 0, 50, 0, 0, -25]
    assert {"5.0", "-2.5"} <= set(texts(panel))
    assert not panel.own_threshold.isChecked()
    assert panel.unsure.value() == 33
    assert panel.person.currentText() == "Ana"
    assert panel.person.findText("Bea") >= 0
    assert panel.model.currentText() == "where.onnx"
    assert panel.device.currentData() is Device.CUDA
    panel.retranslate()
    assert told == []
    assert network_told == []


def test_walking_through_changes_nothing_and_meets_everything(
    qtbot: QtBot, panel: ExpressionPanel
) -> None:
    panel.show_parts(ODD, NetworkPart(model=MODELS[1]))
    told, network_told = Told(panel.changed), Told(panel.network_changed)
    met = walk_through(qtbot, panel)
    assert told == []
    assert network_told == []
    for control in (
        panel.preset, panel.smoothing, panel.hold, *panel.sliders, panel.own_threshold,
        panel.unsure, panel.person, panel.new_person, panel.learn, panel.delete, panel.model,
        panel.device, panel.card,
    ):  # fmt: skip
        assert control in met


def test_screen_readers_find_a_name_for_everything(panel: ExpressionPanel) -> None:
    assert unnamed(panel) == []
    names = [slider.accessibleName() for slider in panel.sliders]
    assert names[1] == "Sensitivity: Happiness"
    assert len(set(names)) == len(EXPRESSIONS)
