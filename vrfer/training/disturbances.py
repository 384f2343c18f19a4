"""How much a network loses when the face is not cut exactly: shifted, scaled or turned.

And with the top rows hidden, and under a drawn headset, which data sets of bare faces do not show.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt
import torch

from vrfer.training.augmentation import under_headset
from vrfer.training.data_sets import FaceData
from vrfer.training.evaluate import SplitName, faces_of, predictor, seen_by

_SEED = 2019


class Disturbance(Protocol):
    """A change of faces that leaves their expression as it is."""

    @property
    def name(self) -> str:
        """Return its name in tables."""

    def of(self, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return N x F x F gray faces, changed."""


@dataclass(frozen=True, slots=True)
class Move:
    """A similarity transform about the middle of the face square."""

    name: str
    shift_x: float = 0.0
    """Share of the square's side, to the right."""
    shift_y: float = 0.0
    """Share of the square's side, down."""
    scale: float = 1.0
    turn_deg: float = 0.0
    """Clockwise."""

    def of(self, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return N x F x F faces moved; where a picture ends its edge is continued."""
        side = faces.shape[1]
        centre = (side - 1) / 2
        cos = self.scale * math.cos(math.radians(self.turn_deg))
        sin = self.scale * math.sin(math.radians(self.turn_deg))
        to_moved = np.array(
            [
                [cos, -sin, centre - cos * centre + sin * centre + self.shift_x * side],
                [sin, cos, centre - sin * centre - cos * centre + self.shift_y * side],
            ]
        )
        moved = [
            cv2.warpAffine(face, to_moved, (side, side), borderMode=cv2.BORDER_REPLICATE)
            for face in faces
        ]
        return np.stack(moved).astype(np.uint8)


MOVES = (
    Move("10 % to the left", shift_x=-0.1),
    Move("10 % to the right", shift_x=0.1),
    Move("10 % up", shift_y=-0.1),
    Move("10 % down", shift_y=0.1),
    Move("10 % smaller", scale=1 / 1.1),
    Move("10 % larger", scale=1.1),
    Move("10 degrees to the left", turn_deg=-10),
    Move("10 degrees to the right", turn_deg=10),
)
"""What a locator's errors do to the face square."""


@dataclass(frozen=True, slots=True)
class Headset:
    """A headset's lower edge, drawn as training draws it; where it runs differs among faces."""

    name: str

    def of(self, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return N x F x F faces whose lower half wears it; their upper half is as it was."""
        first_row = faces.shape[1] // 2
        lower = torch.from_numpy(faces[:, None, first_row:]).float()
        worn = under_headset(lower, torch.Generator().manual_seed(_SEED))
        changed = faces.copy()
        changed[:, first_row:] = worn[:, 0].round().clamp(0, 255).to(torch.uint8).numpy()
        return changed


@dataclass(frozen=True, slots=True)
class TopHidden:
    """The first rows of the lower half are hidden, each behind the row below them all.

    That is what a move up takes away, without the move: how much of its loss lies in the picture,
    where no training brings it back.
    """

    name: str
    share: float
    """Of the square's side."""

    def of(self, faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return N x F x F faces; what is not hidden is as it was."""
        first_row = faces.shape[1] // 2
        below = first_row + round(self.share * faces.shape[1])
        changed = faces.copy()
        changed[:, first_row:below] = faces[:, below, None]
        return changed


HEADSET = Headset("under a drawn headset")
TOP_HIDDEN = TopHidden("bare of the rows that 10 % up takes away", 0.1)
DISTURBANCES: tuple[Disturbance, ...] = (*MOVES, TOP_HIDDEN, HEADSET)


@dataclass(frozen=True, slots=True)
class Loss:
    """What one disturbance costs."""

    split: str
    disturbance: str
    accuracy: float
    lost: float
    """Accuracy without the disturbance minus this one."""


def losses(model: Path, data: FaceData, splits: Sequence[SplitName]) -> list[Loss]:
    """Measure a network on disturbed faces; splits without pictures are passed over.

    Networks that see whole faces are moved only.

    Args:
        model: Exported, or a checkpoint on its own region.
        data: What to measure on.
        splits: Its splits.

    Raises:
        VrferError: The file cannot be used.
    """
    predict, (region, votes) = predictor(model), seen_by(model)
    disturbances = DISTURBANCES if region == "lower-half" else MOVES
    found = []
    for split in splits:
        faces = faces_of(data, split, votes=votes)
        if not len(faces):
            continue

        def accuracy(pictures: npt.NDArray[np.uint8]) -> float:
            said = predict(pictures).argmax(axis=1)
            return float((said == faces.labels).mean())  # noqa: B023 - called within the loop

        plain = accuracy(faces.faces)
        for disturbance in disturbances:
            now = accuracy(disturbance.of(faces.faces))
            found.append(Loss(split, disturbance.name, now, plain - now))
    return found


def losses_table(found: Sequence[Loss]) -> list[str]:
    """Return the losses as lines of a Markdown table."""
    lines = ["| split | faces are | accuracy | lost |", "|---|---|---|---|"]
    lines += [
        f"| {loss.split} | {loss.disturbance} | {loss.accuracy:.2%} | "
        f"{100 * loss.lost:+.1f} points |"
        for loss in found
    ]
    return lines
