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

from vrfer.training.augmentation import augmented
from vrfer.training.ferplus import FaceSet
from vrfer.training.recipe import Augmentation, View

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures with their labels."""

    patches: Tensor
    """N x 1 x H x W gray values 0-255, float32."""
    votes: Tensor
    """N x 8 label distributions, float32."""
    taught: Tensor | None
    """N x 8 probabilities by teachers, float32, where there are any."""

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.patches)

    def parts(self, rows: slice, at_once: int) -> Iterator["Batch"]:
        """Yield some of the pictures, at most so many at once."""
        taught = None if self.taught is None else self.taught[rows]
        patches, votes = self.patches[rows], self.votes[rows]
        for start in range(0, len(patches), at_once):
            part = slice(start, start + at_once)
            yield Batch(patches[part], votes[part], None if taught is None else taught[part])


def patches_of(faces: npt.NDArray[np.uint8] | Tensor, view: View) -> Tensor:
    """Scale faces up to the network's input, without random changes.

    Lower halves are cut out *before* scaling, so that nothing of the upper half bleeds in.

    Args:
        faces: N x F x F uint8 gray faces as the data set cuts them.
        view: What the network sees.

    Returns:
        N x 1 x view.height x view.width float32.
    """
    pictures = torch.as_tensor(faces).unsqueeze(1).float()
    if view.region == "lower-half":
        pictures = pictures[:, :, pictures.shape[2] // 2 :]
    target = (view.height, view.width)
    return nn.functional.interpolate(pictures, target, mode="bilinear", align_corners=False)


def training_batches(
    faces: FaceSet,
    taught: Tensor | None,
    drawn: Tensor,
    view: View,
    batch_size: int,
    augmentation: Augmentation,
    generator: torch.Generator,
    *,
    one_label: bool = False,
    device: torch.device = CPU,
) -> Iterator[Batch]:
    """Yield one epoch; the last, smaller batch is kept.

    Args:
        faces: The pictures.
        taught: N x 8 probabilities by teachers, where there are any.
        drawn: Their numbers in the epoch's order.
        view: What the network sees.
        batch_size: Pictures a batch.
        augmentation: The ranges of the random changes.
        generator: Where the random numbers come from.
        one_label: Draws one expression for each picture from its votes (FER+'s `probability`).
        device: Where the pictures lie and are changed; they must fit into its memory as bytes.
    """
    pictures = torch.from_numpy(faces.faces).to(device)
    votes = torch.from_numpy(faces.votes)
    if one_label:
        labels = torch.multinomial(votes, 1, generator=generator)[:, 0]
        votes = nn.functional.one_hot(labels, votes.shape[1]).float()
    for chosen in torch.split(drawn, batch_size):
        batch = Batch(
            augmented(pictures[chosen.to(device)], view, augmentation, generator),
            votes[chosen].to(device),
            None if taught is None else taught[chosen].to(device),
        )
        # Nothing is drawn from the generator that a recipe does not ask for.
        if augmentation.mixup > 0:
            shares = augmentation.mixup * torch.rand(len(batch), generator=generator)
            batch = mixed(batch, shares.to(device))
        yield batch


def mixed(batch: Batch, shares: Tensor) -> Batch:
    """Return the pictures with the next one of the batch shining through each (mixup).

    Args:
        batch: N pictures in random order.
        shares: N, of the next picture in the mixture, 0-1; the last one's next is the first.
    """

    def with_next(values: Tensor) -> Tensor:
        weights = shares.view(-1, *(1,) * (values.ndim - 1))
        return values.lerp(values.roll(-1, dims=0), weights)

    taught = None if batch.taught is None else with_next(batch.taught)
    return Batch(with_next(batch.patches), with_next(batch.votes), taught)


def drawn_pictures(
    votes: npt.NDArray[np.float32],
    repeat_below: float,
    generator: torch.Generator,
    *,
    photographs: int = 0,
    photographs_share: float = 1,
) -> Tensor:
    """Return an epoch's picture numbers in random order, those of rare expressions repeated.

    Args:
        votes: N x 8, of the labelled pictures.
        repeat_below: As `Stage.repeat_below`; 0 draws each picture once.
        generator: Where the random numbers come from.
        photographs: How many pictures of photographs follow the labelled ones.
        photographs_share: As `Stage.photographs_share`.
    """
    # Nothing is drawn from the generator that a recipe does not ask for: older ones keep theirs.
    labelled, others = torch.arange(len(votes)), torch.arange(photographs)
    if repeat_below > 0:
        expected = repeats(torch.from_numpy(votes), repeat_below)
        whole = expected.floor()
        more = torch.rand(len(votes), generator=generator) < expected - whole
        labelled = labelled.repeat_interleave((whole + more).long())
    if photographs_share < 1:
        chosen = math.ceil(photographs * photographs_share)
        others = torch.randperm(photographs, generator=generator)[:chosen]
    drawn = torch.cat([labelled, len(votes) + others])
    return drawn[torch.randperm(len(drawn), generator=generator)]


def repeats(votes: Tensor, repeat_below: float) -> Tensor:
    """Return how often each picture is drawn an epoch on average, at least 1.

    The factor of an expression is sqrt(repeat_below / its share), that of a picture the mean of
    its votes' factors (Gupta et al., CVPR 2019, who take the largest).
    """
    factors = (repeat_below / votes.mean(dim=0).clamp(min=1e-6)).sqrt().clamp(min=1)
    return votes @ factors
