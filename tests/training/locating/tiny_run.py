"""A recipe of the locator that trains in seconds."""

from typing import Any

from vrfer.training.locating.recipe import LocatorRecipe


def tiny_locator_recipe(**changes: Any) -> LocatorRecipe:
    """Three epochs of two batches, with mining after the first two."""
    fields: dict[str, Any] = {
        "task": "locate",
        "name": "tiny-locator",
        "about": "For tests.",
        "seed": 3,
        "precision": "32-true",
        "epochs": 3,
        "batches": 2,
        "batch_size": 12,
        "mine_every": 1,
    }
    return LocatorRecipe.model_validate({**fields, **changes})


def recipe_text(recipe: LocatorRecipe) -> str:
    """The recipe as the text of a TOML file."""
    fields = recipe.model_dump(mode="json").items()
    return "\n".join(f"{key} = {value!r}" for key, value in fields) + "\n"
