"""The command line of `vrfer-app`: it parses, calls one function a command, and prints.

Long, for every option takes its lines: one command after the other, nothing else.
"""

import json
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from vrfer import baseline_commands
from vrfer.classifier import Classifier, Device
from vrfer.command_line import BAD_INPUT, DONE, STOPPED, run_app, say_error, stopped_by_signals
from vrfer.demo import run_demo
from vrfer.doctor import Health, examine
from vrfer.errors import OutputError, SourceError
from vrfer.finder import Finder
from vrfer.frames import Box
from vrfer.listen import Listener, as_line
from vrfer.live_view import LiveView
from vrfer.outputs.osc import OscSender, parse_receiver
from vrfer.outputs.recorder import Recorder
from vrfer.people import People
from vrfer.pipeline import Outputs, Reader, Summary, describe_run, run
from vrfer.report_command import report
from vrfer.rules import RuleBook, read_rules
from vrfer.shipped import default_model, shipped
from vrfer.sources import CameraSettings, Source, list_cameras, open_source
from vrfer.sources.orientation import Rotation
from vrfer.sources.pictures import load
from vrfer.stills import classify, draw, locate, save_drawing

app = typer.Typer(
    help="Reads the facial expression of a person in a VR headset and streams it over OSC. "
    "Without a command the window opens.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

ModelOption = Annotated[
    Path | None, typer.Option(help="Network file (.onnx).", show_default="the built-in network")
]
Pictures = Annotated[list[Path], typer.Argument(help="Picture files.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, nothing else.")]
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
app.add_typer(baseline_commands.app, name="baseline")
app.command()(report)


def main() -> None:
    """Run `vrfer-app`."""
    sys.exit(run_app(app))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vrfer {version('vrfer')}")
        raise typer.Exit


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("must be a number of seconds")
    return value


def _region(text: str | None) -> Box | None:
    """Return the region that `--region` names."""
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
            min=0, callback=_finite, help="Window: close after this time.", show_default="never"
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


def _camera(
    size: str,
    fps: float,
    compressed: bool,
    exposure_ms: float | None,
    mirrored: bool,
    rotation_deg: int,
) -> CameraSettings:
    """Return what the camera options ask for."""
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


@app.command("run")
def run_command(
    source: Annotated[
        str,
        typer.Option(
            help="A camera's number or name, a URL, a video, a picture or a folder of pictures."
        ),
    ],
    headless: Annotated[bool, typer.Option("--headless", help="No live bars.")] = False,
    osc: Annotated[
        list[str] | None,
        typer.Option(
            help="Receiver HOST:PORT[,profile=NAME][,hz=N]; may be given several times. "
            "NAME: generic, vrchat, vrchat-compact, vrcft, vmc, vmc-vrm1, unity, unreal, or a "
            ".toml file (docs/profiles.md).",
            show_default="none",
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="OSC profile of the receivers that name none.")
    ] = "generic",
    record: Annotated[
        Path | None, typer.Option(help="Write a recording X.csv, X.markers.csv and X.json.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0, callback=_finite, help="Stop after this time.", show_default="never"),
    ] = None,
    model: ModelOption = None,
    device: Annotated[
        Device, typer.Option(help="Where the network runs; auto leaves the GPU to the VR scene.")
    ] = Device.AUTO,
    region: RegionOption = None,
    person: Annotated[
        str | None,
        typer.Option(
            help="Whose baseline to use (vrfer-app baseline make).", show_default="nobody's"
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="Rules that begin and end events (docs/rules.md).", show_default="none"),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WIDTHxHEIGHT", help="Camera: size of its pictures.")
    ] = "640x480",
    fps: Annotated[float, typer.Option(help="Camera: pictures a second.")] = 30.0,
    compressed: Annotated[
        bool, typer.Option("--compressed/--raw", help="Camera: MJPEG, or raw pictures.")
    ] = True,
    exposure: Annotated[
        float | None,
        typer.Option(help="Camera: exposure time in milliseconds.", show_default="automatic"),
    ] = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Exchange left and right.")] = False,
    rotate: Annotated[
        int, typer.Option(help="Turn the picture clockwise: 0, 90, 180 or 270 degrees.")
    ] = 0,
    loop: Annotated[bool, typer.Option("--loop", help="Files: begin again at their end.")] = False,
    as_fast_as_possible: FastOption = False,
) -> None:
    """Read a source and stream the expression, until it ends or Ctrl-C is pressed."""
    console = Console()
    receivers = [parse_receiver(text, default_profile=profile) for text in osc or []]
    baseline = None if person is None else People.of_this_user().load(person)
    book = None if rules is None else RuleBook(read_rules(rules))
    camera = _camera(size, fps, compressed, exposure, mirror, rotate)
    with ExitStack() as stack:
        senders = [stack.enter_context(OscSender(receiver)) for receiver in receivers]
        reader = stack.enter_context(
            Reader(model, device=device, region=_region(region), baseline=baseline)
        )
        opened = stack.enter_context(
            open_source(source, as_fast_as_possible=as_fast_as_possible, camera=camera, loop=loop)
        )
        recorder = None
        if record is not None:
            about = describe_run(opened, reader)
            recorder = stack.enter_context(Recorder(record, about))
        view = stack.enter_context(LiveView(console, opened.name))
        stop = stack.enter_context(stopped_by_signals())
        console.print(f"{opened.name}: {reader.classifier.note}", highlight=False)
        on_reading = None if headless else view.show
        outputs = Outputs(senders, recorder, on_reading, book)
        summary = run(opened, reader, outputs, seconds=seconds, stop=stop)
    _print_summary(console, summary, senders, opened)
    if recorder is not None:
        console.print(f"recorded {recorder.rows} rows into {recorder.path}", highlight=False)
        if recorder.lost:
            raise OutputError(
                f"{recorder.lost} rows or markers could not be written to {recorder.path}",
                "Free some space on its drive; what was written before is kept.",
            )
    if stop.is_set():
        raise typer.Exit(STOPPED)


@app.command()
def demo(as_fast_as_possible: FastOption = False) -> None:
    """Run the pipeline on the built-in clip, into a built-in OSC receiver."""
    console = Console()
    with stopped_by_signals() as stop:
        summary = run_demo(console, as_fast_as_possible=as_fast_as_possible, stop=stop)
    _print_summary(console, summary, [], None)
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
    with Finder(shipped("models"), region=_region(region)) as finder:
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
    console = Console(soft_wrap=True)
    colors = {Health.GOOD: "green", Health.MISSING: "yellow", Health.BAD: "red"}
    healthy = True
    for finding in examine():
        mark = f"[{colors[finding.health]}]{finding.health.value:>4}[/]"
        console.print(f"{mark}  {finding.what}: ", end="", highlight=False)
        console.print(finding.says, markup=False, highlight=False)
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


def _print_summary(
    console: Console, summary: Summary, senders: list[OscSender], source: Source | None
) -> None:
    share = summary.with_face / summary.frames if summary.frames else 0.0
    corrupt = f", corrupt {summary.corrupt}" if summary.corrupt else ""
    lines = [
        f"frames {summary.frames}, skipped {summary.skipped}{corrupt}, with a face {share:.1%}, "
        f"{summary.fps:.1f} fps"
    ]
    if summary.frames:
        p50, p95, p99 = (summary.latency.percentile(p) for p in (0.50, 0.95, 0.99))
        lines.append(f"latency, capture to sent: p50 {p50} ms, p95 {p95} ms, p99 {p99} ms")
    for sender in senders:
        error = f" (last: {sender.last_error})" if sender.last_error else ""
        lines.append(f"OSC {sender.receiver}: sent {sender.sent}, failed {sender.failed}{error}")
    if source is not None and source.missing:
        lines.append(f"{source.name} was away at the end")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
