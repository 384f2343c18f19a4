"""A minute of `benchmarks/window.py`; half an hour by hand: docs/window-figures.txt."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_GROWTH_MB = 10.0


def test_a_minute_leaks_neither_memory_nor_threads() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "window.py"), "--minutes", "1"],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    growth = re.search(r"MB, ([+-][\d.]+) MB", result.stdout)
    assert growth is not None, result.stdout
    assert float(growth[1]) <= MOST_GROWTH_MB
    assert re.search(r"threads left behind +none", result.stdout)
