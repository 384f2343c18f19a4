"""Files of figures that `evaluate --out` wrote: one JSON document an evaluation."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from vrfer.errors import DataError
from vrfer.replacing import replace_file

Document = Mapping[str, Any]
"""What a file holds: `subject`, `measures`, and `disturbed` where that was asked for."""
Found = TypeVar("Found")


def write_figures(out: Path, model: Path, figures: Document) -> None:
    """Write figures of a model as JSON.

    Raises:
        DataError: The file cannot be written.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"model": model.name, **figures}, indent=2)
        replace_file(out, f"{text}\n".encode())
    except OSError as err:
        raise DataError(f"{out} cannot be written: {err.strerror or err}", "Name another.") from err


def read_figures(folder: Path, read: Callable[[Document, str], Sequence[Found]]) -> list[Found]:
    """Read the files of figures in a folder; other JSON files are passed over.

    Args:
        folder: Where they lie.
        read: Takes what is wanted out of a document; it is told the file's name, too.

    Raises:
        DataError: There is no such folder, or a file is damaged.
    """
    if not folder.is_dir():
        raise DataError(
            f"there is no folder {folder}", "Name one that holds files of evaluate --out."
        )
    found: list[Found] = []
    for path in sorted(folder.glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(document, dict) and "subject" in document:
                found += read(document, path.name)
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as err:
            why = f"it lacks {err}" if isinstance(err, KeyError) else err
            raise DataError(
                f"the evaluation {path} cannot be read: {why}",
                "Write it again with vrfer-train evaluate --out, or delete it.",
            ) from err
    return found
