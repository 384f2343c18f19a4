"""Measure the finder on photographs, rooms, clips, a film with cuts, noise, and the clock.

    python benchmarks/finder.py --data FOLDER [--only photos] [--json FILE] [--sheet FILE]

FOLDER holds what the sections read:

    photos   headset/: labelled photographs of people in headsets, each a find of its own
    rooms    faces/backgrounds.zip, the held-out part: pictures without people
    clips    videos/: labelled clips, each followed from its first frame to its last
    talking  media/talking_head.mp4, with a rendered headset; needs vrfer[train]
    still    one photograph of each pose under camera noise
    time     milliseconds a frame on one core; close other programs first

Figures go to standard output, progress to standard error.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from finding.asking import Result
from finding.clips import on_clips
from finding.photos import on_photographs, photographs
from finding.rooms import on_rooms
from finding.still import on_still
from finding.talking import on_talking
from finding.timing import on_time

from vrfer.finder import Finder
from vrfer.shipped import shipped

_SEED = 20190817
"""Of camera noise and headsets."""


class Section(StrEnum):
    """What can be measured alone."""

    PHOTOS = "photos"
    ROOMS = "rooms"
    CLIPS = "clips"
    TALKING = "talking"
    STILL = "still"
    TIME = "time"


def sections(finder: Finder, data: Path, sheet: Path | None) -> dict[Section, Callable[[], Result]]:
    """Return what measures each section."""
    headset, archive = data / "headset", data / "faces" / "backgrounds.zip"
    film = data / "media" / "talking_head.mp4"
    return {
        Section.PHOTOS: lambda: on_photographs(finder, headset),
        Section.ROOMS: lambda: on_rooms(finder, archive),
        Section.CLIPS: lambda: on_clips(finder, data / "videos"),
        Section.TALKING: lambda: on_talking(finder, film, _SEED, sheet),
        Section.STILL: lambda: on_still(finder, photographs(headset), _SEED),
        Section.TIME: lambda: on_time(photographs(headset), archive),
    }


def main(
    data: Annotated[Path, typer.Option(envvar="VRFER_DATA", help="Folder of research data.")],
    only: Annotated[
        list[Section] | None, typer.Option(help="Measure this alone; may be given several times.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Name clips, failing pictures and false finds.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a contact sheet of `talking` to this picture file.")
    ] = None,
) -> None:
    """Print the figures."""
    figures: dict[str, object] = {}
    with Finder(shipped("models")) as finder:
        for section, measure in sections(finder, data, sheet).items():
            if only and section not in only:
                continue
            try:
                result = measure()
            except ImportError as err:
                typer.echo(f"{section}: left out, it needs vrfer[train] ({err})", err=True)
                continue
            figures[section.value] = result.figures
            typer.echo(f"{section}")
            for line in result.lines + (result.details if verbose else []):
                typer.echo(f"  {line}")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
