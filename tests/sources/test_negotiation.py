"""What drivers are asked for; the cameras are made up, their answers are OpenCV's."""

import logging
import math

import cv2
import pytest
from sources.fake_camera import DirectShowCamera, V4l2Camera

from vrfer.sources import CameraSettings, cameras, open_source
from vrfer.sources.negotiation import negotiate


def test_a_willing_camera_gives_what_is_asked_for() -> None:
    camera = V4l2Camera()
    agreement = negotiate(camera, CameraSettings(1280, 720, 60.0, exposure=5.0), cv2.CAP_V4L2)
    assert agreement.mode == "1280x720 @ 60 MJPEG"
    assert agreement.refusal is None
    assert (camera.width, camera.height, camera.fps, camera.format) == (1280, 720, 60.0, "MJPG")
    assert (camera.auto, camera.exposure) == (1.0, 50.0)  # manual, in units of 0.1 ms


def test_mjpeg_is_asked_for_before_the_resolution() -> None:
    camera = V4l2Camera()
    negotiate(camera, CameraSettings(), cv2.CAP_V4L2)
    asked = [what for what, _ in camera.asked]
    assert asked.index(cv2.CAP_PROP_FOURCC) < asked.index(cv2.CAP_PROP_FRAME_WIDTH)


@pytest.mark.parametrize(("compressed", "mode"), [(True, "MJPEG"), (False, "YUY2"), (None, "YUY2")])
def test_directshow_forgets_the_format_and_is_asked_again(
    compressed: bool | None, mode: str
) -> None:
    settings = CameraSettings(1280, 720, 60.0, compressed)
    agreement = negotiate(DirectShowCamera(), settings, cv2.CAP_DSHOW)
    assert agreement.mode == f"1280x720 @ 60 {mode}"
    assert agreement.refusal is None


def test_directshow_is_asked_for_no_more_than_is_needed() -> None:
    """It builds its graph anew at each of these."""
    camera = DirectShowCamera()
    width, height = camera.width, camera.height
    negotiate(camera, CameraSettings(width, height, 30.0), cv2.CAP_DSHOW)
    slow = (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FRAME_HEIGHT)
    assert [what for what, _ in camera.asked if what in slow] == [
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_FOURCC,
    ]


@pytest.mark.parametrize(("exposure", "power"), [(1000 / 64, -6), (15.0, -6), (0.2, -12)])
def test_directshow_counts_exposure_in_powers_of_two(exposure: float, power: int) -> None:
    camera = DirectShowCamera()
    camera.auto = 1.0
    assert negotiate(camera, CameraSettings(exposure=exposure), cv2.CAP_DSHOW).refusal is None
    assert (camera.auto, camera.exposure) == (0.0, power)


def test_raw_or_whatever_the_driver_likes() -> None:
    camera = V4l2Camera(formats=("MJPG", "YUYV"))
    assert negotiate(camera, CameraSettings(compressed=None), cv2.CAP_V4L2).refusal is None
    assert camera.format == "MJPG"
    assert negotiate(camera, CameraSettings(compressed=False), cv2.CAP_V4L2).refusal is None
    assert camera.format == "YUYV"


@pytest.mark.parametrize(
    ("camera", "backend", "automatic"),
    [
        (V4l2Camera(), cv2.CAP_V4L2, 3.0),
        (V4l2Camera(auto_values=(1.0, 0.0)), cv2.CAP_V4L2, 0.0),
        (DirectShowCamera(), cv2.CAP_DSHOW, 1.0),
    ],
)
def test_exposure_becomes_automatic_again(
    camera: V4l2Camera, backend: int, automatic: float
) -> None:
    negotiate(camera, CameraSettings(exposure=5.0), backend)
    assert camera.auto != automatic
    assert negotiate(camera, CameraSettings(), backend).refusal is None
    assert camera.auto == automatic


