"""Giving rare expressions their due after training: logit adjustment (Menon et al., ICLR 2021).

A network trained on few pictures of fear hesitates to name it. Adding -tau * log(share of the
expression in training) to its log-probabilities lifts the rare ones; one number, tau, is chosen on
the validation split.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from vrfer.training.ferplus import FaceSet
from vrfer.training.measure import macro_f1_common

STRENGTHS = tuple(step / 50 for step in range(16))
"""Values of tau that are tried: 0 to 0.3."""
TOLERATED = 0.001
"""The most validation accuracy that is given for a better balance."""


def shares_of(faces: FaceSet) -> npt.NDArray[np.float64]:
    """Return the share of each of the eight expressions in the votes for N faces, sum 1."""
    shares: npt.NDArray[np.float64] = faces.votes.astype(np.float64).mean(axis=0)
    return shares


def offsets(shares: npt.NDArray[np.float64], strength: float) -> npt.NDArray[np.float64]:
    """Return what is added to the eight log-probabilities, nats.

    Args:
        shares: Of the expressions in training; one that was never shown is not lifted.
        strength: Tau; 0 adds nothing.
    """
    lifted: npt.NDArray[np.float64] = -strength * np.log(np.where(shares > 0, shares, 1))
    return lifted


def best_strength(
    logits: npt.NDArray[np.float32], faces: FaceSet, shares: npt.NDArray[np.float64]
) -> float:
    """Return the tau with the best macro-F1 of common expressions, 0 if there are none.

    Only those are considered whose accuracy is at most 0.1 points below that of the network as
    it was trained.

    Args:
        logits: N x 8, divided by the temperature.
        faces: The N validation faces with `majority` labels.
        shares: Of the expressions in training.
    """
    logs = log_softmax(logits.astype(np.float64), axis=1)
    best, highest, least = 0.0, -1.0, 0.0
    for strength in STRENGTHS:
        probabilities = softmax(logs + offsets(shares, strength), axis=1).astype(np.float32)
        accuracy = float((probabilities.argmax(axis=1) == faces.labels).mean())
        if strength == 0:
            least = accuracy - TOLERATED
        balance = macro_f1_common(probabilities, faces)
        if accuracy >= least and balance > highest:
            best, highest = strength, balance
    return best
