"""What nobody foresaw: it is logged and said, and the window stays.

Without a hook PyQt6 ends the process where a slot raises: in mid-session, before someone in a
headset, and without a word where the program has no console.
"""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

logger = logging.getLogger(__name__)

_MOST_BYTES = 1_000_000


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
            sys.__excepthook__(kind, error or kind(), trace)
            return
        logger.error("something unforeseen went wrong", exc_info=(kind, error, trace))
        say(str(error) or kind.__name__)

    before = sys.excepthook, threading.excepthook
    sys.excepthook = tell
    threading.excepthook = lambda one: tell(one.exc_type, one.exc_value, one.exc_traceback)
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
