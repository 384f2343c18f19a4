"""`vrfer-app report`: a recording as a page that people read and print."""

from pathlib import Path
from typing import Annotated

import typer

from vrfer.errors import SourceError
from vrfer.report_file import make_report


def report(
    recording: Annotated[
        Path, typer.Argument(help="The .csv file of a recording.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The page.", show_default="beside the recording, named .html"),
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help="Write the timeline as a picture too.", show_default="none")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
) -> None:
    """Make one page of a recording: timeline, shares, changes, losses; to read and to print."""
    if not recording.name:
        raise SourceError(f"{recording} is no recording", "Name the .csv file of a recording.")
    out = recording.with_suffix(".html") if out is None else out
    problems = make_report(recording, out, png)
    for path in (out, png):
        if path is not None:
            typer.echo(f"wrote {path}")
    for problem in problems:
        typer.echo(f"Note: {problem}", err=True)
    if open_it and typer.launch(str(out)) != 0:
        typer.echo("The browser cannot be opened; open the page yourself.", err=True)
