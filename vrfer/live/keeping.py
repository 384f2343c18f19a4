"""The recording of a session: its files, the video beside them, markers."""

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from vrfer.live.status import Event, Happening, RecordingStatus
from vrfer.outputs.film import Film
from vrfer.outputs.losses import ROWS, losses
from vrfer.outputs.recorder import Recorder
from vrfer.pipeline import Outputs


class Keeping:
    """Begins and ends it; used by the session's thread alone."""

    def __init__(self, outputs: Outputs, on_event: Callable[[Event], None]) -> None:
        """Begin without one.

        Args:
            outputs: Where recorder and film are put.
            on_event: Told when a recording is closed, and what it lost, from another thread.
        """
        self._outputs = outputs
        self._on_event = on_event
        self._since_s = 0.0
        self._told: set[str] = set()
        """Which files something is missing in, as far as that was told."""
        self._closing: list[threading.Thread] = []

    def begin(self, path: Path, about: Mapping[str, object], *, film: bool) -> None:
        """Record into new files, with pictures or without.

        Args:
            path: The CSV file; its folder is made.
            about: What the JSON file says of the run.
            film: Whether pictures are kept.

        Raises:
            OutputError: A file exists, or cannot be made.
            OSError: The folder cannot be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures = Film(path) if film else None
        try:
            self._outputs.recorder = Recorder(path, about)
        except BaseException:
            if pictures is not None:
                pictures.close()  # which removes it, for it is empty
            raise
        self._outputs.film = pictures
        self._since_s, self._told = time.monotonic(), set()

    def end(self) -> None:
        """End the recording, if there is one; its files are closed by another thread."""
        recorder, self._outputs.recorder = self._outputs.recorder, None
        film, self._outputs.film = self._outputs.film, None
        if recorder is None:
            return
        # It waits for the disk, which frames must not.
        closing = threading.Thread(
            target=self._close_files, args=(recorder, film), name="closing a recording"
        )
        closing.start()
        self._closing = [*(one for one in self._closing if one.is_alive()), closing]

    @property
    def keeps(self) -> bool:
        """Whether there is a recording that takes what comes."""
        recorder = self._outputs.recorder
        return recorder is not None and not (recorder.failing or recorder.removed)

    def look_for_losses(self) -> None:
        """Tell of each file's losses as they begin: something can still be done about them."""
        recorder = self._outputs.recorder
        if recorder is None:
            return
        for what, loss in losses(recorder, self._outputs.film).items():
            if what == ROWS and not recorder.failing:
                self._told.discard(what)  # the next ones are told again
            elif what not in self._told:
                self._told.add(what)
                self._on_event(Event(Happening.RECORDING_FAILED, loss))

    def status(self, now_s: float) -> RecordingStatus | None:
        """Return how the recording does at a moment of `time.monotonic`; None without one."""
        recorder, film = self._outputs.recorder, self._outputs.film
        if recorder is None:
            return None
        return RecordingStatus(
            recorder.path,
            recorder.rows,
            recorder.lost,
            recorder.markers,
            now_s - self._since_s,
            None if film is None else film.pictures,
            0 if film is None else film.lost,
        )

    def close(self) -> None:
        """End the recording and wait until its files, and those of earlier ones, are closed."""
        self.end()
        for closing in self._closing:
            closing.join()

    def _close_files(self, recorder: Recorder, film: Film | None) -> None:
        try:
            recorder.close()
        finally:
            if film is not None:
                film.close()
        self._on_event(Event(Happening.RECORDING_STOPPED, str(recorder.path)))
        for loss in losses(recorder, film).values():  # last, for it must be the line that stays
            self._on_event(Event(Happening.RECORDING_FAILED, loss))