def test_what_is_refused_is_said_in_one_line() -> None:
    camera = V4l2Camera(((320, 240),), formats=("YUYV",), fastest_fps=15.0, exposures=None)
    settings = CameraSettings(1280, 720, 60.0, exposure=5.0)
    agreement = negotiate(camera, settings, cv2.CAP_V4L2)
    assert agreement.mode == "320x240 @ 15 YUYV"
    assert agreement.refusal == (
        "asked for 1280x720 @ 60 MJPEG, exposure 5 ms, it gives 320x240 @ 15 YUYV, "
        "exposure of its own choice"
    )


@pytest.mark.parametrize(
    ("camera", "settings"),
    [
        (V4l2Camera(((640, 360),)), CameraSettings()),
        (V4l2Camera(fastest_fps=15.0), CameraSettings()),
        (V4l2Camera(formats=("YUYV",)), CameraSettings()),
        (V4l2Camera(formats=("MJPG",)), CameraSettings(compressed=False)),
        (V4l2Camera(exposures=(100.0, 200.0)), CameraSettings(exposure=5.0)),
        (V4l2Camera(auto_values=(3.0,)), CameraSettings(exposure=5.0)),
    ],
)
def test_each_refusal_counts(camera: V4l2Camera, settings: CameraSettings) -> None:
    assert negotiate(camera, settings, cv2.CAP_V4L2).refusal is not None


def test_exposure_that_the_driver_limits_is_told() -> None:
    camera = V4l2Camera(exposures=(100.0, 200.0))
    agreement = negotiate(camera, CameraSettings(exposure=5.0), cv2.CAP_V4L2)
    assert str(agreement.refusal).endswith("exposure 10 ms")


def test_a_camera_without_exposure_is_no_refusal_of_automatic() -> None:
    camera = V4l2Camera(exposures=None)
    assert negotiate(camera, CameraSettings(), cv2.CAP_V4L2).refusal is None


def test_macos_has_no_formats_and_no_exposure() -> None:
    camera = V4l2Camera(formats=("420v",))
    assert negotiate(camera, CameraSettings(), cv2.CAP_AVFOUNDATION).refusal is None
    assert cv2.CAP_PROP_FOURCC not in dict(camera.asked)
    refusal = negotiate(camera, CameraSettings(exposure=5.0), cv2.CAP_AVFOUNDATION).refusal
    assert str(refusal).endswith("exposure of its own choice")


@pytest.mark.parametrize(("value", "mode"), [(-1.0, "640x480"), (math.nan, "640x480")])
def test_what_a_driver_does_not_tell_is_left_out(value: float, mode: str) -> None:
    class Silent(V4l2Camera):
        def get(self, what: int) -> float:
            size = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
            return super().get(what) if what in size else value

    agreement = negotiate(Silent(), CameraSettings(), cv2.CAP_V4L2)
    assert (agreement.mode, agreement.refusal) == (mode, None)


def test_opened_camera_tells_its_mode_and_its_refusal_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened: list[V4l2Camera] = []

    def open_capture(index: int, backend: int) -> V4l2Camera:
        assert (index, backend) == (0, cameras.camera_backend())
        opened.append(V4l2Camera(((320, 240),)))
        return opened[-1]

    monkeypatch.setattr(cv2, "VideoCapture", open_capture)
    monkeypatch.setattr(cameras, "camera_backend", lambda: cv2.CAP_V4L2)
    monkeypatch.setattr(cameras, "GRACE_S", 0.05)
    caplog.set_level(logging.WARNING, logger="vrfer")
    with open_source("0") as source:
        assert source.current_mode == "320x240 @ 30 MJPEG"
        assert source.read(10).image.shape == (240, 320, 3)
        opened[0].delivers = False  # it is unplugged, and opened again
        while len(opened) < 2 or source.missing:
            source.read(0.1)
        assert source.current_mode == "320x240 @ 30 MJPEG"
    told = [r.getMessage() for r in caplog.records if "asked" in r.getMessage()]
    assert told == [
        "camera 0 was asked for 640x480 @ 30 MJPEG, it gives 320x240 @ 30 MJPEG",
    ]
    assert all(camera.released.is_set() for camera in opened)
