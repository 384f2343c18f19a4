#!/usr/bin/env python3
"""Write README's table of what the default network can and cannot read, from measured figures.

    python scripts/can_do_table.py            writes the table into README.md
    python scripts/can_do_table.py --to FILE  writes README with the table elsewhere

The figures come from

    vrfer-train evaluate models/lower-face.onnx --disturbed --out training/results/lower-face.json
    python benchmarks/reading.py --json docs/reading-figures.json > docs/reading-figures.txt

Run it after either.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vrfer.expressions import EXPRESSIONS
from vrfer.shipped import default_model
from vrfer.training.measure import COMMON, wilson_interval

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
EVALUATION = ROOT / "training" / "results" / "lower-face.json"
READING = ROOT / "docs" / "reading-figures.json"
BEGIN = "<!-- scripts/can_do_table.py -->"
END = "<!-- end -->"
SPLIT = "test"
WELL, MOSTLY = 0.75, 0.5
"""Shares that are recognised, at the lower end of their interval: read well, read mostly."""


def main() -> None:
    """Parse, and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--to", type=Path, default=README, help="write elsewhere than README.md")
    to = parser.parse_args().to
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    made = "\n".join([BEGIN, *table(measured(), in_headsets()), END])
    to.write_text(f"{before}{made}{after}", encoding="utf-8", newline="\n")


def measured() -> dict[str, Any]:
    """Return what `evaluate` measured on the official test split."""
    figures = json.loads(EVALUATION.read_text(encoding="utf-8"))
    (found,) = (one for one in figures["measures"] if one["split"] == SPLIT)
    return dict(found)


def in_headsets() -> dict[str, str]:
    """Return how many headset photographs of an expression were read rightly, in words."""
    figures = json.loads(READING.read_text(encoding="utf-8"))[default_model().stem]
    return dict(figures["by_expression"])


def table(found: dict[str, Any], photographs: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a Markdown table, an expression a line."""
    heads = ("expression", "recognised", "right when named", "on FER+ that means", "in headsets")
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    confusion = found["confusion"]
    for number, name in enumerate(EXPRESSIONS):
        shown, named = sum(confusion[number]), sum(row[number] for row in confusion)
        right = confusion[number][number]
        yield (
            f"| {name} | {share(right, shown)} | {share(right, named)} "
            f"| {meaning(right, shown, named)} | {photographs.get(name, 'none labelled')} |"
        )
    right = sum(confusion[number][number] for number in range(len(EXPRESSIONS)))
    yield f"| all | {share(right, found['pictures'])} | | | |"


def share(right: int, total: int) -> str:
    """Return a share with what it was counted on."""
    return f"{right / total:.0%} of {total}" if total else "none of 0"


def meaning(right: int, shown: int, named: int) -> str:
    """Return what shares say about other pictures, by their 95 % intervals (Wilson)."""
    if not shown:
        return "never measured"
    low, high = wilson_interval(right, shown)
    if shown <= COMMON:
        return f"too few pictures to tell: {low:.0%} to {high:.0%}; do not build on it"
    least, most = wilson_interval(right, named) if named else (0.0, 1.0)
    doubt = "" if least >= MOSTLY else f"; of what is named so {least:.0%} to {most:.0%} is right"
    if low >= WELL:
        return f"read well{doubt}"
    if low >= MOSTLY:
        return f"read mostly{doubt}"
    return f"often missed: {low:.0%} to {high:.0%} recognised{doubt}"


if __name__ == "__main__":
    main()
