"""Measures of a network's predictions, as the field states them."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics.functional.classification import (
    multiclass_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
)

from vrfer.expressions import EXPRESSIONS
from vrfer.training.ferplus import FaceSet

ECE_BINS = 15
LEAST_PROBABILITY = 1e-7
COMMON = 50
"""An expression with more test pictures than this is common."""
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Measures:
    """How well predictions agree with people's votes; shares are 0-1."""

    split: str
    pictures: int
    accuracy: float
    """Against the majority labels."""
    accuracy_low: float
    """Wilson's 95 % interval."""
    accuracy_high: float
    recall: dict[str, float]
    """Accuracy per class; a class without pictures is left out."""
    class_pictures: dict[str, int]
    macro_f1: float
    macro_f1_common: float
    """Over the expressions with more than 50 pictures: those of fewer are noise."""
    ece: float
    """Expected calibration error against the majority labels, 15 equal bins."""
    coverage: dict[str, float]
    """Accuracy of the most confident share of the pictures, by that share."""
    kl_nats: float
    """Mean Kullback-Leibler divergence from the crowd's votes to the prediction."""
    confusion: tuple[tuple[int, ...], ...]
    """Rows: majority label; columns: prediction."""
    hits: str
    """A character a picture, in the split's order: 1 where the prediction was right, 0 elsewhere.
    Two networks can be compared by it picture by picture."""


def measure(probabilities: npt.NDArray[np.float32], faces: FaceSet, split: str) -> Measures:
    """Compare predictions with the labels of a split.

    Args:
        probabilities: N x 8, rows sum to 1.
        faces: The N faces with `majority` labels.
        split: Name for the result.
    """
    predicted, labels = torch.from_numpy(probabilities), torch.from_numpy(faces.labels)
    classes = len(EXPRESSIONS)
    confusion = multiclass_confusion_matrix(predicted, labels, num_classes=classes)
    right, per_class = int(confusion.diagonal().sum()), confusion.sum(dim=1).tolist()
    low, high = wilson_interval(right, len(faces))
    crowd = faces.crowd.astype(np.float64)
    guess = np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)
    logs = np.log(np.where(crowd > 0, crowd, 1)) - np.log(guess)
    return Measures(
        split=split,
        pictures=len(faces),
        accuracy=right / len(faces),
        accuracy_low=low,
        accuracy_high=high,
        recall={
            name: float(confusion[i, i]) / per_class[i]
            for i, name in enumerate(EXPRESSIONS)
            if per_class[i]
        },
        class_pictures=dict(zip(EXPRESSIONS, per_class, strict=True)),
        macro_f1=float(
            multiclass_f1_score(predicted, labels, num_classes=classes, average="macro")
        ),
        macro_f1_common=macro_f1_common(probabilities, faces),
        coverage=_coverage(probabilities, faces),
        ece=float(
            multiclass_calibration_error(
                predicted, labels, num_classes=classes, n_bins=ECE_BINS, norm="l1"
            )
        ),
        kl_nats=float((crowd * logs).sum(axis=1).mean()),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        hits="".join("01"[hit] for hit in (predicted.argmax(dim=1) == labels).int().tolist()),
    )


def macro_f1_common(probabilities: npt.NDArray[np.float32], faces: FaceSet) -> float:
    """Return the macro-F1 over the expressions with more than 50 pictures, NaN without any.

    Args:
        probabilities: N x 8.
        faces: The N faces with `majority` labels.
    """
    predicted, labels = torch.from_numpy(probabilities), torch.from_numpy(faces.labels)
    classes = len(EXPRESSIONS)
    each = multiclass_f1_score(predicted, labels, num_classes=classes, average="none")
    counts = np.bincount(faces.labels, minlength=classes)
    common = [float(each[i]) for i, count in enumerate(counts) if count > COMMON]
    return sum(common) / len(common) if common else math.nan


def _coverage(probabilities: npt.NDArray[np.float32], faces: FaceSet) -> dict[str, float]:
    order = probabilities.max(axis=1).argsort(kind="stable")[::-1]
    right = (probabilities.argmax(axis=1) == faces.labels)[order]
    counts = {f"{share:.0%}": max(1, round(share * len(faces))) for share in COVERAGES}
    return {share: float(right[:count].mean()) for share, count in counts.items()}


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share (E. B. Wilson, JASA 1927)."""
    z = NormalDist().inv_cdf(0.975)
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * (share * (1 - share) / total + z * z / (4 * total**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def unsure_threshold(probabilities: npt.NDArray[np.float32], faces: FaceSet) -> float:
    """Return the confidence below which predictions were wrong more often than right.

    Among the pictures in order of confidence, the surplus of wrong over right predictions is
    largest where their local accuracy passes one half: that confidence is returned, 0 where
    there never is a surplus.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == faces.labels
    order = confidence.argsort(kind="stable")
    surplus = np.where(right[order], -1, 1).cumsum()
    peak = int(surplus.argmax())
    return float(confidence[order[peak]]) if surplus[peak] > 0 else 0.0


def best_temperature(
    logits: npt.NDArray[np.floating],
    faces: FaceSet,
) -> float:
    """Return the temperature with the lowest cross-entropy to the majority labels.

    Found by golden-section search over its logarithm, from 1/8 to 8 (Guo et al., ICML 2017).

    Args:
        logits: N x 8.
        faces: The N faces with `majority` labels.
    """
    scores, labels = torch.from_numpy(logits).double(), torch.from_numpy(faces.labels)

    def loss(log_temperature: float) -> float:
        scaled = scores / float(np.exp(log_temperature))
        return float(torch.nn.functional.cross_entropy(scaled, labels))

    low, high, golden = -np.log(8.0), np.log(8.0), (5**0.5 - 1) / 2
    for _ in range(50):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
