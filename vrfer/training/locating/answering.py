"""Asks a locator, as torch network or as exported file, in one and the same form."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vrfer.locator import OUTPUTS, LocatorContract, open_locator

Ask = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
"""From N x 96 x 96 x 3 squares to the six `OUTPUTS`, lengths in sides of the square."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling of the verdict's logit (Platt 1999)."""

    slope: float = 1.0
    offset: float = 0.0


class LocatorGraph(nn.Module):
    """What an exported file computes: uint8 squares (N x 96 x 96 x 3, BGR) to six answers."""

    def __init__(self, network: nn.Module, calibration: Calibration = Calibration()) -> None:
        """Wrap a network that is in evaluation mode."""
        super().__init__()
        self.network = network
        self.slope, self.offset = calibration.slope, calibration.offset

    def forward(self, squares: Tensor) -> tuple[Tensor, ...]:
        """Return points, spread (standard deviation), width, angles, visible and headset."""
        answers = self.network(squares)
        return (
            answers.points,
            answers.spread.exp() * 2**0.5,
            answers.width[:, 0].exp(),
            answers.angles,
            torch.sigmoid(answers.verdict[:, 0] * self.slope + self.offset),
            torch.sigmoid(answers.verdict[:, 1]),
        )


def ask_network(network: nn.Module) -> Ask:
    """Return how to ask a network in evaluation mode, on its own device in 32 bits."""
    graph = LocatorGraph(network).eval()
    device = next(network.parameters()).device

    def ask(squares: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        with torch.no_grad():
            answers = graph(torch.from_numpy(squares).to(device))
        return [part.cpu().numpy() for part in answers]

    return ask


def ask_file(path: Path) -> tuple[Ask, LocatorContract]:
    """Return how to ask an exported file, and its contract.

    Raises:
        ModelContractError: The file is no locator.
    """
    session: onnxruntime.InferenceSession
    session, contract = open_locator(path)

    def ask(squares: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        answers: list[NDArray[np.float32]] = session.run(list(OUTPUTS), {"squares": squares})
        return answers

    return ask, contract
