"""`vrfer-app` in its own process and a receiver that hears it, for scripts that write tables."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from vrfer.listen import Listener
from vrfer.shipped import shipped

APP: Final = "from vrfer.cli import main; main()"
CLIP: Final = shipped("assets") / "demo.mp4"
PATIENCE_S: Final = 60.0
_FACE = "/vrfer/face"

_LOG = re.compile(r"^(?:\d\d:\d\d:\d\d| {8}) (WARNING|ERROR|INFO|CRITICAL) +")
_POLL_S = 0.01


def until(condition: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It did not become so.
    """
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {patience_s:.0f} s for {what}")
        time.sleep(_POLL_S)


def free_port() -> int:
    """Return a UDP port of this computer that nobody listens at."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tidy(line: str, names: Mapping[str, str]) -> str:
    """Return a line as a table shows it: without the clock, paths by their short names."""
    line = _LOG.sub(r"\1 ", line.rstrip())
    for path, name in names.items():
        line = line.replace(path, name)
    return line


class Running:
    """A program whose lines, of both outputs, are read as they come; a context manager."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it.

        Args:
            command: The program and its arguments.
            log: File that its outputs go to.
            environment: What is added to this process's own.
        """
        self.log = log
        # A log in a table must not be wrapped at the width of a terminal that is not there.
        wide = {"COLUMNS": "1000", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **wide, **(environment or {})},
            )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it, if it still runs."""
        self.process.kill()
        self.process.wait()

    @property
    def lines(self) -> list[str]:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def until_said(self, words: str) -> str:
        """Wait for a line that holds some words, and return it.

        Raises:
            TimeoutError: It did not come, or the program ended without it.
        """
        found: list[str] = []

        def said() -> bool:
            ended = self.process.poll() is not None
            found.extend(line for line in self.lines if words in line)
            return bool(found) or ended

        until(said, f"the line {words!r}")
        if not found:
            raise TimeoutError(f"it ended without the line {words!r}: {self.lines}")
        return found[0]

    def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        return self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """Press Ctrl-C, and return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()


def app(*arguments: str | Path, code: str = APP, before: Sequence[str] = ()) -> list[str | Path]:
    """Return the command of `vrfer-app` with arguments.

    Args:
        arguments: What stands after its name.
        code: Python that starts it.
        before: A program that starts it, with arguments of its own.
    """
    return [*before, sys.executable, "-c", code, *arguments]


def run_on_clip(*options: str | Path) -> list[str | Path]:
    """Return the arguments of `vrfer-app run` on the built-in clip, over and over."""
    return ["run", "--source", CLIP, "--headless", "--as-fast-as-possible", "--loop", *options]


class Ears:
    """A receiver on this computer that is always well; a context manager."""

    def __init__(self, port: int = 0) -> None:
        """Listen; 0 takes any free port."""
        self._listener = Listener(port)
        self.port = self._listener.port
        self.frames = 0
        """Bundles with a face that were heard. The clip shows one in every frame."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ears", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self.close()

    @property
    def address(self) -> str:
        """Where to send to."""
        return f"127.0.0.1:{self.port}"

    def more(self, frames: int) -> None:
        """Wait until so many more frames were heard.

        Raises:
            TimeoutError: They did not come.
        """
        wanted = self.frames + frames
        until(lambda: self.frames >= wanted, f"{frames} more frames")

    def close(self) -> None:
        """Hear what has arrived, and stop listening; more calls do nothing."""
        self._stop.set()
        self._thread.join()
        self._listener.close()

    def _work(self) -> None:
        while True:
            stopping = self._stop.is_set()
            messages = self._listener.packet(0.0 if stopping else 0.1)
            if messages is None and stopping:
                return
            told = {one.address: one.arguments for one in messages or ()}
            self.frames += told.get(_FACE) == (1,)
