"""Measure a live run: a video served as MJPEG at its own rate, the program reading it.

    python benchmarks/live.py --video FILE [--restart] [--seconds N]

Starts `vrfer-app run` in a process of its own, with an OSC receiver beside it, and prints its
summary. `--restart` stops the server in the middle and starts it again, and says how long readings
took to come back. Close other programs first: the figures are this computer's.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import cv2
import typer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from mjpeg_server import MjpegServer

from vrfer.listen import Listener


def jpegs_of(video: Path) -> tuple[list[bytes], float]:
    """Return the frames of a video as JPEGs, and its frame rate."""
    capture = cv2.VideoCapture(str(video))
    fps = capture.get(cv2.CAP_PROP_FPS)
    jpegs = []
    while True:
        got, image = capture.read()
        if not got:
            return jpegs, fps
        jpegs.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


def face_times(listener: Listener, stop: threading.Event, times: list[tuple[float, int]]) -> None:
    """Note when each bundle arrived and whether it spoke of a face."""
    for messages in listener.until(stop):
        seen = [int(str(m.arguments[0])) for m in messages if m.address == "/vrfer/face"]
        times.append((time.monotonic(), seen[0]))


def main(
    video: Annotated[Path, typer.Option(help="The clip to serve.")],
    seconds: Annotated[float, typer.Option(help="Length of the run.")] = 20.0,
    restart: Annotated[bool, typer.Option("--restart", help="Take the camera away once.")] = False,
) -> None:
    """Run and print the figures."""
    jpegs, fps = jpegs_of(video)
    load = f", load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    typer.echo(f"{len(jpegs)} frames at {fps:.2f} fps{load}")
    times: list[tuple[float, int]] = []
    stop = threading.Event()
    with MjpegServer(jpegs, fps=fps) as server, Listener(0) as listener:
        thread = threading.Thread(target=face_times, args=(listener, stop, times))
        thread.start()
        command = [
            *(sys.executable, "-c", "from vrfer.cli import main; main()"),
            *("run", "--headless", "--source", server.url),
            *("--osc", f"127.0.0.1:{listener.port}", "--seconds", str(seconds)),
        ]
        process = subprocess.Popen(command)
        back_s = None
        if restart:
            time.sleep(seconds / 2)
            server.stop()
            time.sleep(seconds / 6)
            server.start()
            back_s = time.monotonic()
        process.wait()
        stop.set()
        thread.join()
    typer.echo(f"bundles heard: {len(times)}")
    if back_s is not None:
        after = [moment - back_s for moment, face in times if moment > back_s and face]
        typer.echo(
            f"first reading {after[0]:.2f} s after the server was back"
            if after
            else "no reading came back"
        )


if __name__ == "__main__":
    typer.run(main)
