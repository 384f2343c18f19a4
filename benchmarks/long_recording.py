"""A long recording at speed: whether late rows cost more than early ones, and reading it back.

    python benchmarks/long_recording.py [--hours 1] [--folder FOLDER]

Readings at 30 a second, made up, go through rules and OSC into a recording as a run would send
them, as fast as they go. Then the recording is read back and a report is made of it, each in a
process of its own. Ends with 1 if a row of the last tenth cost more than 1.3 times one of the
first, memory grew by more than 10 MB, or a row is missing. Time is that of this program's thread
on the processor, so that others that work on the computer are not counted.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import typer

from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import LowerFace, Reading
from vrfer.listen import Listener
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.outputs.recorder import Recorder
from vrfer.pipeline import Outputs, send, tell_events
from vrfer.recording import load_session
from vrfer.rules import Rule, RuleBook

HZ = 30
TENTHS = 10
MOST_SLOWDOWN = 1.3
MOST_GROWTH_MB = 10.0
CYCLE = 60 * HZ
"""Readings come again after a minute, at later times."""
FACELESS = 2 * HZ
"""So many readings of each cycle show no face."""
RULES = (
    Rule(name="calm", expression="happiness", above=0.5, for_s=2, below=0.4, back_s=2),
    Rule(name="scared", expression="fear", above=0.5, for_s=1, below=0.4, back_s=2),
)
LOAD = "import sys, vrfer; print(len(vrfer.load_session(sys.argv[1]).rows))"
APP = "from vrfer.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Tenth:
    """What a tenth of the recording cost."""

    us_per_row: float
    """Microseconds of the processor: rules, OSC, recording."""
    memory_mb: float
    """Resident, at its end."""


def main(
    hours: Annotated[float, typer.Option(min=0.01, help="How long a recording.")] = 1.0,
    folder: Annotated[
        Path | None, typer.Option(help="Keep the recording in this folder.", show_default="none")
    ] = None,
) -> None:
    """Record, read back, report, judge."""
    with tempfile.TemporaryDirectory() as name:
        recording = (Path(name) if folder is None else folder) / "long.csv"
        count = round(hours * 3600 * HZ)
        tenths, events, lost = record(recording, count)
        size_mb = recording.stat().st_size / 2**20
        typer.echo(f"{hours:g} hours, {count:,} rows, {events:,} events, {size_mb:.0f} MB")
        first, last = tenths[0], tenths[-1]
        ratio = last.us_per_row / first.us_per_row
        growth_mb = last.memory_mb - first.memory_mb
        each = f"{first.us_per_row:.0f}, {last.us_per_row:.0f} us"
        typer.echo(f"a row, first and last tenth   {each}, ratio {ratio:.2f}")
        typer.echo(f"memory, likewise              {first.memory_mb:.1f} MB, {growth_mb:+.1f} MB")
        seconds, peak_mb, said = watched([sys.executable, "-c", LOAD, str(recording)])
        rows = int(said.split()[-1])
        typer.echo(f"read back                     {seconds:.1f} s, {peak_mb:.0f} MB at most")
        seconds, peak_mb, _ = watched([sys.executable, "-c", APP, "report", str(recording)])
        page_kb = recording.with_suffix(".html").stat().st_size / 1000
        told = f"{seconds:.1f} s, {peak_mb:.0f} MB at most, a page of {page_kb:.0f} kB"
        typer.echo(f"vrfer-app report              {told}")
        problems = load_session(recording).problems if hours <= 1 else ()
    whole = rows == count and lost == 0 and not problems
    good = whole and ratio <= MOST_SLOWDOWN and growth_mb <= MOST_GROWTH_MB
    typer.echo(f"rows missing                  {count - rows}")
    typer.echo("good" if good else "BAD")
    if not good:
        raise typer.Exit(1)


def record(path: Path, count: int) -> tuple[list[Tenth], int, int]:
    """Record made-up readings; return what each tenth cost, events, and rows lost."""
    process = psutil.Process()
    tenths: list[Tenth] = []
    events = 0
    in_tenth = max(1, count // TENTHS)
    # Nobody reads what arrives there: the system drops it, as for a receiver that is too slow.
    with Listener(0) as deaf, OscSender(Receiver("127.0.0.1", deaf.port)) as sender:
        with Recorder(path, {"source": "made up"}) as recorder:
            outputs = Outputs([sender], recorder)
            book = RuleBook(RULES)
            began = time.process_time_ns()
            for number, reading in enumerate(readings(count), 1):
                send(outputs, reading)
                recorder.write(reading, 25.0)
                fired = book.update(reading)
                tell_events(outputs, fired, reading)
                events += len(fired)
                if number % in_tenth == 0:
                    spent = time.process_time_ns() - began
                    memory_mb = process.memory_info().rss / 2**20
                    tenths.append(Tenth(spent / in_tenth / 1000, memory_mb))
                    began = time.process_time_ns()
        if sender.failed:
            raise RuntimeError(f"{sender.failed} packets were not sent: {sender.last_error}")
        return tenths, events, recorder.lost


def readings(count: int) -> Iterator[Reading]:
    """Yield made-up readings of a camera, at their times."""
    chance = np.random.default_rng(7)
    paths = chance.normal(size=(CYCLE, len(EXPRESSIONS))).cumsum(axis=0) / 4
    shares = np.exp(paths - paths.max(axis=1, keepdims=True))
    shares = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    start_ns, start_unix_ns = time.perf_counter_ns(), time.time_ns()
    nothing = np.zeros(len(EXPRESSIONS), np.float32)
    for frame in range(count):
        later_ns = frame * 10**9 // HZ
        place = frame % CYCLE
        seen = place >= FACELESS
        values = shares[place]
        yield Reading(
            frame=frame,
            captured_ns=start_ns + later_ns,
            captured_unix_ns=start_unix_ns + later_ns,
            source_s=None,
            face=LowerFace((320.0, 200.0 + place / 50), (322.0, 260.0), 120.0, 0.9)
            if seen
            else None,
            raw=values if seen else None,
            steady=values if seen else nothing,
            label_id=int(values.argmax()) if seen else NO_FACE_ID,
            unsure=bool(seen and values.max() < 0.4),
        )


def watched(command: Sequence[str]) -> tuple[float, float, str]:
    """Run a program; return its seconds, the most memory it took in MB, and what it said.

    Raises:
        RuntimeError: It failed.
    """
    began_s = time.monotonic()
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(0.02):
                try:
                    peak = max(peak, psutil.Process(process.pid).memory_info().rss)
                except psutil.NoSuchProcess:
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        said, _ = process.communicate()
        seconds = time.monotonic() - began_s
        ended.set()
        watcher.join()
    if process.returncode != 0:
        raise RuntimeError(f"{command[-2:]} ended with {process.returncode}: {said}")
    return seconds, peak / 2**20, said


if __name__ == "__main__":
    typer.run(main)
