"""Where the files that travel with vrfer lie: beside the package, or in its source folder."""

from pathlib import Path
from typing import Literal

Folder = Literal["models", "assets", "training"]

DEFAULT_MODEL = "lower-face.onnx"
"""File name of the network that is used where none is named."""


def shipped(folder: Folder) -> Path:
    """Return a folder of shipped files, of the wheel or of the source tree."""
    package = Path(__file__).parent
    installed = package / "_shipped" / folder
    return installed if installed.is_dir() else package.parent / folder


def default_model() -> Path:
    """Return the network that is used where none is named."""
    return shipped("models") / DEFAULT_MODEL
