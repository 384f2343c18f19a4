"""The paper's own claims in our numbers, and what of it Dense-Sparse-Dense deserves."""

from collections.abc import Sequence
from statistics import mean

from vrfer.training.table import (
    FULL,
    LOWER,
    Difference,
    Evaluation,
    Row,
    by_place,
    difference,
    fits_table,
    interval,
    reads_cut_halves,
)

_ONE_SEED = " (one seed: chance in the pictures alone)"
_ONE_ON_ONE_SIDE = " (one seed on one side)"

_HEADER = [
    "| on | paper's claim | paper | ours | 95 % interval | McNemar's p, a seed each |",
    "|---|---|---|---|---|---|",
]


def claims(rows: Sequence[Row]) -> list[str]:
    """Return the claims as Markdown: differences in percentage points on the same test pictures."""
    found = by_place(rows)
    lines = list(_HEADER)
    for network in ("vgg_f", "vgg_face"):
        for dataset in ("ferplus", "affectnet"):
            lower = found[network, LOWER, LOWER, dataset]
            unseen = found[network, FULL, LOWER, dataset]
            full = found[network, FULL, FULL, dataset]
            lines += [
                _line(f"{network}: hiding the upper half costs", full, unseen),
                _line(f"{network}: fine-tuning on lower halves gains", lower, unseen),
                _line(f"{network}: what fine-tuning does not win back", full, lower),
            ]
    lines += [
        _line(
            "VGG-13 on full faces over vgg_face on lower halves",
            found["vgg_13", FULL, FULL, "ferplus"],
            found["vgg_face", LOWER, LOWER, "ferplus"],
        ),
        _line(
            "AlexNet on full faces over vgg_face on lower halves",
            found["alexnet", FULL, FULL, "affectnet"],
            found["vgg_face", LOWER, LOWER, "affectnet"],
        ),
        _line(
            "vgg_f on lower halves over the bag of words on full faces (the text says more, the "
            "table less)",
            found["vgg_f", LOWER, LOWER, "ferplus"],
            found["bag-of-words", FULL, FULL, "ferplus"],
        ),
    ]
    return lines


def variants(rows: Sequence[Row], evaluations: Sequence[Evaluation]) -> list[str]:
    """Return what stands beside the table: DSD's control, other recipes, crop against mask.

    Args:
        rows: Our Table 1.
        evaluations: All evaluations; the control runs and the crop variants are among them.
    """
    found_rows = by_place(rows)
    lines = ["| what | ours | 95 % interval | McNemar's p, a seed each |", "|---|---|---|---|"]
    for network in ("vgg_f", "vgg_face"):
        with_dsd = found_rows[network, LOWER, LOWER, "ferplus"].evaluations
        if not with_dsd:
            continue
        recipe = with_dsd[0].subject.recipe
        control = [
            one
            for one in evaluations
            if one.subject.recipe == f"{recipe}-control"
            and one.subject.place == (network, LOWER, LOWER, "ferplus")
            and one.subject.occlusion == "mask"
        ]
        # The control takes over its seed's first stage, so that no other seed is its like.
        seeds = {one.subject.seed for one in control}
        found = difference([one for one in with_dsd if one.subject.seed in seeds], control)
        what = f"{network}, lower halves: Dense-Sparse-Dense over its control of equal length"
        lines.append(f"| {what} | {_cells(found, bool(control))} |")
    in_table = [one for row in rows for one in row.evaluations]
    named = {row.paper_row.network for row in rows}
    for one in evaluations:
        subject = one.subject
        if subject.network not in named:
            continue
        cut = subject.occlusion == "crop"
        if subject.dataset == "ferplus" and (cut or (fits_table(one) and one not in in_table)):
            tested = "upper half cut away" if cut else f"tested on {subject.tested_on}"
            what = (
                f"{subject.network}, recipe {subject.recipe}, {subject.pixels} pixels, seed "
                f"{subject.seed}: trained on {subject.trained_on}, {tested}"
            )
            lines.append(f"| {what} | {one.accuracy:.2%} | | |")
    return lines


