"""Opening a camera, and finding it again after it was away."""

import logging
import threading
from contextlib import ExitStack

import cv2

from vrfer.errors import SourceError
from vrfer.sources.camera_list import (
    CameraInfo,
    can_be_asked,
    find_again,
    is_told,
    list_cameras,
    nameless,
    what_there_is,
)
from vrfer.sources.capturing import CvDevice
from vrfer.sources.in_use import cameras_in_use
from vrfer.sources.live import Device, LiveSource, check_cancelled
from vrfer.sources.macos import await_camera_permission
from vrfer.sources.negotiation import negotiate
from vrfer.sources.opencv import camera_backend, prepare_opencv
from vrfer.sources.settings import DEFAULT_CAMERA, CameraSettings

logger = logging.getLogger(__name__)

BUSY_S = 10.0
"""So long a camera is waited for that is still open in this program."""
GRACE_S = 2.0
"""A camera whose every grab has failed for this long is gone."""


def open_camera(
    index: int,
    settings: CameraSettings = DEFAULT_CAMERA,
    cancel: threading.Event | None = None,
    called: str = "",
) -> LiveSource:
    """Open a camera by its number, or by the name that the number once stood for.

    Args:
        index: Its number.
        settings: What its driver is asked for.
        cancel: Ends the opening when another thread sets it.
        called: Its name, where that is known: a camera of this name is opened, whatever its number
            is now, and no other one.

    Raises:
        SourceError: There is none, it delivers nothing, or opening was cancelled.
    """
    prepare_opencv()
    wanted = CameraInfo(index, called or nameless(index))
    return LiveSource(wanted.name, _Opener(wanted, settings), cancel=cancel)


class _Opener:
    """Opens one camera, again and again, with the same settings."""

    def __init__(self, wanted: CameraInfo, settings: CameraSettings) -> None:
        """Without a name of its own, the camera that has the number first is meant ever after."""
        self._called = wanted.name
        self._wanted = wanted
        self._others: set[str] = set()
        """Ports of other cameras of its name, which are not opened in its place."""
        self._settings = settings
        self._told: str | None = None

    def __call__(self, stop: threading.Event) -> Device:
        index = self._current_index()
        in_use = cameras_in_use()
        # Where it stays in use, the driver is asked all the same: the number may be another's now.
        taken = in_use.take(index, BUSY_S, stop)
        with ExitStack() as undo:
            if taken:
                undo.callback(in_use.give_back, index)
            check_cancelled(self._called, stop)
            device = self._open(index, stop)
            device.when_closed = undo.pop_all().close
        return device

    def _open(self, index: int, stop: threading.Event) -> CvDevice:
        await_camera_permission(stop)
        check_cancelled(self._called, stop)
        backend = camera_backend()
        capture = cv2.VideoCapture(index, backend)
        if not capture.isOpened():
            capture.release()
            raise _not_opened(index)
        agreement = negotiate(capture, self._settings, backend)
        if agreement.refusal is not None and agreement.refusal != self._told:
            logger.warning("%s was %s", self._called, agreement.refusal)
            self._told = agreement.refusal
        return CvDevice(
            self._called,
            capture,
            stop,
            GRACE_S,
            agreement.mode,
            decoding_waits=backend == cv2.CAP_DSHOW,
        )

    def _current_index(self) -> int:
        """Return the camera's number now, and remember its name and port from then on."""
        if not can_be_asked():
            return self._wanted.index
        cameras = list_cameras(with_modes=False)
        allowed = [camera for camera in cameras if camera.port not in self._others]
        found = find_again(self._wanted, allowed)
        if found is not None:
            self._wanted = found
            self._others |= {
                camera.port
                for camera in cameras
                if camera.name == found.name and camera.port not in {"", found.port}
            }
        elif is_told(self._wanted):
            raise SourceError(
                f'the camera "{self._wanted.name}" is not plugged in',
                f"Plug it in, or choose another one. {what_there_is(cameras)}",
            )
        return self._wanted.index


def _not_opened(index: int) -> SourceError:
    cameras = list_cameras(with_modes=False)
    if index in {camera.index for camera in cameras}:
        return SourceError(
            f"camera {index} is there but cannot be opened",
            "Close other programs that use it, and allow access to it in the system's settings.",
        )
    return SourceError(f"there is no camera {index}", what_there_is(cameras))
