"""Draw the pictures of docs/finding.md: what is found on a portrait with rendered headsets.

    python scripts/finding_pictures.py --out docs/pictures/finding.jpg

The portrait is NASA's public-domain one of the astronaut Eileen Collins, as scikit-image ships it.
Needs `pip install -e ".[train,dev]"`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import skimage.data
import typer
from numpy.typing import NDArray

from vrfer.finder import Finder
from vrfer.locator import LOCATOR_FILE, Located, Locator
from vrfer.shipped import shipped
from vrfer.square import Square
from vrfer.stills import draw
from vrfer.training.locating.hands import draw_hands
from vrfer.training.locating.head import Pose, rotations
from vrfer.training.locating.headsets import put_on, random_style

Picture = NDArray[np.uint8]

_START = Square(219, 140, 155)
"""Roughly where the portrait's lower face is."""
_MOUTH = np.array([0.0, -0.175, 0.10])
"""Middle between the mouth's corners, in head coordinates."""
_TILE, _LEFT = 360, 40


def main(out: Annotated[Path, typer.Option(help="The picture file, .jpg.")]) -> None:
    """Write the picture."""
    portrait = np.ascontiguousarray(skimage.data.astronaut()[:, :, ::-1])
    pose = pose_of(portrait, Locator(shipped("models") / LOCATOR_FILE))
    cases: list[tuple[str, Callable[[Picture], Picture]]] = [
        ("bare", lambda picture: picture),
        ("a headset", lambda picture: worn(picture, pose, 3)),
        ("another, dark room", lambda picture: dark(worn(picture, pose, 11))),
        ("held by a hand", lambda picture: held(worn(picture, pose, 8), pose, 4)),
        ("head on one side", lambda picture: leaning(worn(picture, pose, 5))),
        ("hand before the mouth", lambda picture: covered(worn(picture, pose, 3), pose)),
    ]
    tiles = []
    with Finder(shipped("models")) as finder:
        for text, change in cases:
            whole = change(portrait.copy())
            picture = np.ascontiguousarray(whole[:_TILE, _LEFT : _LEFT + _TILE])
            finder.reset()
            drawn = draw(picture, finder.find(picture))
            cv2.putText(drawn, text, (8, _TILE - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0,) * 3, 4)
            cv2.putText(drawn, text, (8, _TILE - 12), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255,) * 3, 1)
            tiles.append(drawn)
    sheet = np.vstack([np.hstack(tiles[:3]), np.hstack(tiles[3:])])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes())


def pose_of(portrait: Picture, locator: Locator) -> Pose:
    """Return the portrait's pose as the locator sees it."""
    found: Located
    square = _START
    for _ in range(3):
        (found,) = locator.judge(portrait, [square])
        square = found.square
    face = found.face()
    angles = np.array([[found.yaw_rad], [found.pitch_rad], [-found.tilt_rad]])
    pose = Pose(rotations(*angles)[0], face.width_px, np.zeros(2))
    return Pose(pose.rotation, pose.width_px, np.array(face.mouth) - pose.project(_MOUTH))


def worn(picture: Picture, pose: Pose, seed: int) -> Picture:
    """Return the portrait with a headset."""
    rng = np.random.default_rng(seed)
    put_on(picture, pose, random_style(rng), rng)
    return picture


def held(picture: Picture, pose: Pose, seed: int) -> Picture:
    """Return the portrait with a hand or a controller."""
    rng = np.random.default_rng(seed)
    draw_hands(picture, pose, random_style(rng), rng)
    return picture


def covered(picture: Picture, pose: Pose) -> Picture:
    """Return the portrait with its mouth behind a plain hand-coloured disc."""
    x, y = pose.project(_MOUTH)
    center = (round(float(x)), round(float(y) + 8))
    cv2.circle(picture, center, round(0.42 * pose.width_px), (120, 150, 205), -1)
    return picture


def dark(picture: Picture) -> Picture:
    """Return the picture in little light, with noise."""
    noise = np.random.default_rng(1).normal(0, 6, picture.shape)
    return np.asarray(np.clip(picture * 0.3 + noise, 0, 255), np.uint8)


def leaning(picture: Picture) -> Picture:
    """Return the picture turned by 30 degrees about the face."""
    turn = cv2.getRotationMatrix2D((219, 130), 30, 1.0)
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, turn, size, borderMode=cv2.BORDER_REPLICATE))


if __name__ == "__main__":
    typer.run(main)
