"""Files of starting weights that are known by their checksum."""

import hashlib
from pathlib import Path

from vrfer.errors import RecipeError


def read_known(path: Path, sha256: str, remedy: str) -> bytes:
    """Return a file's bytes.

    Args:
        path: The file.
        sha256: Its checksum, hexadecimal.
        remedy: What to do where it is missing or another one.

    Raises:
        RecipeError: It cannot be read, or is not the file that is known.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise RecipeError(
            f"the starting weights {path} cannot be read: {err.strerror or err}", remedy
        ) from err
    if hashlib.sha256(content).hexdigest() != sha256:
        raise RecipeError(f"{path} is not the file that this recipe starts from", remedy)
    return content
