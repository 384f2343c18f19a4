"""Export: from a checkpoint to one ONNX file that explains itself, and its card.

Normalisation, temperature, lifts of rare expressions and softmax live in the graph. The file, or
the 32-bit form of one that computes in 8 bits, is compared with torch before anything is written
over.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn

from vrfer.contract import Contract, NetworkInput
from vrfer.crop import CropGeometry
from vrfer.errors import ModelContractError
from vrfer.metadata import Training
from vrfer.training.adjustment import shares_of
from vrfer.training.batches import patches_of
from vrfer.training.begin import check_chosen
from vrfer.training.calibration import (
    LIFTS,
    TEMPERATURE,
    calibrated,
    logits_of,
    write_with_contract,
)
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.compact import fold_normalisation, quantised, round_kernels, store_small
from vrfer.training.data_sets import FaceData
from vrfer.training.evaluate import (
    SPLITS,
    SplitName,
    faces_of,
    open_network,
    run_network,
)
from vrfer.training.ferplus import FaceSet
from vrfer.training.graph import onnx_graph, written_whole
from vrfer.training.loop import training_faces
from vrfer.training.measure import Measures, best_temperature
from vrfer.training.measured_file import write_measured
from vrfer.training.nets import FaceNetwork
from vrfer.training.predict import finished_stage, load_network, predict_logits
from vrfer.training.provenance import data_in_words, terms
from vrfer.training.recipe import View

logger = logging.getLogger(__name__)

Precision = Literal["float32", "int8-stored", "int8"]
CALIBRATING_FACES = 480
TOLERANCE = 1e-4
"""Largest difference of probabilities between torch and ONNX Runtime."""


class ExportedGraph(nn.Module):
    """What the file computes: uint8 patches to probabilities, logits and Grad-CAM maps."""

    temperature: Tensor
    lifts: Tensor

    def __init__(self, network: FaceNetwork, contract: Contract) -> None:
        """Wrap a network that is in evaluation mode."""
        super().__init__()
        self.network = network
        self.register_buffer(TEMPERATURE, torch.tensor(contract.temperature))
        self.register_buffer(LIFTS, torch.tensor(contract.lifts))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what is returned; class maps are left out where there are none."""
        return ("probabilities", "logits", "maps")[: 3 if self.network.explains_itself else 2]

    def forward(self, patches: Tensor) -> tuple[Tensor, ...]:
        """Return N x 8 probabilities, N x 8 logits and, if any, N x 8 x h x w class maps."""
        features = self.network.features(patches.float())
        logits = self.network.logits(features)
        probabilities = torch.softmax(logits / self.temperature + self.lifts, dim=1)
        if not self.network.explains_itself:
            return probabilities, logits
        return probabilities, logits, self.network.class_maps(features)


