"""Model cards, written from what was measured; nothing in them is typed in by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from vrfer.contract import Contract
from vrfer.expressions import EXPRESSIONS
from vrfer.replacing import replace_file
from vrfer.training.measure import Measures
from vrfer.training.recipe import Recipe

ROWS = (
    "architecture",
    "sees",
    "starting weights",
    "trained on",
    "recipe",
    "terms",
    "temperature (in the graph, fitted on validation)",
    "added to log-probabilities (in the graph, strength chosen on validation)",
    "unsure below (validation)",
)
"""What the contract says, by its name in cards."""


def write_card(
    path: Path,
    contract: Contract,
    measures: Sequence[Measures],
    recipe: Recipe,
    notes: Mapping[str, str],
) -> None:
    """Write the card of an exported network.

    Args:
        path: Markdown file, replaced if it exists.
        contract: The file's contract.
        measures: What `vrfer-train evaluate` measures on the file.
        recipe: What it was trained by.
        notes: What else was measured on the way, by its name.

    Raises:
        OSError: The file cannot be written.
    """
    lines = [
        f"# {contract.name}",
        "",
        recipe.about,
        "",
        f"Written by `vrfer-train export`; check it with `vrfer-train evaluate {path.stem}.onnx`.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in _rows(contract, recipe).items()),
        *(f"| {name} | {value} |" for name, value in notes.items()),
        "",
        "## Measured on this file",
        "",
        "Accuracy, recall, macro-F1 (of all expressions, and of those with more than 50 pictures) "
        "and ECE (15 bins) against the majority labels; KL from the crowd's votes, in nats; the "
        "interval is Wilson's, 95 %.",
        "",
        *measures_table(measures),
        "",
        "The validation split also chose epoch, temperature, what is added to log-probabilities "
        "and where the network is unsure: its row is a little too good.",
        "",
        "Recall by expression (pictures of it):",
        "",
        *recall_table(measures),
        "",
        "Accuracy of the most confident share of the pictures, when the others are left unsure:",
        "",
        *coverage_table(measures),
        "",
    ]
    replace_file(path, "\n".join(lines).encode())


def notes_of(path: Path) -> dict[str, str]:
    """Return what else was measured on the way, by its name, as an earlier card says.

    Args:
        path: Markdown file that `write_card` wrote; nothing is noted where there is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    head = text.partition("## Measured on this file")[0]
    rows = (line.strip("| ").split(" | ", 1) for line in head.splitlines() if line[:2] == "| ")
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[0] not in ROWS}


def _rows(contract: Contract, recipe: Recipe) -> dict[str, str]:
    """Return what the contract says, by its name."""
    stages = ", ".join(f"{stage.epochs} epochs {stage.region}" for stage in recipe.stages)
    sees = (
        f"{contract.region}, {contract.input.height} x {contract.input.width} gray pixels, "
        f"effective resolution {contract.crop.face_px} pixels a face"
    )
    values = (
        contract.architecture,
        sees,
        contract.training.lineage,
        contract.training.data,
        f"{recipe.name}, seed {recipe.seed}: {stages}",
        contract.training.terms,
        f"{contract.temperature:.3f}",
        _in_words(contract.lifts),
        f"{contract.unsure_below:.3f}",
    )
    return dict(zip(ROWS, values, strict=True))


def _in_words(lifts: Sequence[float]) -> str:
    if not any(lifts):
        return "nothing"
    pairs = zip(EXPRESSIONS, lifts, strict=True)
    return ", ".join(f"{name} {lift:+.2f}" for name, lift in pairs)


def measures_table(measures: Sequence[Measures]) -> list[str]:
    """Return the main figures as lines of a Markdown table."""
    lines = [
        "| split | pictures | accuracy | 95 % interval | macro-F1 | of common | ECE | KL |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {m.split} | {m.pictures} | {m.accuracy:.2%} | {m.accuracy_low:.2%} to "
        f"{m.accuracy_high:.2%} | {m.macro_f1:.3f} | {m.macro_f1_common:.3f} | {m.ece:.3f} | "
        f"{m.kl_nats:.3f} |"
        for m in measures
    ]
    return lines


def recall_table(measures: Sequence[Measures]) -> list[str]:
    """Return recall by class as lines of a Markdown table."""
    lines = [f"| split | {' | '.join(EXPRESSIONS)} |", f"|---|{'---|' * len(EXPRESSIONS)}"]
    for m in measures:
        cells = [
            f"{m.recall[name]:.0%} ({m.class_pictures[name]})" if name in m.recall else "-"
            for name in EXPRESSIONS
        ]
        lines.append(f"| {m.split} | {' | '.join(cells)} |")
    return lines


def coverage_table(measures: Sequence[Measures]) -> list[str]:
    """Return the accuracy of the most confident pictures as lines of a Markdown table."""
    shares = list(measures[0].coverage)
    lines = [f"| split | {' | '.join(shares)} |", f"|---|{'---|' * len(shares)}"]
    lines += [
        f"| {m.split} | {' | '.join(f'{m.coverage[share]:.1%}' for share in shares)} |"
        for m in measures
    ]
    return lines


def confusion_table(found: Measures) -> list[str]:
    """Return the confusion matrix as lines of a Markdown table: rows are the true labels."""
    lines = [f"| is \\ read as | {' | '.join(EXPRESSIONS)} |", f"|---|{'---|' * len(EXPRESSIONS)}"]
    lines += [
        f"| {name} | {' | '.join(map(str, row))} |"
        for name, row in zip(EXPRESSIONS, found.confusion, strict=True)
    ]
    return lines
