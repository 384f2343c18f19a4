"""`vrfer-app baseline`: make, list and delete what vrfer knows of people's resting faces."""

import threading
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from vrfer.baseline import LEAST_S, Baseline
from vrfer.classifier import Device
from vrfer.command_line import STOPPED, stopped_by_signals
from vrfer.errors import SourceError
from vrfer.expressions import EXPRESSIONS
from vrfer.options import (
    CompressedOption,
    ExposureOption,
    FpsOption,
    MirrorOption,
    ModelOption,
    RegionOption,
    RotateOption,
    SizeOption,
    camera_of,
    region_of,
)
from vrfer.people import People
from vrfer.pipeline import Reader
from vrfer.resting import Resting
from vrfer.sources import Source, open_source

_WAIT_S = 0.1

app = typer.Typer(
    help="Personal baselines: a wearer's resting face becomes neutral.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def make(
    person: Annotated[str, typer.Argument(help="A name for the baseline.")],
    source: Annotated[str, typer.Option(help="A camera's number or name, a URL or a video.")],
    seconds: Annotated[
        float, typer.Option(min=LEAST_S, max=120, help="How long the face must be seen.")
    ] = 5.0,
    model: ModelOption = None,
    region: RegionOption = None,
    size: SizeOption = "640x480",
    fps: FpsOption = 30.0,
    compressed: CompressedOption = True,
    exposure: ExposureOption = None,
    mirror: MirrorOption = False,
    rotate: RotateOption = 0,
) -> None:
    """Watch a resting face for some seconds and keep what the network says of it.

    Put the headset on, look straight ahead, mouth closed, face at rest.
    """
    people = People.of_this_user()
    people.check_name(person)
    camera = camera_of(size, fps, compressed, exposure, mirror, rotate)
    console = Console(stderr=True)
    with ExitStack() as stack:
        reader = stack.enter_context(Reader(model, device=Device.CPU, region=region_of(region)))
        resting = Resting(person, seconds, reader.classifier.contract)
        opened = stack.enter_context(open_source(source, as_fast_as_possible=True, camera=camera))
        stop = stack.enter_context(stopped_by_signals())
        progress = stack.enter_context(Progress(console=console, transient=True))
        watch(opened, reader, resting, progress, stop)
    if stop.is_set():
        raise typer.Exit(STOPPED)
    baseline = resting.baseline()
    if baseline is None:
        raise SourceError(
            f"a face was seen for {resting.seconds:.1f} s only, {LEAST_S:.0f} are needed",
            "Let the camera see mouth and chin; vrfer-app locate --draw shows what it sees.",
        )
    path = people.save(person, baseline)
    typer.echo(f"{person}: {in_words(baseline)} Kept in {path}.")


@app.command("list")
def list_people() -> None:
    """List the baselines."""
    people = People.of_this_user()
    for person in people.names():
        try:
            typer.echo(f"{person}: {in_words(people.load(person))}")
        except SourceError as err:
            typer.echo(err, err=True)
    if not people.names():
        typer.echo("There are none. Make one with: vrfer-app baseline make NAME --source 0")


@app.command()
def delete(person: Annotated[str, typer.Argument(help="Whose.")]) -> None:
    """Delete a baseline."""
    People.of_this_user().delete(person)
    typer.echo(f"The baseline of {person} is deleted.")


def watch(
    source: Source,
    reader: Reader,
    resting: Resting,
    progress: Progress,
    stop: threading.Event,
) -> None:
    """Show a resting face to the network until it was seen long enough.

    Ends early when the source ends, `stop` is set, or the face does not appear for long.
    """
    bar = progress.add_task("Rest your face, mouth closed", total=resting.wanted_s)
    while resting.seconds < resting.wanted_s and not (source.exhausted or stop.is_set()):
        if source.live and resting.over:
            break
        frame = source.read(_WAIT_S)
        if frame is None:
            continue
        resting.add(reader.read(frame))
        progress.update(bar, completed=resting.seconds)


def in_words(baseline: Baseline) -> str:
    """Return what a baseline changes, for people."""
    strong = [
        f"{name} {-offset:+.1f}"
        for name, offset in zip(EXPRESSIONS, baseline.offsets, strict=True)
        if abs(offset) >= 0.1
    ]
    seen = f"{baseline.seconds:.0f} s of a resting face, network {baseline.network}"
    if not strong:
        return f"{seen}; it was read as neutral, nothing changes."
    return f"{seen}; from now on {', '.join(strong)} (nats)."
