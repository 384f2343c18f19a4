"""Reading recipes: one TOML file an experiment, of whatever kind."""

import tomllib
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import ValidationError

from vrfer.errors import RecipeError
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.recipe import Recipe

AnyRecipe = Recipe | LocatorRecipe | BagOfWordsRecipe
Fields = dict[str, Any]


def read_recipe(path: Path) -> AnyRecipe:
    """Read and check a recipe file; one without a `task` is a network's that reads expressions.

    A file that is `based_on` another (a path from its own folder, without the ending) says only
    what it changes: tables are merged, as many stages as there were one by one, and a table that
    is set to `false` is left out.

    Raises:
        RecipeError: The file is missing, is no TOML, or a field is wrong; the field is named.
    """
    fields = _fields(path, ())
    try:
        return _kind(fields).model_validate(fields)
    except ValidationError as err:
        first = err.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the recipe"
        raise RecipeError(
            f"recipe {path}: {field}: {first['msg']}", "Mend this field and try again."
        ) from err


def _fields(path: Path, above: tuple[Path, ...]) -> Fields:
    """Return a file's fields over those of what it is based on.

    Args:
        path: The file.
        above: The files that are based on it.
    """
    if path.resolve() in above:
        raise RecipeError(f"recipe {path} is based on itself", "Mend its based_on.")
    try:
        fields: Fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise RecipeError(
            f"there is no recipe {path}", "List the shipped ones with: vrfer-train recipes."
        ) from err
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise RecipeError(
            f"recipe {path} cannot be read: {err}", "A recipe is a TOML text file; mend it."
        ) from err
    base = fields.pop("based_on", None)
    if base is None:
        return fields
    return _merged(_fields(path.parent / f"{base}.toml", (*above, path.resolve())), fields)


def _merged(under: Fields, over: Fields) -> Fields:
    merged = dict(under)
    for name, value in over.items():
        known = under.get(name)
        if isinstance(known, dict) and value is False:
            del merged[name]
        elif isinstance(known, dict) and isinstance(value, dict):
            merged[name] = _merged(known, value)
        elif _are_tables(known) and _are_tables(value) and len(known) == len(value):
            merged[name] = [_merged(*pair) for pair in zip(known, value, strict=True)]
        else:
            merged[name] = value
    return merged


def _are_tables(value: object) -> TypeGuard[list[Fields]]:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _kind(fields: Fields) -> type[AnyRecipe]:
    if "task" not in fields:
        return Recipe
    return BagOfWordsRecipe if fields["task"] == "bag-of-words" else LocatorRecipe
