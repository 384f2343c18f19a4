"""What both command lines share: exit codes, one-line errors, logging, clean endings.

Exit codes: 0 done, 2 bad input, 130 stopped by Ctrl-C, 1 a bug.
"""

import logging
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer
from rich.console import Console
from rich.logging import RichHandler

from vrfer.errors import VrferError
from vrfer.windows_console import tamed_console

DONE = 0
BUG = 1
BAD_INPUT = 2
STOPPED = 130


def run_app(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        app: The commands.
        arguments: Without the program's name; None takes the process's own.
    """
    _speak_utf8()
    _set_up_logging()
    try:
        with tamed_console():
            app(args=arguments)
    except VrferError as err:
        say_error(err)
        return BAD_INPUT
    except SystemExit as err:  # typer ends this way; it has printed what there is to say
        return err.code if isinstance(err.code, int) else BUG
    return DONE


def say_error(err: VrferError) -> None:
    """Print a problem as one line on standard error."""
    plain_console(stderr=True).print(f"Error: {err}")


def plain_console(*, stderr: bool = False) -> Console:
    """Return a terminal that prints texts as they are: files and hosts may hold `[x]` or `:x:`."""
    return Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)


def ending_signals() -> list[signal.Signals]:
    """Return what asks the program to end: Ctrl-C, the system, a terminal that is closed.

    What is ignored, as by `nohup`, is left out.
    """
    known = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    return [one for one in known if one is not None and signal.getsignal(one) != signal.SIG_IGN]


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C (or the system's request to end) sets.

    A second Ctrl-C interrupts at once.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, on_signal) for number in ending_signals()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _speak_utf8() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def _set_up_logging() -> None:
    handler = RichHandler(
        console=Console(stderr=True), show_path=False, log_time_format="%H:%M:%S", markup=False
    )
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler], force=True)
    logging.getLogger("vrfer").setLevel(logging.INFO)
