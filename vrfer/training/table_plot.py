"""Table 1 as a picture: the paper's figures and ours with their intervals."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vrfer.training.table import Row


def plot_table(rows: Sequence[Row], path: Path) -> None:
    """Write the plot as PNG, a panel a data set.

    Raises:
        OSError: The file cannot be written.
    """
    datasets = [
        (name, [row for row in rows if row.paper_row.dataset == name])
        for name in ("ferplus", "affectnet")
    ]
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 1, sharex=True, height_ratios=[len(some) for _, some in datasets])
    for panel, (name, some) in zip(panels, datasets, strict=True):
        places = range(len(some))
        panel.scatter(
            [row.paper_row.paper for row in some],
            places,
            marker="D",
            color="tab:gray",
            label="paper",
            zorder=3,
        )
        run = [(place, row) for place, row in zip(places, some, strict=True) if row.evaluations]
        if run:
            low = [row.ours - row.interval[0] for _, row in run]
            high = [row.interval[1] - row.ours for _, row in run]
            panel.errorbar(
                [row.ours for _, row in run],
                [place for place, _ in run],
                xerr=[low, high],
                fmt="o",
                capsize=4,
                color="tab:blue",
                label="ours, 95 % interval",
                zorder=4,
            )
        panel.set_yticks(list(places), [_name(row) for row in some])
        panel.invert_yaxis()
        panel.set_title({"ferplus": "FER+", "affectnet": "AffectNet"}[name], loc="left")
        panel.grid(axis="x", alpha=0.3)
        panel.legend(loc="lower left")
    panels[-1].set_xlabel("accuracy, %")
    figure.savefig(path, dpi=110, metadata={"Software": ""})


def _name(row: Row) -> str:
    place = row.paper_row
    return f"{place.network}: {place.trained_on} → {place.tested_on}"
