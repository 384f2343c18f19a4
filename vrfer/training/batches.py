"""Batches for training and measuring: pictures stay in memory as uint8, changes run in batches.

The order and the random changes of an epoch depend on the recipe's seed, the stage and the
epoch alone, so that a resumed run draws the same batches as one that was never stopped.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from vrfer.training.ferplus import FaceSet
from vrfer.training.recipe import Augmentation, Region


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures with their labels on the training device."""

    patches: Tensor
    """N x 1 x H x W gray values 0-255, float32."""
    votes: Tensor
    """N x 8 label distributions, float32."""


def patches_of(faces: npt.NDArray[np.uint8] | Tensor, region: Region, size: int) -> Tensor:
    """Scale faces up to the network's input, without random changes.

    Lower halves are cut out *before* scaling, so that nothing of the upper half bleeds in.

    Args:
        faces: N x F x F uint8 gray faces as the data set cuts them.
        region: What the network may see.
        size: Side of the full face at the network's input.

    Returns:
        N x 1 x size x size float32, or N x 1 x size/2 x size for lower halves.
    """
    pictures = torch.as_tensor(faces).unsqueeze(1).float()
    if region == "lower-half":
        pictures = pictures[:, :, pictures.shape[2] // 2 :]
        target = (size // 2, size)
    else:
        target = (size, size)
    return nn.functional.interpolate(pictures, target, mode="bilinear", align_corners=False)


def training_batches(
    faces: FaceSet,
    region: Region,
    size: int,
    batch_size: int,
    augmentation: Augmentation,
    generator: torch.Generator,
) -> Iterator[Batch]:
    """Yield one epoch in random order; the last, smaller batch is kept."""
    pictures = torch.from_numpy(faces.faces)
    votes = torch.from_numpy(faces.votes)
    order = torch.randperm(len(faces), generator=generator)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        yield Batch(
            augmented(pictures[chosen], region, size, augmentation, generator), votes[chosen]
        )


def augmented(
    faces: Tensor,
    region: Region,
    size: int,
    augmentation: Augmentation,
    generator: torch.Generator,
) -> Tensor:
    """Mirror, turn, zoom and shift faces while scaling them up, all in one resampling.

    Args:
        faces: N x F x F uint8 gray.
        region: Lower halves are those of the *moved* face.
        size: Side of the full face at the network's input.
        augmentation: The ranges of the random changes.
        generator: Where the random numbers come from.

    Returns:
        As `patches_of`.
    """
    count = len(faces)

    def uniform(reach: float) -> Tensor:
        return (2 * torch.rand(count, generator=generator) - 1) * reach

    angle = uniform(math.radians(augmentation.rotation_deg))
    zoom = 1 + uniform(augmentation.zoom)
    # The grid runs from -1 to 1, so a shift of one face side is 2 in its units.
    shift_x, shift_y = uniform(2 * augmentation.shift), uniform(2 * augmentation.shift)
    mirror = 1 - 2 * (torch.rand(count, generator=generator) < augmentation.flip).float()
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    rows = torch.stack([cos * mirror, -sin, shift_x, sin * mirror, cos, shift_y], dim=1)
    grid = nn.functional.affine_grid(
        rows.reshape(count, 2, 3), [count, 1, size, size], align_corners=False
    )
    if region == "lower-half":
        grid = grid[:, size // 2 :]
    patches = nn.functional.grid_sample(
        faces.unsqueeze(1).float(), grid, padding_mode="border", align_corners=False
    )
    gain = (1 + uniform(augmentation.contrast)).reshape(-1, 1, 1, 1)
    offset = uniform(augmentation.brightness).reshape(-1, 1, 1, 1)
    middle = patches.mean(dim=(1, 2, 3), keepdim=True)
    return ((patches - middle) * gain + middle + offset).clamp(0, 255)
