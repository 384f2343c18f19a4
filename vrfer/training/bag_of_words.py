"""A bag of visual words with local learning: the reference that the paper's Table 1 begins with.

R. T. Ionescu, M. Popescu and C. Grozea, "Local Learning to Improve Bag of Visual Words Model for
Facial Expression Recognition", ICML 2013 workshop: SIFT descriptors of a dense grid of patches,
a vocabulary for each region of a spatial pyramid, normalised vectors of which words are present,
a kernel that sums the regions' scalar products, and local support vector machines on it.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from vrfer.errors import DataError, RecipeError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.ferplus import FaceSet
from vrfer.training.local_learning import LocalLearner, Packed, packed_bytes

BAG_OF_WORDS_FILE = "bag-of-words.npz"
PYRAMID = (1, 2, 3)
"""Regions along each side, by level."""
DESCRIPTOR = 128
"""Numbers in a SIFT descriptor."""

OnProgress = Callable[[int, int], None]
Faces = npt.NDArray[np.uint8]

_SIFT_PATCH = 6
"""Side of the patch that OpenCV's SIFT describes, in sizes of its key point: four cells of 1.5."""
_FACES_AT_ONCE = 8
_ASKED_AT_ONCE = 512
_CLUSTERING_BATCH = 4096
_CLUSTERING_ROUNDS = 30


@dataclass(frozen=True, slots=True, eq=False)
class BagOfWords:
    """Vocabularies, and the training faces described in them."""

    recipe: BagOfWordsRecipe
    vocabularies: tuple[npt.NDArray[np.float32], ...]
    """Words x 128 for each region, level by level, rows from the top, columns from the left."""
    presence: Packed
    """N training faces x bits of all regions' words: 1 where the word is there."""
    labels: npt.NDArray[np.int64]
    """N expressions in canonical order, 0-7."""

    def kernel(self, faces: Faces) -> npt.NDArray[np.float32]:
        """Return how alike faces and training faces are.

        Args:
            faces: M x F x F gray, 0-255, of any size.

        Returns:
            M x N, 0-1; faces with the same words have 1.
        """
        return self._learner().similarities(self._presence_of(faces))

    def scores(
        self, faces: Faces, on_progress: OnProgress = lambda done, total: None
    ) -> npt.NDArray[np.float32]:
        """Return how well each expression fits each face.

        The softmax of the one-versus-all decisions: their order is the classifier's, but they are
        no calibrated probabilities. Expressions that none of the neighbours has come last.

        Args:
            faces: M x F x F gray, 0-255, of any size.
            on_progress: Told how many faces are done, and their number.

        Returns:
            M x 8, rows sum to 1.
        """
        learner = self._learner()
        decisions = np.empty((len(faces), len(EXPRESSIONS)))
        for start in range(0, len(faces), _ASKED_AT_ONCE):
            some = self._presence_of(faces[start : start + _ASKED_AT_ONCE])
            for number, row in enumerate(learner.decisions(some), start):
                decisions[number] = row
                on_progress(number + 1, len(faces))
        powers = np.exp(decisions - decisions.max(axis=1, keepdims=True)).astype(np.float32)
        shares: npt.NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def _learner(self) -> LocalLearner:
        return LocalLearner(
            self.presence,
            self.labels,
            words=tuple(map(len, self.vocabularies)),
            classes=len(EXPRESSIONS),
            neighbours=self.recipe.neighbours,
            penalty=self.recipe.penalty,
        )

    def _presence_of(self, faces: Faces) -> Packed:
        return _Patches.of(self.recipe).presence(faces, self.vocabularies)


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    """The grid of patches that faces are described by."""

    side: int
    sift: cv2.SIFT
    points: list[cv2.KeyPoint]
    regions: tuple[npt.NDArray[np.intp], ...]
    """The places in `points` of the patches whose centre lies in each region of the pyramid."""

    @staticmethod
    def of(recipe: BagOfWordsRecipe) -> "_Patches":
        centres: list[tuple[int, int]] = []
        points = []
        for patch in recipe.patches:
            steps = (recipe.side - patch) // recipe.step
            first = (recipe.side - steps * recipe.step) // 2
            along = [first + i * recipe.step for i in range(steps + 1)]
            places = [(x, y) for y in along for x in along]
            centres += places
            # Without an angle of their own, all patches are described upright.
            points += [cv2.KeyPoint(x, y, patch / _SIFT_PATCH, 0) for x, y in places]
        sift = cv2.SIFT.create(nOctaveLayers=1, sigma=recipe.blur_px)
        return _Patches(recipe.side, sift, points, _regions(np.array(centres), recipe.side))

    def describe(self, faces: Faces) -> npt.NDArray[np.uint8]:
        """Return N x patches x 128 SIFT descriptors, whose values are whole numbers, 0-255."""
        described = np.empty((len(faces), len(self.points), DESCRIPTOR), np.uint8)
        shrinks = faces.shape[1] > self.side
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        for face, place in zip(faces, described, strict=True):
            brought = cv2.resize(face, (self.side, self.side), interpolation=how)
            place[:] = self.sift.compute(brought, self.points)[1]
        return described

    def presence(
        self,
        faces: Faces,
        vocabularies: tuple[npt.NDArray[np.float32], ...],
        on_progress: OnProgress = lambda done, total: None,
    ) -> Packed:
        """Return which words are in N faces, packed as in `BagOfWords.presence`."""
        parts = [np.empty((0, packed_bytes(sum(map(len, vocabularies)))), np.uint8)]
        for start in range(0, len(faces), _FACES_AT_ONCE):
            described = self.describe(faces[start : start + _FACES_AT_ONCE])
            present = [
                _present(described[:, region], words)
                for region, words in zip(self.regions, vocabularies, strict=True)
            ]
            parts.append(np.packbits(np.concatenate(present, axis=1), axis=1))
            on_progress(min(start + _FACES_AT_ONCE, len(faces)), len(faces))
        return np.concatenate(parts)


