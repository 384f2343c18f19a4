"""Looks for the programs of this computer that hear OSC; asking them takes seconds."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from PyQt6.QtCore import QObject, pyqtSignal

from vrfer.errors import OutputError, VrferError
from vrfer.oscquery.browse import Browser
from vrfer.oscquery.fitting import best_avatar_profile, heard_of
from vrfer.oscquery.programs import Program, addresses_heard
from vrfer.outputs.profiles import load_profile

SEARCH_S: Final = 5.0
"""How long to look: mDNS repeats what was not heard after a second, and again after two."""


@dataclass(frozen=True, slots=True)
class AvatarFit:
    """Which addresses of a profile the avatar has that is worn now."""

    profile: str
    heard: int
    of: int
    other: str = ""
    """Where it has none of them: a profile of which it has some."""
    error: str = ""
    """Why it is not known; then the numbers are 0."""


class ProgramSearch(QObject):
    """Finds programs, and asks one what its avatar hears; each in a thread."""

    found = pyqtSignal(object)
    """All programs so far, as a tuple of `Program`; told anew when one comes or goes."""
    finished = pyqtSignal(str)
    """The search is over; why mDNS does not work, empty if it does."""
    avatar_seen = pyqtSignal(object, object)
    """A `Program` and its `AvatarFit`."""

    def __init__(self, parent: QObject | None = None, *, known: Sequence[str] = ()) -> None:
        """Search nothing yet.

        Args:
            parent: Owner of this object.
            known: `127.0.0.1:PORT` of OSCQuery servers that are asked even without mDNS.
        """
        super().__init__(parent)
        self._known = known
        self._searching: threading.Thread | None = None
        self._asking: list[threading.Thread] = []
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin, unless a search is running."""
        if self._searching is None or not self._searching.is_alive():
            self._searching = self._run("vrfer-program-search", self._search)

    def look_at_avatar(self, program: Program, profile: str) -> None:
        """Ask a program how well its avatar fits a profile."""
        self._asking = [thread for thread in self._asking if thread.is_alive()]
        self._asking.append(
            self._run(
                "vrfer-avatar",
                lambda: self._tell(self.avatar_seen, program, fit(program, profile)),
            )
        )

    def stop(self) -> None:
        """Let everything end, without waiting for it; nothing is told any more."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, and wait until all has ended: two seconds where a program hangs."""
        self.stop()
        for thread in [self._searching, *self._asking]:
            if thread is not None:
                thread.join()

    def _run(self, name: str, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, name=name, daemon=True)
        thread.start()
        return thread

    def _search(self) -> None:
        error = ""
        try:
            with Browser(
                lambda programs: self._tell(self.found, programs), known=self._known
            ) as browser:
                self._stopped.wait(SEARCH_S)
                error = browser.error
        except VrferError as err:
            error = str(err)
        finally:
            self._tell(self.finished, error)

    def _tell(self, signal: object, *values: object) -> None:
        if not self._stopped.is_set():
            signal.emit(*values)  # type: ignore[attr-defined] # a bound pyqtSignal has no type


def fit(program: Program, profile: str) -> AvatarFit:
    """Return how well the avatar that is worn fits a profile; blocks for two seconds at most."""
    try:
        heard = addresses_heard(program)
        number, of = heard_of(load_profile(profile), heard)
        other = best_avatar_profile(heard) if number == 0 else ""
        if other and heard_of(load_profile(other), heard)[0] == 0:
            other = ""
    except OutputError as err:
        return AvatarFit(profile, 0, 0, error=str(err))
    return AvatarFit(profile, number, of, other)
