"""Giving rare expressions their due after training: logit adjustment (Menon et al., ICLR 2021).

A network that was trained on few pictures of fear hesitates to name it. Adding
-tau * log(share of the expression) to its log-probabilities lifts the rare ones; one number, tau,
is chosen on the validation split.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from vrfer.training.ferplus import FaceSet
from vrfer.training.measure import macro_f1_common

STRENGTHS = tuple(step / 50 for step in range(1, 51))
"""Values of tau that are tried; 1 would make up for the shares altogether."""
TOLERATED = 0.001
"""The most validation accuracy, 0-1, that is given for a better balance."""


def shares_of(faces: FaceSet) -> npt.NDArray[np.float64]:
    """Return the share of each of the eight expressions in people's votes for N faces, sum 1.

    Each face counts once, however often training draws it.
    """
    votes = faces.crowd.astype(np.float64).sum(axis=0)
    shares: npt.NDArray[np.float64] = votes / votes.sum()
    return shares


def lifts(shares: npt.NDArray[np.float64], strength: float) -> npt.NDArray[np.float64]:
    """Return what is added to the eight log-probabilities, nats.

    Args:
        shares: Of the expressions; one that nobody saw is not lifted.
        strength: Tau; 0 adds nothing.
    """
    added: npt.NDArray[np.float64] = -strength * np.log(np.where(shares > 0, shares, 1))
    return added + 0.0  # no minus before a zero


def best_strength(
    logits: npt.NDArray[np.float32], faces: FaceSet, shares: npt.NDArray[np.float64]
) -> float:
    """Return the tau with the best macro-F1 of common expressions; 0 if none is better than 0.

    Only those are considered that cost no more accuracy than `TOLERATED`.

    Args:
        logits: N x 8, divided by the temperature.
        faces: The N validation faces with `majority` labels.
        shares: Of the expressions in training.
    """
    accuracy, highest = _judged(logits, faces, lifts(shares, 0))
    least, best = accuracy - TOLERATED, 0.0
    for strength in STRENGTHS:
        accuracy, balance = _judged(logits, faces, lifts(shares, strength))
        if accuracy >= least and balance > highest:
            best, highest = strength, balance
    return best


def _judged(
    logits: npt.NDArray[np.float32], faces: FaceSet, added: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Return accuracy and macro-F1 of common expressions."""
    probabilities = softmax(logits + added, axis=1).astype(np.float32)
    accuracy = float((probabilities.argmax(axis=1) == faces.labels).mean())
    return accuracy, macro_f1_common(probabilities, faces)