def fit_bag_of_words(
    recipe: BagOfWordsRecipe,
    train: FaceSet,
    out: Path,
    on_progress: OnProgress = lambda done, total: None,
) -> Path:
    """Cluster the vocabularies, describe the training faces in them, and write both to one file.

    The same recipe and faces give the same file, on the same machine.

    Args:
        recipe: The settings.
        train: N labelled faces.
        out: Folder for `bag-of-words.npz`; an existing one is replaced once the new is complete.
        on_progress: Told how many steps are done, and their number.

    Returns:
        The file.

    Raises:
        RecipeError: The faces have fewer patches than a vocabulary has words.
        DataError: The disk is full or the folder cannot be written.
    """
    generator = np.random.default_rng(recipe.seed)
    patches = _Patches.of(recipe)
    few = min(recipe.vocabulary_faces, len(train))
    drawn = np.sort(generator.choice(len(train), few, replace=False))
    described = patches.describe(train.faces[drawn])
    vocabularies = []
    total = len(patches.regions) + len(train)
    for region, count in zip(patches.regions, _words_of_regions(recipe), strict=True):
        some = _drawn_patches(described, region, recipe.vocabulary_patches, generator)
        vocabularies.append(_clustered(some, count, recipe))
        on_progress(len(vocabularies), total)
    begun = len(vocabularies)
    presence = patches.presence(
        train.faces, tuple(vocabularies), lambda done, _: on_progress(begun + done, total)
    )
    path = out / BAG_OF_WORDS_FILE
    _write(BagOfWords(recipe, tuple(vocabularies), presence, train.labels), path)
    return path


def load_bag_of_words(path: Path) -> BagOfWords:
    """Read what `fit_bag_of_words` wrote, without running any code in it.

    Raises:
        RecipeError: The file is missing, damaged, or no bag of words.
    """
    if not path.is_file():
        raise RecipeError(
            f"there is no bag of words {path}", "Name a .npz file that vrfer-train fit wrote."
        )
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            return _restored({name: content[name] for name in content.files})
    except Exception as err:  # damaged archives may raise anything at all
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise RecipeError(
            f"{path} is no bag of words of vrfer that can be read ({reason})",
            "Fit it anew with vrfer-train fit, or name another.",
        ) from err


