"""Put the canonical lower halves of pictures side by side, to see whether all land alike.

    python scripts/crop_sheet.py --out FILE.png PICTURE_OR_VIDEO...

Each source gives up to 12 crops, at the effective resolution that the network sees, enlarged.
"""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from vrfer.crop import CropGeometry, lower_half
from vrfer.finder import Finder
from vrfer.shipped import shipped
from vrfer.sources import open_source

SIZE = (56, 112)
PER_SOURCE = 12


def crops(finder: Finder, source: str, every: int) -> list[np.ndarray]:
    """Return up to `PER_SOURCE` crops of one source."""
    finder.reset()
    found: list[np.ndarray] = []
    with open_source(source, as_fast_as_possible=True) as opened:
        while not opened.exhausted and len(found) < PER_SOURCE:
            frame = opened.read(1.0)
            if frame is None:
                continue
            face = finder.find(frame.image)
            if frame.index % every == 0 and face is not None:
                found.append(lower_half(frame.image, face, CropGeometry(), SIZE))
    return found


def main(
    sources: Annotated[list[str], typer.Argument(help="Pictures, folders or videos.")],
    out: Annotated[Path, typer.Option(help="Picture to write.")],
    every: Annotated[int, typer.Option(help="Take one frame of so many.")] = 20,
) -> None:
    """Write the sheet."""
    with Finder(shipped("models")) as finder:
        patches = [patch for source in sources for patch in crops(finder, source, every)]
    while len(patches) % PER_SOURCE:
        patches.append(np.zeros(SIZE, np.uint8))
    rows = [np.hstack(patches[i : i + PER_SOURCE]) for i in range(0, len(patches), PER_SOURCE)]
    out.write_bytes(cv2.imencode(".png", np.vstack(rows))[1].tobytes())


if __name__ == "__main__":
    typer.run(main)
