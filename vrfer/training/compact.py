"""Smaller and faster network files: kernels as 8-bit integers with one scale an output channel.

`store_small` shrinks only what is stored: runtimes multiply the scales in when they load the file
and compute in 32 bits, so that every processor gives the same numbers. `quantised` computes in
8 bits as well, which is faster where the processor has instructions for it (Intel
since 2019, AMD since 2022).
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

SMALLEST = 4096
"""Kernels of fewer weights stay as they are."""
LEVELS = 127
EXACT_SHARE = 0.25
"""This share of the trunk's convolutions, the first ones, stays in 32 bits. They are few and small,
and in 8 bits they cost the most validation accuracy."""
TRUNK = "network.trunk."
"""How the names of the weights begin whose convolutions are computed in 8 bits."""
_CALIBRATION_BATCH = 16


def fold_normalisation(network: nn.Module) -> None:
    """Make each BatchNorm part of the convolution before it; the function stays the same.

    Args:
        network: In evaluation mode. Its modules that hold a convolution `NAME` and a
            normalisation `NAME_norm` are changed.
    """
    for module in list(network.modules()):
        for name, norm in list(module.named_children()):
            if not isinstance(norm, nn.BatchNorm2d):
                continue
            convolution = getattr(module, name.removesuffix("_norm"))
            fused = nn.utils.fusion.fuse_conv_bn_eval(convolution, norm)
            setattr(module, name.removesuffix("_norm"), fused)
            setattr(module, name, nn.Identity())


def round_kernels(network: nn.Module) -> None:
    """Give each large convolution the weights that its 8-bit form stands for."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.weight.numel() >= SMALLEST:
            with torch.no_grad():
                module.weight.copy_(_rounded(module.weight))


def _rounded(weight: Tensor) -> Tensor:
    scale = weight.abs().amax(dim=tuple(range(1, weight.ndim)), keepdim=True) / LEVELS
    return (weight / scale.clamp(min=1e-30)).round() * scale


def store_small(graph: onnx.ModelProto) -> None:
    """Store rounded kernels as int8 with their scales; `round_kernels` came before."""
    nodes = []
    kernels = {node.input[1] for node in graph.graph.node if node.op_type == "Conv"}
    large = [
        stored
        for stored in graph.graph.initializer
        if stored.name in kernels
        and stored.data_type == TensorProto.FLOAT
        and len(stored.dims) == 4
        and np.prod(stored.dims) >= SMALLEST
    ]
    for stored in large:
        weight: npt.NDArray[np.float32] = numpy_helper.to_array(stored)
        scale = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / np.float32(LEVELS)
        levels = np.rint(weight / np.maximum(scale, 1e-30)).astype(np.int8)
        name = stored.name
        graph.graph.initializer.remove(stored)
        graph.graph.initializer.append(numpy_helper.from_array(levels, f"{name}.levels"))
        graph.graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        nodes += [
            helper.make_node("Cast", [f"{name}.levels"], [f"{name}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
        ]
    rest = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*nodes, *rest])
    onnx.checker.check_model(graph, full_check=True)


class _Patches(CalibrationDataReader):  # type: ignore[misc]
    """Hands the calibrating patches out in batches."""

    def __init__(self, name: str, patches: npt.NDArray[np.uint8]) -> None:
        starts = range(0, len(patches), _CALIBRATION_BATCH)
        self._batches = iter({name: patches[i : i + _CALIBRATION_BATCH]} for i in starts)

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        return next(self._batches, None)


def quantised(graph: onnx.ModelProto, patches: npt.NDArray[np.uint8]) -> onnx.ModelProto:
    """Return the graph with the trunk's convolutions computed in 8 bits.

    Static quantisation by ONNX Runtime: kernels symmetric, one scale a channel; activations in
    the range that the patches show. The first convolutions, head and class maps stay in 32 bits.

    Args:
        graph: A network in 32 bits, normalisation folded.
        patches: N x 1 x H x W training patches, a few hundred.
    """
    with tempfile.TemporaryDirectory() as folder, _quiet():
        names = ("plain.onnx", "prepared.onnx", "quantised.onnx")
        plain, prepared, written = (Path(folder) / name for name in names)
        onnx.save(graph, plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        convolutions = [node for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        learned = [node.name for node in convolutions if _is_learned(node)]
        exact = set(learned[: round(EXACT_SHARE * len(learned))])
        quantize_static(
            prepared,
            written,
            _Patches(graph.graph.input[0].name, patches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Clip", "Relu"],
            nodes_to_exclude=[
                n.name for n in convolutions if n.name not in learned or n.name in exact
            ],
        )
        found: onnx.ModelProto = onnx.load(written)
    onnx.checker.check_model(found, full_check=True)
    return found


def _is_learned(convolution: onnx.NodeProto) -> bool:
    kernel: str = convolution.input[1]
    return kernel.startswith(TRUNK) and kernel.endswith(".weight")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice from people's terminals."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
