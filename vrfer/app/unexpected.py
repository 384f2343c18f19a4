"""What nobody foresaw: it is logged and said, and the window stays.

Without a hook PyQt6 ends the process where a slot raises: in mid-session, before someone in a
headset, and without a word where the program has no console.
"""

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import CodeType, TracebackType

logger = logging.getLogger(__name__)

_MOST_BYTES = 1_000_000
_AGAIN_S = 60.0
"""The same failure is told again after this long."""


@contextmanager
def survived(say: Callable[[str], None]) -> Iterator[None]:
    """Let exceptions that nobody catches, in slots and threads, end neither program nor window.

    Args:
        say: Told of each in one line, in the thread where it happened; must not raise.
    """

    def tell(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or not issubclass(kind, Exception):
            before[0](kind, error or kind(), trace)
            return
        # What fails at every tick of a timer must not push its own beginning out of the log.
        place = trace.tb_frame.f_code if trace is not None else None
        now_s = time.monotonic()
        if now_s - told_s.get((kind, place), -math.inf) < _AGAIN_S:
            return
        told_s[kind, place] = now_s
        logger.error("something unforeseen went wrong", exc_info=(kind, error, trace))
        say(str(error) or kind.__name__)

    def tell_of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            tell(args.exc_type, args.exc_value, args.exc_traceback)

    before = sys.excepthook, threading.excepthook
    told_s: dict[tuple[type[BaseException], CodeType | None], float] = {}
    sys.excepthook, threading.excepthook = tell, tell_of_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Keep what is logged in a file, too; one that cannot be written is done without.

    Args:
        path: The file; it grows to a megabyte, and the one before is kept beside it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            path, maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8", errors="backslashreplace"
        )
    except OSError as err:
        logger.warning("no log is kept: %s cannot be written: %s", path, err.strerror or err)
        yield
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.handleError = lambda record: None  # type: ignore[method-assign] # such as a full drive
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
