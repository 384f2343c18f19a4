"""Makes the built-in demo clip: one synthetic person, first without and then with a VR headset.

The face is NASA's public-domain portrait that scikit-image ships. Every frame follows from the
timeline below and a fixed seed, so the same versions of the libraries give the same clip.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import numpy.typing as npt
import typer
from demo_clip_face import ENLARGE, Face, Field, sampled
from demo_clip_headset import VIEW_CENTRE, VIEW_SCALE, Pose, draw_headset

Image = npt.NDArray[np.uint8]

WIDTH, HEIGHT, FPS = 640, 480, 30
HOLD_S: Final = 1.5
"""Long enough for a filter over time to settle on the expression."""
CHANGE_S: Final = 0.4
PUT_ON_S: Final = 0.5
"""How long the headset takes to come down; it is worn when the change it happens in ends."""

BARE: Final = ("neutral", "happiness", "surprise", "sadness", "anger")
WORN: Final = ("happiness", "neutral", "surprise", "sadness", "anger")

SEED: Final = 2019
NOISE: Final = 2.2
"""Standard deviation of the sensor's noise: a webcam's in a lit room."""
BLUR_PX: Final = 0.7
BACKDROP_BLUR: Final = 5.0
"""In portrait pixels: out of focus, and cheap to encode."""
LIFT: Final = 190.0
"""Where the headset starts, in portrait pixels above its seat: outside the picture."""

SHEET_EVERY: Final = 12
"""Frames between two pictures of a contact sheet."""

H264: Final = ("-c:v", "libx264", "-preset", "slow", "-crf", "22", "-pix_fmt", "yuv420p",
               "-g", "60", "-threads", "1", "-movflags", "+faststart", "-fflags", "+bitexact",
               "-flags:v", "+bitexact")  # fmt: skip

INSIDE: Final = ((226, 30), (170, 60), (165, 105), (190, 150), (195, 180), (150, 200), (150, 240),
                 (90, 300), (60, 400), (60, 511), (440, 511), (440, 400), (340, 330), (290, 260),
                 (285, 220), (255, 175), (270, 120), (285, 100), (290, 60), (260, 35))  # fmt: skip
OUTSIDE: Final = ((226, 8), (180, 20), (145, 60), (145, 115), (172, 138), (125, 150), (105, 205),
                  (45, 260), (10, 400), (10, 511), (511, 511), (511, 400), (440, 335), (366, 330),
                  (345, 250), (312, 230), (262, 168), (275, 142), (290, 128), (310, 100),
                  (310, 50), (275, 12))  # fmt: skip
"""Outlines that surely lie within and around the person; GrabCut finds the edge between."""

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """A span of the clip in which one expression is held."""

    start_s: float
    end_s: float
    expression: str
    headset: bool


def timeline() -> tuple[Segment, ...]:
    """The clip's segments; between two of them the face changes."""
    script = [(name, False) for name in BARE] + [(name, True) for name in WORN]
    return tuple(
        Segment(round(i * (HOLD_S + CHANGE_S), 3), round(i * (HOLD_S + CHANGE_S) + HOLD_S, 3), *row)
        for i, row in enumerate(script)
    )


def _eased(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def expression_at(time_s: float, segments: tuple[Segment, ...]) -> tuple[str, str, float]:
    """The two expressions between which the face is, and the share of the second."""
    for now, following in pairwise(segments):
        if time_s < following.start_s:
            share = (time_s - now.end_s) / (following.start_s - now.end_s)
            return now.expression, following.expression, _eased(share)
    return segments[-1].expression, segments[-1].expression, 0.0


def lift_at(time_s: float, segments: tuple[Segment, ...]) -> float | None:
    """How far the headset is above its seat, in portrait pixels; None before it appears."""
    worn_s = next(segment.start_s for segment in segments if segment.headset)
    share = (time_s - worn_s + PUT_ON_S) / PUT_ON_S
    return None if share < 0 else LIFT * (1 - _eased(share))


def pose_at(time_s: float) -> Pose:
    """A slow sway: periods without a common divisor, so that no pose comes back exactly."""

    def wave(period_s: float, phase: float) -> float:
        return float(np.sin(2 * np.pi * (time_s / period_s + phase)))

    return Pose(
        shift=(7 * wave(5.3, 0.1) + 2 * wave(2.1, 0.4), 3 * wave(3.7, 0.6)),
        scale=1.0 + 0.035 * wave(7.9, 0.2),
        roll_rad=float(np.deg2rad(4.0 * wave(4.4, 0.0))),
        yaw_rad=float(np.deg2rad(11.0 * wave(6.1, 0.3))),
        pitch_rad=float(np.deg2rad(3.5 * wave(4.9, 0.7))),
    )


@dataclass(frozen=True, eq=False)
class Scene:
    """The person in front of a backdrop, rendered frame by frame.

    Attributes:
        portrait: BGR, uint8, the 512x512 portrait as scikit-image has it.
    """

    portrait: Image

    @cached_property
    def face(self) -> Face:
        """The portrait that can change its expression."""
        return Face(self.portrait)

    @cached_property
    def outline(self) -> Field:
        """The person's share of each pixel of the enlarged portrait, 0..1."""
        labels = np.full(self.portrait.shape[:2], cv2.GC_BGD, np.uint8)
        cv2.fillPoly(labels, [np.array(OUTSIDE)], cv2.GC_PR_FGD)
        cv2.fillPoly(labels, [np.array(INSIDE)], cv2.GC_FGD)
        cv2.setRNGSeed(SEED)
        whole, models = (0, 0, 0, 0), (np.zeros((1, 65)), np.zeros((1, 65)))
        cv2.grabCut(self.portrait, labels, whole, *models, 4, cv2.GC_INIT_WITH_MASK)
        person = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
        size = (person.shape[1] * ENLARGE, person.shape[0] * ENLARGE)
        return np.asarray(cv2.GaussianBlur(cv2.resize(person, size), (0, 0), 1.6), np.float32)

    @cached_property
    def backdrop(self) -> Field:
        """What the camera sees behind the person: out of focus, BGR, float32 in 0..255."""
        person = cv2.resize(self.outline, self.portrait.shape[1::-1])
        behind = (cv2.dilate(person, np.ones((9, 9))) < 0.02).astype(np.float32)
        known = self.portrait * behind[..., None]
        filled = np.zeros_like(known)
        weight = np.zeros((*behind.shape, 1), np.float32)
        for sigma in (BACKDROP_BLUR, 12.0, 40.0):  # the nearer surroundings count first
            share = cv2.GaussianBlur(behind, (0, 0), sigma)[..., None]
            missing = (1 - weight) * np.clip(share * 4, 0, 1)
            filled += missing * cv2.GaussianBlur(known, (0, 0), sigma) / np.maximum(share, 1e-6)
            weight += missing
        x, y = _pixels()
        map_x, map_y = x / VIEW_SCALE + VIEW_CENTRE[0], y / VIEW_SCALE + VIEW_CENTRE[1]
        filled = cv2.GaussianBlur(filled / np.maximum(weight, 1e-6), (0, 0), BACKDROP_BLUR)
        return sampled(np.asarray(filled, np.float32), map_x, map_y)

    def render(self, index: int, segments: tuple[Segment, ...]) -> Image:
        """Frame `index` of the clip, BGR, uint8, 640x480."""
        time_s = index / FPS
        pose = pose_at(time_s)
        mix = expression_at(time_s, segments)
        colours, origin = self.face.sample(*pose.unproject(*_pixels()), mix)
        person = sampled(self.outline, origin[..., 0], origin[..., 1], ENLARGE)
        frame = self.backdrop + person[..., None] * (colours - self.backdrop)
        lift = lift_at(time_s, segments)
        if lift is not None:
            frame = draw_headset(frame, person, pose, lift)
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), BLUR_PX), np.float32)
        noise = np.random.default_rng((SEED, index)).normal(0, NOISE, frame.shape)
        return np.asarray(np.clip(np.round(frame + noise), 0, 255), np.uint8)


