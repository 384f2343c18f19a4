"""Even gray test frames: their gray level tells which one they are, even after lossy coding."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

COUNT = 12


def picture(number: int, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Return a test frame."""
    return np.full((height, width, 3), 20 * number + 10, np.uint8)


def number_of(image: NDArray[np.uint8]) -> int:
    """Return which of the test frames this is."""
    return round((float(image.mean()) - 10) / 20)


def jpeg(number: int, width: int = 160, height: int = 120) -> bytes:
    """Return a test frame as JPEG."""
    return cv2.imencode(".jpg", picture(number, width, height))[1].tobytes()


def write_video(path: Path, codec: str, fps: float = 25.0, count: int = COUNT) -> Path:
    """Write test frames as a video."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (160, 120))
    assert writer.isOpened()
    for number in range(count):
        writer.write(picture(number))
    writer.release()
    return path
