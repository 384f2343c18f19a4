"""Random weights, scaled by what training faces make of them.

In deep networks without normalisation the answers to different faces hardly differ at first, so
that training stands still for long. Krähenbühl et al. (Data-dependent Initializations of
Convolutional Neural Networks, ICLR 2016, section 3.1) scale and shift each layer until its outputs
over some training pictures have mean 0 and variance 1.
"""

import torch
from torch import Tensor, nn

from vrfer.training.nets.face_network import FaceNetwork

_SMALLEST_DEVIATION = 1e-6


def scale_layers(network: FaceNetwork, patches: Tensor) -> None:
    """Scale and shift the layers before the last, each after those that feed it.

    The last layer keeps its own small weights, so that no expression is preferred.

    Args:
        network: Weights and biases of its trunk's convolutions and of its head's hidden layers
            are changed.
        patches: N x 1 x H x W gray values 0-255, float: faces, at least a hundred or so.
    """
    linear = [layer for layer in network.head.modules() if isinstance(layer, nn.Linear)]
    network.eval()
    handles = [
        layer.register_forward_hook(_scaled) for layer in (*network.convolutions(), *linear[:-1])
    ]
    try:
        with torch.no_grad():
            network(patches)
    finally:
        for handle in handles:
            handle.remove()
    network.train()


def _scaled(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Scale a layer by its own output, and return what it gives from now on."""
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    assert layer.bias is not None
    others = [axis for axis in range(output.ndim) if axis != 1]
    deviation, mean = torch.std_mean(output, dim=others)
    deviation = deviation.clamp(min=_SMALLEST_DEVIATION)
    layer.weight /= deviation.reshape(-1, *[1] * (layer.weight.ndim - 1))
    layer.bias -= mean
    layer.bias /= deviation
    shape = [-1 if axis == 1 else 1 for axis in range(output.ndim)]
    return output.sub_(mean.reshape(shape)).div_(deviation.reshape(shape))
