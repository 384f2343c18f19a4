"""Looks for cameras in a thread: asking them takes seconds on some systems."""

import threading

from PyQt6.QtCore import QObject, pyqtSignal

from vrfer.sources.camera_list import CameraInfo, find_again, list_cameras
from vrfer.sources.thumbnails import thumbnail

_THUMBNAIL_WAIT_S = 5.0


class CameraSearch(QObject):
    """Finds cameras, then a small picture of each that nobody uses."""

    found = pyqtSignal(list)
    """The cameras, as `CameraInfo`."""
    pictured = pyqtSignal(int, object)
    """A camera's number, and a small picture of it: H x W x 3, BGR."""
    finished = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        """Search nothing yet."""
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def start(self, in_use: CameraInfo | None, *, with_pictures: bool) -> None:
        """Begin, unless a search is running.

        Args:
            in_use: The camera that is open here; it is not asked for a picture.
            with_pictures: Whether each camera is switched on for a small picture.
        """
        if self._thread is not None and self._thread.is_alive():
            return

        def work() -> None:
            cameras = list_cameras()
            self._tell(self.found, cameras)
            used = None if in_use is None else find_again(in_use, cameras)
            for camera in cameras if with_pictures else []:
                if camera != used and not self._stopped.is_set():
                    picture = thumbnail(camera, _THUMBNAIL_WAIT_S)
                    if picture is not None:
                        self._tell(self.pictured, camera.index, picture)
            self._tell(self.finished)

        self._stopped.clear()
        self._thread = threading.Thread(target=work, name="looking for cameras", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the search end; nothing is told any more."""
        self._stopped.set()

    def _tell(self, signal: object, *values: object) -> None:
        if not self._stopped.is_set():
            signal.emit(*values)  # type: ignore[attr-defined] # a bound pyqtSignal has no type
