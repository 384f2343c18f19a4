import cv2
import pytest
from sources.fake_camera import V4l2Camera
from sources.grays import number_of

from vrfer.sources import CameraInfo, thumbnail

CAMERA = CameraInfo(3, "OBS Virtual Camera")


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> V4l2Camera:
    fake = V4l2Camera(((1280, 720),))

    def open_capture(index: int, backend: int) -> V4l2Camera:
        assert index == CAMERA.index
        return fake

    monkeypatch.setattr(cv2, "VideoCapture", open_capture)
    return fake


def test_a_small_picture_once_the_camera_has_settled(camera: V4l2Camera) -> None:
    image = thumbnail(CAMERA, 60.0)
    assert image is not None
    assert image.shape == (90, 160, 3)
    assert image.flags.c_contiguous
    assert number_of(image) == 8
    assert camera.released.is_set()


def test_out_of_time_the_first_picture_must_do(camera: V4l2Camera) -> None:
    image = thumbnail(CAMERA, 0.0)
    assert image is not None
    assert number_of(image) == 1


def test_small_pictures_are_not_enlarged(camera: V4l2Camera) -> None:
    camera.width, camera.height = 80, 100
    image = thumbnail(CAMERA, 0.0)
    assert image is not None
    assert image.shape == (100, 80, 3)


def test_tall_pictures_fit_too(camera: V4l2Camera) -> None:
    camera.width, camera.height = 600, 1200
    image = thumbnail(CAMERA, 0.0)
    assert image is not None
    assert image.shape == (120, 60, 3)


def test_camera_that_does_not_open_or_deliver(camera: V4l2Camera) -> None:
    camera.delivers = False
    assert thumbnail(CAMERA, 0.05) is None
    assert camera.released.is_set()
    camera.opens = False
    assert thumbnail(CAMERA, 60.0) is None


@pytest.mark.parametrize("fails", ["open", "grab"])
def test_opencv_s_errors_are_swallowed(
    camera: V4l2Camera, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def broken(*_: object) -> None:
        raise cv2.error("broken")

    if fails == "open":
        monkeypatch.setattr(cv2, "VideoCapture", broken)
    else:
        monkeypatch.setattr(camera, "grab", broken)
    assert thumbnail(CAMERA, 60.0) is None


def test_camera_that_does_not_exist() -> None:
    assert thumbnail(CameraInfo(899, "unplugged"), 0.0) is None
