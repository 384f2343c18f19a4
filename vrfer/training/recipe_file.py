"""Reading recipes: one TOML file an experiment, of whatever kind."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from vrfer.errors import RecipeError
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.recipe import Recipe

AnyRecipe = Recipe | LocatorRecipe | BagOfWordsRecipe


def read_recipe(path: Path) -> AnyRecipe:
    """Read and check a recipe file; one without a `task` is a network's that reads expressions.

    Raises:
        RecipeError: The file is missing, is no TOML, or a field is wrong; the field is named.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise RecipeError(
            f"there is no recipe {path}", "List the shipped ones with: vrfer-train recipes."
        ) from err
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise RecipeError(
            f"recipe {path} cannot be read: {err}", "A recipe is a TOML text file; mend it."
        ) from err
    try:
        return _kind(fields).model_validate(fields)
    except ValidationError as err:
        first = err.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the recipe"
        raise RecipeError(
            f"recipe {path}: {field}: {first['msg']}", "Mend this field and try again."
        ) from err


def _kind(fields: dict[str, object]) -> type[AnyRecipe]:
    if "task" not in fields:
        return Recipe
    return BagOfWordsRecipe if fields["task"] == "bag-of-words" else LocatorRecipe
