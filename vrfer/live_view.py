"""Live bars in a terminal: one more consumer of readings."""

import time
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading

_REFRESH_S = 0.1


class LiveView:
    """Shows the newest reading as eight bars; a context manager that does nothing off-terminal."""

    def __init__(self, console: Console, title: str) -> None:
        """Prepare the display."""
        self._title = title
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._shows = console.is_terminal
        self._next_s = 0.0

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._shows:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing and leave the terminal as it was."""
        if self._shows:
            self._live.stop()

    def show(self, reading: Reading, latency_ms: float) -> None:
        """Draw a reading, at most ten times a second."""
        now_s = time.monotonic()
        if self._shows and now_s >= self._next_s:
            self._next_s = now_s + _REFRESH_S
            self._live.update(bars(self._title, reading, latency_ms), refresh=True)


def bars(title: str, reading: Reading, latency_ms: float) -> Group:
    """Return a reading as a head line and eight bars."""
    state = reading.label if reading.face is not None else "no face"
    doubt = "  (unsure)" if reading.unsure else ""
    head = Text.assemble(
        (f"{title}  ", "dim"), (f"{state}{doubt}", "bold"), (f"  {latency_ms:.0f} ms", "dim")
    )
    table = Table.grid(padding=(0, 1))
    for index, name in enumerate(EXPRESSIONS):
        value = float(reading.steady[index])
        chosen = index == reading.label_id
        table.add_row(
            Text(name, style="bold" if chosen else ""),
            ProgressBar(total=1.0, completed=value, width=40),
            Text(f"{value:4.0%}", style="bold" if chosen else "dim"),
        )
    return Group(head, table)
