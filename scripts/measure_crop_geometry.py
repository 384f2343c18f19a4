"""Measure where mouth, chin and cheeks lie in FER2013's faces, with vrfer's own locator.

    python scripts/measure_crop_geometry.py --data FOLDER [--faces 3000] [--sheet FILE.png]

Prints the medians that `vrfer.crop.CropGeometry` has as defaults, with their spread: the same
locator cuts the camera's pictures, so that both land alike. The pictures are enlarged and given a
border first, as a face in a camera's picture has one.
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from vrfer.crop import CropGeometry, face_crop, lower_half
from vrfer.frames import LowerFace
from vrfer.locator import LOCATOR_FILE, Locator
from vrfer.shipped import shipped
from vrfer.square import FACE_WIDTHS, Square
from vrfer.training.ferplus import FACE_PX, load_ferplus

ZOOM = 5
ROUNDS = 4
BELIEVED = 0.8
BORDER = FACE_PX * ZOOM // 2


def in_surroundings(face: np.ndarray) -> np.ndarray:
    """Return a gray 48 x 48 face as a BGR picture, enlarged and with a border around it."""
    large = cv2.resize(face, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
    framed = cv2.copyMakeBorder(large, *(BORDER,) * 4, cv2.BORDER_REPLICATE)
    return cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR)


def located(locator: Locator, picture: np.ndarray) -> LowerFace | None:
    """Return the lower face, searched from where the data set's faces have it."""
    side, geometry = FACE_PX * ZOOM, CropGeometry()
    square = Square(
        BORDER + geometry.mouth_x * side,
        BORDER + geometry.mouth_y * side,
        FACE_WIDTHS * geometry.width * side,
    )
    for _ in range(ROUNDS):
        (found,) = locator.judge(picture, [square])
        square = found.square
    return found.face() if found.visible > BELIEVED else None


def in_face_square(found: LowerFace) -> tuple[float, float, float, float, float]:
    """Return mouth x and y, chin x and y and width in sides of the face square."""
    side = FACE_PX * ZOOM
    points = [(value - BORDER + 0.5) / side for value in (*found.mouth, *found.chin)]
    return (points[0], points[1], points[2], points[3], found.width_px / side)


def main(
    data: Annotated[Path, typer.Option(help="Folder that holds fer2013/.")],
    faces: Annotated[int, typer.Option(help="How many training faces.")] = 3000,
    sheet: Annotated[
        Path | None, typer.Option(help="Write fixed and found crops side by side.")
    ] = None,
) -> None:
    """Measure and print the medians."""
    training = load_ferplus(data / "fer2013").split("train", labels="majority")
    chosen = np.random.default_rng(0).permutation(len(training))[:faces]
    rows, pairs = [], []
    locator = Locator(shipped("models") / LOCATOR_FILE)
    for index in track(chosen, description="faces"):
        picture = in_surroundings(training.faces[index])
        found = located(locator, picture)
        if found is None:
            continue
        rows.append(in_face_square(found))
        if len(pairs) < 60:
            geometry, size = CropGeometry(), (56, 112)
            fixed = face_crop(training.faces[index], "lower-half", FACE_PX, size)
            pairs.append(np.vstack([fixed, lower_half(picture, found, geometry, size)]))
    console = Console()
    console.print(f"found {len(rows)} of {len(chosen)}")
    low, middle, high = np.percentile(rows, [16, 50, 84], axis=0)
    for name, *values in zip(
        ("mouth_x", "mouth_y", "chin_x", "chin_y", "width"), middle, low, high, strict=True
    ):
        console.print(f"{name:8} {values[0]:.3f}   16-84 %: {values[1]:.3f} to {values[2]:.3f}")
    if sheet is not None:
        rows_of_pairs = [np.hstack(pairs[i : i + 10]) for i in range(0, len(pairs) // 10 * 10, 10)]
        sheet.write_bytes(cv2.imencode(".png", np.vstack(rows_of_pairs))[1].tobytes())


if __name__ == "__main__":
    typer.run(main)
