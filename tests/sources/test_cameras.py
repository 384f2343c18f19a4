"""Cameras, as far as they can be tested where there is none."""

import sys
from pathlib import Path

import cv2
import cv2_enumerate_cameras
import pytest
from cv2_enumerate_cameras import CameraInfo as Enumerated
from sources.fake_camera import V4l2Camera

from vrfer.errors import SourceError
from vrfer.sources import CameraInfo, cameras, list_cameras, open_source
from vrfer.sources.camera_list import can_be_asked, find_again, find_camera, what_there_is

CAMERAS = [
    CameraInfo(0, "Logitech C920"),
    CameraInfo(2, "Logitech Brio"),
    CameraInfo(4, "OBS Virtual Camera"),
    CameraInfo(5, "Brio"),
]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="cameras are named on Linux only")


@pytest.mark.parametrize(
    ("wanted", "index"), [("obs", 4), ("Logitech C920", 0), ("brio", 5), (" c920 ", 0)]
)
def test_camera_is_found_by_its_name(wanted: str, index: int) -> None:
    assert find_camera(wanted, CAMERAS).index == index


def test_ambiguous_name_lists_the_candidates() -> None:
    with pytest.raises(SourceError, match="Several cameras") as caught:
        find_camera("logitech", CAMERAS)
    assert "0 (Logitech C920), 2 (Logitech Brio)" in caught.value.remedy
    assert "OBS" not in caught.value.remedy


def test_unknown_name_lists_all() -> None:
    with pytest.raises(SourceError, match='called "Kinect"') as caught:
        find_camera("Kinect", CAMERAS)
    assert "4 (OBS Virtual Camera)" in caught.value.remedy


def test_without_cameras_the_remedy_says_so() -> None:
    assert "No camera was found" in what_there_is([])


@on_linux
def test_linux_names_come_from_the_kernel(tmp_path: Path) -> None:
    # Numbers beyond what this computer has, so that no real device answers for them.
    for number, name, index in (
        (911, "Second\n", "0\n"),
        (901, "First: HD\n", "0\n"),
        (902, "First: HD\n", "1\n"),  # the metadata of the first
    ):
        entry = tmp_path / f"video{number}"
        entry.mkdir()
        (entry / "name").write_text(name)
        (entry / "index").write_text(index)
    assert list_cameras(tmp_path) == [CameraInfo(901, "First: HD"), CameraInfo(911, "Second")]


@on_linux
def test_no_cameras_at_all(tmp_path: Path) -> None:
    assert list_cameras(tmp_path / "missing") == []


def test_camera_that_does_not_exist() -> None:
    with pytest.raises(SourceError, match="there is no camera 899") as caught:
        open_source("899")
    assert caught.value.remedy == what_there_is(list_cameras())


def test_camera_name_that_does_not_exist() -> None:
    with pytest.raises(SourceError, match="no camera called"):
        open_source("a camera that nobody has")


LEFT, RIGHT = CameraInfo(1, "C920", port="usb-1"), CameraInfo(2, "C920", port="usb-2")
BUILT_IN = CameraInfo(0, "Built-in", port="pci")
FIRST, SECOND = CameraInfo(1, "Depth", port="usb-3"), CameraInfo(2, "Depth", port="usb-3")


@pytest.mark.parametrize(
    ("wanted", "here", "found"),
    [
        (LEFT, [BUILT_IN, LEFT, RIGHT], LEFT),
        (CameraInfo(0, "C920"), [BUILT_IN, LEFT], LEFT),  # another one took its number
        (CameraInfo(0, "C920"), [BUILT_IN], None),  # never the laptop's own in its place
        (CameraInfo(2, "C920"), [LEFT, RIGHT], RIGHT),
        (CameraInfo(7, "C920"), [LEFT, RIGHT], LEFT),
        (CameraInfo(2, "C920", port="usb-1"), [LEFT, RIGHT], LEFT),
        (CameraInfo(1, "C920", port="usb-9"), [RIGHT], RIGHT),  # plugged in elsewhere
        (CameraInfo(1, "C920", port="usb-9"), [LEFT, RIGHT], None),  # which of them is it?
        (SECOND, [FIRST, SECOND], SECOND),  # two numbers of one camera
        (CameraInfo(2, "camera 2"), [BUILT_IN, RIGHT], RIGHT),
        (CameraInfo(2, "camera 2"), [BUILT_IN], None),
    ],
)
def test_a_camera_is_found_again_whatever_its_number_is_now(
    wanted: CameraInfo, here: list[CameraInfo], found: CameraInfo | None
) -> None:
    assert find_again(wanted, here) == found


