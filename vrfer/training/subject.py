"""What an evaluation is about: which network, how it was trained, and what it was shown."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vrfer.training.bag_of_words import load_bag_of_words
from vrfer.training.checkpoint import load_state
from vrfer.training.evaluate import open_network
from vrfer.training.predict import finished_stage
from vrfer.training.recipe import Data, Dataset, Occlusion, Recipe, Region
from vrfer.training.recipe_file import recipe_of

TestedOn = Literal["ferplus", "affectnet", "folders"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A network and the conditions of its test; what Table 1 sorts evaluations by."""

    network: str
    recipe: str
    trained_on: Region
    """The region of the last stage that the network went through."""
    tested_on: Region
    occlusion: Occlusion | None
    """How the upper half was hidden in the test; None for full faces."""
    training_data: Dataset
    dataset: TestedOn
    """What it was tested on."""
    seed: int
    start: str
    """Where the first weights came from."""
    epochs: int
    """That the kept weights went through, over all stages."""
    dsd: Literal["yes", "control", "no"]
    """Of the last stage: with Dense-Sparse-Dense's zeroing, its control, or neither."""
    pixels: int
    """Side of full faces at the network's input."""

    @property
    def place(self) -> tuple[str, Region, Region, TestedOn]:
        """Return what tells the rows of Table 1 apart."""
        return self.network, self.trained_on, self.tested_on, self.dataset


def of_checkpoint(
    path: Path, dataset: TestedOn, *, region: Region | None, occlusion: Occlusion | None
) -> Subject:
    """Describe the evaluation of a checkpoint; None stands for the last stage's own."""
    state = load_state(path)
    stage = finished_stage(state)
    tested_on = region or stage.region
    hidden = (occlusion or stage.occlusion) if tested_on == "lower-half" else None
    epochs = len(state.history)
    return _subject(state.recipe, stage.region, tested_on, hidden, dataset, epochs, state.lineage)


def of_network(path: Path, dataset: TestedOn) -> Subject:
    """Describe the evaluation of an exported network."""
    contract = open_network(path)[1]
    recipe = recipe_of(contract)
    stages = [stage for stage in recipe.stages if stage.region == contract.region]
    hidden = stages[-1].occlusion if contract.region == "lower-half" else None
    epochs = contract.training.epochs or sum(stage.epochs for stage in recipe.stages)
    region = contract.region
    return _subject(recipe, region, region, hidden, dataset, epochs, contract.training.lineage)


def of_bag_of_words(path: Path, dataset: TestedOn) -> tuple[Subject, Data]:
    """Describe the evaluation of a bag of visual words, and return the data it was fitted to."""
    recipe = load_bag_of_words(path).recipe
    subject = Subject(
        network="bag-of-words",
        recipe=recipe.name,
        trained_on="full-face",
        tested_on="full-face",
        occlusion=None,
        training_data=recipe.data.dataset,
        dataset=dataset,
        seed=recipe.seed,
        start="no weights",
        epochs=1,
        dsd="no",
        pixels=recipe.data.face_px,
    )
    return subject, recipe.data


def _subject(
    recipe: Recipe,
    trained_on: Region,
    tested_on: Region,
    occlusion: Occlusion | None,
    dataset: TestedOn,
    epochs: int,
    start: str,
) -> Subject:
    dsd = [stage.dsd for stage in recipe.stages if stage.region == trained_on][-1]
    return Subject(
        network=recipe.network,
        recipe=recipe.name,
        trained_on=trained_on,
        tested_on=tested_on,
        occlusion=occlusion,
        training_data=recipe.data.dataset,
        dataset=dataset,
        seed=recipe.seed,
        start=start,
        epochs=epochs,
        dsd="no" if dsd is None else "yes" if dsd.zeroing else "control",
        pixels=recipe.input.size,
    )
