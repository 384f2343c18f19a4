"""Cameras, as far as they can be tested where there is none."""

import sys
from pathlib import Path

import pytest

from vrfer.errors import SourceError
from vrfer.sources import CameraInfo, list_cameras, open_source
from vrfer.sources.cameras import find_camera, what_there_is

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
