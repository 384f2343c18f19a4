"""Calibrating an exported network anew, where its checkpoint is gone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from vrfer.training.adjustment import shares_of
from vrfer.training.calibration import calibrated, with_lifts
from vrfer.training.card import notes_of
from vrfer.training.data_sets import FaceData
from vrfer.training.evaluate import SPLITS, SplitName, faces_of, open_network
from vrfer.training.graph import written_whole
from vrfer.training.loop import training_faces
from vrfer.training.measure import Measures
from vrfer.training.measured_file import write_measured
from vrfer.training.recipe_file import recipe_of

BEFORE = ", when it was first exported"
"""Follows what an earlier card measured on the way."""


def recalibrate(
    model: Path, data: FaceData, out: Path, *, splits: Sequence[SplitName] = SPLITS
) -> list[Measures]:
    """Write a network again, with what follows its logits fitted anew, and its card.

    Args:
        model: A network that `export` wrote; with its card beside it, what that says is kept.
        data: The data set of its recipe: what to fit and measure on.
        out: The file to write; `model` itself is replaced when all went well.
        splits: What to measure on.

    Raises:
        VrferError: The network cannot be used.
        DataError: The file cannot be written.
    """
    contract = open_network(model)[1]
    recipe = recipe_of(contract)
    graph = onnx.load(model)
    with_lifts(graph)
    notes = _kept(notes_of(model.with_suffix(".md")))
    validation = faces_of(data, "validation", votes=recipe.data.votes)
    contract = contract.model_copy(update={"name": out.stem})
    with written_whole(out) as file:
        shares = shares_of(training_faces(data, recipe.data))
        contract = calibrated(graph, contract, file, validation, shares)
        card = out.with_suffix(".md")
        return write_measured(graph, contract, file, card, recipe, data, splits, notes)


def _kept(notes: Mapping[str, str]) -> dict[str, str]:
    return {name.removesuffix(BEFORE) + BEFORE: value for name, value in notes.items()}
