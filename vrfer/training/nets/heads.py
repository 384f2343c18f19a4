"""From feature maps to eight logits: the paper's head, and the layers that it replaces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vrfer.expressions import EXPRESSIONS

HEAD_STD = 0.1
"""Standard deviation of the last layer's first weights (paper section 3)."""

LAST_STD = 0.01
"""The same for fully-connected heads (Krizhevsky et al. 2012)."""

Pooling = Literal["maximum", "mean", "mean-and-maximum"]


@dataclass(frozen=True, slots=True)
class Tap:
    """A feature map that the head reads, and how it is pooled to one number a channel."""

    channels: int
    pooling: Pooling

    def pooled(self, features: Tensor) -> Tensor:
        """Return N x C for N x C x h x w; `mean-and-maximum` is the middle of the two."""
        if self.pooling == "maximum":
            return features.amax(dim=(2, 3))
        if self.pooling == "mean":
            return features.mean(dim=(2, 3))
        return (features.amax(dim=(2, 3)) + features.mean(dim=(2, 3))) / 2


class PooledHead(nn.Module):
    """Global pooling and one linear layer.

    The paper replaces the fully-connected layers by a single max-pooling layer and a softmax
    layer of eight units with weights from N(0, 0.1) (section 3). Here that layer is global, in
    the place of pool5, so that any input size works.
    """

    def __init__(self, taps: Sequence[Tap], dropout: float = 0.0) -> None:
        """Draw the weights from torch's global random generator.

        Args:
            taps: The feature maps that the head reads, the finest first.
            dropout: Share of the pooled features that training drops.
        """
        super().__init__()
        self.taps = tuple(taps)
        self.dropout = dropout
        channels = sum(tap.channels for tap in taps)
        self.weight = nn.Parameter(torch.randn(len(EXPRESSIONS), channels) * HEAD_STD)
        self.bias = nn.Parameter(torch.zeros(len(EXPRESSIONS)))

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return N x 8 logits for the taps' feature maps."""
        taps = zip(self.taps, features, strict=True)
        pooled = torch.cat([tap.pooled(found) for tap, found in taps], dim=1)
        pooled = nn.functional.dropout(pooled, self.dropout, self.training)
        return nn.functional.linear(pooled, self.weight, self.bias)

    def class_maps(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return where the evidence for each class lies: N x 8 x h x w of the finest tap.

        The head is linear on pooled features, for which Grad-CAM's map of a class is the feature
        map weighted by that class's weights (Selvaraju et al., ICCV 2017); the maps of coarser
        taps are scaled up and added.
        """
        weights = torch.split(self.weight, [tap.channels for tap in self.taps], dim=1)
        maps = [
            nn.functional.conv2d(found, of_tap[:, :, None, None])
            for found, of_tap in zip(features, weights, strict=True)
        ]
        size = maps[0].shape[-2:]
        for coarser in maps[1:]:
            maps[0] = maps[0] + nn.functional.interpolate(coarser, size, mode="nearest")
        return maps[0]


class FullyConnectedHead(nn.Module):
    """Hidden layers on all places of one feature map: networks as they were before the paper."""

    def __init__(self, inputs: int, hidden: Sequence[int], dropout: float) -> None:
        """Draw He's weights, and small ones for the last layer, from torch's global generator.

        Args:
            inputs: Numbers in the feature map, C * h * w.
            hidden: Units of the hidden layers.
            dropout: Share that training drops after each of them.
        """
        super().__init__()
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(dropout)]
            inputs = units
        last = nn.Linear(inputs, len(EXPRESSIONS))
        self.layers = nn.Sequential(*layers, last)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)
        nn.init.normal_(last.weight, std=LAST_STD)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return N x 8 logits for one N x C x h x w feature map."""
        (found,) = features
        logits: Tensor = self.layers(found.flatten(1))
        return logits
