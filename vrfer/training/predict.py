"""Answers of trained networks, in torch."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from vrfer.errors import DataError
from vrfer.training.batches import patches_of
from vrfer.training.checkpoint import RunState
from vrfer.training.nets import FaceNetwork, create_network
from vrfer.training.recipe import Stage, View

PREDICTION_BATCH = 16
"""The feature maps of more pictures do not fit into a CPU's caches."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch dropout and gradients off for a while."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def finished_stage(state: RunState) -> Stage:
    """Return the stage that a checkpoint's network was last trained in.

    Raises:
        DataError: It was never trained.
    """
    if not state.history:
        raise DataError("the checkpoint's network is untrained", "Train it with vrfer-train fit.")
    return state.recipe.stages[state.history[-1].stage]


def load_network(state: RunState) -> FaceNetwork:
    """Build the network of a checkpoint, with its weights and its stage's occlusion."""
    network = create_network(state.recipe, mean_gray=state.mean_gray)
    network.load_state_dict(state.measured)
    stage = finished_stage(state)
    network.occlusion = stage.occlusion if stage.region == "lower-half" else None
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval()


def predict_logits(
    network: FaceNetwork, faces: npt.NDArray[np.uint8], view: View
) -> npt.NDArray[np.float32]:
    """Return N x 8 logits for N x F x F gray faces, in 32-bit floats on the CPU."""
    with evaluating(network):
        parts = [
            network(patches_of(faces[start : start + PREDICTION_BATCH], view)).float()
            for start in range(0, len(faces), PREDICTION_BATCH)
        ]
    return torch.cat(parts).numpy()
