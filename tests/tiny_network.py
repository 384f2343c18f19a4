"""A small but valid network file, made without torch; and broken variants of it.

The network sums nothing and learns nothing: it splits the patch into eight upright bands, from
left to right one for each expression, and the brighter a band, the more probable its expression.
"""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vrfer.expressions import EXPRESSIONS
from vrfer.metadata import METADATA_KEY

HEIGHT, WIDTH = 56, 112
LEVELS_PER_NAT = 32.0
"""So many gray levels more make a band's expression e times as probable."""

Output = Literal["probabilities", "logits", "column"]
"""What the graph gives: probabilities, the logits before them, or probabilities as N x 8 x 1."""


def tiny_contract(**changes: Any) -> dict[str, Any]:
    """Return a valid contract document; `changes` replace or add top-level fields."""
    return {
        "schema_version": 1,
        "name": "tiny",
        "architecture": "tiny",
        "classes": list(EXPRESSIONS),
        "region": "lower-half",
        "input": {"name": "patches", "height": HEIGHT, "width": WIDTH, "color": "gray"},
        "crop": {"face_px": 48, "mouth_x": 0.5, "mouth_y": 0.757, "width": 0.796},
        "temperature": 1.0,
        "unsure_below": 0.3,
        "training": {"recipe": "none", "data": "none", "terms": "free", "lineage": "scratch"},
        "figures": [],
    } | changes


def write_network(
    path: Path,
    contract: dict[str, Any] | str | None = None,
    *,
    size: tuple[int | str, int | str] = (HEIGHT, WIDTH),
    pictures: int | str = "N",
    dtype: int = TensorProto.UINT8,
    input_name: str = "patches",
    output: Output = "probabilities",
    output_name: str = "probabilities",
    metadata: bool = True,
) -> Path:
    """Write the network; all defaults together make a valid one.

    Args:
        path: Where to.
        contract: The document, or any text in its place; None takes `tiny_contract()`.
        size: Height and width that the graph takes; a name leaves one open.
        pictures: How many pictures it takes at once; a name leaves it open.
        dtype: Type of the input.
        input_name: Name of the input.
        output: What the graph computes.
        output_name: Name of what it computes.
        metadata: False leaves the contract out.

    Returns:
        `path`.
    """
    band_height, band_width = HEIGHT, WIDTH // len(EXPRESSIONS)
    if isinstance(size[0], int) and isinstance(size[1], int):
        band_height, band_width = size[0], size[1] // len(EXPRESSIONS)
    shape = [len(EXPRESSIONS)] + ([1] if output == "column" else [])
    nodes = [
        helper.make_node("Cast", [input_name], ["gray"], to=TensorProto.FLOAT),
        helper.make_node(
            "AveragePool", ["gray"], ["bands"],
            kernel_shape=[band_height, band_width], strides=[band_height, band_width],
        ),
        helper.make_node("Reshape", ["bands", "shape"], ["levels"]),
        helper.make_node(
            "Div", ["levels", "levels_per_nat"],
            [output_name if output == "logits" else "logits"],
        ),
    ]  # fmt: skip
    if output != "logits":
        nodes.append(helper.make_node("Softmax", ["logits"], [output_name], axis=1))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_name, dtype, [pictures, 1, *size])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [pictures, *shape])],
        [
            numpy_helper.from_array(np.array([0, *shape], np.int64), "shape"),
            numpy_helper.from_array(np.array(LEVELS_PER_NAT, np.float32), "levels_per_nat"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if metadata:
        document = tiny_contract() if contract is None else contract
        text = document if isinstance(document, str) else json.dumps(document)
        helper.set_model_props(model, {METADATA_KEY: text})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def bands_picture(levels: list[int], height: int = HEIGHT) -> NDArray[np.uint8]:
    """Return a patch whose eight bands have these gray levels."""
    row = np.repeat(np.array(levels, np.uint8), WIDTH // len(EXPRESSIONS))
    return np.tile(row, (height, 1))


def expected_probabilities(levels: list[int]) -> NDArray[np.float64]:
    """Return what the network says of `bands_picture(levels)`, computed with NumPy alone."""
    weights = np.exp((np.array(levels, np.float64) - max(levels)) / LEVELS_PER_NAT)
    return weights / weights.sum()
