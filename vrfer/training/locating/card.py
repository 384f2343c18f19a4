"""The locator's card: what it is, what was measured, what it may be used for."""

import json
from pathlib import Path

from vrfer.locator import POINT_NAMES, LocatorContract, LocatorFigures
from vrfer.replacing import replace_file
from vrfer.training.locating.checkpoint import LocatorRun


def locator_table(figures: LocatorFigures) -> list[str]:
    """Return the measures as lines of a Markdown table."""
    rows = [
        ("faces", f"{figures.faces}"),
        ("error of mouth and chin, bare", f"{figures.bare_error:.3f} face widths"),
        ("error of mouth and chin, with a headset", f"{figures.headset_error:.3f} face widths"),
        ("shift of the crop, bare against headset", f"{figures.crop_shift:.3f} face widths"),
        ("scale of the crop, bare against headset", f"{figures.crop_scale:.1%}"),
        ("faces with a headset that are believed", f"{figures.recall:.1%}"),
        ("squares beside a face that are believed", f"{figures.false_share:.2%}"),
        ("headset or none told rightly", f"{figures.headset_told:.1%}"),
    ]
    lines = [f"| measured on {figures.split} | |", "|---|---|"]
    return lines + [f"| {name} | {value} |" for name, value in rows]


def write_locator_card(path: Path, contract: LocatorContract, run: LocatorRun) -> None:
    """Write the card beside the network."""
    recipe = run.recipe
    lines = [
        f"# {contract.name}",
        "",
        "Finds the lower face in a square of a picture, also under a VR headset: "
        + ", ".join(POINT_NAMES)
        + "; the face's width, yaw, pitch and tilt; whether a lower face is visible, and whether "
        "a headset is worn.",
        "",
        f"Input: uint8 squares N x {contract.square_px} x {contract.square_px} x 3 (BGR), "
        f"{contract.face_widths} face widths wide. Calibrated chances, one file, made by "
        "`vrfer-train export`; the document under the metadata key `vrfer` says the same to "
        "programs.",
        "",
        "## Measured on this file",
        "",
        "By `vrfer-train evaluate`, on photographs that it was not trained on, each bare and with "
        "the same headset drawn in, started off by about a tenth of a face width and refined "
        "twice. Headsets are drawn ones here: real ones are measured by `benchmarks/finder.py` "
        "(see docs/finding.md).",
        "",
    ]
    for figures in contract.figures:
        lines += [*locator_table(figures), ""]
    lines += [
        "## Training",
        "",
        f"Data: {contract.training.data}. Starting weights: {contract.training.lineage}. "
        f"{len(run.history)} epochs of {recipe.batches} batches of {recipe.batch_size} squares, "
        f"seed {recipe.seed}, recipe `{recipe.name}`.",
        "",
        "## Terms",
        "",
        contract.training.terms,
        "",
        "```json",
        json.dumps(recipe.model_dump(mode="json"), indent=2),
        "```",
        "",
    ]
    replace_file(path, "\n".join(lines).encode())
