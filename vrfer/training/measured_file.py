"""The end of every export: what a network file measures goes into its contract and its card."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

from vrfer.contract import Contract
from vrfer.training.calibration import figures_of, write_with_contract
from vrfer.training.card import write_card
from vrfer.training.data_sets import FaceData
from vrfer.training.evaluate import SplitName, evaluate_file
from vrfer.training.measure import Measures
from vrfer.training.recipe import Recipe


def write_measured(
    graph: onnx.ModelProto,
    contract: Contract,
    file: Path,
    card: Path,
    recipe: Recipe,
    data: FaceData,
    splits: Sequence[SplitName],
    notes: Mapping[str, str],
) -> list[Measures]:
    """Measure a calibrated file, write the figures into its contract and its card, return them.

    Args:
        graph: What the file computes.
        contract: Of the file.
        file: Holds both; it is written again with the figures.
        card: Markdown file, replaced if it exists.
        recipe: What the network was trained by.
        data: What to measure on.
        splits: Its splits.
        notes: What else was measured on the way, by its name.

    Raises:
        OSError: A file cannot be written.
    """
    measures = evaluate_file(file, data, splits)
    figures = tuple(figures_of(found) for found in measures)
    contract = contract.model_copy(update={"figures": figures})
    write_with_contract(graph, contract, file)
    write_card(card, contract, measures, recipe, notes)
    return measures
