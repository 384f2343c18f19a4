"""Documents that people edit: read with one clear line about what is wrong, written whole."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from vrfer.errors import OutputError, VrferError
from vrfer.replacing import replace_file


def read_toml(
    path: Path, what: str, *, newest: int, error: type[VrferError], remedy: str
) -> dict[str, Any]:
    """Read a TOML document of this version or an older one.

    Args:
        path: The file, with or without a byte-order mark.
        what: It is, for messages: "the settings".
        newest: The `schema_version` that this vrfer writes.
        error: What is raised.
        remedy: For a document that cannot be used.

    Raises:
        VrferError: `error`: it cannot be read, is no TOML, or is for a newer vrfer.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as err:
        raise error(
            f"{what} {path} cannot be read: {err.strerror or err}", "Check the path."
        ) from err
    except (ValueError, RecursionError) as err:  # no UTF-8, no TOML, or absurd TOML
        raise error(f"{what} {path}: this is no TOML: {err}".rstrip("."), remedy) from err
    version = document.get("schema_version")
    if isinstance(version, int) and version > newest:
        raise error(
            f"{what} {path}: written for a newer vrfer (version {version})",
            "Update vrfer, or choose another file.",
        )
    return document


def first_problem(err: ValidationError) -> str:
    """Say which field of a document is wrong, and why: "window.volume: Input should be ..."."""
    first = err.errors()[0]
    field = ".".join(map(str, first["loc"])) or "the document"
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"


def write_toml(path: Path, what: str, document: Mapping[str, Any]) -> None:
    """Write a document whole, in place of what is there.

    Raises:
        OutputError: It cannot be written; what was there stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, tomli_w.dumps(document).encode())
    except OSError as err:
        raise OutputError(
            f"{what} {path} cannot be written: {err.strerror or err}",
            "Free some space on its drive, or check its permissions.",
        ) from err
