"""Write docs/faults.md: faults that were made to happen to a running vrfer, and what became of it.

    python scripts/fault_table.py [--out FILE] [--only WORDS]

Every row runs the programs of vrfer in processes of their own on the built-in clip, makes the fault
happen, and counts. Takes about two minutes. Some faults need Linux, and root: drives that are
filled, frozen and pulled are small ones in memory or in a file, and networks are the script's own.
Ends with 1 where vrfer ended with a bug.
"""

import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import faults_of_recording
import faults_of_sending
import typer
from fault_rows import Fault, NotHereError, Row

from vrfer.command_line import BUG

PAGE = Path(__file__).resolve().parent.parent / "docs" / "faults.md"
CHAPTERS: dict[str, tuple[Fault, ...]] = {
    "Receivers, ports, networks": faults_of_sending.FAULTS,
    "Recordings": faults_of_recording.FAULTS,
}
INTRODUCTION = """\
# What happens when something breaks

<!-- Made by scripts/fault_table.py; changes here are lost. -->

Each of these faults was made to happen to a running vrfer, which read the built-in clip. Nothing
here is expected or remembered: the lines are vrfer's own, without their clock, and the counts were
taken from a healthy receiver beside the one that failed and from the recording, read back. Exit
codes: 2 bad input or rows lost, 130 stopped with Ctrl-C, negative: killed by that signal, 1 a bug.
What accidents cost a recording, and why: [recording.md](recording.md).

"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a fault: its row, or why it could not happen here."""

    fault: Fault
    row: Row | None
    reason: str = ""

    @property
    def is_bug(self) -> bool:
        """Whether vrfer ended as it never should."""
        row = self.row
        return row is not None and (
            row.code == BUG or any("Traceback" in line for line in row.said)
        )


def page(outcomes: dict[str, list[Outcome]], where: str) -> str:
    """Return the whole page.

    Args:
        outcomes: What became of the faults of each chapter.
        where: The computer and the day, in words.
    """
    parts = [INTRODUCTION, f"Measured on {where}.\n"]
    for title, chapter in outcomes.items():
        parts.append(f"\n## {title}\n\n")
        parts.append("| fault | how it was made | what vrfer said | exit code | what was lost |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += map(line, chapter)
    return "".join(parts)


def line(outcome: Outcome) -> str:
    """Return a fault's line of the table."""
    row = outcome.row
    if row is None:
        cells = [outcome.fault.name, f"not made here: {outcome.reason}", "", "", ""]
    else:
        code = "" if row.code is None else str(row.code)
        if outcome.is_bug:
            code += " (a bug)"
        cells = [outcome.fault.name, row.how, literal(row.said), code, row.lost]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def literal(lines: Sequence[str]) -> str:
    """Return lines of a program as a cell shows them."""
    quoted = (f"`{one.replace('`', chr(39))}`" for one in lines)
    return "<br>".join(quoted) or "nothing"


def try_out(fault: Fault) -> Outcome:
    """Make a fault happen."""
    with tempfile.TemporaryDirectory(prefix="vrfer-fault-") as name:
        try:
            return Outcome(fault, fault.make(Path(name)))
        except NotHereError as err:
            return Outcome(fault, None, str(err))


def main(
    out: Annotated[Path, typer.Option(help="Where the table goes.")] = PAGE,
    only: Annotated[str, typer.Option(help="Only faults whose name holds this.")] = "",
) -> None:
    """Make all faults happen and write the table."""
    outcomes: dict[str, list[Outcome]] = {}
    for title, faults in CHAPTERS.items():
        for fault in faults:
            if only.lower() not in fault.name.lower():
                continue
            began_s = time.monotonic()
            outcome = try_out(fault)
            outcomes.setdefault(title, []).append(outcome)
            told = outcome.reason if outcome.row is None else outcome.row.lost
            typer.echo(f"{fault.name} ({time.monotonic() - began_s:.0f} s): {told}")
    where = (
        f"{platform.system()} {platform.release().partition('-')[0]}, Python "
        f"{platform.python_version()}, vrfer {version('vrfer')}, {time.strftime('%d %B %Y')}"
    )
    out.write_text(page(outcomes, where), encoding="utf-8", newline="\n")
    bugs = [one.fault.name for chapter in outcomes.values() for one in chapter if one.is_bug]
    if bugs:
        typer.echo(f"BAD: {'; '.join(bugs)}")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
