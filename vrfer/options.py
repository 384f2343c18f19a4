"""Options that several commands of `vrfer-app` share."""

import math
from pathlib import Path
from typing import Annotated, cast

import typer

from vrfer.errors import SourceError
from vrfer.frames import Box
from vrfer.sources import CameraSettings
from vrfer.sources.orientation import Rotation

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
SizeOption = Annotated[
    str, typer.Option(metavar="WIDTHxHEIGHT", help="Camera: size of its pictures.")
]
FpsOption = Annotated[float, typer.Option(help="Camera: pictures a second.")]
CompressedOption = Annotated[
    bool, typer.Option("--compressed/--raw", help="Camera: MJPEG, or raw pictures.")
]
ExposureOption = Annotated[
    float | None,
    typer.Option(help="Camera: exposure time in milliseconds.", show_default="automatic"),
]
MirrorOption = Annotated[bool, typer.Option("--mirror", help="Exchange left and right.")]
RotateOption = Annotated[
    int, typer.Option(help="Turn the picture clockwise: 0, 90, 180 or 270 degrees.")
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


def camera_of(
    size: str,
    fps: float,
    compressed: bool,
    exposure_ms: float | None,
    mirrored: bool,
    rotation_deg: int,
) -> CameraSettings:
    """Return what the camera options ask for.

    Raises:
        SourceError: A camera cannot be asked for that.
    """
    width, _, height = size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise SourceError(f"--size {size} is no size", "Say it as in --size 640x480.")
    rotation = cast(Rotation, rotation_deg)
    try:
        return CameraSettings(
            int(width), int(height), fps, compressed, exposure_ms, mirrored, rotation
        )
    except ValueError as err:
        raise SourceError(str(err), "vrfer-app run --help lists the options.") from err
