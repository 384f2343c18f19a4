"""What follows the logits in a network file: fitted to what the file itself answers.

Temperature, lifts of rare expressions, the confidence below which a network is unsure, and its
resting face.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from scipy.special import softmax

from vrfer.baseline import log_ratios
from vrfer.contract import Contract, Figures
from vrfer.errors import ModelContractError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.adjustment import best_lifts
from vrfer.training.evaluate import open_network, run_network
from vrfer.training.ferplus import FaceSet
from vrfer.training.graph import write_graph
from vrfer.training.measure import Measures, best_temperature, unsure_threshold

TEMPERATURE = "temperature"
"""Name of the number in the graph that divides the logits."""
LIFTS = "lifts"
"""Name of the eight numbers in the graph that are added to the divided logits."""


def calibrated(
    graph: onnx.ModelProto,
    contract: Contract,
    file: Path,
    validation: FaceSet,
    shares: npt.NDArray[np.float64],
) -> Contract:
    """Fit what follows the logits to what the file itself answers, and write it into the file.

    Args:
        graph: What the file computes; its numbers are changed.
        contract: Of the file.
        file: Where the graph is written.
        validation: What to fit on.
        shares: Of the expressions in training.
    """
    write_with_contract(graph, contract, file)
    logits = logits_of(contract, file, validation)
    before = best_temperature(logits, validation)
    lifts = before * best_lifts(logits / before, validation, shares)
    # Of the lifted logits, so that no label changes that the lifts were chosen by.
    temperature = best_temperature(logits + lifts, validation)
    added = (lifts / temperature).round(4)
    _store(graph, TEMPERATURE, np.array(temperature, np.float32))
    _store(graph, LIFTS, added.astype(np.float32))
    probabilities = softmax(logits / temperature + added, axis=1).astype(np.float32)
    neutral = probabilities[validation.labels == EXPRESSIONS.index("neutral")]
    fitted = {
        "temperature": temperature,
        "lifts": tuple(added.tolist()),
        "resting": tuple(log_ratios(neutral).mean(axis=0).round(4).tolist())
        if len(neutral)
        else None,
        "unsure_below": unsure_threshold(probabilities, validation),
    }
    contract = contract.model_copy(update=fitted)
    write_with_contract(graph, contract, file)
    return contract


def _store(graph: onnx.ModelProto, name: str, values: npt.NDArray[np.float32]) -> None:
    stored = next((one for one in graph.graph.initializer if one.name == name), None)
    if stored is None:
        raise ModelContractError(f"the exported graph has lost its {name}", "Report this as a bug.")
    stored.CopyFrom(numpy_helper.from_array(values, name))


def logits_of(contract: Contract, file: Path, faces: FaceSet) -> npt.NDArray[np.float32]:
    """Return N x 8 logits, as the file answers."""
    session, _ = open_network(file)
    return run_network(session, contract, faces.faces, "logits")


def with_lifts(graph: onnx.ModelProto) -> None:
    """Give a graph from before there were lifts a place for them: eight zeros.

    Raises:
        ModelContractError: It does not end in one softmax, as all do that export wrote.
    """
    if any(one.name == LIFTS for one in graph.graph.initializer):
        return
    ends = [i for i, one in enumerate(graph.graph.node) if one.op_type == "Softmax"]
    if len(ends) != 1:
        raise ModelContractError(
            f"the network has {len(ends)} softmax layers instead of one",
            "Use a network that vrfer-train export wrote.",
        )
    at = ends[0]
    last = graph.graph.node[at]
    added = helper.make_node("Add", [last.input[0], LIFTS], ["lifted"], name="add_lifts")
    last.input[0] = "lifted"
    graph.graph.node.insert(at, added)
    zeros = numpy_helper.from_array(np.zeros(len(EXPRESSIONS), np.float32), LIFTS)
    graph.graph.initializer.append(zeros)
    onnx.checker.check_model(graph, full_check=True)


def write_with_contract(graph: onnx.ModelProto, contract: Contract, path: Path) -> None:
    """Write the graph with its contract in the metadata."""
    write_graph(graph, contract.model_dump_json(), contract.name, path)


def figures_of(found: Measures) -> Figures:
    """Return what a contract keeps of the measures."""
    values = asdict(found)
    return Figures(**{name: values[name] for name in Figures.model_fields})
