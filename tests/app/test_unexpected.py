"""What nobody foresaw must not take the window away from someone in a headset."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vrfer.app.unexpected import logged_to, survived

SCRIPT = """
import sys, threading
from pathlib import Path
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication
from vrfer.app.unexpected import logged_to, survived

app = QApplication(sys.argv[:1])
said = []

def slot():
    raise ZeroDivisionError("in a slot")

def work():
    raise LookupError("in a thread")

def later():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    QTimer.singleShot(0, app.quit)

with logged_to(Path(sys.argv[1])), survived(said.append):
    QTimer.singleShot(0, slot)
    QTimer.singleShot(10, later)
    code = app.exec()
print(code, *said, sep="|")
"""


def test_a_slot_and_a_thread_that_raise_end_nothing(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "vrfer.log"
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(log)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "0|in a slot|in a thread"
    kept = log.read_text(encoding="utf-8")
    assert "ZeroDivisionError: in a slot" in kept
    assert "LookupError: in a thread" in kept
    assert "Traceback" in kept


def test_hooks_and_log_are_as_before_afterwards(tmp_path: Path) -> None:
    before = sys.excepthook, threading.excepthook, list(logging.getLogger().handlers)
    with logged_to(tmp_path / "vrfer.log"), survived(lambda text: None):
        assert sys.excepthook is not before[0]
    assert (sys.excepthook, threading.excepthook, logging.getLogger().handlers) == before


def test_a_log_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with logged_to(tmp_path / "file" / "vrfer.log"):
        logging.getLogger("vrfer").warning("still here")
    assert "no log is kept" in caplog.text
    assert "still here" in caplog.text
