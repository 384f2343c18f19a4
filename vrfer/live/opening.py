"""Opening a source in a thread of its own: OpenCV may take a minute, and cannot be hurried."""

import logging
import threading
from collections.abc import Callable

from vrfer.errors import SourceError
from vrfer.live.wishes import SourceWish
from vrfer.sources import Source, open_source
from vrfer.sources.opening import without_credentials

logger = logging.getLogger(__name__)


class Opening:
    """One attempt to open a source."""

    def __init__(self, wish: SourceWish, on_done: Callable[["Opening"], None]) -> None:
        """Begin.

        Args:
            wish: What is opened.
            on_done: Called in the attempt's thread once `source` or `error` is set.
        """
        self.wish = wish
        self.source: Source | None = None
        """What was opened; None while it opens, and where that failed."""
        self.error = ""
        """Why it could not be opened, in one line."""
        self._on_done = on_done
        self._cancelled = threading.Event()
        threading.Thread(target=self._work, name="opening a source", daemon=True).start()

    def cancel(self) -> None:
        """Give it up; what opens nevertheless is closed at once."""
        self._cancelled.set()

    def give_back(self) -> None:
        """Close what was opened after all."""
        if self.source is not None:
            self.source.close()

    def _work(self) -> None:
        try:
            self.source = open_source(
                self.wish.spec,
                as_fast_as_possible=self.wish.as_fast_as_possible,
                camera=self.wish.camera,
                loop=self.wish.loop,
                cancel=self._cancelled,
                camera_name=self.wish.camera_name,
            )
        except SourceError as err:
            self.error = str(err)
        except Exception as err:  # a driver's surprise becomes a message instead of silence
            shown = without_credentials(self.wish.spec)
            logger.exception("opening %s failed", shown)
            self.error = f"opening {shown} failed: {err}"
        self._on_done(self)
