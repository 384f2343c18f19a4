"""Two networks on the same pictures: McNemar's exact test (McNemar 1947)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.stats import binomtest

from vrfer.training.data_sets import FaceData
from vrfer.training.evaluate import SplitName, faces_of, predictor


@dataclass(frozen=True, slots=True)
class Comparison:
    """How often each of two networks is right where the other is wrong."""

    split: str
    pictures: int
    first: float
    """Accuracy, 0-1."""
    second: float
    only_first: int
    """Pictures that the first names rightly and the second does not."""
    only_second: int
    p: float
    """Chance of so uneven a split, or a more uneven one, if both were equally good."""


def compare(
    first: Path, second: Path, data: FaceData, splits: Sequence[SplitName]
) -> list[Comparison]:
    """Compare two networks, checkpoints or bags of words.

    Raises:
        VrferError: A file is missing, broken, or not what its name says.
    """
    predictors = [predictor(path) for path in (first, second)]
    found = []
    for split in splits:
        faces = faces_of(data, split)
        right = [predict(faces.faces).argmax(axis=1) == faces.labels for predict in predictors]
        only = [int((right[i] & ~right[1 - i]).sum()) for i in (0, 1)]
        accuracies = [float(one.mean()) for one in right]
        found.append(
            Comparison(
                split, len(faces), accuracies[0], accuracies[1], only[0], only[1], mcnemar(*only)
            )
        )
    return found


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of the exact test: so uneven a split of a fair coin, or more."""
    total = only_first + only_second
    return float(binomtest(only_first, total).pvalue) if total else 1.0


def comparison_table(first: str, second: str, found: Sequence[Comparison]) -> list[str]:
    """Return comparisons as lines of a Markdown table."""
    lines = [
        f"| split | pictures | {first} | {second} | only {first} right | "
        f"only {second} right | McNemar's p |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.split} | {one.pictures} | {one.first:.2%} | {one.second:.2%} | "
        f"{one.only_first} | {one.only_second} | {one.p:.2g} |"
        for one in found
    ]
    return lines
