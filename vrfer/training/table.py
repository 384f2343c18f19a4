"""The paper's Table 1 from evaluation files: each row, and what it says about the paper's claims.

Nothing here measures; `vrfer-train evaluate --out` has. Rows without an evaluation say why.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, variance

from scipy.stats import t

from vrfer.errors import DataError
from vrfer.training.compare import mcnemar
from vrfer.training.figures_files import Document, read_figures
from vrfer.training.recipe import Region
from vrfer.training.subject import Subject, TestedOn

FULL: Region = "full-face"
LOWER: Region = "lower-half"
COLUMNS = [
    "network",
    "trained_on",
    "tested_on",
    "dataset",
    "paper",
    "ours",
    "low",
    "high",
    "n",
    "seeds",
    "start",
    "epochs",
    "reason",
]
TEST: dict[TestedOn, str] = {"ferplus": "test", "affectnet": "validation", "folders": "test"}
"""The split that counts as a data set's test."""


Place = tuple[str, Region, Region, TestedOn]
"""Network, region of the last training stage, region of the test, data set of the test."""


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One figure of the paper's Table 1."""

    network: str
    trained_on: Region
    tested_on: Region
    dataset: TestedOn
    paper: float
    """Accuracy, %."""

    @property
    def place(self) -> Place:
        """Return what tells the row from others."""
        return self.network, self.trained_on, self.tested_on, self.dataset


def _rows_of(
    network: str,
    trained_on: Region,
    tested_on: Region,
    *,
    ferplus: float | None = None,
    affectnet: float | None = None,
) -> list[PaperRow]:
    figures: dict[TestedOn, float | None] = {"ferplus": ferplus, "affectnet": affectnet}
    return [
        PaperRow(network, trained_on, tested_on, dataset, figure)
        for dataset, figure in figures.items()
        if figure is not None
    ]


TABLE_1 = (
    *_rows_of("bag-of-words", FULL, FULL, ferplus=80.65, affectnet=48.30),
    *_rows_of("vgg_13", FULL, FULL, ferplus=84.99),
    *_rows_of("alexnet", FULL, FULL, affectnet=58.00),
    *_rows_of("vgg_f", FULL, FULL, ferplus=85.05, affectnet=57.37),
    *_rows_of("vgg_face", FULL, FULL, ferplus=84.79, affectnet=59.03),
    *_rows_of("vgg_f", FULL, LOWER, ferplus=70.00, affectnet=41.58),
    *_rows_of("vgg_face", FULL, LOWER, ferplus=68.89, affectnet=37.70),
    *_rows_of("vgg_f", LOWER, LOWER, ferplus=78.23, affectnet=47.58),
    *_rows_of("vgg_face", LOWER, LOWER, ferplus=82.28, affectnet=49.23),
)
"""Georgescu & Ionescu 2019, Table 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What one evaluation file says of a data set's test split."""

    subject: Subject
    accuracy: float
    """0-1."""
    hits: str
    """1 or 0 for each picture of the split."""
    file: str


def read_evaluations(folder: Path) -> list[Evaluation]:
    """Read what a folder's evaluation files say of test splits.

    Raises:
        DataError: There is no such folder, a file is damaged, or two are of the same network.
    """
    evaluations = read_figures(folder, _evaluation)
    check_each_once(evaluations)
    return evaluations


def check_each_once(evaluations: Iterable[Evaluation]) -> None:
    """Do nothing unless a network was evaluated twice, which would count as two seeds.

    Raises:
        DataError: Two files are of one network, tested in the same way.
    """
    files: dict[tuple[object, ...], str] = {}
    for one in evaluations:
        subject = one.subject
        what = (*subject.place, subject.occlusion, subject.recipe, subject.seed, subject.dsd)
        if what in files:
            raise DataError(
                f"{files[what]} and {one.file} are both of {subject.recipe}, seed {subject.seed}",
                "Delete one of them.",
            )
        files[what] = one.file


