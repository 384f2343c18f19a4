"""What the commands ask of the folder with the data, and where they keep what they derive."""

from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from vrfer.errors import DataError
from vrfer.training.ferplus import FerPlus, load_ferplus

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="VRFER_DATA",
        help="Folder that holds fer2013/ and, for some, faces/ and backbones/ (docs/data.md).",
        show_default="the environment variable VRFER_DATA",
    ),
]


def refuse(given: dict[str, bool], name: str, remedy: str) -> None:
    """Refuse the first option that was given and does not go with what it was given for."""
    for option, is_given in given.items():
        if is_given:
            raise DataError(f"{option} does not go with {name}", remedy)


def data_folder(folder: Path | None) -> Path:
    """Return the folder that was named.

    Raises:
        DataError: None was.
    """
    if folder is None:
        raise DataError(
            "no data folder is named", "Use --data FOLDER, or set VRFER_DATA (docs/data.md)."
        )
    return folder


def cache_folder() -> Path:
    """Return where files are kept that can be made anew."""
    return platformdirs.user_cache_path("vrfer")


def load(folder: Path | None) -> FerPlus:
    """Read FER+.

    Raises:
        DataError: It is not there, or damaged.
    """
    return load_ferplus(data_folder(folder) / "fer2013", cache=cache_folder())


def photographs_folder(folder: Path) -> Path:
    """Return the folder of the locator's photographs, before anything is begun without them."""
    photographs = folder / "faces"
    if not photographs.is_dir():
        raise DataError(
            f"the folder {photographs} is not there",
            "The locator and some recipes need photographs (docs/data.md).",
        )
    return photographs
