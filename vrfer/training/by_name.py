"""Recipes and networks that travel with vrfer, by their names: an installed vrfer has no paths."""

from pathlib import Path

from vrfer.shipped import shipped

TEACHERS = "teachers"
"""Folder among the recipes with the networks that they learn from."""


def recipe_path(text: str) -> Path:
    """Return the file of a shipped recipe's name, or of a path."""
    path = Path(text)
    named = shipped("training") / f"{text}.toml"
    return named if not path.exists() and named.is_file() else path


def network_folders() -> tuple[Path, Path]:
    """Return where shipped networks lie: those that the app can run, and teachers."""
    return shipped("models"), shipped("training") / TEACHERS


def network_path(text: str | Path) -> Path:
    """Return the file of a shipped network's or teacher's name, or of a path.

    Args:
        text: As the command line has it: a name, with or without its ending, or a path.
    """
    path = Path(text)
    named = (folder / f"{str(path).removesuffix('.onnx')}.onnx" for folder in network_folders())
    return path if path.exists() else next((file for file in named if file.is_file()), path)


def short_name(model: Path) -> str:
    """Return a name that tells the checkpoints of several runs apart, too."""
    folder = model.resolve().parent.name
    return f"{folder}/{model.stem}" if model.suffix == ".pt" else model.stem
