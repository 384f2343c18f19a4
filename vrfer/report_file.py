"""A recording's report as files, which take the place of older reports and of nothing else."""

from datetime import datetime
from pathlib import Path

from vrfer.errors import OutputError
from vrfer.recording import load_session
from vrfer.replacing import replace_file
from vrfer.report_page import START, page
from vrfer.report_picture import MARK, picture

_LOOKED_AT = 256


def make_report(recording: Path, out: Path, png: Path | None = None) -> tuple[str, ...]:
    """Write the page of a recording, and its timeline as a picture.

    Args:
        recording: The .csv file.
        out: The page.
        png: The picture; None: none.

    Returns:
        What is wrong with the recording, a line each.

    Raises:
        OutputError: The recording cannot be read or is none, or a file cannot be written or is no
            older report.
    """
    _check(out, START.encode())
    if png is not None:
        _check(png, MARK)
    session = load_session(recording)
    if not len(session.rows):
        raise OutputError(
            f"the recording {recording} holds no whole row", "There is nothing to report of it."
        )
    _write(out, page(session, datetime.now().astimezone()))
    if png is not None:
        _write(png, picture(session))
    return tuple(session.problems)


def _check(path: Path, mark: bytes) -> None:
    """Refuse to write over anything but an older report."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except FileNotFoundError:
        return
    except OSError as err:
        raise _unwritable(path, err) from err
    if mark not in start:
        raise OutputError(f"{path} exists and is no report of vrfer's", "Name another file.")


def _write(path: Path, content: bytes) -> None:
    try:
        replace_file(path, content)
    except OSError as err:
        raise _unwritable(path, err) from err


def _unwritable(path: Path, err: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written: {err.strerror or err}",
        "Name a file in a folder that exists and can be written.",
    )
