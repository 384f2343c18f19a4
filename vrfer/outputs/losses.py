"""What a recording lost, in words."""

from vrfer.outputs.film import Film
from vrfer.outputs.recorder import Recorder


def losses(recorder: Recorder, film: Film | None) -> list[str]:
    """Return a line for each of its files that something is missing in; none where all is well."""
    lines = []
    if recorder.lost:
        lines.append(
            f"{recorder.lost} rows or markers could not be written to {recorder.path}: "
            f"{recorder.last_error}"
        )
    if recorder.removed:
        lines.append(f"the recording {recorder.path} was deleted while it was written")
    if film is not None and film.lost:
        lines.append(f"{film.lost} pictures are missing in {film.path}: {film.error}")
    return lines
