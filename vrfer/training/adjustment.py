"""Giving rare expressions their due after training: logit adjustment (Menon et al., ICLR 2021).

A network that was trained on few pictures of fear hesitates to name it. Adding
-tau * log(share of the expression) to its log-probabilities lifts the rare ones; one number, tau,
is chosen on the validation split. Fear, which scenes react to, gets a lift of its own on top.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.metrics import f1_score

from vrfer.expressions import EXPRESSIONS
from vrfer.training.ferplus import FaceSet
from vrfer.training.measure import COMMON, macro_f1_common

STRENGTHS = tuple(step / 50 for step in range(1, 51))
"""Values of tau that are tried; 1 would make up for the shares altogether."""
TOLERATED = 0.001
"""The most validation accuracy, 0-1, that is given for a better balance, and again for fear."""
FEAR = EXPRESSIONS.index("fear")
FEAR_LIFTS = tuple(step / 20 for step in range(1, 41))
"""What is tried on top for fear alone, nats."""


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


def best_lifts(
    logits: npt.NDArray[np.float32], faces: FaceSet, shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return what to add to the eight log-probabilities, nats.

    Args:
        logits: N x 8, divided by the temperature.
        faces: The N validation faces with `majority` labels.
        shares: Of the expressions in training.
    """
    added = lifts(shares, best_strength(logits, faces, shares))
    if shares[FEAR] > 0:
        added[FEAR] += best_fear_lift(logits + added, faces)
    return added


def best_fear_lift(logits: npt.NDArray[np.floating], faces: FaceSet) -> float:
    """Return the lift of fear, nats, with the best F1 of fear; the smallest of equals.

    F1, because a scene that reacts to fear suffers from false alarms as from fear that is missed.
    Only those are considered that cost no macro-F1 of common expressions, and no more accuracy
    than `TOLERATED`. Where fear is no common expression nothing speaks for or against one: 0.

    Args:
        logits: N x 8, divided by the temperature, with the lifts that all expressions get.
        faces: The N validation faces with `majority` labels.
    """
    if np.count_nonzero(faces.labels == FEAR) <= COMMON:
        return 0.0
    nothing = np.zeros(len(EXPRESSIONS))
    accuracy, least_balance = _judged(logits, faces, nothing)
    best, highest = 0.0, _f1_of_fear(logits, faces)
    for lift in FEAR_LIFTS:
        added = nothing.copy()
        added[FEAR] = lift
        right, balance = _judged(logits, faces, added)
        f1 = _f1_of_fear(logits + added, faces)
        if right >= accuracy - TOLERATED and balance >= least_balance and f1 > highest:
            best, highest = lift, f1
    return best


def _f1_of_fear(logits: npt.NDArray[np.floating], faces: FaceSet) -> float:
    called = logits.argmax(axis=1) == FEAR
    return float(f1_score(faces.labels == FEAR, called, zero_division=0))


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
    logits: npt.NDArray[np.floating], faces: FaceSet, added: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Return accuracy and macro-F1 of common expressions."""
    probabilities = softmax(logits + added, axis=1).astype(np.float32)
    accuracy = float((probabilities.argmax(axis=1) == faces.labels).mean())
    return accuracy, macro_f1_common(probabilities, faces)
