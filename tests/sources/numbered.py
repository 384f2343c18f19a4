"""Frames that carry their number as ten black or white stripes, even after lossy coding."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, BITS = 160, 128, 10
STRIPE = WIDTH // BITS
FPS = 25.0


def numbered(number: int) -> NDArray[np.uint8]:
    """Return a frame with a number from 0 to 1023."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(BITS):
        image[:, bit * STRIPE : (bit + 1) * STRIPE] = 255 * (number >> bit & 1)
    return image


def number_in(image: NDArray[np.uint8]) -> int:
    """Return the number of a frame."""
    middle = image[HEIGHT // 4 : -HEIGHT // 4]
    bright = [middle[:, STRIPE * bit + 4 : STRIPE * (bit + 1) - 4].mean() for bit in range(BITS)]
    return sum(int(value > 127) << bit for bit, value in enumerate(bright))


def write_numbered(path: Path, codec: str, count: int, fps: float = FPS) -> Path:
    """Write numbered frames as a video."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for number in range(count):
        writer.write(numbered(number))
    writer.release()
    return path
