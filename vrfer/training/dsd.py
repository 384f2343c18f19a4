"""Dense-Sparse-Dense training: which weights are zeroed after an epoch of a sparse phase.

Paper section 3: "after every epoch" of the sparse phase the weights of smallest absolute value
are set to zero; a layer's sparsity is their share. There is no mask between epochs. The share
rises linearly over the layers, and the first convolution is never pruned.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vrfer.training.recipe import Dsd


def layer_sparsities(layers: int, first: float, last: float) -> list[float]:
    """Return the share of zeroed weights of each convolution, the first of which keeps all.

    Args:
        layers: Number of convolutions, at least 2.
        first: Sparsity of the second convolution.
        last: Sparsity of the last convolution; equals `first` where there are only two.
    """
    if layers < 2:
        raise ValueError(f"DSD needs at least two convolutions, got {layers}")
    steps = max(layers - 2, 1)
    return [0.0] + [first + (last - first) * i / steps for i in range(layers - 1)]


def zero_smallest(weight: Tensor, sparsity: float) -> None:
    """Zero the `round(sparsity * n)` of n weights that have the smallest magnitude, in place.

    Among equal magnitudes the first in memory order go, so that the share is always exact.
    """
    count = round(sparsity * weight.numel())
    with torch.no_grad():
        flat = weight.reshape(-1).clone()
        order = flat.abs().argsort(stable=True)
        flat[order[:count]] = 0
        weight.copy_(flat.reshape(weight.shape))


def zero_layers(convolutions: Sequence[nn.Conv2d], dsd: Dsd) -> None:
    """Zero every convolution's smallest weights as the recipe says; biases stay."""
    shares = layer_sparsities(len(convolutions), dsd.first_sparsity, dsd.last_sparsity)
    for convolution, share in zip(convolutions, shares, strict=True):
        zero_smallest(convolution.weight, share)
