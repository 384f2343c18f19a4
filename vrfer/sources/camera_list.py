"""Which cameras there are, what they are called, and which of them is the one that was meant."""

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from vrfer.errors import SourceError
from vrfer.sources import v4l2
from vrfer.sources.opencv import camera_backend, prepare_opencv

SYS_FOLDER = Path("/sys/class/video4linux")
"""Where Linux keeps its list of cameras."""
PROBED = range(10)
"""The numbers tried where the operating system cannot be asked."""
_ENUMERATOR = "cv2_enumerate_cameras"
"""The package that asks Windows and macOS, in the order in which OpenCV counts."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that is connected."""

    index: int
    """Its number; it may be another one after a start, or when something is plugged in."""
    name: str
    """Its name; "camera N" where the operating system tells none."""
    modes: tuple[str, ...] = ()
    """What it can deliver, as "640x480 @ 30"; empty when unknown."""
    port: str = ""
    """Where it is plugged in, in the operating system's words; empty when unknown."""

    def __str__(self) -> str:
        """Return "0 (Logitech C920)"."""
        return f"{self.index} ({self.name})"


def list_cameras(sys_folder: Path = SYS_FOLDER, *, with_modes: bool = True) -> list[CameraInfo]:
    """List the cameras of this computer.

    Args:
        sys_folder: Where Linux keeps its list.
        with_modes: Whether Linux is asked what each can deliver; others do not tell.
    """
    if sys.platform == "linux":
        return _listed_by_linux(sys_folder, with_modes)
    prepare_opencv()
    return _enumerated() if can_be_asked() else _probed()


def can_be_asked() -> bool:
    """Say whether the system lists its cameras, or each must be switched on to see if it is there.

    The latter is for the few computers for which the package that asks is not built.
    """
    return sys.platform == "linux" or importlib.util.find_spec(_ENUMERATOR) is not None


def find_camera(wanted: str, cameras: Sequence[CameraInfo]) -> CameraInfo:
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


def find_again(wanted: CameraInfo, cameras: Sequence[CameraInfo]) -> CameraInfo | None:
    """Find a camera among those that are there now, whatever its number has become.

    Its name decides; among several of this name its port, then its number. One that had no name
    (`CameraInfo.name`) is whichever has its number.

    Returns:
        None when it is not there, or cannot be told from others of its name.
    """
    if not is_told(wanted):
        return next((camera for camera in cameras if camera.index == wanted.index), None)
    same_name = [camera for camera in cameras if camera.name == wanted.name]
    same_port = [camera for camera in same_name if wanted.port and camera.port == wanted.port]
    if wanted.port and len(same_name) > 1 and not same_port:
        return None
    # One camera may have several numbers, for pictures of several kinds.
    meant = same_port or same_name
    return next((camera for camera in meant if camera.index == wanted.index), None) or next(
        iter(meant), None
    )


def is_told(camera: CameraInfo) -> bool:
    """Say whether a camera's name is its own, not made of its number."""
    return camera.name not in {"", nameless(camera.index)}


def nameless(index: int) -> str:
    """Return what a camera is called that has no name."""
    return f"camera {index}"


def what_there_is(cameras: Sequence[CameraInfo]) -> str:
    """Return the remedy for a camera that does not exist."""
    if not cameras:
        return "No camera was found here: plug one in, or give a video, a picture or a URL."
    return f"Cameras here: {', '.join(map(str, cameras))}."


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
            name = _text(name_file) or nameless(int(number))
            modes = v4l2.modes(device) if with_modes else ()
            plugged_in = entry / "device"
            port = str(plugged_in.resolve()) if plugged_in.exists() else ""
            cameras.append(CameraInfo(int(number), name, modes, port))
    return sorted(cameras, key=lambda camera: camera.index)


def _enumerated() -> list[CameraInfo]:
    """Ask Windows (DirectShow) or macOS (AVFoundation); no camera is switched on."""
    from cv2_enumerate_cameras import enumerate_cameras

    return [
        CameraInfo(camera.index, camera.name or nameless(camera.index), port=str(camera.path or ""))
        for camera in enumerate_cameras(camera_backend())
    ]


def _probed() -> list[CameraInfo]:
    cameras = []
    for index in PROBED:
        capture = cv2.VideoCapture(index, camera_backend())
        if capture.isOpened():
            width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
            height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
            fps = capture.get(cv2.CAP_PROP_FPS)
            modes = (f"{width:.0f}x{height:.0f} @ {fps:g}",) if width > 0 and fps > 0 else ()
            cameras.append(CameraInfo(index, nameless(index), modes))
        capture.release()
    return cameras


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
