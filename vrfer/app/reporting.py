"""The page of a recording, made in a thread and shown in the browser."""

import threading
from pathlib import Path

from PyQt6.QtCore import QObject, QUrl, pyqtSignal
from PyQt6.QtGui import QDesktopServices

from vrfer.errors import VrferError
from vrfer.report_file import make_report


class Reporting(QObject):
    """Makes one page at a time."""

    made = pyqtSignal(str)
    """The page's path."""
    failed = pyqtSignal(str)
    """Why it could not be made, in one line."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Make nothing yet."""
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self.made.connect(lambda path: QDesktopServices.openUrl(QUrl.fromLocalFile(path)))

    def show(self, recording: Path) -> None:
        """Make the page of a recording and open it, unless another is being made."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(
            target=self._make, args=(recording,), name="making a report", daemon=True
        )
        self._thread.start()

    def _make(self, recording: Path) -> None:
        try:
            page = recording.with_suffix(".html")
            make_report(recording, page)
        except VrferError as err:
            self.failed.emit(str(err))
            return
        self.made.emit(str(page))
