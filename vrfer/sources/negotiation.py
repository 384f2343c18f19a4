"""What the driver of a camera is asked for, and what it gives.

Units and values are those of OpenCV's backends, read in its sources (modules/videoio/src):

- V4L2 (cap_v4l.cpp) hands V4L2_CID_EXPOSURE_AUTO and V4L2_CID_EXPOSURE_ABSOLUTE through: 1 is
  manual, 3 automatic on webcams (aperture priority), 0 automatic on others; time in 0.1 ms.
- DirectShow (cap_dshow.cpp) rounds 0.75 to automatic and 0.25 to manual; time as a power of two of
  a second (Microsoft, CameraControl_Exposure).
- AVFoundation (cap_avfoundation_mac.mm) knows neither exposure nor pixel formats.
"""

import math
from dataclasses import dataclass

import cv2

from vrfer.sources.settings import CameraSettings

MJPEG = "MJPG"
RAW_CODES = {cv2.CAP_DSHOW: "YUY2"}
"""What raw pictures are called; elsewhere YUYV."""
FORMAT_NAMES = {MJPEG: "MJPEG"}
MANUAL = {cv2.CAP_V4L2: 1.0, cv2.CAP_DSHOW: 0.25}
AUTOMATIC = {cv2.CAP_V4L2: (3.0, 0.0), cv2.CAP_DSHOW: (0.75,)}
"""Values for "automatic" in the order in which they are tried."""
V4L2_UNITS_PER_MS = 10.0
FPS_TOLERANCE = 0.5
EXPOSURE_TOLERANCE = 0.5
"""In the backend's own unit: drivers take whole numbers."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How asking a driver ended."""

    mode: str
    """What the camera delivers, as "640x480 @ 30 MJPEG"."""
    refusal: str | None
    """What was asked for and what it gives instead, in one line; None if all was granted."""


def negotiate(capture: cv2.VideoCapture, settings: CameraSettings, backend: int) -> Agreement:
    """Ask the driver of an opened camera for the settings.

    Args:
        capture: Opened, and not read yet.
        settings: Mirroring and rotation are not the driver's business.
        backend: The capture backend it was opened with, as `cv2.CAP_V4L2`.
    """
    code = _wanted_code(settings, backend)
    wanted_fourcc = None if code is None else float(cv2.VideoWriter.fourcc(*code))
    if backend == cv2.CAP_DSHOW:
        # It builds its graph anew at each of them, which takes long, and forgets the format when
        # rate or size change.
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        if _size(capture) != (settings.width, settings.height):
            _set_size(capture, settings)
        if wanted_fourcc is not None and _code(capture) != code:
            capture.set(cv2.CAP_PROP_FOURCC, wanted_fourcc)
    else:
        # The format first: which sizes and rates there are depends on it.
        if wanted_fourcc is not None:
            capture.set(cv2.CAP_PROP_FOURCC, wanted_fourcc)
        _set_size(capture, settings)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
    # With a single one the driver has nowhere to put what comes while a frame is decoded, and some
    # cameras deliver every other frame only.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 2.0)
    exposure_granted = _expose(capture, settings.exposure, backend)

    width, height = _size(capture)
    fps, given_code = capture.get(cv2.CAP_PROP_FPS), _code(capture)
    fps_known = math.isfinite(fps) and fps > 0
    mode = _in_words(width, height, fps if fps_known else None, given_code)
    granted = (
        (width, height) == (settings.width, settings.height)
        and (not fps_known or abs(fps - settings.fps) <= FPS_TOLERANCE)
        and (code is None or not given_code or (given_code == MJPEG) == (code == MJPEG))
        and exposure_granted
    )
    if granted:
        return Agreement(mode, None)
    asked = _in_words(settings.width, settings.height, settings.fps, code or "")
    if settings.exposure is not None:
        asked += f", exposure {settings.exposure:g} ms"
    gives = mode if exposure_granted else f"{mode}, exposure {_exposure_in_words(capture, backend)}"
    return Agreement(mode, f"asked for {asked}, it gives {gives}")


def _size(capture: cv2.VideoCapture) -> tuple[int, int]:
    """Return width and height in pixels."""
    width, height = (
        round(capture.get(name)) for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    return width, height


def _set_size(capture: cv2.VideoCapture, settings: CameraSettings) -> None:
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, float(settings.width))
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, float(settings.height))


def _wanted_code(settings: CameraSettings, backend: int) -> str | None:
    if settings.compressed is None or backend == cv2.CAP_AVFOUNDATION:
        return None
    return MJPEG if settings.compressed else RAW_CODES.get(backend, "YUYV")


def _code(capture: cv2.VideoCapture) -> str:
    """Return the four letters of the format; empty where the driver does not tell."""
    value = capture.get(cv2.CAP_PROP_FOURCC)
    if not math.isfinite(value) or value <= 0:
        return ""
    letters = (int(value) & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1").strip("\0 ")
    return letters if letters.isascii() and letters.isalnum() else ""


def _in_words(width: int, height: int, fps: float | None, code: str) -> str:
    rate = "" if fps is None else f" @ {round(fps, 2):g}"
    return f"{width}x{height}{rate} {FORMAT_NAMES.get(code, code)}".rstrip()


def _expose(capture: cv2.VideoCapture, exposure_ms: float | None, backend: int) -> bool:
    """Set the exposure; return whether the driver took it.

    Drivers keep an exposure from one program to the next, so automatic is asked for as well. One
    that refuses that has no exposure to choose, and delivers what was wanted.
    """
    if exposure_ms is None:
        any(capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, value) for value in AUTOMATIC.get(backend, ()))
        return True
    if backend not in MANUAL:
        return False
    capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, MANUAL[backend])
    wanted = _in_driver_units(exposure_ms, backend)
    if not capture.set(cv2.CAP_PROP_EXPOSURE, wanted):
        return False
    return abs(capture.get(cv2.CAP_PROP_EXPOSURE) - wanted) <= EXPOSURE_TOLERANCE


def _in_driver_units(exposure_ms: float, backend: int) -> float:
    if backend == cv2.CAP_DSHOW:
        return float(round(math.log2(exposure_ms / 1000)))
    return float(max(1, round(exposure_ms * V4L2_UNITS_PER_MS)))


def _exposure_in_words(capture: cv2.VideoCapture, backend: int) -> str:
    """Return the exposure that the driver tells, or that it chooses by itself."""
    value = capture.get(cv2.CAP_PROP_EXPOSURE)
    if backend == cv2.CAP_V4L2 and value > 0:
        return f"{value / V4L2_UNITS_PER_MS:g} ms"
    if backend == cv2.CAP_DSHOW and value < -1:  # -1 is also how OpenCV says "unknown"
        return f"{1000 * 2**value:.3g} ms"
    return "of its own choice"
