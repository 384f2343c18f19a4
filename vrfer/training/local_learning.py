"""Local learning: each face gets a classifier of its own, trained on the faces most like it.

R. T. Ionescu, M. Popescu and C. Grozea, "Local Learning to Improve Bag of Visual Words Model for
Facial Expression Recognition", ICML 2013 workshop, after L. Bottou and V. Vapnik, "Local Learning
Algorithms", Neural Computation 1992.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.svm import SVC

Packed = npt.NDArray[np.uint8]
"""N presence vectors, eight words a byte (`numpy.packbits`)."""

_UNPACKED_AT_ONCE = 2048


def packed_bytes(words: int) -> int:
    """Return how many bytes hold a presence vector."""
    return (words + 7) // 8


@dataclass(frozen=True, slots=True, eq=False)
class LocalLearner:
    """Training faces that can be compared with others and learned from.

    The kernel is the mean, over the regions of the face, of the scalar products of presence
    vectors of length 1: the sum that the paper takes, scaled so that equal faces have 1.
    """

    presence: Packed
    """Of N training faces, all regions' words one after another."""
    labels: npt.NDArray[np.int64]
    """N classes, 0 to `classes` - 1."""
    words: tuple[int, ...]
    """Number of words of each region."""
    classes: int
    neighbours: int
    """Training faces that each classifier learns from."""
    penalty: float
    """C of the support vector machines."""

    def similarities(self, faces: Packed) -> npt.NDArray[np.float32]:
        """Return the M x N kernel, 0-1, between M faces and the training faces."""
        asked = self._vectors(faces)
        found = np.empty((len(faces), len(self.presence)), np.float32)
        for start in range(0, len(self.presence), _UNPACKED_AT_ONCE):
            some = slice(start, start + _UNPACKED_AT_ONCE)
            found[:, some] = asked @ self._vectors(self.presence[some]).T
        return found

    def decisions(self, faces: Packed) -> Iterator[npt.NDArray[np.float64]]:
        """Yield for each face one decision a class, of machines trained on its neighbours alone.

        Classes that no neighbour has are 1 below the lowest of the others.
        """
        for similar in self.similarities(faces):
            # A stable sort: of equally similar faces always the same ones are neighbours.
            nearest = np.argsort(-similar, kind="stable")[: self.neighbours]
            vectors = self._vectors(self.presence[nearest])
            labels = self.labels[nearest]
            present = np.unique(labels)
            found = _one_against_all(
                vectors @ vectors.T, labels, present, similar[nearest], penalty=self.penalty
            )
            decisions = np.full(self.classes, found.min() - 1)
            decisions[present] = found
            yield decisions

    def _vectors(self, presence: Packed) -> npt.NDArray[np.float32]:
        vectors = np.unpackbits(presence, axis=1, count=sum(self.words)).astype(np.float32)
        start = 0
        for words in self.words:
            part = vectors[:, start : start + words]
            there = part.sum(axis=1, keepdims=True)
            part /= np.sqrt(np.maximum(there, 1) * len(self.words))
            start += words
        return vectors


def _one_against_all(
    gram: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    present: npt.NDArray[np.int64],
    similar: npt.NDArray[np.float32],
    *,
    penalty: float,
) -> npt.NDArray[np.float64]:
    if len(present) == 1:  # nothing to tell apart
        return np.zeros(1)
    machines = (
        SVC(C=penalty, kernel="precomputed").fit(gram, labels == label) for label in present
    )
    return np.array([machine.decision_function(similar[None])[0] for machine in machines])
