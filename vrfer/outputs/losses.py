"""What a recording lost, in words."""

from typing import Final

from vrfer.outputs.film import Film
from vrfer.outputs.recorder import Recorder

ROWS: Final = "rows"
"""The kind of loss that rows and markers are."""


def losses(recorder: Recorder, film: Film | None) -> dict[str, str]:
    """Return a line for each kind of loss, by its name; none where all is well."""
    lines = {}
    if recorder.lost:
        lines[ROWS] = (
            f"{recorder.lost} rows or markers could not be written to {recorder.path}: "
            f"{recorder.last_error}"
        )
    if recorder.removed:
        lines["file"] = f"the recording {recorder.path} was deleted while it was written"
    if film is not None and film.lost:
        lines["pictures"] = f"{film.lost} pictures are missing in {film.path}: {film.error}"
    return lines
