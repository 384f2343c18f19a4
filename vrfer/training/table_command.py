"""`vrfer-train table`: Table 1 from evaluation files, as Markdown, CSV and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vrfer.errors import DataError
from vrfer.replacing import replace_file
from vrfer.training.ablations import ablation_table, read_ablations
from vrfer.training.claims import beyond, claims, order, recipes_used, variants
from vrfer.training.printing import print_table, progress_bar
from vrfer.training.speed import Speed, measure_speed, read_speeds, speed_table, write_speeds
from vrfer.training.table import Evaluation, Row, as_csv, as_markdown, read_evaluations, table_rows
from vrfer.training.table_plot import plot_table

_ABOUT_ABLATIONS = (
    "# What each ingredient of the default network is worth",
    "",
    "Written by `vrfer-train table` from the evaluation files beside it. Short trainings "
    "(recipes `training/ablations`), measured on the validation split of FER+; `moved faces lose` "
    "is the mean over 10 % shifts and scales and turns of 10 degrees. The same split chose each "
    "training's best epoch, so all accuracies are a little high, their differences hardly. The "
    "intervals are over pictures and, where there are several, over seeds; with a single seed, "
    "what another seed would change is not in them. What an ingredient does for real headsets and "
    "cameras shows here in part at most.",
)
RESULTS = Path("training") / "results"


def table_command(
    results: Annotated[
        Path, typer.Option(help="Folder with the files of `evaluate --out`.")
    ] = RESULTS,
    out: Annotated[
        Path | None,
        typer.Option(help="Where table1.md, .csv and .png go.", show_default="the same folder"),
    ] = None,
    speed: Annotated[
        bool,
        typer.Option(
            "--speed", help="Measure anew what the fully-connected layers cost (a minute)."
        ),
    ] = False,
) -> None:
    """Write the paper's Table 1 beside our figures, and the paper's claims in our numbers.

    Where recipes of training/ablations were evaluated, ablations.md is written, too.
    """
    evaluations, ablations = read_evaluations(results), read_ablations(results)
    rows = table_rows(evaluations)
    out = results if out is None else out
    try:
        out.mkdir(parents=True, exist_ok=True)
        if speed:
            with progress_bar("timing the networks") as on_round:
                write_speeds(measure_speed(on_round), out / "speed.json")
        speeds = read_speeds((out if speed else results) / "speed.json")
        replace_file(out / "table1.md", "\n".join(_document(rows, evaluations, speeds)).encode())
        replace_file(out / "table1.csv", as_csv(rows).encode())
        plot_table(rows, out / "table1.png")
        if ablations:
            lines = [*_ABOUT_ABLATIONS, "", *ablation_table(ablations), ""]
            replace_file(out / "ablations.md", "\n".join(lines).encode())
    except OSError as err:
        raise DataError(
            f"the table cannot be written to {out}: {err.strerror or err}",
            "Name another with --out.",
        ) from err
    print_table(as_markdown(rows))
    print_table(order(rows))
    if ablations:
        print_table(ablation_table(ablations))
    also = ", ablations.md" if ablations else ""
    typer.echo(f"Wrote table1.md{also}, table1.csv and table1.png to {out}.")


def _document(
    rows: Sequence[Row], evaluations: Sequence[Evaluation], speeds: Sequence[Speed]
) -> list[str]:
    """Return the lines of table1.md."""
    return [
        "# Table 1 of the paper, and ours",
        "",
        "Written by `vrfer-train table` from the evaluation files beside it. Accuracy on the "
        "official test split, %, eight classes; `low` and `high` bound 95 %, over pictures and, "
        "where there are several, over seeds (Student's t). In all lower-half rows the upper half "
        "of the picture is zero after the subtraction of the mean, as in the paper. A network's "
        "rows all come from one recipe. " + recipes_used(rows),
        "",
        *as_markdown(rows),
        "",
        "![Table 1](table1.png)",
        "",
        "## The paper's finding, on FER+",
        "",
        *order(rows),
        "",
        "## The paper's claims in our numbers",
        "",
        "Differences in percentage points, on the same pictures. A seed is compared with the "
        "same seed, and a single one with all of the other's.",
        "",
        *claims(rows),
        "",
        "## Beside the table (FER+)",
        "",
        *variants(rows, evaluations),
        "",
        "## Beyond the paper: lower halves (FER+)",
        "",
        *beyond(rows, evaluations),
        "",
        "## Without fully-connected layers",
        "",
        *speed_table(speeds),
        "",
    ]
