"""What the commands ask of the folder with the data, and where they keep what they derive."""

from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from vrfer.errors import DataError
from vrfer.training.data_sets import FaceData, load_faces
from vrfer.training.printing import progress_bar
from vrfer.training.recipe import Data

FERPLUS = Data()
MOST_NAMED = 20
"""So many pictures that cannot be read are named; any number is counted."""

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="VRFER_DATA",
        help="Folder that holds fer2013/, and affectnet/ or what else is asked for (docs/data.md).",
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


def load(folder: Path | None, data: Data = FERPLUS) -> FaceData:
    """Read a recipe's data set, with a progress bar, and say which pictures are left out.

    Raises:
        DataError: It is not there, or damaged.
    """
    with progress_bar("reading pictures") as on_picture:
        faces, unreadable = load_faces(
            data_folder(folder), data, cache=cache_folder(), on_picture=on_picture
        )
    for line in unreadable[:MOST_NAMED]:
        typer.echo(f"left out: {line}", err=True)
    if unreadable:
        more = len(unreadable) - MOST_NAMED
        rest = f"; {more} more are not named here" if more > 0 else ""
        files = "picture file" if len(unreadable) == 1 else "picture files"
        typer.echo(f"{len(unreadable)} {files} could not be read{rest}.", err=True)
    return faces


def photographs_folder(folder: Path) -> Path:
    """Return the folder of the locator's photographs, before anything is begun without them."""
    photographs = folder / "faces"
    if not photographs.is_dir():
        raise DataError(
            f"the folder {photographs} is not there",
            "The locator and some recipes need photographs (docs/data.md).",
        )
    return photographs