@pytest.mark.parametrize(("system", "backend"), [("win32", "DSHOW"), ("darwin", "AVFOUNDATION")])
def test_windows_and_macos_are_asked_without_switching_a_camera_on(
    monkeypatch: pytest.MonkeyPatch, system: str, backend: str
) -> None:
    def enumerate_cameras(api: int) -> list[Enumerated]:
        assert api == getattr(cv2, f"CAP_{backend}")
        return [
            Enumerated(0, "C920", "usb-1", 0x46D, 0x82D, api),
            Enumerated(1, "", None, None, None, api),
        ]

    def switch_on(*_: object) -> None:
        raise AssertionError("a camera was switched on")

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(cv2, "VideoCapture", switch_on)
    monkeypatch.setattr(cv2_enumerate_cameras, "enumerate_cameras", enumerate_cameras)
    assert can_be_asked()
    assert list_cameras() == [CameraInfo(0, "C920", port="usb-1"), CameraInfo(1, "camera 1")]


@on_linux
def test_the_package_that_asks_can_be_called_as_it_is() -> None:
    for camera in cv2_enumerate_cameras.enumerate_cameras(cv2.CAP_V4L2):
        assert (camera.index, camera.name, camera.path) is not None


class Desk:
    """A computer whose cameras change their numbers."""

    def __init__(self, *here: CameraInfo) -> None:
        self.here = list(here)
        self.opened: list[tuple[int, V4l2Camera]] = []

    def list_cameras(self, *, with_modes: bool) -> list[CameraInfo]:
        return self.here

    def open_capture(self, index: int, backend: int) -> V4l2Camera:
        self.opened.append((index, V4l2Camera()))
        return self.opened[-1][1]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(BUILT_IN, LEFT)
    monkeypatch.setattr(cameras, "list_cameras", desk.list_cameras)
    monkeypatch.setattr(cameras, "can_be_asked", lambda: True)
    monkeypatch.setattr(cameras, "camera_backend", lambda: cv2.CAP_V4L2)
    monkeypatch.setattr(cameras, "GRACE_S", 0.05)
    monkeypatch.setattr(cv2, "VideoCapture", desk.open_capture)
    return desk


def test_a_remembered_camera_is_opened_though_its_number_now_is_anothers(desk: Desk) -> None:
    with open_source("0", camera_name="C920") as source:
        assert source.name == "C920"
    assert [index for index, _ in desk.opened] == [1]


def test_of_two_cameras_of_one_name_the_other_one_is_not_read_instead(desk: Desk) -> None:
    desk.here = [BUILT_IN, LEFT, RIGHT]
    with open_source("1") as source:
        assert source.read(10) is not None
        desk.here = [BUILT_IN, RIGHT]
        desk.opened[0][1].delivers = False
        for _ in range(100):
            if source.missing:
                break
            source.read(0.1)
        assert source.missing
        desk.here = [BUILT_IN, RIGHT, CameraInfo(3, "C920", port="usb-7")]  # plugged in elsewhere
        for _ in range(100):
            if not source.missing:
                break
            source.read(0.1)
        assert not source.missing
    assert [index for index, _ in desk.opened] == [1, 3]


def test_no_other_camera_is_opened_in_place_of_a_remembered_one(desk: Desk) -> None:
    desk.here = [BUILT_IN]
    with pytest.raises(SourceError, match='"C920" is not plugged in') as caught:
        open_source("0", camera_name="C920")
    assert caught.value.remedy.endswith("Cameras here: 0 (Built-in).")
    assert desk.opened == []


@pytest.mark.parametrize("name", ["", "C920"])
def test_a_camera_that_comes_back_with_another_number_is_read_on(desk: Desk, name: str) -> None:
    with open_source("1", camera_name=name) as source:
        assert source.read(10) is not None
        desk.here = [BUILT_IN, CameraInfo(3, "C920", port="usb-1")]
        desk.opened[0][1].delivers = False
        while len(desk.opened) < 2 or source.missing:
            source.read(0.1)
    assert [index for index, _ in desk.opened] == [1, 3]
