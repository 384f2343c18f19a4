"""What each ingredient of a recipe is worth: the same recipe without it, on the validation split.

Recipes named `without-INGREDIENT` are compared with the one that has it, each seed with the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from vrfer.training.disturbances import HEADSET, MOVES
from vrfer.training.figures_files import Document, read_figures
from vrfer.training.subject import Subject
from vrfer.training.table import Evaluation, check_each_once, difference, reads_cut_halves

WITHOUT = "without-"
WHOLE = "with-everything"
_COMPARED_WITH = {"without-teacher": "without-photographs"}
"""What has the ingredient, where that is not the whole: the teacher labels the photographs, so that
both go together."""
_SPLIT = "validation"
_HEADER = [
    "| left out | seeds | accuracy | compared with | points | 95 % interval | "
    "McNemar's p, a seed each | macro-F1 of common | recall of fear, % | "
    "moved faces lose, points | under drawn headsets lose, points |",
    "|---|---|---|---|---|---|---|---|---|---|---|",
]


@dataclass(frozen=True, slots=True, eq=False)
class Ablation:
    """What an evaluation says of a network that was trained without an ingredient."""

    evaluation: Evaluation
    macro_f1_common: float
    fear: float | None
    """Recall, 0-1; None where no picture shows it."""
    moved: float | None
    """Accuracy that shifts, scales and turns cost on average; None where it was not measured."""
    worn: float | None
    """Accuracy that a drawn headset costs."""


def read_ablations(folder: Path) -> list[Ablation]:
    """Read the evaluations of ablations in a folder.

    Raises:
        DataError: There is no such folder, or a file is damaged.
    """
    return read_figures(folder, _ablations)


def _ablations(document: Document, file: str) -> list[Ablation]:
    subject = Subject(**document["subject"])
    of_ablation = subject.recipe == WHOLE or subject.recipe.startswith(WITHOUT)
    if not (of_ablation and reads_cut_halves(subject)):
        return []
    lost = {
        one["disturbance"]: float(one["lost"])
        for one in document.get("disturbed", ())
        if one["split"] == _SPLIT
    }
    return [
        Ablation(
            Evaluation(subject, float(one["accuracy"]), str(one["hits"]), file),
            float(one["macro_f1_common"]),
            float(one["recall"]["fear"]) if "fear" in one["recall"] else None,
            mean(lost[move.name] for move in MOVES) if lost else None,
            lost[HEADSET.name] if lost else None,
        )
        for one in document["measures"]
        if one["split"] == _SPLIT
    ]


def ablation_table(ablations: Sequence[Ablation]) -> list[str]:
    """Return ablations as Markdown, the whole recipe first.

    Raises:
        DataError: A seed of a recipe stands in two files.
    """
    check_each_once(one.evaluation for one in ablations)
    by_recipe: dict[str, dict[int, Ablation]] = {}
    for one in ablations:
        subject = one.evaluation.subject
        by_recipe.setdefault(subject.recipe, {})[subject.seed] = one
    names = sorted(by_recipe, key=lambda name: (name != WHOLE, name))
    return [*_HEADER, *(_line(name, by_recipe) for name in names)]


def _line(name: str, by_recipe: Mapping[str, Mapping[int, Ablation]]) -> str:
    found = list(by_recipe[name].values())
    other = _COMPARED_WITH.get(name, WHOLE)
    left_out = [other.removeprefix(WITHOUT)] if other != WHOLE else []
    cells = [
        " and ".join([*left_out, name.removeprefix(WITHOUT)]),
        str(len(found)),
        f"{mean(one.evaluation.accuracy for one in found):.2%}",
        *([""] * 4 if name == WHOLE else [other, *_gap(by_recipe[name], by_recipe.get(other, {}))]),
        f"{mean(one.macro_f1_common for one in found):.3f}",
        _percent([one.fear for one in found], 0),
        _percent([one.moved for one in found], 1),
        _percent([one.worn for one in found], 1),
    ]
    return f"| {' | '.join(cells)} |"


def _gap(seeds: Mapping[int, Ablation], others: Mapping[int, Ablation]) -> list[str]:
    both = sorted(seeds.keys() & others.keys())
    gap = difference(*([some[seed].evaluation for seed in both] for some in (seeds, others)))
    if gap is None:
        return ["no common seed", "", ""]
    chances = ", ".join(f"{p:.2g}" for p in gap.p)
    return [f"{gap.mean:+.2f}", f"{gap.low:+.2f} to {gap.high:+.2f}", chances]


def _percent(shares: Sequence[float | None], digits: int) -> str:
    """Return the mean of those that are known, or a dash."""
    known = [share for share in shares if share is not None]
    return f"{100 * mean(known):.{digits}f}" if known else "-"
