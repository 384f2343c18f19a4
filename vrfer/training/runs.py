"""What every training asks of its run: a folder to itself, one recipe, losses that are numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel

from vrfer.errors import DataError, RecipeError


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a run's folder, and keep other trainings out of it for a while.

    Raises:
        RecipeError: Another training is at work there.
        DataError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "run.lock", timeout=0)
        lock.acquire()
    except Timeout as err:
        raise RecipeError(
            f"another training is at work in {folder}", "Wait for it, or name another with --out."
        ) from err
    except OSError as err:
        raise DataError(
            f"the folder {folder} cannot be written: {err.strerror or err}",
            "Name another folder with --out.",
        ) from err
    try:
        yield
    finally:
        lock.release()


def check_same_recipe(old: BaseModel, new: BaseModel, folder: Path) -> None:
    """Refuse to go on with a run by another recipe; what it says about itself may differ.

    Raises:
        RecipeError: A field differs; it is named.
    """
    before, now = old.model_dump(), new.model_dump()
    changed = [name for name in before if name != "about" and before[name] != now.get(name)]
    if changed:
        raise RecipeError(
            f"{folder} holds a run of another recipe ({changed[0]} differs)",
            "Name another folder with --out, or delete this one.",
        )


def diverged(message: str) -> DataError:
    """Return the error for a training whose numbers ran off to infinity."""
    return DataError(
        message,
        "Lower the learning rate in the recipe, and name another folder with --out; the last good "
        "checkpoint was kept.",
    )
