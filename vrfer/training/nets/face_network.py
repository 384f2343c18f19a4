"""What all networks share: normalised input, hidden upper half, and the paper's head.

The paper replaces the fully-connected layers by a single max-pooling layer and a softmax layer
of eight units with weights from N(0, 0.1) (section 3). Here that layer is global, in the place
of pool5, so that any input size works.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vrfer.expressions import EXPRESSIONS
from vrfer.training.recipe import Occlusion

HEAD_STD = 0.1
"""Standard deviation of the head's first weights (paper section 3)."""


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


class Trunk(nn.Module):
    """A feature extractor: N x 3 x H x W normalised pictures to one feature map >= 0 a tap."""

    taps: tuple[Tap, ...]
    """What the head reads, the finest map first."""
    head_dropout = 0.0
    """Share of the pooled features that training drops before the head."""


class FaceNetwork(nn.Module):
    """Gray patches in, eight logits out."""

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        trunk: Trunk,
        *,
        mean: tuple[float, float, float],
        scale: float = 1.0,
    ) -> None:
        """Put the paper's head on a trunk.

        Args:
            trunk: The feature extractor.
            mean: Per RGB channel, 0-255; subtracted before anything else.
            scale: Factor after the subtraction.
        """
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(sum(tap.channels for tap in trunk.taps), len(EXPRESSIONS))
        self.dropout = nn.Dropout(trunk.head_dropout)
        self.occlusion: Occlusion | None = None
        """How lower-half patches are treated: `mask` puts back an empty upper half (zeros after
        the subtraction, the paper's protocol), `crop` and None see the patch as it is."""
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(scale))
        nn.init.normal_(self.head.weight, std=HEAD_STD)
        nn.init.zeros_(self.head.bias)

    def features(self, patches: Tensor) -> tuple[Tensor, ...]:
        """Return the feature map of each tap.

        Args:
            patches: N x 1 x H x W gray values 0-255, float. With `occlusion` "mask" these are
                lower halves, H = W/2.

        Returns:
            Each N x C x h x w, not negative.
        """
        pictures = (patches.expand(-1, 3, -1, -1) - self.mean) * self.scale
        if self.occlusion == "mask":
            pictures = nn.functional.pad(pictures, (0, 0, patches.shape[-2], 0))
        features: tuple[Tensor, ...] = self.trunk(pictures)
        return features

    def logits(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return N x 8 logits for the taps' feature maps."""
        taps = zip(self.trunk.taps, features, strict=True)
        pooled = torch.cat([tap.pooled(found) for tap, found in taps], dim=1)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits

    def class_maps(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return where the evidence for each class lies: N x 8 x h x w of the finest tap.

        The head is linear on pooled features, for which Grad-CAM's map of a class is the feature
        map weighted by that class's weights (Selvaraju et al., ICCV 2017); the maps of coarser
        taps are scaled up and added.
        """
        channels = [tap.channels for tap in self.trunk.taps]
        weights = torch.split(self.head.weight, channels, dim=1)
        maps = [
            nn.functional.conv2d(found, of_tap[:, :, None, None])
            for found, of_tap in zip(features, weights, strict=True)
        ]
        size = maps[0].shape[-2:]
        for coarser in maps[1:]:
            maps[0] = maps[0] + nn.functional.interpolate(coarser, size, mode="nearest")
        return maps[0]

    def forward(self, patches: Tensor) -> Tensor:
        """Return N x 8 logits for N x 1 x H x W gray patches 0-255."""
        return self.logits(self.features(patches))

    def convolutions(self) -> list[nn.Conv2d]:
        """Return the trunk's convolutions in the order of the data's flow."""
        return [module for module in self.trunk.modules() if isinstance(module, nn.Conv2d)]
