"""What a row of the table of faults is made of, and what several faults need."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app_runs import Ears, Running, app, run_on_clip, tidy

from vrfer.recording import load_session

MISSING_S = 0.5
"""How long to listen for what a healthy receiver may still have to hear."""
_UNTOLD = ("frames ", "latency, ", "recorded ")
_FRAMES = re.compile(r"^frames (\d+),", re.MULTILINE)


class NotHereError(Exception):
    """A fault cannot be made to happen on this computer; says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault that happened."""

    how: str
    """How it was made."""
    said: Sequence[str]
    """The lines of vrfer, in their order."""
    code: int | None
    """Exit code; None where several programs ran."""
    lost: str
    """What was lost, as counted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table."""

    name: str
    make: Callable[[Path], Row]
    """Makes it happen, with an empty folder for files.

    Raises:
        NotHereError: It cannot happen on this computer.
    """


@dataclass(slots=True)
class Run:
    """`vrfer-app run` on the clip, with a healthy receiver and a recording."""

    app: Running
    ears: Ears
    recording: Path
    names: dict[str, str]
    """Paths that lines show by short names."""
    code: int = 0

    def stop(self) -> None:
        """Press Ctrl-C and wait for the end."""
        self.code = self.app.stop()
        self.listen_to_the_end()

    def listen_to_the_end(self) -> None:
        """Hear what may still be on its way."""
        time.sleep(MISSING_S)
        self.ears.close()

    @property
    def frames(self) -> int:
        """Processed frames, as the run itself counted them."""
        found = _FRAMES.search("\n".join(self.app.lines))
        return int(found[1]) if found else 0

    @property
    def rows(self) -> int:
        """Whole rows of the recording."""
        return len(load_session(self.recording).rows)

    def said(self, *also: str) -> list[str]:
        """Return the lines for the table: not those of every run, nor of the healthy receiver.

        Args:
            also: Beginnings of such lines that are wanted nevertheless.
        """
        untold = (*_UNTOLD, "demo.mp4: ", f"OSC {self.ears.address}:")
        lines = [tidy(line, self.names) for line in self.app.lines if line.strip()]
        return [line for line in lines if not line.startswith(untold) or line.startswith(also)]

    def kept(self) -> str:
        """Return what reached the healthy receiver and the recording."""
        return f"healthy receiver: {self.heard_of()}; recording: {self.rows} of {self.frames} rows"

    def heard_of(self) -> str:
        """Return how many frames the healthy receiver heard."""
        return f"{self.ears.frames} of {self.frames} frames heard"


@contextlib.contextmanager
def running(
    folder: Path,
    *options: str,
    recording: Path | None = None,
    before: Sequence[str] = (),
    code: str | None = None,
) -> Iterator[Run]:
    """Run vrfer on the clip with a healthy receiver and a recording, until the block ends.

    Args:
        folder: Where files go.
        options: Further options of `vrfer-app run`.
        recording: The recording's CSV file; None: in `folder`.
        before: A program that starts it, with arguments of its own.
        code: Python that starts it; None: as usual.
    """
    recording = folder / "x.csv" if recording is None else recording
    with Ears() as ears:
        arguments = run_on_clip("--osc", ears.address, "--record", recording, *options)
        command = app(*arguments, before=before, **({} if code is None else {"code": code}))
        names = {str(recording): recording.name, str(recording.parent): "FOLDER"}
        with Running(command, folder / "run.txt") as started:
            yield Run(started, ears, recording, names)
