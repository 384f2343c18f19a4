"""The window for long: memory, frame rate and threads while a clip plays in a loop.

    python benchmarks/window.py [--minutes 30] [--only-leaks]

Opens the real window on the platform that Qt finds (Xvfb or offscreen will do), plays the built-in
clip in a loop with a receiver and a recording, and compares the last fifth of the time with the
first one after the warm-up. Ends with 1 if memory grew by more than 10 MB, the frame rate fell by
more than a tenth, or a thread was left behind.
"""

import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import typer
from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from vrfer.app.controller import Controller
from vrfer.app.prompts import Prompts, PromptSettings
from vrfer.app.window import Window
from vrfer.listen import Listener
from vrfer.people import People
from vrfer.settings import (
    CameraPart,
    ReceiverPart,
    RecordingPart,
    Settings,
    SettingsFile,
    WindowPart,
)
from vrfer.shipped import default_model, shipped

MOST_GROWTH_MB = 10.0
MOST_SLOWDOWN = 0.1
WARM_UP = 0.2
"""Share of the time that is not compared."""
EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The process at one moment."""

    at_s: float
    memory_mb: float
    """Resident."""
    fps: float
    cpu_s: float
    interval_ms: int
    """Between two drawings."""


def main(
    minutes: Annotated[float, typer.Option(min=0.2, help="How long.")] = 30.0,
    only_leaks: Annotated[
        bool, typer.Option("--only-leaks", help="Do not judge the frame rate: others work too.")
    ] = False,
) -> None:
    """Play, sample, compare."""
    before = set(threading.enumerate())
    with tempfile.TemporaryDirectory() as name, Listener(0) as heard:
        samples, first_s = watch(Path(name), heard.port, minutes * 60)
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]
    if not judge(samples, first_s, left, only_leaks=only_leaks):
        raise typer.Exit(1)


def watch(folder: Path, port: int, seconds: float) -> tuple[list[Sample], float]:
    """Run the window and sample its process; also return when the first reading came."""
    process = psutil.Process()
    began_s = time.monotonic() - (time.time() - process.create_time())
    application = QApplication(sys.argv[:1])
    file = SettingsFile(folder / "settings.toml")
    file.save(
        Settings(
            camera=CameraPart(source=str(shipped("assets") / "demo.mp4"), loop=True),
            receivers=(ReceiverPart(port=port),),
            recording=RecordingPart(folder=folder),
            window=WindowPart(welcomed=True),
        )
    )
    prompts = Prompts(PromptSettings(sounds=False, speech=False))
    controller = Controller(file, People(folder), prompts)
    window = Window(controller, prompts, [default_model()], ["generic"])
    window.show()
    samples: list[Sample] = []
    first: list[float] = []

    def on_readings(readings: list[object]) -> None:
        if not first:
            first.append(time.monotonic() - began_s)
            controller.toggle_recording()

    def sample() -> None:
        times = process.cpu_times()
        samples.append(
            Sample(
                time.monotonic() - began_s,
                process.memory_info().rss / 2**20,
                controller.status.fps,
                times.user + times.system,
                controller.bridge.interval_ms,
            )
        )

    controller.bridge.readings.connect(on_readings)
    timer = QTimer()
    timer.timeout.connect(sample)
    timer.start(round(EVERY_S * 1000))
    QTimer.singleShot(round(seconds * 1000), window.close)
    controller.start()
    application.exec()
    timer.stop()
    controller.close()
    return samples, first[0] if first else float("nan")


def judge(samples: list[Sample], first_s: float, left: list[str], *, only_leaks: bool) -> bool:
    """Print the figures and say whether they are good."""
    compared = samples[int(len(samples) * WARM_UP) :]
    fifth = max(1, len(compared) // 5)
    early, late = compared[:fifth], compared[-fifth:]

    def median(part: list[Sample], field: str) -> float:
        return float(np.median([getattr(one, field) for one in part]))

    growth = median(late, "memory_mb") - median(early, "memory_mb")
    slower = 1 - median(late, "fps") / max(median(early, "fps"), 1e-6)
    span = compared[-1].at_s - compared[0].at_s
    cpu = (compared[-1].cpu_s - compared[0].cpu_s) / span
    steady = only_leaks or slower <= MOST_SLOWDOWN
    good = growth <= MOST_GROWTH_MB and steady and not left
    typer.echo(
        f"platform {os.environ.get('QT_QPA_PLATFORM') or 'screen'}, {samples[-1].at_s:.0f} s"
    )
    typer.echo(f"start to first reading     {first_s:.2f} s")
    typer.echo(f"memory, early and late     {median(early, 'memory_mb'):.1f} MB, {growth:+.1f} MB")
    typer.echo(f"frames a second, likewise  {median(early, 'fps'):.2f}, {median(late, 'fps'):.2f}")
    typer.echo(f"share of one core          {cpu:.2f}")
    typer.echo(f"pause between drawings     {median(late, 'interval_ms'):.0f} ms")
    typer.echo(f"threads left behind        {', '.join(left) or 'none'}")
    typer.echo("good" if good else "BAD")
    return good


if __name__ == "__main__":
    typer.run(main)
