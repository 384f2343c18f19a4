"""Export: from a checkpoint to one ONNX file that explains itself, and its card.

Normalisation, temperature and softmax live in the graph. The file is compared with torch before
anything is written over.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from vrfer.contract import Contract, Figures, NetworkInput
from vrfer.crop import CropGeometry
from vrfer.errors import ModelContractError
from vrfer.metadata import Training
from vrfer.training.batches import patches_of
from vrfer.training.card import write_card
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.compact import fold_normalisation, round_kernels, store_small
from vrfer.training.evaluate import (
    SPLITS,
    SplitName,
    evaluate_file,
    faces_of,
    open_network,
    run_network,
)
from vrfer.training.ferplus import FACE_PX, FerPlus
from vrfer.training.graph import onnx_graph, write_graph, written_whole
from vrfer.training.measure import Measures, best_temperature, unsure_threshold
from vrfer.training.nets import FaceNetwork
from vrfer.training.predict import finished_stage, load_network, predict_logits
from vrfer.training.recipe import Data

logger = logging.getLogger(__name__)

Weights = Literal["int8", "float32"]

TOLERANCE = 1e-4
"""Largest difference of probabilities between torch and ONNX Runtime."""
DATA_TERMS = (
    "FER2013's pictures were gathered by web search and remain their owners'; no licence for them "
    "is known. The FER+ votes are Microsoft's, MIT licence. Research use."
)


class ExportedGraph(nn.Module):
    """What the file computes: uint8 patches to probabilities, logits and Grad-CAM maps."""

    def __init__(self, network: FaceNetwork, temperature: float) -> None:
        """Wrap a network that is in evaluation mode."""
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return N x 8 probabilities, N x 8 logits and N x 8 x h x w class maps."""
        features = self.network.features(patches.float())
        logits = self.network.logits(features)
        probabilities = torch.softmax(logits / self.temperature, dim=1)
        return probabilities, logits, self.network.class_maps(features)


def export(
    checkpoint: Path,
    data: FerPlus,
    out: Path,
    *,
    weights: Weights = "int8",
    splits: Sequence[SplitName] = SPLITS,
) -> list[Measures]:
    """Write `out` (.onnx) and its card (.md beside it), with the figures measured on the file.

    Temperature and the threshold for being unsure are fitted on the validation split.

    Args:
        checkpoint: A `<region>.pt` that fit wrote.
        data: FER+.
        out: The file to write.
        weights: How large kernels are stored; the computation is in 32 bits either way.
        splits: What to measure on. Leave the test splits out while networks are chosen.

    Raises:
        RecipeError: The checkpoint cannot be used.
        ModelContractError: The exported file does not compute what torch computes.
        DataError: The file cannot be written.
    """
    state = load_state(checkpoint)
    network = load_network(state)
    fold_normalisation(network)
    if weights == "int8":
        round_kernels(network)
    stage = finished_stage(state)
    size = state.recipe.input.size
    validation = faces_of(data, "validation", votes=state.recipe.data.votes)
    logits = predict_logits(network, validation.faces, stage.region, size)
    temperature = best_temperature(logits, validation)
    probabilities = torch.from_numpy(logits / temperature).softmax(dim=1).numpy()
    contract = Contract(
        name=out.stem,
        architecture=state.recipe.network,
        region=stage.region,
        input=NetworkInput(height=size // 2 if stage.region == "lower-half" else size, width=size),
        crop=CropGeometry(face_px=FACE_PX),
        temperature=temperature,
        unsure_below=unsure_threshold(probabilities, validation),
        training=_provenance(state),
    )
    with written_whole(out) as file:
        graph = _graph(network, contract)
        if weights == "int8":
            store_small(graph)
        difference = _write_and_compare(graph, network, contract, file, validation.faces[:64])
        measures = evaluate_file(file, data, splits)
        figures = tuple(_figures(found) for found in measures)
        contract = contract.model_copy(update={"figures": figures})
        _write(graph, contract, file)
        write_card(out.with_suffix(".md"), contract, measures, state, difference)
    return measures


def _graph(network: FaceNetwork, contract: Contract) -> onnx.ModelProto:
    return onnx_graph(
        ExportedGraph(network, contract.temperature).eval(),
        torch.zeros(2, 1, contract.input.height, contract.input.width, dtype=torch.uint8),
        inputs=[contract.input.name],
        outputs=["probabilities", "logits", "maps"],
    )


def _write(graph: onnx.ModelProto, contract: Contract, path: Path) -> None:
    write_graph(graph, contract.model_dump_json(), contract.name, path)


def _write_and_compare(
    graph: onnx.ModelProto,
    network: FaceNetwork,
    contract: Contract,
    path: Path,
    faces: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> float:
    _write(graph, contract, path)
    session, _ = open_network(path)
    exported = run_network(session, contract, faces, "probabilities")
    # The app's crops are rounded to whole gray levels, so torch gets rounded patches too.
    patches = patches_of(faces, contract.region, contract.input.width).round().to(torch.uint8)
    again = session.run(["probabilities"], {contract.input.name: patches.numpy()})[0]
    with torch.no_grad():
        expected = ExportedGraph(network, contract.temperature)(patches)[0].numpy()
    difference = float(np.abs(again - expected).max())
    drift = float(np.abs(exported - expected).max())
    if difference > TOLERANCE:
        raise ModelContractError(
            f"the exported file differs from torch by {difference:.1e} in probability",
            "Report this as a bug.",
        )
    logger.info("exported against torch: %.1e; with the app's resampling: %.1e", difference, drift)
    return difference


def _provenance(state: RunState) -> Training:
    recipe = state.recipe
    return Training(
        recipe=json.dumps(recipe.model_dump(mode="json")),
        data=_data_line(recipe.data),
        terms=DATA_TERMS,
        lineage=state.lineage,
    )


def _data_line(data: Data) -> str:
    votes = "label.csv" if data.votes == "official" else "fer2013new.csv"
    return f"FER+ ({votes} votes), {data.labels} labels, {data.training_list} training list"


def _figures(found: Measures) -> Figures:
    values = asdict(found)
    return Figures(**{name: values[name] for name in Figures.model_fields})
