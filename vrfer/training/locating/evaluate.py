"""Measures a locator, as checkpoint or as exported file, on everything that is there."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vrfer.errors import ModelContractError
from vrfer.locator import LocatorFigures
from vrfer.training.locating.answering import Ask, ask_file, ask_network
from vrfer.training.locating.card import locator_table
from vrfer.training.locating.checkpoint import LocatorRun, load_run
from vrfer.training.locating.headset_photographs import (
    HeadsetFigures,
    headset_table,
    measure_headset_photographs,
)
from vrfer.training.locating.photographs import load_photographs
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.locating.validate import CheckSet, check_set, validate
from vrfer.training.nets.lower_face_locator import LowerFaceLocator


@dataclass(frozen=True, slots=True)
class LocatorEvaluation:
    """All that was measured of one locator."""

    figures: LocatorFigures
    headset: list[HeadsetFigures]
    """Empty where the photographs of headsets are not there."""

    def table(self) -> list[str]:
        """Return the measures as lines of Markdown."""
        lines = locator_table(self.figures)
        return [*lines, "", *headset_table(self.headset)] if self.headset else lines

    def document(self) -> dict[str, Any]:
        """Return the measures as JSON holds them."""
        return {
            "measures": [self.figures.model_dump()],
            "headset_photographs": [asdict(one) for one in self.headset],
        }


def evaluate_locator(model: Path, folder: Path, cache: Path) -> LocatorEvaluation:
    """Measure on the validation photographs, and on those of headsets where they are.

    Args:
        model: A checkpoint (.pt) or an exported file.
        folder: Holds `faces/` and perhaps `headset/`.
        cache: Where the photographs are kept decoded.

    Raises:
        RecipeError: The checkpoint cannot be used.
        ModelContractError: The file is no locator.
        DataError: The photographs cannot be read.
    """
    if model.suffix == ".pt":
        run = load_run(model)
        ask, recipe = ask_network(network_of(run)), run.recipe
    else:
        ask, contract = ask_file(model)
        recipe = _recipe_of(contract.training.recipe, model)
    checks = check_set(load_photographs(folder / "faces", cache).validation, seed=recipe.seed)
    headset = folder / "headset"
    return LocatorEvaluation(
        measure_locator(ask, checks),
        measure_headset_photographs(ask, headset) if headset.is_dir() else [],
    )


def measure_locator(ask: Ask, checks: CheckSet) -> LocatorFigures:
    """Return the figures of the validation split as a contract carries them."""
    return LocatorFigures(
        split="validation", faces=len(checks.worn), **validate(ask, checks).model_dump()
    )


def network_of(run: LocatorRun) -> LowerFaceLocator:
    """Build the network of a checkpoint, with its averaged weights, in evaluation mode."""
    network = LowerFaceLocator()
    network.load_state_dict(run.averaged)
    return network.eval()


def _recipe_of(text: str, model: Path) -> LocatorRecipe:
    try:
        return LocatorRecipe.model_validate_json(text)
    except ValidationError as err:
        raise ModelContractError(
            f"{model} does not say by which recipe it was trained",
            "Export it again with vrfer-train export.",
        ) from err
