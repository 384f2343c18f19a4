"""The camera's panel: every control changes what it says, and showing a part tells nothing."""

from pathlib import Path

import numpy as np
import pytest
from app.by_hand import Shown, Told, click, enter, pick, push_arrow_up, tick, unnamed, walk_through
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtWidgets import QApplication, QFileDialog, QInputDialog, QWidget
from pytestqt.qtbot import QtBot

from vrfer.app.camera_panel import CameraPanel
from vrfer.settings import CameraPart
from vrfer.shipped import shipped
from vrfer.sources.camera_list import CameraInfo

CLIP = str(shipped("assets") / "demo.mp4")
FILE, ADDRESS = "Video or picture …", "Address of a network camera …"
CAMERAS = [CameraInfo(0, "Built-in"), CameraInfo(3, "Logitech C920")]
ODD = CameraPart(
    source="3",
    name="Logitech C920",
    width=1024,
    height=768,
    fps=12.5,
    compressed=False,
    exposure_ms=4321.001,
    mirrored=True,
    rotation_deg=270,
    loop=True,
    region=(10.25, 20.0, 300.0, 200.0),
)
"""Nothing as it usually is, and nothing that a list offers."""


@pytest.fixture
def panel(shown: Shown[CameraPanel]) -> CameraPanel:
    return shown(CameraPanel(CameraPart(source="0", name="Built-in")))


def entry(panel: CameraPanel, text: str) -> object:
    """Return the value of the entry with a text in the list of sources."""
    index = panel.source.findText(text)
    assert index >= 0, [panel.source.itemText(i) for i in range(panel.source.count())]
    return panel.source.itemData(index)