def _restored(content: dict[str, npt.NDArray[Any]]) -> BagOfWords:
    recipe = BagOfWordsRecipe.model_validate_json(str(content["recipe"]))
    counts = _words_of_regions(recipe)
    words, presence, labels = (content[name] for name in ("words", "presence", "labels"))
    expected = {
        "words": (words, np.float32, (sum(counts), DESCRIPTOR)),
        "presence": (presence, np.uint8, (len(labels), packed_bytes(sum(counts)))),
        "labels": (labels, np.int64, (len(labels),)),
    }
    for name, (array, dtype, shape) in expected.items():
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} are {array.dtype} {array.shape}")
    if not len(labels) or labels.min() < 0 or labels.max() >= len(EXPRESSIONS):
        raise ValueError("labels are no expressions")
    if not np.isfinite(words).all():
        raise ValueError("words are no numbers")
    return BagOfWords(recipe, tuple(np.split(words, np.cumsum(counts)[:-1])), presence, labels)


def _write(bag: BagOfWords, path: Path) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez_compressed(
                file,
                recipe=np.array(bag.recipe.model_dump_json()),
                words=np.concatenate(bag.vocabularies),
                presence=bag.presence,
                labels=bag.labels,
            )
        os.replace(temporary, path)
    except OSError as err:
        with suppress(OSError):
            temporary.unlink()
        raise DataError(
            f"the bag of words {path} could not be written: {err}",
            "Free some space or name another folder, and start the same command again.",
        ) from err


def _regions(centres: npt.NDArray[np.int64], side: int) -> tuple[npt.NDArray[np.intp], ...]:
    found = []
    for parts in PYRAMID:
        columns, rows = (centres * parts // side).T
        found += [
            np.flatnonzero((rows == row) & (columns == column))
            for row in range(parts)
            for column in range(parts)
        ]
    return tuple(found)


def _words_of_regions(recipe: BagOfWordsRecipe) -> list[int]:
    return [
        words
        for words, parts in zip(recipe.words, PYRAMID, strict=True)
        for _ in range(parts * parts)
    ]


def _drawn_patches(
    described: npt.NDArray[np.uint8],
    region: npt.NDArray[np.intp],
    count: int,
    generator: np.random.Generator,
) -> npt.NDArray[np.float32]:
    there = len(described) * len(region)
    faces, places = np.divmod(
        generator.choice(there, min(count, there), replace=False), len(region)
    )
    return described[faces, region[places]].astype(np.float32)


def _clustered(
    patches: npt.NDArray[np.float32], words: int, recipe: BagOfWordsRecipe
) -> npt.NDArray[np.float32]:
    if len(patches) < words:
        raise RecipeError(
            f"recipe {recipe.name}: a vocabulary of {words} words has {len(patches)} patches to "
            "learn from",
            "Lower words, or raise vocabulary_faces and vocabulary_patches.",
        )
    # A fixed number of rounds: stopping early goes by a sum whose order depends on the threads.
    clusters = MiniBatchKMeans(
        words,
        init="random",
        n_init=1,
        batch_size=_CLUSTERING_BATCH,
        max_iter=_CLUSTERING_ROUNDS,
        max_no_improvement=None,
        random_state=recipe.seed,
    ).fit(patches)
    centres: npt.NDArray[np.float32] = clusters.cluster_centers_.astype(np.float32)
    return centres


def _present(
    patches: npt.NDArray[np.uint8], words: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Return N x words: whether a word is the nearest to any of a face's patches."""
    vectors = patches.reshape(-1, DESCRIPTOR).astype(np.float32)
    # |v - w|^2 without |v|^2, which is the same for all words.
    nearness = vectors @ words.T
    nearness -= (words**2).sum(axis=1) / 2
    nearest_words = nearness.argmax(axis=1).reshape(len(patches), -1)
    present = np.zeros((len(patches), len(words)), np.bool_)
    present[np.arange(len(patches))[:, None], nearest_words] = True
    return present
