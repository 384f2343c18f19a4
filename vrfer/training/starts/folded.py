"""Networks whose normalisation was folded into their convolutions; training wants it back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk


@dataclass(frozen=True, slots=True, eq=False)
class FoldedConvolution:
    """A convolution whose normalisation is part of it."""

    kernel: Tensor
    """Out x in x H x W."""
    bias: Tensor
    """Out."""


def put_in(trunk: Trunk, folded: Sequence[FoldedConvolution], pictures: Tensor) -> None:
    """Give a trunk the weights, with BatchNorm put back so that its function does not change.

    Mean and variance of each normalisation are those of the pictures; its factor and offset
    undo them. Without this, fine-tuning loses several points.

    Args:
        trunk: Its weights are replaced.
        folded: All its convolutions, in the order of the data's flow.
        pictures: N x 3 x H x W, as the trunk gets them: faces, at least a hundred or so.
    """
    layers = list(trunk.normalised_convolutions())
    with torch.no_grad():
        for (convolution, _), known in zip(layers, folded, strict=True):
            convolution.weight.copy_(known.kernel)
    trunk.eval()
    handles = [
        convolution.register_forward_hook(_fit(norm, known.bias))
        for (convolution, norm), known in zip(layers, folded, strict=True)
    ]
    with torch.no_grad():
        trunk(pictures)
    for handle in handles:
        handle.remove()
    trunk.train()


def _fit(norm: nn.BatchNorm2d, bias: Tensor) -> Any:
    """Return a hook that sets a normalisation by what comes out of its convolution."""

    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(output.float(), dim=(0, 2, 3), correction=0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + bias)

    return hook
