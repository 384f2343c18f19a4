"""Measure what the video beside a recording costs: time and room, against OpenCV's video writer.

    python benchmarks/film.py [--video FILE] [--pictures N]

Prints processor time a picture, room a minute at 30 pictures a second, and how many pictures a kill
would take at worst: what of those given to a writer does not stand in its file yet. Close other
programs first: the figures are this computer's.
"""

import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Annotated

import cv2
import typer

from vrfer.frames import Frame
from vrfer.outputs.film import Film
from vrfer.sources import open_source

RATE_HZ = 30
LOOK_EVERY = 70
"""After so many pictures what stands in the file is counted."""
DEMO = Path(__file__).resolve().parent.parent / "assets" / "demo.mp4"
WRITERS = (
    ("Motion JPEG, .mkv", ".mkv", "MJPG", cv2.CAP_FFMPEG),
    ("Motion JPEG, .avi", ".avi", "MJPG", cv2.CAP_OPENCV_MJPEG),
    ("MPEG-4, .mkv", ".mkv", "mp4v", cv2.CAP_FFMPEG),
)
"""OpenCV's own: name, container, codec, backend."""


def frames_of(video: Path, most: int) -> list[Frame]:
    """Decode the first frames of a video."""
    frames = []
    with open_source(str(video), as_fast_as_possible=True) as source:
        while not source.exhausted and len(frames) < most:
            frame = source.read(1.0)
            if frame is not None:
                frames.append(frame)
    return frames


def film(frames: list[Frame], folder: Path) -> tuple[float, int, int]:
    """Return processor seconds, bytes, and pictures that a kill would have taken."""
    taken = iter(frames)
    began_s = time.process_time()
    with Film(folder / "x.csv", rate_hz=RATE_HZ) as written:
        pictures = missing = 0
        while batch := list(islice(taken, LOOK_EVERY)):
            for frame in batch:
                written.write(frame)
            pictures += len(batch)
            while written.pictures + written.lost < pictures:
                time.sleep(0.001)
            spent_s = time.process_time() - began_s
            missing = max(missing, pictures - kept_pictures(written.path, folder))
            began_s = time.process_time() - spent_s
    seconds = time.process_time() - began_s
    assert written.lost == 0, written.error
    return seconds, written.path.stat().st_size, missing


def opencv(frames: list[Frame], path: Path, codec: str, backend: int) -> tuple[float, int, int]:
    """Return processor seconds, bytes, and pictures that a kill would have taken."""
    height, width = frames[0].image.shape[:2]
    code = cv2.VideoWriter.fourcc(*codec)
    began_s = time.process_time()
    writer = cv2.VideoWriter(str(path), backend, code, RATE_HZ, (width, height))
    missing = 0
    for pictures, frame in enumerate(frames, 1):
        writer.write(frame.image)
        if pictures % LOOK_EVERY == 0:
            spent_s = time.process_time() - began_s
            missing = max(missing, pictures - kept_pictures(path, path.parent))
            began_s = time.process_time() - spent_s
    writer.release()
    seconds = time.process_time() - began_s
    return seconds, path.stat().st_size, missing


def kept_pictures(path: Path, folder: Path) -> int:
    """Count the pictures in a copy of a film that is still being written."""
    copy = folder / f"killed{path.suffix}"
    copy.write_bytes(path.read_bytes())
    capture = cv2.VideoCapture(str(copy), cv2.CAP_FFMPEG)
    count = 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def main(
    video: Annotated[Path, typer.Option(help="What is filmed.")] = DEMO,
    pictures: Annotated[int, typer.Option(help="How many of its pictures.")] = 558,
) -> None:
    """Measure and print."""
    frames = frames_of(video, pictures)
    height, width = frames[0].image.shape[:2]
    typer.echo(f"{len(frames)} pictures of {video.name}, {width}x{height}")
    typer.echo(f"{'writer':22}{'ms a picture':>14}{'MB a minute':>13}{'lost by a kill':>16}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [("vrfer", *film(frames, folder))]
        for title, suffix, codec, backend in WRITERS:
            path = folder / f"{len(rows)}{suffix}"
            rows.append((f"OpenCV, {title}", *opencv(frames, path, codec, backend)))
    for title, seconds, size, lost in rows:
        ms, minute = 1000 * seconds / len(frames), size / len(frames) * RATE_HZ * 60 / 1e6
        typer.echo(f"{title:26}{ms:10.2f}{minute:13.1f}{lost:16d}")


if __name__ == "__main__":
    typer.run(main)
