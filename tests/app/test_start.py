"""What the command does around the window."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import gc, threading
from vrfer.app import start
from vrfer.shipped import shipped

class Knot:
    died_in = set()

    def __init__(self):
        self.me = self

    def __del__(self):
        Knot.died_in.add(threading.current_thread().name)

over = threading.Event()

def tie():
    while not over.wait(0.005):
        knots = [Knot() for _ in range(200)]

class Controller(start.Controller):
    def __init__(self, *arguments):
        self.busy = threading.Thread(target=tie, name="session")
        self.busy.start()
        super().__init__(*arguments)

    def close(self):
        over.set()
        self.busy.join()
        super().close()

start.Controller = Controller
clip = str(shipped("assets") / "demo.mp4")
start.run_window(start.StartOptions(source=clip, seconds=5))
print(*sorted(Knot.died_in), gc.isenabled(), gc.get_freeze_count())
"""


def test_cycles_are_collected_in_the_windows_thread_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["MainThread", "True", "0"]