def _evaluation(document: Document, file: str) -> list[Evaluation]:
    subject = Subject(**document["subject"])
    split = TEST[subject.dataset]
    return [
        Evaluation(subject, float(one["accuracy"]), str(one["hits"]), file)
        for one in document["measures"]
        if one["split"] == split
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of our table; without evaluations it has a reason."""

    paper_row: PaperRow
    evaluations: tuple[Evaluation, ...]
    """One a seed."""
    reason: str

    @property
    def ours(self) -> float:
        """Mean accuracy over the seeds, %."""
        return 100 * mean(one.accuracy for one in self.evaluations)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of that mean, %: chance in the pictures and, if several, in the seeds."""
        return interval(self.evaluations)

    def fields(self) -> dict[str, str]:
        """Return the row's cells by column."""
        row = self.paper_row
        cells = {
            "network": row.network,
            "trained_on": row.trained_on,
            "tested_on": row.tested_on,
            "dataset": row.dataset,
            "paper": f"{row.paper:.2f}",
            "reason": self.reason,
        }
        if self.evaluations:
            low, high = self.interval
            some = self.evaluations[0]
            cells |= {
                "ours": f"{self.ours:.2f}",
                "low": f"{low:.2f}",
                "high": f"{high:.2f}",
                "n": str(len(some.hits)),
                "seeds": str(len(self.evaluations)),
                "start": some.subject.start,
                "epochs": " ".join(
                    sorted({str(one.subject.epochs) for one in self.evaluations}, key=int)
                ),
            }
        return {name: cells.get(name, "") for name in COLUMNS}


def interval(evaluations: Sequence[Evaluation]) -> tuple[float, float]:
    """Return the 95 % interval of the mean accuracy over seeds, %."""
    accuracies = [one.accuracy for one in evaluations]
    share, pictures = mean(accuracies), len(evaluations[0].hits)
    half = _half_width(share * (1 - share) / pictures, accuracies)
    return 100 * max(0.0, share - half), 100 * min(1.0, share + half)


def fits_table(evaluation: Evaluation) -> bool:
    """Whether an evaluation may stand in Table 1.

    Lower halves count where the upper half was masked, as in the paper; a control run of DSD and
    other variants belong to no row.
    """
    subject = evaluation.subject
    places = {row.place for row in TABLE_1}
    return (
        subject.place in places and subject.occlusion in (None, "mask") and subject.dsd != "control"
    )


def reads_cut_halves(subject: Subject) -> bool:
    """Whether a network of lower halves was tested as it is used: on FER+, the rest cut away."""
    return (subject.place[1:], subject.occlusion) == ((LOWER, LOWER, "ferplus"), "crop")


def table_rows(evaluations: Sequence[Evaluation]) -> list[Row]:
    """Return Table 1's rows with the evaluations that belong to them.

    Rows of one network and data set are compared with one another, so all come from one recipe:
    the one with the most rows, then one whose training saw AffectNet, then the one with the most
    seeds, then the one with the largest pictures.
    """
    by_recipe: dict[tuple[str, TestedOn], dict[str, list[Evaluation]]] = {}
    for one in filter(fits_table, evaluations):
        of_network = by_recipe.setdefault((one.subject.network, one.subject.dataset), {})
        of_network.setdefault(one.subject.recipe, []).append(one)
    chosen = {key: max(recipes.values(), key=_preference) for key, recipes in by_recipe.items()}
    return [_row(row, chosen.get((row.network, row.dataset), [])) for row in TABLE_1]


def _preference(evaluations: Sequence[Evaluation]) -> tuple[int, bool, int, int]:
    subjects = [one.subject for one in evaluations]
    return (
        len({subject.place for subject in subjects}),
        any("affectnet" in subject.training_data for subject in subjects),
        len({subject.seed for subject in subjects}),
        max(subject.pixels for subject in subjects),
    )


def _row(row: PaperRow, evaluations: Sequence[Evaluation]) -> Row:
    fitting = [one for one in evaluations if one.subject.place == row.place]
    if fitting:
        return Row(row, tuple(sorted(fitting, key=lambda one: one.subject.seed)), "")
    reason = "not run: no evaluation file"
    if row.dataset == "affectnet":
        reason = "not run: AffectNet is handed out by its authors' licence only"
    return Row(row, (), reason)


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more often one kind of network is right than another, on the same pictures."""

    mean: float
    """Percentage points, over the seeds."""
    low: float
    """95 % interval."""
    high: float
    p: tuple[float, ...]
    """McNemar's, one a seed."""
    seeds: int
    """Of the row that has fewer. With one the interval knows of chance in the pictures alone."""


def difference(better: Sequence[Evaluation], worse: Sequence[Evaluation]) -> Difference | None:
    """Compare two rows seed by seed; None where no seed has been evaluated in both.

    A row with one seed is compared with all seeds of the other.
    """
    pairs = _pairs(better, worse)
    gaps, errors, chances = [], [], []
    for first, second in pairs:
        only = [
            sum(a > b for a, b in zip(*hits, strict=True))
            for hits in ((first.hits, second.hits), (second.hits, first.hits))
        ]
        pictures = len(first.hits)
        gap = (only[0] - only[1]) / pictures
        gaps.append(gap)
        errors.append((sum(only) / pictures - gap**2) / pictures)
        chances.append(mcnemar(*only))
    if not gaps:
        return None
    half = _half_width(mean(errors), gaps)
    middle = mean(gaps)
    return Difference(
        mean=100 * middle,
        low=100 * (middle - half),
        high=100 * (middle + half),
        p=tuple(chances),
        seeds=min(len({one.subject.seed for one in side}) for side in zip(*pairs, strict=True)),
    )


def _pairs(
    first: Sequence[Evaluation], second: Sequence[Evaluation]
) -> list[tuple[Evaluation, Evaluation]]:
    if len(first) == 1 or len(second) == 1:
        pairs = [(one, other) for one in first for other in second]
    else:
        by_seed = {one.subject.seed: one for one in second}
        pairs = [(one, by_seed[one.subject.seed]) for one in first if one.subject.seed in by_seed]
    return [(one, other) for one, other in pairs if len(one.hits) == len(other.hits)]


def _half_width(of_pictures: float, of_seeds: Sequence[float]) -> float:
    """Return half of the 95 % interval of a mean over seeds.

    Few seeds say little of how much seeds differ, so that Student's t stands in for the normal
    distribution, with the degrees of freedom of Welch (1947) and Satterthwaite (1946).

    Args:
        of_pictures: Squared standard error that the choice of pictures causes.
        of_seeds: The value of each seed; a single one adds nothing.
    """
    seeds = len(of_seeds)
    spread = variance(of_seeds) / seeds if seeds > 1 else 0.0
    total = of_pictures + spread
    freedom = (seeds - 1) * (total / spread) ** 2 if spread > 0 else math.inf
    return float(t.ppf(0.975, freedom)) * math.sqrt(total)


def as_csv(rows: Sequence[Row]) -> str:
    """Return the table as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.fields() for row in rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Row]) -> list[str]:
    """Return the table as lines of Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(row.fields().values())} |" for row in rows]
    return lines


def by_place(rows: Sequence[Row]) -> dict[Place, Row]:
    """Return the rows by their places."""
    return {row.paper_row.place: row for row in rows}