def beyond(rows: Sequence[Row], evaluations: Sequence[Evaluation]) -> list[str]:
    """Return how our own networks read lower halves, and how far from the paper's they stand.

    Args:
        rows: Our Table 1.
        evaluations: All evaluations; those of networks outside the table are looked at.
    """
    found_rows = by_place(rows)
    named = {row.paper_row.network for row in rows}
    ours: dict[tuple[str, str], list[Evaluation]] = {}
    for one in evaluations:
        subject = one.subject
        if subject.network not in named and reads_cut_halves(subject):
            ours.setdefault((subject.network, subject.recipe), []).append(one)
    if not ours:
        return ["Nothing was run yet."]
    lines = ["| what | ours | 95 % interval | McNemar's p, a seed each |", "|---|---|---|---|"]
    for (network, recipe), seeds in ours.items():
        low, high = interval(seeds)
        accuracy = mean(one.accuracy for one in seeds)
        what = f"{network}, recipe {recipe}, seeds: {len(seeds)}"
        lines.append(f"| {what} | {accuracy:.2%} | {low:.2f}% to {high:.2f}% | |")
        for papers in ("vgg_f", "vgg_face"):
            theirs = found_rows[papers, LOWER, LOWER, "ferplus"].evaluations
            if theirs:
                cells = _cells(difference(seeds, theirs), run=True)
                lines.append(f"| {recipe} over {papers} on lower halves, points | {cells} |")
    return lines


def recipes_used(rows: Sequence[Row]) -> str:
    """Return from which recipes the networks' rows come, in one sentence."""
    used = dict.fromkeys(
        f"`{one.subject.recipe}` ({one.subject.pixels} pixels)"
        for row in rows
        for one in row.evaluations
    )
    return f"Recipes: {', '.join(used)}." if used else "Nothing was run yet."


def order(rows: Sequence[Row]) -> list[str]:
    """Return whether full -> lower < lower -> lower < full -> full on FER+, a line a network."""
    found = by_place(rows)
    lines = []
    for network in ("vgg_f", "vgg_face"):
        three = [
            found[network, *regions, "ferplus"].evaluations
            for regions in ((FULL, LOWER), (LOWER, LOWER), (FULL, FULL))
        ]
        if not all(three):
            lines.append(f"- {network}: not run whole, so the paper's finding is not tested.")
            continue
        steps = [difference(three[1], three[0]), difference(three[2], three[1])]
        lines.append(
            f"- {network}: full -> lower < lower -> lower < full -> full {_verdict(steps)}"
        )
    return lines


def _verdict(steps: Sequence[Difference | None]) -> str:
    """Return whether all steps go up, and by how much."""
    known = [step for step in steps if step is not None]
    if len(known) < len(steps):
        return "cannot be tested: the evaluations have no seed in common."
    by = " and ".join(f"{one.mean:+.2f} ({one.low:+.2f} to {one.high:+.2f})" for one in known)
    if all(step.low > 0 for step in known):
        return f"holds{max(map(_few, known), key=len)}: {by} points."
    if all(step.mean > 0 for step in known):
        return f"stands in this order, yet a step may be chance: {by} points."
    return f"does **not** hold: {by} points."


def _line(claim: str, better: Row, worse: Row) -> str:
    paper = better.paper_row.paper - worse.paper_row.paper
    found = difference(better.evaluations, worse.evaluations)
    run = all((better.evaluations, worse.evaluations))
    cells = _cells(found, run)
    return f"| {better.paper_row.dataset} | {claim} | {paper:+.2f} | {cells} |"


def _cells(found: Difference | None, run: bool) -> str:
    if found is None:
        return f"{'no common seed' if run else 'not run'} | | "
    chances = ", ".join(f"{p:.2g}" for p in found.p)
    return f"{found.mean:+.2f} | {found.low:+.2f} to {found.high:+.2f}{_few(found)} | {chances}"


def _few(found: Difference) -> str:
    """Return what an interval does not know of seeds, in words; empty where it knows them."""
    if found.seeds > 1:
        return ""
    return _ONE_SEED if len(found.p) == 1 else _ONE_ON_ONE_SIDE
