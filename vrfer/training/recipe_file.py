"""Reading recipes: one TOML file an experiment, of whatever kind."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import ValidationError

from vrfer.contract import Contract
from vrfer.errors import RecipeError
from vrfer.shipped import shipped
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.recipe import Recipe

AnyRecipe = Recipe | LocatorRecipe | BagOfWordsRecipe
Fields = dict[str, Any]


def read_recipe(path: Path) -> AnyRecipe:
    """Read and check a recipe file; one without a `task` is a network's that reads expressions.

    A file that is `based_on` another (a path from its own folder without the ending, or a shipped
    recipe's name) says only what it changes: tables are merged, as many stages as there were one
    by one, and a table that is set to `false` is left out. It has a name and an `about` of its own.

    Raises:
        RecipeError: The file is missing, is no TOML, or a field is wrong; the field is named.
    """
    fields = _fields(path, ())
    try:
        return _kind(fields).model_validate(fields)
    except ValidationError as err:
        first = err.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the recipe"
        remedy = "Mend this field, here or in what it is based on, and try again."
        raise RecipeError(f"recipe {path}: {field}: {first['msg']}", remedy) from err


def recipe_of(contract: Contract) -> Recipe:
    """Return the recipe that an exported network was trained by.

    Raises:
        RecipeError: It is not one of this vrfer.
    """
    try:
        return Recipe.model_validate(json.loads(contract.training.recipe))
    except ValueError as err:
        raise RecipeError(
            f"the network {contract.name} was trained by a recipe that this vrfer cannot read",
            "Take another network, or train one anew.",
        ) from err


def _fields(path: Path, above: tuple[Path, ...]) -> Fields:
    """Return a file's fields over those of what it is based on.

    Args:
        path: The file.
        above: The files that are based on it, the nearest last.
    """
    if path in above:
        raise RecipeError(f"recipe {path} is based on itself", "Mend its based_on.")
    try:
        fields: Fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        heir = f", which {above[-1]} is based on" if above else ""
        raise RecipeError(
            f"there is no recipe {path}{heir}", "List the shipped ones with: vrfer-train recipes."
        ) from err
    except (OSError, ValueError) as err:  # no UTF-8, no TOML, no file name
        raise RecipeError(
            f"recipe {path} cannot be read: {err}", "A recipe is a TOML text file; mend it."
        ) from err
    if "based_on" not in fields:
        return fields
    base = fields.pop("based_on")
    if not (isinstance(base, str) and base):
        raise RecipeError(
            f"recipe {path}: based_on must be the name of a recipe, not {base!r}", "Mend it."
        )
    under = _fields(_base_path(path, base), (*above, path))
    for own in ("name", "about"):
        under.pop(own, None)
    return _merged(under, fields)


def _base_path(path: Path, base: str) -> Path:
    """Return the recipe of that name beside a file, else the shipped one."""
    beside = Path(os.path.normpath(path.parent / f"{base}.toml"))
    named = shipped("training") / f"{base}.toml"
    return named if not beside.exists() and named.is_file() else beside


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
