"""Looking for cameras: in a thread, with a picture of each that nobody uses."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from app.by_hand import Told
from numpy.typing import NDArray
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vrfer.app import camera_search
from vrfer.app.camera_search import CameraSearch
from vrfer.sources.camera_list import CameraInfo

CAMERAS = [CameraInfo(0, "Built-in"), CameraInfo(2, "Endoscope"), CameraInfo(5, "Virtual")]


class Computer:
    """Has three cameras, of which one gives no picture; waits until it may answer."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.listed = 0
        self.switched_on: list[int] = []
        self.threads: set[threading.Thread] = set()

    def list_cameras(self) -> list[CameraInfo]:
        self.listed += 1
        self.threads.add(threading.current_thread())
        self.may_answer.wait(30)
        return CAMERAS

    def thumbnail(self, camera: CameraInfo, timeout_s: float) -> NDArray[np.uint8] | None:
        self.switched_on.append(camera.index)
        return None if camera.index == 5 else np.full((3, 4, 3), camera.index, np.uint8)

    def wait(self) -> None:
        """Wait for every thread that asked."""
        self.may_answer.set()
        for thread in self.threads:
            thread.join(30)


@pytest.fixture
def computer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    computer = Computer()
    monkeypatch.setattr(camera_search, "list_cameras", computer.list_cameras)
    monkeypatch.setattr(camera_search, "thumbnail", computer.thumbnail)
    yield computer
    computer.wait()


def test_cameras_come_first_then_a_picture_of_each(qtbot: QtBot, computer: Computer) -> None:
    search = CameraSearch()
    told: list[object] = []
    search.found.connect(lambda cameras: told.append(cameras))
    search.pictured.connect(lambda index, picture: told.append((index, picture[0, 0, 0])))
    with qtbot.waitSignal(search.finished):
        search.start(None, with_pictures=True)
    assert told == [CAMERAS, (0, 0), (2, 2)]
    assert computer.switched_on == [0, 2, 5]


@pytest.mark.parametrize("number", [2, 0], ids=["same number", "another number since"])
def test_the_camera_in_use_is_left_alone(qtbot: QtBot, computer: Computer, number: int) -> None:
    search = CameraSearch()
    with qtbot.waitSignal(search.finished):
        search.start(CameraInfo(number, "Endoscope"), with_pictures=True)
    assert computer.switched_on == [0, 5]


def test_without_pictures_no_camera_is_switched_on(qtbot: QtBot, computer: Computer) -> None:
    search = CameraSearch()
    found = Told(search.found)
    with qtbot.waitSignal(search.finished):
        search.start(None, with_pictures=False)
    assert found == [CAMERAS]
    assert computer.switched_on == []


def test_nobody_waits_for_it(qtbot: QtBot, computer: Computer) -> None:
    computer.may_answer.clear()
    search = CameraSearch()
    found = Told(search.found)
    search.start(None, with_pictures=False)
    qtbot.waitUntil(lambda: computer.listed == 1)
    assert found == []
    assert threading.current_thread() not in computer.threads
    with qtbot.waitSignal(search.finished):
        computer.may_answer.set()
    assert found == [CAMERAS]


def test_one_search_at_a_time(qtbot: QtBot, computer: Computer) -> None:
    computer.may_answer.clear()
    search = CameraSearch()
    search.start(None, with_pictures=False)
    qtbot.waitUntil(lambda: computer.listed == 1)
    search.start(None, with_pictures=True)
    with qtbot.waitSignal(search.finished):
        computer.may_answer.set()
    computer.wait()
    assert (computer.listed, computer.switched_on) == (1, [])
    with qtbot.waitSignal(search.finished):
        search.start(None, with_pictures=True)
    assert (computer.listed, computer.switched_on) == (2, [0, 2, 5])


def test_a_search_that_was_stopped_tells_nothing(
    qtbot: QtBot, qapp: QApplication, computer: Computer
) -> None:
    computer.may_answer.clear()
    search = CameraSearch()
    told = [Told(signal) for signal in (search.found, search.pictured, search.finished)]
    search.start(None, with_pictures=True)
    qtbot.waitUntil(lambda: computer.listed == 1)
    search.stop()
    computer.wait()
    qapp.processEvents()  # whatever was told would arrive now
    assert told == [[], [], []]
    assert computer.switched_on == []
