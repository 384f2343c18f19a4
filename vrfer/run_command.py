"""`vrfer-app run`: the pipeline without a window, with or without commands over OSC."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from vrfer.classifier import Device
from vrfer.command_line import STOPPED, plain_console, stopped_by_signals
from vrfer.errors import OutputError
from vrfer.live.remote import DEFAULT_PORT
from vrfer.live.wishes import NetworkWish, SourceWish
from vrfer.live_view import LiveView
from vrfer.options import (
    CompressedOption,
    ExposureOption,
    FastOption,
    FpsOption,
    MirrorOption,
    ModelOption,
    RegionOption,
    RotateOption,
    SizeOption,
    camera_of,
    finite,
    region_of,
)
from vrfer.outputs.film import Film
from vrfer.outputs.losses import losses
from vrfer.outputs.lsl import LslOutlet
from vrfer.outputs.osc import OscSender, parse_receiver
from vrfer.outputs.recorder import Recorder
from vrfer.people import People
from vrfer.pipeline import Outputs, Reader, describe_run, run
from vrfer.rules import RuleBook, read_rules
from vrfer.run_summary import Told, print_summary
from vrfer.sources import open_source
from vrfer.sources.macos import notice_cameras
from vrfer.steered_run import SteeredRun, run_steered


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
        typer.Option(min=0, callback=finite, help="Stop after this time.", show_default="never"),
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
    size: SizeOption = "640x480",
    fps: FpsOption = 30.0,
    compressed: CompressedOption = True,
    exposure: ExposureOption = None,
    mirror: MirrorOption = False,
    rotate: RotateOption = 0,
    loop: Annotated[bool, typer.Option("--loop", help="Files: begin again at their end.")] = False,
    as_fast_as_possible: FastOption = False,
    control: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Hear commands over OSC on this UDP port: start, stop, pause, markers and more "
            "(docs/control.md). The window uses 9010; 0 takes a free one.",
            show_default="none",
        ),
    ] = None,
    oscquery: Annotated[
        bool,
        typer.Option(
            "--oscquery",
            help="Tell programs on this computer, such as VRChat, where vrfer hears commands and "
            "what it sends (docs/oscquery.md). Commands are then heard on port "
            f"{DEFAULT_PORT}, unless --control says another.",
        ),
    ] = False,
    lsl: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Offer readings and markers as Lab Streaming Layer streams of this name "
            "(docs/lsl.md).",
            show_default="none",
        ),
    ] = None,
    video: Annotated[
        bool,
        typer.Option(
            "--video", help="With --record: keep the pictures too, which show the person."
        ),
    ] = False,
) -> None:
    """Read a source and stream the expression, until it ends or Ctrl-C is pressed."""
    console = plain_console()
    receivers = [parse_receiver(text, default_profile=profile) for text in osc or []]
    baseline = None if person is None else People.of_this_user().load(person)
    followed = () if rules is None else read_rules(rules)
    camera = camera_of(size, fps, compressed, exposure, mirror, rotate)
    if video and record is None:
        raise OutputError("--video needs a recording", "Say --record X.csv too.")
    if oscquery and control is None:
        control = DEFAULT_PORT
    if control is not None:
        wish = SourceWish(source, camera, loop, region_of(region), as_fast_as_possible)
        steered = SteeredRun(
            source=wish,
            network=NetworkWish(model, device),
            receivers=tuple(receivers),
            port=control,
            person=person,
            rules=followed,
            record=record,
            film=video,
            lsl=lsl,
            oscquery=oscquery,
            seconds=seconds,
            bars=not headless,
        )
        with stopped_by_signals() as stop:
            run_steered(steered, console, stop)
        if stop.is_set():
            raise typer.Exit(STOPPED)
        return
    with ExitStack() as stack:
        senders = [stack.enter_context(OscSender(receiver)) for receiver in receivers]
        reader = stack.enter_context(
            Reader(model, device=device, region=region_of(region), baseline=baseline)
        )
        opened = stack.enter_context(
            open_source(source, as_fast_as_possible=as_fast_as_possible, camera=camera, loop=loop)
        )
        about = describe_run(opened, reader, person=person, rules=followed)
        outlet = None if lsl is None else stack.enter_context(LslOutlet(lsl, about=about))
        recorder, film = None, None
        if record is not None:
            film = stack.enter_context(Film(record)) if video else None
            recorder = stack.enter_context(Recorder(record, about))
        view = stack.enter_context(LiveView(console, opened.name))
        stop = stack.enter_context(stopped_by_signals())
        console.print(f"{opened.name}: {reader.classifier.note}")
        on_reading = None if headless else view.show
        outputs = Outputs(senders, recorder, on_reading, RuleBook(followed), lsl=outlet, film=film)
        summary = run(
            opened, reader, outputs, seconds=seconds, stop=stop, between_frames=notice_cameras
        )
    print_summary(
        console,
        summary,
        [Told(one.receiver, one.sent, one.failed, one.last_error) for one in senders],
        opened.name if opened.missing else None,
    )
    if outlet is not None:
        error = f" (last: {outlet.last_error})" if outlet.last_error else ""
        console.print(f"LSL {outlet.name}: sent {outlet.sent}, failed {outlet.failed}{error}")
    if recorder is not None:
        console.print(f"recorded {recorder.rows} rows into {recorder.path}")
        if film is not None:
            console.print(f"recorded {film.pictures} pictures into {film.path}")
        lost = losses(recorder, film).values()
        if lost:
            raise OutputError(
                "; ".join(lost),
                "See whether its drive works and has room; what was written before is kept.",
            )
    if stop.is_set():
        raise typer.Exit(STOPPED)
