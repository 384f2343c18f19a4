"""Smaller network files: kernels as 8-bit integers with one scale an output channel.

Only what is stored shrinks; runtimes multiply the scales in when they load the file and compute
in 32 bits, so that every processor gives the same numbers.
"""

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

SMALLEST = 4096
"""Kernels of fewer weights stay as they are."""
LEVELS = 127


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
    large = [
        stored
        for stored in graph.graph.initializer
        if stored.data_type == TensorProto.FLOAT
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
