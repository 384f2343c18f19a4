"""What a program prints, read as it comes, so that it never waits for its reader."""

import contextlib
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PATIENCE_S = 60.0


class Program:
    """A program in its own process, which is asked nothing and prints lines."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        errors: IO[str] | int = subprocess.STDOUT,
    ) -> None:
        self.lines: list[str] = []
        """Those that `until` came past."""
        self.process = subprocess.Popen(
            command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        )
        self._coming: queue.Queue[str | None] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._coming.put(line.rstrip())
        self._coming.put(None)

    def until(self, is_wanted: Callable[[str], bool]) -> str:
        """Wait for a line, and return it."""
        with contextlib.suppress(queue.Empty):
            while (line := self._coming.get(timeout=_PATIENCE_S)) is not None:
                self.lines.append(line)
                if is_wanted(line):
                    return line
        raise AssertionError(f"the line did not come; those before: {self.lines[-20:]}")

    def until_ended(self) -> int:
        """Wait for the end of the program, and return its exit code."""
        return self.process.wait(_PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
