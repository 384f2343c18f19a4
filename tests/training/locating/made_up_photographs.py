"""A few drawn heads and rooms in the layout of the photographs, whose poses are known exactly."""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.training.locating.head import MESH, Pose, mirrored_points, rotations
from vrfer.training.locating.photographs import is_held_out

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

WIDTH, HEIGHT = 200, 240
LIPS_BGR = (60, 40, 190)
NOSE_BGR = (190, 120, 60)

_ONE_SIDE = {
    61: (-0.18, -0.22, 0.2), 234: (-0.5, 0.1, -0.3), 172: (-0.38, -0.33, -0.1),
    136: (-0.3, -0.43, 0.0), 58: (-0.43, -0.22, -0.2), 33: (-0.33, 0.25, 0.05),
    133: (-0.13, 0.24, 0.12), 127: (-0.5, 0.25, -0.25),
}  # fmt: skip
_MIDDLE = {
    0: (0.0, -0.17, 0.27), 17: (0.0, -0.3, 0.25), 13: (0.0, -0.22, 0.26), 14: (0.0, -0.24, 0.26),
    152: (0.0, -0.55, 0.15), 4: (0.0, 0.07, 0.42), 2: (0.0, -0.05, 0.33), 6: (0.0, 0.25, 0.27),
    168: (0.0, 0.33, 0.25), 10: (0.0, 0.72, 0.1),
}  # fmt: skip


def _shape() -> Floats:
    known = {**_ONE_SIDE, **_MIDDLE}
    half = np.array([known.get(number, (0.0, 0.0, 0.0)) for number in MESH])
    paired = mirrored_points(half) * [-1, 1, 1]
    other = np.array([number not in known for number in MESH])
    whole = np.where(other[:, None], paired, half)
    return np.asarray(whole - whole.mean(axis=0))


SHAPE = _shape()
"""26 x 3 in head coordinates: mirror-symmetric, one face width wide, its mean at the origin."""


@dataclass(frozen=True, slots=True)
class Sitter:
    """One drawn head."""

    file: str
    split: str
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    width_px: float
    faces: int = 1

    @property
    def pose(self) -> Pose:
        """The pose that it is drawn in."""
        angles = np.radians([[self.yaw_deg], [self.pitch_deg], [self.roll_deg]])
        return Pose(rotations(*angles)[0], self.width_px, np.array([WIDTH / 2, HEIGHT / 2]))


SITTERS = (
    Sitter("a.png", "train", 0, 0, 0, 70),
    Sitter("b.png", "train", 30, -5, 4, 74),
    Sitter("c.png", "train", -32, 6, -8, 66),
    Sitter("d.png", "train", 18, 12, 10, 90),
    Sitter("e.png", "train", -20, -12, 0, 60),
    Sitter("f.png", "train", 8, 4, -15, 72),
    Sitter("g.png", "train", -5, -8, 6, 80, faces=2),
    Sitter("h.png", "train", 40, 0, -3, 64),
    Sitter("i.png", "train", -10, 15, 12, 70),
    Sitter("j.png", "train", 3, -3, -6, 76),
    Sitter("v.png", "val", 5, 2, 3, 70),
    Sitter("w.png", "val", -25, -4, -5, 68),
    Sitter("x.png", "val", 20, 8, 9, 72),
    Sitter("y.png", "val", -2, -6, 0, 78),
)


def draw(sitter: Sitter, *, dots: bool = False) -> Picture:
    """Draw a shaded head before a blotchy wall.

    Args:
        sitter: Who.
        dots: Draw nothing but landmarks on gray skin: the left half's white, the right half's
            black, as seen from the front.
    """
    pose = sitter.pose
    rng = np.random.default_rng(len(sitter.file) + int(sitter.width_px))
    wall = rng.uniform(40, 200, (HEIGHT // 20, WIDTH // 20, 3)).astype(np.float32)
    picture = cv2.resize(wall, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    around, up = np.meshgrid(np.linspace(0, 2 * np.pi, 24), np.linspace(-1.5, 1.5, 12))
    skull = np.stack([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)], -1)
    skull = skull.reshape(-1, 3) * [0.56, 0.8, 0.62] + [0, 0.15, -0.38]
    for size, tone in ((1.0, 0.7), (0.85, 0.9), (0.6, 1.0)):
        outline = cv2.convexHull(np.float32(pose.project(skull * size)))
        skin = np.full(3, 128.0) if dots else np.array([130.0, 165.0, 205.0]) * tone
        cv2.fillPoly(picture, [np.int32(np.round(outline))], skin.tolist(), cv2.LINE_AA)
    points = pose.project(SHAPE)
    if dots:
        for (x, y), (across, _, _) in zip(points, SHAPE, strict=True):
            if across != 0:
                tone = 255 if across < 0 else 0
                cv2.circle(picture, (round(x), round(y)), 4, (tone,) * 3, -1, cv2.LINE_AA)
        return picture
    at = {number: (round(x), round(y)) for number, (x, y) in zip(MESH, points, strict=True)}
    for eye in (33, 133, 362, 263):
        cv2.circle(picture, at[eye], 3, (40, 30, 20), -1, cv2.LINE_AA)
    cv2.circle(picture, at[4], 3, NOSE_BGR, -1, cv2.LINE_AA)
    lips = np.int32([at[61], at[0], at[291], at[17]])
    cv2.fillPoly(picture, [lips], LIPS_BGR, cv2.LINE_AA)
    return picture


def room_names(held_out: int = 2, others: int = 6) -> list[str]:
    """Names of rooms, of which some count for false finds."""
    names = [f"room{number}.png" for number in range(200)]
    apart = [name for name in names if is_held_out(name)]
    return [*apart[:held_out], *[name for name in names if name not in apart][:others]]


def write_photographs(folder: Path, *, dots: bool = False) -> Path:
    """Write faces.zip, faces_labels.csv and backgrounds.zip."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "faces.zip", "w") as archive:
        for sitter in SITTERS:
            archive.writestr(sitter.file, _png(draw(sitter, dots=dots)))
    with zipfile.ZipFile(folder / "backgrounds.zip", "w") as archive:
        for number, name in enumerate(room_names()):
            rng = np.random.default_rng(number)
            wall = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
            archive.writestr(name, _png(cv2.resize(wall, (160, 120))))
    with (folder / "faces_labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = [f"p{number}_{axis}" for number in MESH for axis in "xy"]
        writer.writerow(["file", "split", "n_faces", "yaw", "pitch", "roll", *names])
        for sitter in SITTERS:
            angles = (sitter.yaw_deg, sitter.pitch_deg, sitter.roll_deg)
            points = sitter.pose.project(SHAPE).ravel()
            writer.writerow([sitter.file, sitter.split, sitter.faces, *angles, *points])
    return folder


def _png(picture: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1])