def export(
    checkpoint: Path,
    data: FaceData,
    out: Path,
    *,
    precision: Precision = "int8-stored",
    splits: Sequence[SplitName] = SPLITS,
) -> list[Measures]:
    """Write `out` (.onnx) and its card (.md beside it), with the figures measured on the file.

    Temperature, the lifts of rare expressions and the threshold for being unsure are fitted on
    the validation split.

    Args:
        checkpoint: A `<region>.pt` that fit wrote.
        data: What to measure on.
        out: The file to write.
        precision: `int8-stored` keeps large kernels in 8 bits and computes in 32; `int8`
            computes in 8 bits, too.
        splits: What to measure on. Leave the test splits out while networks are chosen.

    Raises:
        RecipeError: The checkpoint cannot be used, or is what a run goes on from.
        ModelContractError: The exported file does not compute what torch computes.
        DataError: The file cannot be written.
    """
    check_chosen(checkpoint)
    state = load_state(checkpoint)
    network = load_network(state)
    fold_normalisation(network)
    if precision == "int8-stored":
        round_kernels(network)
    stage = finished_stage(state)
    view = state.recipe.input.view(stage.region)
    validation = faces_of(data, "validation", votes=state.recipe.data.votes)
    temperature = best_temperature(predict_logits(network, validation.faces, view), validation)
    contract = Contract(
        name=out.stem,
        architecture=state.recipe.network,
        region=stage.region,
        input=NetworkInput(height=view.height, width=view.width),
        crop=CropGeometry(face_px=state.recipe.data.face_px),
        temperature=temperature,
        unsure_below=0,
        training=_provenance(state),
    )
    with written_whole(out) as file:
        graph = _graph(network, contract)
        if precision == "int8-stored":
            store_small(graph)
        difference = _write_and_compare(graph, network, contract, file, view, validation.faces[:64])
        what = "its 32-bit form" if precision == "int8" else "this file"
        notes = {"weights": _chosen(state)}
        notes |= {f"torch against {what} in ONNX Runtime, largest difference": f"{difference:.1e}"}
        if precision == "int8":
            logits = logits_of(contract, file, validation)
            graph = quantised(graph, _calibrating(data, state, view))
            write_with_contract(graph, contract, file)
        shares = shares_of(training_faces(data, state.recipe.data))
        contract = calibrated(graph, contract, file, validation, shares)
        if precision == "int8":
            notes |= _eight_bits_against(logits, contract, file, validation)
        card = out.with_suffix(".md")
        return write_measured(graph, contract, file, card, state.recipe, data, splits, notes)


def _calibrating(data: FaceData, state: RunState, view: View) -> npt.NDArray[np.uint8]:
    """Return training patches, evenly spaced over the training list, in whole gray levels."""
    faces = training_faces(data, state.recipe.data).faces
    few = faces[:: max(1, len(faces) // CALIBRATING_FACES)][:CALIBRATING_FACES]
    patches: npt.NDArray[np.uint8] = patches_of(few, view).round().to(torch.uint8).numpy()
    return patches


def _eight_bits_against(
    before: npt.NDArray[np.float32], contract: Contract, file: Path, faces: FaceSet
) -> dict[str, str]:
    """Return, in words, what the file's labels have to do with those of the logits before it."""
    pairs = (before, logits_of(contract, file, faces))
    labels = [(one / contract.temperature + contract.lifts).argmax(axis=1) for one in pairs]
    accuracies = [f"{(found == faces.labels).mean():.2%}" for found in labels]
    return {
        "8 bits against 32, validation: same label": f"{(labels[0] == labels[1]).mean():.1%}",
        "accuracy in 32 bits, validation": accuracies[0],
        "accuracy in 8 bits, validation": accuracies[1],
    }


def _graph(network: FaceNetwork, contract: Contract) -> onnx.ModelProto:
    module = ExportedGraph(network, contract).eval()
    return onnx_graph(
        module,
        torch.zeros(2, 1, contract.input.height, contract.input.width, dtype=torch.uint8),
        inputs=[contract.input.name],
        outputs=module.outputs,
    )


def _write_and_compare(
    graph: onnx.ModelProto,
    network: FaceNetwork,
    contract: Contract,
    path: Path,
    view: View,
    faces: npt.NDArray[np.uint8],
) -> float:
    write_with_contract(graph, contract, path)
    session, _ = open_network(path)
    exported = run_network(session, contract, faces, "probabilities")
    # The app's crops are rounded to whole gray levels, so torch gets rounded patches too.
    patches = patches_of(faces, view).round().to(torch.uint8)
    again = session.run(["probabilities"], {contract.input.name: patches.numpy()})[0]
    with torch.no_grad():
        expected = ExportedGraph(network, contract)(patches)[0].numpy()
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
    return Training(
        recipe=json.dumps(state.recipe.model_dump(mode="json")),
        data=data_in_words(state),
        terms=terms(state),
        lineage=state.lineage,
        epochs=len(state.history),
    )


def _chosen(state: RunState) -> str:
    if state.averaged_of:
        return f"the mean of {len(state.averaged_of)} networks' weights"
    last = state.history[-1]
    epochs = state.recipe.stages[last.stage].epochs
    return f"of epoch {last.epoch + 1} of {epochs}, {last.region}: the best on validation"
