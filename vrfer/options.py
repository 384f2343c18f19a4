"""Options that several commands of `vrfer-app` share."""

import math
from pathlib import Path
from typing import Annotated

import typer

from vrfer.errors import SourceError
from vrfer.frames import Box

ModelOption = Annotated[
    Path | None, typer.Option(help="Network file (.onnx).", show_default="the built-in network")
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        help="Look for the face only in this part of the picture: left,top,right,bottom in pixels.",
        show_default="everywhere",
    ),
]
FastOption = Annotated[
    bool, typer.Option(help="Files: do not wait for the file's own time stamps.")
]


def finite(value: float | None) -> float | None:
    """Refuse an option's value that is no number; a typer callback."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a number of seconds")
    return value


def region_of(text: str | None) -> Box | None:
    """Return the region that `--region` names.

    Raises:
        SourceError: It names none.
    """
    if text is None:
        return None
    try:
        x0, y0, x1, y1 = (float(part) for part in text.split(","))
        usable = math.isfinite(x0 + y0 + x1 + y1) and x0 < x1 and y0 < y1
    except ValueError:
        usable = False
    if not usable:
        raise SourceError(
            f"--region {text} names no part of a picture",
            "Say left,top,right,bottom in pixels, as in --region 100,50,500,400.",
        )
    return x0, y0, x1, y1
