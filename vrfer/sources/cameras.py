"""Cameras: which there are, what they are called, and opening one of them."""

import logging
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2

from vrfer.errors import SourceError
from vrfer.sources import v4l2
from vrfer.sources.capturing import CvDevice
from vrfer.sources.live import Device, LiveSource
from vrfer.sources.negotiation import negotiate
from vrfer.sources.opencv import camera_backend, prepare_opencv
from vrfer.sources.settings import DEFAULT_CAMERA, CameraSettings

logger = logging.getLogger(__name__)

SYS_FOLDER = Path("/sys/class/video4linux")
"""Where Linux keeps its list of cameras."""
PROBED = range(10)
"""The numbers tried where the operating system cannot be asked for names."""
GRACE_S = 2.0
"""A camera whose every grab has failed for this long is gone."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that is connected."""

    index: int
    """Its number."""
    name: str
    """Its name; "camera N" where the operating system tells none."""
    modes: tuple[str, ...] = ()
    """What it can deliver, as "640x480 @ 30"; empty when unknown."""

    def __str__(self) -> str:
        """Return "0 (Logitech C920)"."""
        return f"{self.index} ({self.name})"


def list_cameras(sys_folder: Path = SYS_FOLDER) -> list[CameraInfo]:
    """List the cameras of this computer.

    Args:
        sys_folder: Where Linux keeps its list. Other systems are probed number by number, which
            switches each camera on for a moment.
    """
    prepare_opencv()
    return _listed_by_linux(sys_folder, with_modes=True) if sys.platform == "linux" else _probed()


def find_camera(wanted: str, cameras: list[CameraInfo]) -> CameraInfo:
    """Find a camera by its name, or a part of it, in any case.

    Raises:
        SourceError: None, or several of different names, are called that.
    """
    part = wanted.strip().casefold()
    found = [camera for camera in cameras if camera.name.casefold() == part]
    found = found or [camera for camera in cameras if part in camera.name.casefold()]
    if not found:
        raise SourceError(
            f'There is no file and no camera called "{wanted}"', what_there_is(cameras)
        )
    if len(found) > 1:
        raise SourceError(
            f'Several cameras are called "{wanted}"',
            f"Choose one by its number: {', '.join(map(str, found))}.",
        )
    return found[0]


def what_there_is(cameras: list[CameraInfo]) -> str:
    """Return the remedy for a camera that does not exist."""
    if not cameras:
        return "No camera was found here: plug one in, or give a video, a picture or a URL."
    return f"Cameras here: {', '.join(map(str, cameras))}."


def open_camera(
    index: int,
    settings: CameraSettings = DEFAULT_CAMERA,
    cancel: threading.Event | None = None,
) -> LiveSource:
    """Open a camera by its number.

    Args:
        index: Its number.
        settings: What its driver is asked for.
        cancel: Ends the opening when another thread sets it.

    Raises:
        SourceError: There is none of this number, it delivers nothing, or opening was cancelled.
    """
    prepare_opencv()
    return LiveSource(f"camera {index}", _Opener(index, settings), cancel=cancel)


class _Identity:
    """Finds the camera that was opened first again, even where its number has changed since."""

    def __init__(self, index: int) -> None:
        self.first_index = index
        self._name = _linux_name(index)
        self._port = _linux_port(index)

    def current_index(self) -> int | None:
        """Return its number now; None while it is away. Only Linux can tell cameras apart."""
        if self._name is None:
            return self.first_index
        here = _listed_by_linux(SYS_FOLDER, with_modes=False)
        same_name = [camera.index for camera in here if camera.name == self._name]
        for index in same_name:
            if _linux_port(index) == self._port:
                return index
        return same_name[0] if len(same_name) == 1 else None


class _Opener:
    """Opens one camera, again and again, with the same settings."""

    def __init__(self, index: int, settings: CameraSettings) -> None:
        self._identity = _Identity(index)
        self._settings = settings
        self._told: str | None = None

    def __call__(self, stop: threading.Event) -> Device:
        index = self._identity.current_index()
        if index is None:
            first_index = self._identity.first_index
            raise SourceError(f"camera {first_index} is unplugged", "Plug it in again.")
        backend = camera_backend()
        capture = cv2.VideoCapture(index, backend)
        if not capture.isOpened():
            capture.release()
            raise _not_opened(index)
        agreement = negotiate(capture, self._settings, backend)
        if agreement.refusal is not None and agreement.refusal != self._told:
            logger.warning("camera %d was %s", index, agreement.refusal)
            self._told = agreement.refusal
        return CvDevice(f"camera {index}", capture, stop, GRACE_S, agreement.mode)


def _not_opened(index: int) -> SourceError:
    cameras = list_cameras()
    if index in {camera.index for camera in cameras}:
        return SourceError(
            f"camera {index} is there but cannot be opened",
            "Close other programs that use it, and allow access to it in the system's settings.",
        )
    return SourceError(f"there is no camera {index}", what_there_is(cameras))


def _listed_by_linux(folder: Path, with_modes: bool) -> list[CameraInfo]:
    cameras = []
    for name_file in folder.glob("video*/name"):
        entry = name_file.parent
        number = entry.name.removeprefix("video")
        device = Path("/dev") / entry.name
        captures = v4l2.can_capture(device)
        if captures is None:  # it cannot be asked: the first device of each camera is the one
            captures = _text(entry / "index") in {"", "0"}
        if number.isdecimal() and captures:
            name = _text(name_file) or f"camera {number}"
            modes = v4l2.modes(device) if with_modes else ()
            cameras.append(CameraInfo(int(number), name, modes))
    return sorted(cameras, key=lambda camera: camera.index)


def _probed() -> list[CameraInfo]:
    cameras = []
    for index in PROBED:
        capture = cv2.VideoCapture(index, camera_backend())
        if capture.isOpened():
            width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
            height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
            fps = capture.get(cv2.CAP_PROP_FPS)
            modes = (f"{width:.0f}x{height:.0f} @ {fps:g}",) if width > 0 and fps > 0 else ()
            cameras.append(CameraInfo(index, f"camera {index}", modes))
        capture.release()
    return cameras


def _linux_name(index: int) -> str | None:
    return _text(SYS_FOLDER / f"video{index}" / "name") or None


def _linux_port(index: int) -> Path:
    return (SYS_FOLDER / f"video{index}" / "device").resolve()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
