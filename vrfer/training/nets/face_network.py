"""What all networks share: normalised input, hidden upper half, and the paper's head.

The paper replaces the fully-connected layers by a single max-pooling layer and a softmax layer
of eight units with weights from N(0, 0.1) (section 3). Here that layer is global, in the place
of pool5, so that any input size works.
"""

import torch
from torch import Tensor, nn

from vrfer.expressions import EXPRESSIONS
from vrfer.training.recipe import Occlusion

HEAD_STD = 0.1
"""Standard deviation of the head's first weights (paper section 3)."""


class Trunk(nn.Module):
    """A feature extractor: N x 3 x H x W normalised pictures to N x C x h x w features >= 0."""

    out_channels: int
    """C, the number of channels of the feature map."""


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
        self.head = nn.Linear(trunk.out_channels, len(EXPRESSIONS))
        self.occlusion: Occlusion | None = None
        """How lower-half patches are treated: `mask` puts back an empty upper half (zeros after
        the subtraction, the paper's protocol), `crop` and None see the patch as it is."""
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(scale))
        nn.init.normal_(self.head.weight, std=HEAD_STD)
        nn.init.zeros_(self.head.bias)

    def features(self, patches: Tensor) -> Tensor:
        """Return the last feature map.

        Args:
            patches: N x 1 x H x W gray values 0-255, float. With `occlusion` "mask" these are
                lower halves, H = W/2.

        Returns:
            N x C x h x w, not negative.
        """
        pictures = (patches.expand(-1, 3, -1, -1) - self.mean) * self.scale
        if self.occlusion == "mask":
            pictures = nn.functional.pad(pictures, (0, 0, patches.shape[-2], 0))
        features: Tensor = self.trunk(pictures)
        return features

    def forward(self, patches: Tensor) -> Tensor:
        """Return N x 8 logits for N x 1 x H x W gray patches 0-255."""
        pooled = self.features(patches).amax(dim=(2, 3))
        logits: Tensor = self.head(pooled)
        return logits

    def convolutions(self) -> list[nn.Conv2d]:
        """Return the trunk's convolutions in the order of the data's flow."""
        return [module for module in self.trunk.modules() if isinstance(module, nn.Conv2d)]
