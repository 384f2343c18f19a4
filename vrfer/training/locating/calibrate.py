"""Fits the locator's verdict to chances, on the validation photographs."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vrfer.training.locating.answering import Ask, Calibration
from vrfer.training.locating.validate import CheckSet, judged_faces, verdicts_beside


def calibrated(ask: Ask, checks: CheckSet) -> Calibration:
    """Return slope and offset of least cross-entropy, faces and others weighing the same."""
    bare, worn = judged_faces(ask, checks)
    faces = np.concatenate([bare.visible, worn.visible])
    others = verdicts_beside(ask, checks)
    if len(others) == 0:
        return Calibration()
    logits = _logit(np.concatenate([faces, others]))
    labels = np.repeat([1.0, 0.0], [len(faces), len(others)])
    weights = np.repeat([1 / len(faces), 1 / len(others)], [len(faces), len(others)])
    x, y, w = (torch.from_numpy(part) for part in (logits, labels, weights))
    parameters = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        scaled = parameters[0] * x + parameters[1]
        value = nn.functional.binary_cross_entropy_with_logits(scaled, y, w, reduction="sum")
        value.backward()  # type: ignore[no-untyped-call]
        return float(value.detach())

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    slope, offset = parameters.tolist()
    return Calibration(slope, offset)


def _logit(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(chances, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(inside / (1 - inside)))
