"""Files that appear, or go, whole or not at all."""

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 0.5 if os.name == "nt" else 0.0
_RETRY_S: Final = 0.02


def replace_file(path: Path, content: bytes) -> None:
    """Write a file through a neighbour that takes its name at the end.

    Whoever reads `path`, and whatever cuts the writing short, finds the old content or the new.

    Raises:
        OSError: It cannot be written; `path` is what it was.
    """
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with neighbour.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _take_name(neighbour, path)
    except OSError:
        with contextlib.suppress(OSError):
            neighbour.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _take_name(neighbour: Path, path: Path) -> None:
    """Windows refuses while a virus scanner or a synchronised folder looks at one of them."""
    give_up_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_s:
        with contextlib.suppress(PermissionError):
            neighbour.replace(path)
            return
        time.sleep(_RETRY_S)
    neighbour.replace(path)


def remove_files(files: Iterable[Path]) -> None:
    """Remove those of the files that are there.

    Raises:
        OSError: One of them cannot be removed.
    """
    for file in files:
        file.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Put a folder's list of names on the disk, where a system can be asked to."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
