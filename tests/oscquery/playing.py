"""The VRChat stand-in as a process, and what tests of mDNS need to know."""

import asyncio
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from vrfer.oscquery.multicast import usable_addresses

PATIENCE_S = 30.0
STAND_IN = Path(__file__).with_name("vrchat_stand_in.py")


def _mdns_reaches_others() -> bool:
    usable = asyncio.run(usable_addresses())
    return any(not address.startswith("127.") for address in usable)


needs_multicast = pytest.mark.skipif(
    not _mdns_reaches_others(),
    reason="no interface but loopback passes multicast on, so mDNS cannot work here",
)


def eventually(holds: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        result = holds()
        if result:
            return result
        time.sleep(0.02)
    pytest.fail(f"waited {PATIENCE_S} s in vain")


class VRChat:
    """The running stand-in; a context manager."""

    def __init__(self, avatar: dict[str, str] | None = None, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(STAND_IN), "--avatar", json.dumps(avatar or {}), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        start = self.next()
        self.name: str = start["name"]
        self.osc_port: int = start["osc_port"]
        self.http_port: int = start["http_port"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._reading.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.http_port}"

    def next(self) -> dict[str, Any]:
        """Return its next line."""
        return self._lines.get(timeout=PATIENCE_S)

    def change_avatar(self, avatar_id: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"change {avatar_id}\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> dict[str, Any]:
        """Let it end, and return what it heard."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE_S)
        self._reading.join()
        while True:
            line = self._lines.get_nowait()
            if "values" in line:
                return line
