"""What each ingredient of a recipe is worth: the same recipe without it, on the validation split.

Recipes named `without-INGREDIENT` are compared with `without-nothing`, seed by seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from vrfer.training.disturbances import HEADSET, MOVES
from vrfer.training.figures_files import Figures, read_figures
from vrfer.training.subject import Subject
from vrfer.training.table import Evaluation, difference

WITHOUT = "without-"
WHOLE = "without-nothing"
_SPLIT = "validation"
_HEADER = [
    "| left out | seeds | accuracy | against the whole, points | 95 % interval | "
    "McNemar's p, a seed each | macro-F1 of common | fear | moved faces lose, points | "
    "under drawn headsets lose, points |",
    "|---|---|---|---|---|---|---|---|---|---|",
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


def _ablations(figures: Figures, file: str) -> list[Ablation]:
    subject = Subject(**figures["subject"])
    if not subject.recipe.startswith(WITHOUT):
        return []
    lost = {
        one["disturbance"]: float(one["lost"])
        for one in figures.get("disturbed", ())
        if one["split"] == _SPLIT
    }
    return [
        Ablation(
            Evaluation(subject, float(one["accuracy"]), str(one["hits"]), file),
            float(one["macro_f1_common"]),
            one["recall"].get("fear"),
            mean(lost[move.name] for move in MOVES) if lost else None,
            lost[HEADSET.name] if lost else None,
        )
        for one in figures["measures"]
        if one["split"] == _SPLIT
    ]


def ablation_table(ablations: Sequence[Ablation]) -> list[str]:
    """Return ablations as Markdown, the whole recipe first."""
    by_recipe: dict[str, list[Ablation]] = {}
    for one in ablations:
        by_recipe.setdefault(one.evaluation.subject.recipe, []).append(one)
    whole = [one.evaluation for one in by_recipe.get(WHOLE, ())]
    names = sorted(by_recipe, key=lambda name: (name != WHOLE, name))
    return [*_HEADER, *(_line(name, by_recipe[name], whole) for name in names)]


def _line(name: str, seeds: Sequence[Ablation], whole: Sequence[Evaluation]) -> str:
    evaluations = [one.evaluation for one in seeds]
    found = None if name == WHOLE else difference(evaluations, whole)
    against = ["", "", ""]
    if found is not None:
        chances = ", ".join(f"{p:.2g}" for p in found.p)
        against = [f"{found.mean:+.2f}", f"{found.low:+.2f} to {found.high:+.2f}", chances]
    cells = [
        name.removeprefix(WITHOUT),
        str(len(seeds)),
        f"{mean(one.accuracy for one in evaluations):.2%}",
        *against,
        f"{mean(one.macro_f1_common for one in seeds):.3f}",
        *(
            f"{100 * mean(known):.{digits}f}{unit}" if known else ""
            for values, digits, unit in (
                ([one.fear for one in seeds], 0, "%"),
                ([one.moved for one in seeds], 1, ""),
                ([one.worn for one in seeds], 1, ""),
            )
            for known in [[value for value in values if value is not None]]
        ),
    ]
    return f"| {' | '.join(cells)} |"
