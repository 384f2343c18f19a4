"""What a feature extractor does to a picture, layer by layer."""

import torch
from torch import nn


def shapes_after(trunk: nn.Module, kinds: tuple[type[nn.Module], ...], *size: int) -> list[str]:
    """The output of each layer of some kinds as "channels x height x width", in their order."""
    found: list[str] = []
    handles = [
        layer.register_forward_hook(
            lambda _layer, _inputs, output: found.append("x".join(map(str, output.shape[1:])))
        )
        for layer in trunk.modules()
        if isinstance(layer, kinds)
    ]
    with torch.no_grad():
        trunk.eval()(torch.zeros(1, *size))
    for handle in handles:
        handle.remove()
    return found
