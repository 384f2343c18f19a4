"""The command line of `vrfer-app`: it parses, calls one function a command, and prints.

Long, for every option takes its lines: one command after the other, nothing else.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from vrfer import baseline_commands
from vrfer.classifier import Classifier, Device
from vrfer.command_line import (
    BAD_INPUT,
    DONE,
    STOPPED,
    plain_console,
    run_app,
    say_error,
    stopped_by_signals,
)
from vrfer.demo import run_demo
from vrfer.doctor import Health, examine
from vrfer.errors import SourceError
from vrfer.find_command import find
from vrfer.finder import Finder
from vrfer.listen import Listener, as_line
from vrfer.options import FastOption, ModelOption, RegionOption, finite, region_of
from vrfer.report_command import report
from vrfer.run_command import run_command
from vrfer.run_summary import print_summary
from vrfer.shipped import default_model, shipped
from vrfer.sources import list_cameras
from vrfer.sources.pictures import load
from vrfer.stills import classify, draw, locate, save_drawing

app = typer.Typer(
    help="Reads the facial expression of a person in a VR headset and streams it over OSC. "
    "Without a command the window opens.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

Pictures = Annotated[list[Path], typer.Argument(help="Picture files.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, nothing else.")]
app.add_typer(baseline_commands.app, name="baseline")
app.command("run")(run_command)
app.command()(find)
app.command()(report)


def main() -> None:
    """Run `vrfer-app`."""
    sys.exit(run_app(app))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vrfer {version('vrfer')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            help="Window: open this camera, URL, video or picture at once.",
            show_default="the last one",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0, callback=finite, help="Window: close after this time.", show_default="never"
        ),
    ] = None,
    screenshot: Annotated[
        Path | None,
        typer.Option(
            help="Window: write its picture (.png) before it closes.", show_default="none"
        ),
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    # Commands without a window run where Qt's libraries are missing.
    from vrfer.app.start import StartOptions, run_window

    code = run_window(StartOptions(source, seconds, screenshot))
    if code != DONE:
        raise typer.Exit(code)


@app.command()
def demo(as_fast_as_possible: FastOption = False) -> None:
    """Run the pipeline on the built-in clip, into a built-in OSC receiver."""
    console = plain_console()
    with stopped_by_signals() as stop:
        summary = run_demo(console, as_fast_as_possible=as_fast_as_possible, stop=stop)
    print_summary(console, summary)
    if stop.is_set():
        raise typer.Exit(STOPPED)


@app.command("locate")
def locate_command(
    pictures: Pictures,
    as_json: JsonOption = False,
    drawings: Annotated[
        Path | None,
        typer.Option("--draw", help="Write pictures of what was found into this folder."),
    ] = None,
    region: RegionOption = None,
) -> None:
    """Say where the lower face is in pictures."""
    with Finder(shipped("models"), region=region_of(region)) as finder:
        for number, (path, image) in enumerate(_readable(pictures)):
            answer, face = locate(finder, image, str(path))
            if drawings is not None:
                save_drawing(draw(image, face), drawings, f"{number:04}-{path.stem}")
            if as_json:
                _print_json(answer)
            elif face is None:
                typer.echo(f"{path}: no face")
            else:
                x, y = answer["mouth"]
                typer.echo(f"{path}: mouth at {x:.0f}, {y:.0f}, score {face.score:.2f}")


@app.command("classify")
def classify_command(
    pictures: Pictures,
    as_json: JsonOption = False,
    face_crop: Annotated[
        bool,
        typer.Option(
            "--face-crop", help="The pictures are faces already, cut as the data sets cut them."
        ),
    ] = False,
    model: ModelOption = None,
) -> None:
    """Read the expression in pictures."""
    with ExitStack() as stack:
        classifier = Classifier(default_model() if model is None else model, Device.CPU)
        finder = None if face_crop else stack.enter_context(Finder(shipped("models")))
        for path, image in _readable(pictures):
            answer = classify(classifier, finder, image, str(path))
            if as_json:
                _print_json(answer)
            elif answer["found"]:
                typer.echo(f"{path}: {answer['label']} {answer['confidence']:.0%}")
            else:
                typer.echo(f"{path}: no face")


@app.command()
def cameras() -> None:
    """List the cameras of this computer."""
    found = list_cameras()
    for camera in found:
        typer.echo(f"{camera.index}  {camera.name}  {', '.join(camera.modes)}".rstrip())
    if not found:
        typer.echo("No camera was found. Plug one in, or close the program that uses it.")


@app.command()
def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="UDP port; 0 takes a free one.")] = (
        9000
    ),
    everyone: Annotated[
        bool, typer.Option("--everyone", help="Hear other computers too, not only this one.")
    ] = False,
) -> None:
    """Print the OSC messages that arrive, until Ctrl-C is pressed."""
    with Listener(port, "" if everyone else "127.0.0.1") as listener, stopped_by_signals() as stop:
        typer.echo(f"Listening on UDP port {listener.port}. Ctrl-C ends.", err=True)
        for messages in listener.until(stop):
            for message in messages:
                sys.stdout.write(f"{as_line(message)}\n")
            sys.stdout.flush()
        typer.echo(f"{listener.packets} packets, {listener.malformed} malformed", err=True)
    raise typer.Exit(STOPPED)


@app.command()
def doctor() -> None:
    """Say what works on this computer, what does not, and what to do."""
    console = plain_console()
    colors = {Health.GOOD: "green", Health.MISSING: "yellow", Health.BAD: "red"}
    healthy = True
    for finding in examine():
        console.print(f"{finding.health.value:>4}", style=colors[finding.health], end="")
        console.print(f"  {finding.what}: {finding.says}")
        if finding.health is Health.BAD:
            healthy = False
    if not healthy:
        raise typer.Exit(BAD_INPUT)


def _readable(pictures: Sequence[Path]) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Yield the pictures; a bad one is named at once, and ends the command after the rest."""
    all_good = True
    for path in pictures:
        try:
            image = load(path)
        except SourceError as err:
            say_error(err)
            all_good = False
        else:
            yield path, image
    if not all_good:
        raise typer.Exit(BAD_INPUT)


def _print_json(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