def turn_wheel(qtbot: QtBot, field: QWidget) -> bool:
    """Turn the wheel over a field by a notch; return whether the field took it."""
    place = QPointF(field.rect().center())
    event = QWheelEvent(
        place,
        QPointF(field.mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(field, event)
    return event.isAccepted()


def test_scrolling_past_a_field_changes_nothing(qtbot: QtBot, panel: CameraPanel) -> None:
    panel.show_part(CameraPart(source="0", name="Built-in", exposure_ms=10))
    panel.show_cameras(CAMERAS)
    told = Told(panel.changed)
    for field in (panel.source, panel.size_box, panel.rate, panel.exposure, panel.rotation):
        field.clearFocus()
        assert not turn_wheel(qtbot, field)
    assert told == []
    panel.exposure.setFocus()  # whoever clicked into it means it
    assert turn_wheel(qtbot, panel.exposure)
    assert told == [CameraPart(source="0", name="Built-in", exposure_ms=9)]


def test_a_camera_is_chosen_by_its_name(qtbot: QtBot, panel: CameraPanel) -> None:
    panel.show_cameras(CAMERAS)
    told = Told(panel.changed)
    pick(qtbot, panel.source, entry(panel, "3: Logitech C920"))
    assert told == [CameraPart(source="3", name="Logitech C920")]
    assert panel.source.currentText() == "3: Logitech C920"


@pytest.mark.parametrize(
    ("name", "text"),
    [("Logitech C920", "3: Logitech C920"), ("Unplugged", "Unplugged")],
    ids=["another number since", "away"],
)
def test_a_camera_is_shown_by_its_name_and_never_as_the_one_that_has_its_number(
    qtbot: QtBot, panel: CameraPanel, name: str, text: str
) -> None:
    panel.show_part(CameraPart(source="0", name=name))
    told = Told(panel.changed)
    panel.show_cameras(CAMERAS)
    assert panel.source.currentText() == text
    pick(qtbot, panel.source, entry(panel, text))
    assert told == []
    pick(qtbot, panel.source, entry(panel, "0: Built-in"))
    assert told == [CameraPart(source="0", name="Built-in")]


@pytest.mark.parametrize(("text", "source"), [("None", ""), ("Built-in clip", CLIP)])
def test_no_source_or_the_built_in_clip_is_chosen(
    qtbot: QtBot, panel: CameraPanel, text: str, source: str
) -> None:
    told = Told(panel.changed)
    pick(qtbot, panel.source, entry(panel, text))
    assert told == [CameraPart(source=source)]
    assert panel.source.currentText() == text


@pytest.mark.parametrize("control", ["source", "size_box", "rate", "rotation"])
def test_choosing_the_same_again_tells_nothing(
    qtbot: QtBot, panel: CameraPanel, control: str
) -> None:
    told = Told(panel.changed)
    box = getattr(panel, control)
    pick(qtbot, box, box.currentData())
    assert told == []


def test_a_file_is_chosen(
    qtbot: QtBot, panel: CameraPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = str(tmp_path / "Besuch am Mönchsee.mp4")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (video, ""))
    told = Told(panel.changed)
    pick(qtbot, panel.source, entry(panel, FILE))
    assert told == [CameraPart(source=video)]
    assert panel.source.currentText() == video


def test_an_address_is_chosen(
    qtbot: QtBot, panel: CameraPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "http://192.168.1.20:8080/video"
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (f"  {address} ", True))
    told = Told(panel.changed)
    pick(qtbot, panel.source, entry(panel, ADDRESS))
    assert told == [CameraPart(source=address)]
    assert panel.source.currentText() == address


@pytest.mark.parametrize("answer", ["", "   ", "0"], ids=["none", "blank", "same"])
@pytest.mark.parametrize("text", [FILE, ADDRESS])
def test_an_answer_that_changes_nothing_leaves_the_source(
    qtbot: QtBot, panel: CameraPanel, monkeypatch: pytest.MonkeyPatch, text: str, answer: str
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (answer, ""))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (answer, True))
    panel.show_part(CameraPart(source="0"))
    told = Told(panel.changed)
    pick(qtbot, panel.source, entry(panel, text))
    assert told == []
    assert panel.source.currentText() == "0"


def test_resolution_rate_and_rotation(qtbot: QtBot, panel: CameraPanel) -> None:
    told = Told(panel.changed)
    part = CameraPart(source="0", name="Built-in")
    pick(qtbot, panel.size_box, (1280, 720))
    part = part.model_copy(update={"width": 1280, "height": 720})
    assert told[-1] == part
    pick(qtbot, panel.rate, 60.0)
    part = part.model_copy(update={"fps": 60.0})
    assert told[-1] == part
    pick(qtbot, panel.rotation, 90)
    part = part.model_copy(update={"rotation_deg": 90})
    assert told[-1] == part
    assert len(told) == 3
    assert CameraPart.model_validate(told[-1].model_dump()) == told[-1]


@pytest.mark.parametrize(
    ("control", "field"), [("compressed", "compressed"), ("mirrored", "mirrored"), ("loop", "loop")]
)
def test_what_is_ticked(qtbot: QtBot, panel: CameraPanel, control: str, field: str) -> None:
    told = Told(panel.changed)
    box = getattr(panel, control)
    before = box.isChecked()
    tick(qtbot, box)
    tick(qtbot, box)
    assert [getattr(part, field) for part in told] == [not before, before]
    assert box.isChecked() is before


def test_exposure_is_set_by_hand_and_left_to_the_camera_again(
    qtbot: QtBot, panel: CameraPanel
) -> None:
    told = Told(panel.changed)
    assert not panel.exposure.isEnabled()
    tick(qtbot, panel.exposure_auto)
    assert panel.exposure.isEnabled()
    enter(qtbot, panel.exposure, "8.5")
    push_arrow_up(qtbot, panel.exposure)
    assert [part.exposure_ms for part in told] == [10.0, 8.5, 9.5]
    tick(qtbot, panel.exposure_auto)
    assert [part.exposure_ms for part in told[3:]] == [None]
    assert not panel.exposure.isEnabled()


def test_the_region_is_shown_and_given_up(qtbot: QtBot, panel: CameraPanel) -> None:
    assert not panel.everywhere.isEnabled()
    assert panel.region.text() == "the whole picture"
    panel.show_part(CameraPart(source="0", region=(10.4, 20.0, 300.0, 200.0)))
    assert panel.region.text() == "10, 20 to 300, 200"
    told = Told(panel.changed)
    click(qtbot, panel.everywhere)
    assert told == [CameraPart(source="0")]
    assert panel.region.text() == "the whole picture"
    assert not panel.everywhere.isEnabled()


@pytest.mark.parametrize("change", ["source", "size", "rotation", "mirror"])
def test_a_region_of_another_picture_is_forgotten(
    qtbot: QtBot, panel: CameraPanel, change: str
) -> None:
    panel.show_part(CameraPart(source="0", region=(10.0, 20.0, 300.0, 200.0)))
    told = Told(panel.changed)
    match change:
        case "source":
            pick(qtbot, panel.source, CLIP)
        case "size":
            pick(qtbot, panel.size_box, (320, 240))
        case "rotation":
            pick(qtbot, panel.rotation, 180)
        case "mirror":
            tick(qtbot, panel.mirrored)
    assert [part.region for part in told] == [None]
    assert panel.region.text() == "the whole picture"


def test_cameras_are_looked_for(qtbot: QtBot, panel: CameraPanel) -> None:
    told = Told(panel.search_wanted)
    click(qtbot, panel.search)
    assert told == [None]


def test_a_small_picture_stands_beside_its_camera(panel: CameraPanel) -> None:
    told = Told(panel.changed)
    panel.show_cameras(CAMERAS)
    panel.show_picture(3, np.full((48, 64, 3), (0, 0, 255), np.uint8))
    index = panel.source.findData("3")
    icon = panel.source.itemIcon(index).pixmap(panel.source.iconSize()).toImage()
    center = icon.pixelColor(icon.width() // 2, icon.height() // 2)
    assert center.getRgb()[:3] == (255, 0, 0)
    assert panel.source.itemIcon(panel.source.findData("0")).isNull()
    assert panel.source.currentData() == "0"
    assert told == []


def test_another_camera_of_the_same_number_gets_no_picture_of_the_last_one(
    panel: CameraPanel,
) -> None:
    panel.show_cameras(CAMERAS)
    for camera in CAMERAS:
        panel.show_picture(camera.index, np.full((48, 64, 3), 200, np.uint8))
    last = CAMERAS[-1]
    panel.show_cameras([*CAMERAS[:-1], CameraInfo(last.index, "another camera")])
    icons = [panel.source.itemIcon(panel.source.findData(str(c.index))) for c in CAMERAS]
    assert [icon.isNull() for icon in icons] == [False] * (len(CAMERAS) - 1) + [True]


def test_a_camera_that_is_not_plugged_in_stays_chosen_under_its_name(panel: CameraPanel) -> None:
    panel.show_part(CameraPart(source="7", name="Endoscope"))
    panel.show_cameras(CAMERAS)
    assert panel.source.currentText() == "Endoscope"
    assert panel.source.currentData() == "7"


def test_it_shows_what_it_is_given_and_tells_nothing(panel: CameraPanel) -> None:
    told = Told(panel.changed)
    panel.show_cameras(CAMERAS)
    panel.show_part(ODD)
    assert panel.source.currentText() == "3: Logitech C920"
    assert panel.size_box.currentText() == "1024 x 768"
    assert panel.rate.currentText() == "12.5"
    assert not panel.compressed.isChecked()
    assert not panel.exposure_auto.isChecked()
    assert panel.exposure.value() == pytest.approx(4321.0)
    assert panel.mirrored.isChecked()
    assert panel.rotation.currentText() == "270°"
    assert panel.loop.isChecked()
    assert panel.region.text() == "10, 20 to 300, 200"
    panel.retranslate()
    assert told == []


def test_walking_through_changes_nothing_and_meets_everything(
    qtbot: QtBot, panel: CameraPanel
) -> None:
    panel.show_part(ODD)
    told = Told(panel.changed)
    met = walk_through(qtbot, panel)
    assert told == []
    for control in (
        panel.source, panel.search, panel.size_box, panel.rate, panel.compressed,
        panel.exposure_auto, panel.exposure, panel.mirrored, panel.rotation, panel.loop,
        panel.everywhere,
    ):  # fmt: skip
        assert control in met


def test_screen_readers_find_a_name_for_everything(panel: CameraPanel) -> None:
    assert unnamed(panel) == []
