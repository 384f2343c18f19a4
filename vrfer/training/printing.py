"""How the commands of `vrfer-train` hand over what was measured: as tables."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress

from vrfer.training.card import confusion_table, coverage_table, measures_table, recall_table
from vrfer.training.measure import Measures


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far something is, on a terminal alone.

    Args:
        what: What is going on.

    Yields:
        To be called with what is done and the total.
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


def print_table(lines: Sequence[str]) -> None:
    """Print lines of Markdown: drawn on a terminal, as they are elsewhere."""
    console = Console()
    if console.is_terminal:
        console.print(Markdown("\n".join(lines)))
    else:
        typer.echo("\n".join(lines) + "\n")


def print_measures(measures: Sequence[Measures]) -> None:
    """Print everything that was measured of a classifier."""
    print_table(measures_table(measures))
    print_table(recall_table(measures))
    typer.echo("Accuracy of the most confident share of the pictures:")
    print_table(coverage_table(measures))
    for found in measures:
        typer.echo(f"Confusion, {found.split}:")
        print_table(confusion_table(found))