def _pixels() -> tuple[Field, Field]:
    """The middle of every pixel, counted from the middle of the picture."""
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    return xs + 0.5 - WIDTH / 2, ys + 0.5 - HEIGHT / 2


def _ffmpeg() -> str | None:
    """An ffmpeg that can write H.264: smaller files than OpenCV's wheels can write."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return None
    listed = subprocess.run([ffmpeg, "-hide_banner", "-encoders"], capture_output=True, check=False)
    return ffmpeg if b"libx264" in listed.stdout else None


def write_clip(frames: Iterator[Image], path: Path) -> str:
    """Encodes frames as H.264 with ffmpeg where there is one, else as MPEG-4 with OpenCV.

    Returns:
        The codec used.
    """
    ffmpeg = _ffmpeg()
    if ffmpeg is None:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
        if not writer.isOpened():
            raise RuntimeError(f"OpenCV cannot write {path}")
        for frame in frames:
            writer.write(frame)
        writer.release()
        return "mp4v"
    source = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS))
    command = [ffmpeg, "-loglevel", "error", "-y", *source, "-i", "-", *H264, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        if process.stdin is None:
            raise RuntimeError("ffmpeg was started without an input")
        for frame in frames:
            process.stdin.write(frame.tobytes())
        process.stdin.close()
        if process.wait() != 0:
            raise RuntimeError(f"ffmpeg ended with exit code {process.returncode}")
    return "H.264"


def contact_sheet(frames: list[Image], columns: int = 4) -> Image:
    """Half-size frames side by side, row by row."""
    small = [
        cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for frame in frames
    ]
    small += [np.zeros_like(small[0])] * (-len(small) % columns)
    rows = [np.hstack(small[i : i + columns]) for i in range(0, len(small), columns)]
    return np.vstack(rows)


def load_portrait() -> Image:
    """NASA's portrait of Eileen Collins, BGR.

    Raises:
        ImportError: scikit-image is missing.
    """
    from skimage.data import astronaut

    return np.ascontiguousarray(astronaut()[..., ::-1], np.uint8)  # type: ignore[no-untyped-call]


@app.command()
def main(
    out: Annotated[
        Path, typer.Option(help="The clip; its segments go beside it, as .json.")
    ] = Path("assets/demo.mp4"),
    sheet: Annotated[
        Path | None, typer.Option(help="Also write a picture with a few frames a second.")
    ] = None,
) -> None:
    """Make the built-in demo clip: 640x480, 30 frames a second, about 19 seconds."""
    try:
        portrait = load_portrait()
    except ImportError:
        typer.echo("scikit-image is missing: pip install scikit-image", err=True)
        raise typer.Exit(2) from None
    scene, segments = Scene(portrait), timeline()
    out.parent.mkdir(parents=True, exist_ok=True)
    shown: list[Image] = []

    def frames() -> Iterator[Image]:
        for index in range(round(segments[-1].end_s * FPS)):
            frame = scene.render(index, segments)
            if sheet is not None and index % SHEET_EVERY == 0:
                shown.append(frame)
            yield frame

    codec = write_clip(frames(), out)
    rows = ",\n".join("  " + json.dumps(asdict(segment)) for segment in segments)
    out.with_suffix(".json").write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    if sheet is not None:
        cv2.imwrite(str(sheet), contact_sheet(shown))
    typer.echo(f"{out}: {segments[-1].end_s:.1f} s, {codec}, {out.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    app()
