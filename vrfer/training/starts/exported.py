"""Starting weights out of an exported network, so that training goes on where only that is left.

Kernels that are kept in 8 bits (`vrfer.training.compact`) are taken as the numbers they stand for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from vrfer.errors import RecipeError
from vrfer.training.evaluate import open_network
from vrfer.training.nets import FaceNetwork, Trunk
from vrfer.training.recipe import Recipe
from vrfer.training.recipe_file import recipe_of
from vrfer.training.starts.folded import FoldedConvolution, put_in

_NETWORK = "network."
"""How the names of a network's weights begin in an exported graph."""
_KEPT_AS = (("_quantized", "_scale"), (".levels", ".scale"), ("_quantized", "_quantized_scale"))
"""Endings of a kernel in 8 bits and of its scales: computed so, kept so; then of a bias."""


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """An exported network, and the recipe that it was trained by."""

    path: Path
    recipe: Recipe
    weights: dict[str, Tensor]
    """By their names in `FaceNetwork`; those of a folded normalisation are missing."""


def read_exported(path: Path) -> Exported:
    """Read a network that `vrfer-train export` wrote.

    Raises:
        ModelContractError: The file is missing, broken, or carries no contract.
        RecipeError: Its recipe is not one of this vrfer.
    """
    recipe = recipe_of(open_network(path)[1])
    return Exported(path, recipe, dict(_weights(onnx.load(path))))


def put_exported(network: FaceNetwork, exported: Exported, patches: Tensor) -> None:
    """Give a network the weights of an exported one; normalisation layers are put back.

    Args:
        network: Of the same architecture; its weights are replaced.
        exported: Where they come from.
        patches: N x 1 x H x W faces, at least a hundred or so: by them normalisation is set.

    Raises:
        RecipeError: The file lacks some of the weights, or they have other shapes.
    """
    missing = RecipeError(
        f"the network {exported.path} does not hold the weights of a {exported.recipe.network}",
        "Start from a network that vrfer-train export wrote, or from a checkpoint.",
    )
    trunk = network.trunk
    weights = {"scale": network.scale, **exported.weights}
    try:
        network.mean.copy_(weights["mean"])
        layers = list(trunk.normalised_convolutions())
        if layers:
            folded = [_folded(trunk, convolution, weights) for convolution, _ in layers]
            put_in(trunk, folded, network.normalised(patches))
            kept = network.state_dict()
            weights |= {name: kept[name] for name in kept if name.startswith("trunk.")}
        network.load_state_dict({name: weights[name] for name in network.state_dict()})
    except (KeyError, RuntimeError) as err:  # torch says of other shapes with a RuntimeError
        raise missing from err


def _weights(graph: onnx.ModelProto) -> Iterator[tuple[str, Tensor]]:
    stored = {one.name: numpy_helper.to_array(one) for one in graph.graph.initializer}
    # The exporter may have cut the mean to the patch's height, which gives it another name.
    mean = next((node.input[1] for node in graph.graph.node if node.op_type == "Sub"), "")
    if mean in stored:
        yield "mean", torch.from_numpy(stored[mean].copy())
    for name, values in stored.items():
        if not name.startswith(_NETWORK):
            continue
        if values.dtype == np.float32:
            yield name.removeprefix(_NETWORK), torch.from_numpy(values.copy())
            continue
        for ending, scale_ending in _KEPT_AS:
            plain = name.removesuffix(ending)
            scale = stored.get(plain + scale_ending)
            if plain != name and scale is not None:
                yield plain.removeprefix(_NETWORK), _in_floats(values, scale)
                break


def _in_floats(levels: npt.NDArray[np.generic], scale: npt.NDArray[np.float32]) -> Tensor:
    """Multiply by the scales: one for all, or one an output channel."""
    factors = scale.reshape(-1, *[1] * (levels.ndim - 1)) if scale.size > 1 else scale.reshape(())
    return torch.from_numpy(np.asarray(levels.astype(np.float32) * factors, np.float32))


def _folded(trunk: Trunk, convolution: nn.Conv2d, weights: dict[str, Tensor]) -> FoldedConvolution:
    (name,) = (name for name, one in trunk.named_modules() if one is convolution)
    return FoldedConvolution(weights[f"trunk.{name}.weight"], weights[f"trunk.{name}.bias"])
