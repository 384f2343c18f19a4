"""What all networks share: normalised input, hidden upper half, a feature extractor and a head."""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn

from vrfer.errors import ModelContractError, RecipeError
from vrfer.training.nets.heads import FullyConnectedHead, PooledHead, Tap
from vrfer.training.recipe import Occlusion


class Trunk(nn.Module):
    """A feature extractor: N x C x H x W normalised pictures to one feature map >= 0 a tap."""

    taps: tuple[Tap, ...]
    """What the head reads, the finest map first."""
    head_dropout = 0.0
    """Share of the pooled features that training drops before the head."""
    input_channels = 3
    """Gray pictures become so many equal channels."""
    input_size: int | None = None
    """The only side of full faces that the network takes; None takes any."""

    def head(self) -> PooledHead | FullyConnectedHead:
        """Return the head that belongs on these features, with fresh weights."""
        return PooledHead(self.taps, self.head_dropout)

    def normalised_convolutions(self) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Yield each convolution with its normalisation, in the order of the data's flow.

        Networks without normalisation yield nothing.
        """
        yield from ()


class FaceNetwork(nn.Module):
    """Gray patches in, eight logits out."""

    mean: Tensor
    scale: Tensor

    def __init__(self, trunk: Trunk, *, mean: Tensor, scale: float = 1.0) -> None:
        """Put its head on a trunk.

        Args:
            trunk: The feature extractor.
            mean: Subtracted from values 0-255 before anything else: 1 x C x 1 x 1, or a picture
                1 x C x S x S for full faces of that size, whose lower half belongs to lower halves.
            scale: Factor after the subtraction.
        """
        super().__init__()
        self.trunk = trunk
        self.head = trunk.head()
        self.occlusion: Occlusion | None = None
        """How lower-half patches are treated: `mask` puts back an empty upper half (zeros after
        the subtraction, the paper's protocol), `crop` and None see the patch as it is."""
        self._frozen: tuple[nn.Module, ...] = ()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", torch.tensor(scale))

    def freeze(self, count: int) -> None:
        """Keep the first convolutions, and the layers that normalise them, as they are.

        Args:
            count: Of convolutions, in the order of the data's flow.

        Raises:
            RecipeError: The network has fewer.
        """
        norms = dict(self.trunk.normalised_convolutions())
        convolutions = self.convolutions()
        if count > len(convolutions):
            raise RecipeError(
                f"{count} frozen layers are asked for, and the network has {len(convolutions)}",
                "Give `frozen` a smaller number in the recipe.",
            )
        convolutions = convolutions[:count]
        self._frozen = (*convolutions, *(norms[one] for one in convolutions if one in norms))
        for layer in self._frozen:
            layer.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch to training, which frozen layers take no part in, or back."""
        super().train(mode)
        for layer in self._frozen:
            layer.eval()
        return self

    def normalised(self, patches: Tensor) -> Tensor:
        """Return what the trunk gets: N x C x H x W, twice as high where a half is masked.

        Args:
            patches: N x 1 x H x W gray values 0-255, float. With `occlusion` "mask" these are
                lower halves, H = W/2.
        """
        mean = self.mean[:, :, -patches.shape[-2] :]
        pictures = patches.expand(-1, self.trunk.input_channels, -1, -1)
        pictures = (pictures - mean) * self.scale
        if self.occlusion == "mask":
            pictures = nn.functional.pad(pictures, (0, 0, patches.shape[-2], 0))
        return pictures

    def features(self, patches: Tensor) -> tuple[Tensor, ...]:
        """Return the feature map of each tap, N x C x h x w, not negative.

        Args:
            patches: As `normalised` takes them.
        """
        features: tuple[Tensor, ...] = self.trunk(self.normalised(patches))
        return features

    def logits(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return N x 8 logits for the taps' feature maps."""
        logits: Tensor = self.head(features)
        return logits

    @property
    def explains_itself(self) -> bool:
        """Whether the head is linear on pooled features, so that class maps cost nothing."""
        return isinstance(self.head, PooledHead)

    def class_maps(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return where the evidence for each class lies: N x 8 x h x w of the finest tap.

        Raises:
            ModelContractError: The network has fully-connected layers.
        """
        if not isinstance(self.head, PooledHead):
            raise ModelContractError(
                "a network with fully-connected layers has no class maps",
                "Take one with pooling and a linear layer, such as vgg_f.",
            )
        return self.head.class_maps(features)

    def forward(self, patches: Tensor) -> Tensor:
        """Return N x 8 logits for N x 1 x H x W gray patches 0-255."""
        return self.logits(self.features(patches))

    def convolutions(self) -> list[nn.Conv2d]:
        """Return the trunk's convolutions in the order of the data's flow."""
        return [module for module in self.trunk.modules() if isinstance(module, nn.Conv2d)]
