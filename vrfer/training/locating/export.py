"""Exports the locator: one ONNX file with its contract, compared with torch and measured."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vrfer.errors import ModelContractError
from vrfer.locator import OUTPUTS, LocatorContract, LocatorFigures
from vrfer.metadata import Training
from vrfer.square import SQUARE_PX
from vrfer.training.graph import onnx_graph, write_graph, written_whole
from vrfer.training.locating.answering import LocatorGraph, ask_file, ask_network
from vrfer.training.locating.calibrate import calibrated
from vrfer.training.locating.card import write_locator_card
from vrfer.training.locating.checkpoint import LocatorRun, load_run
from vrfer.training.locating.evaluate import measure_locator, network_of
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.validate import check_set

TOLERANCE = 1e-3
"""Largest difference between torch and ONNX Runtime, in sides of the square or chance."""
TERMS = (
    "Photographs from Labeled Faces in the Wild, Caltech Web Faces and YouTube Faces, labelled by "
    "MediaPipe's Face Landmarker: research use; no source grants clear rights in the pictures. "
    "The network locates mouths and cannot recognise anybody."
)


def export_locator(checkpoint: Path, data: LocatorData, out: Path) -> LocatorFigures:
    """Write `out` (.onnx) and its card (.md beside it), with the figures measured on the file.

    Raises:
        RecipeError: The checkpoint cannot be used.
        ModelContractError: The exported file does not compute what torch computes.
        DataError: The file cannot be written.
    """
    run = load_run(checkpoint)
    network = network_of(run)
    checks = check_set(data.validation, seed=run.recipe.seed)
    module = LocatorGraph(network, calibrated(ask_network(network), checks)).eval()
    example = torch.randint(0, 256, (8, SQUARE_PX, SQUARE_PX, 3), dtype=torch.uint8)
    graph = onnx_graph(module, example, inputs=["squares"], outputs=OUTPUTS)
    contract = LocatorContract(name=out.stem, training=_provenance(run))
    with written_whole(out) as file:
        write_graph(graph, contract.model_dump_json(), contract.name, file)
        _compare(file, module, example)
        figures = measure_locator(ask_file(file)[0], checks)
        contract = contract.model_copy(update={"figures": (figures,)})
        write_graph(graph, contract.model_dump_json(), contract.name, file)
        write_locator_card(out.with_suffix(".md"), contract, run)
    return figures


def _compare(path: Path, module: nn.Module, squares: Tensor) -> None:
    exported = ask_file(path)[0](squares.numpy())
    with torch.no_grad():
        expected = [part.numpy() for part in module(squares)]
    for name, one, other in zip(OUTPUTS, exported, expected, strict=True):
        difference = float(np.abs(one - other).max())
        if difference > TOLERANCE:
            raise ModelContractError(
                f"the exported file differs from torch by {difference:.1e} in {name}",
                "Report this as a bug.",
            )


def _provenance(run: LocatorRun) -> Training:
    return Training(
        recipe=json.dumps(run.recipe.model_dump(mode="json")),
        data="faces.zip, training split, with rendered headsets; backgrounds.zip, training part",
        terms=TERMS,
        lineage="random weights",
    )
