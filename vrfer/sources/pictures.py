"""Pictures in files and in memory: recognising, checking and decoding them."""

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.errors import SourceError
from vrfer.sources.opencv import as_bgr

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".pnm"}
)
"""What counts as a picture in a folder."""
FILMS = frozenset({".mjpeg", ".mjpg"})
"""Names of films that begin as a picture does: JPEGs, one behind the other."""
SIGNATURES = (
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\0\x0cjP  ",
)
NETPBM = re.compile(rb"P[1-6]\s")
PNG = b"\x89PNG"
JPEG = b"\xff\xd8"
START_OF_SCAN = 0xDA
END_OF_IMAGE = b"\xff\xd9"


def is_picture(start: bytes) -> bool:
    """Say whether a file with these first bytes is a still picture, whatever its name says."""
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return start.startswith(SIGNATURES) or webp or NETPBM.match(start) is not None


def jpeg_scan(data: bytes | bytearray) -> int:
    """Return where the first scan of a JPEG begins; -1 when there is none (yet).

    Before it stand segments of a stated length, which may hold a thumbnail, a JPEG of its own.
    """
    position = len(JPEG)
    while position + 4 <= len(data) and data[position] == 0xFF:
        if data[position + 1] == START_OF_SCAN:
            return position
        if data[position + 1] == 0xFF:  # padding
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return -1


def is_whole(data: bytes) -> bool:
    """Say whether a JPEG or PNG has its end; decoders fill up what is missing, or are noisy."""
    if data.startswith(JPEG):
        return data.find(END_OF_IMAGE, max(0, jpeg_scan(data))) >= 0
    return b"IEND" in data[-4096:] if data.startswith(PNG) else True


def decode(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a picture to BGR, turned as its EXIF says; None when it is damaged."""
    if not data or not is_whole(data):
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return as_bgr(image)


def load(path: Path) -> NDArray[np.uint8]:
    """Read a picture.

    Raises:
        SourceError: It is missing, damaged, or no picture.
    """
    try:
        # Not cv2.imread: on Windows it cannot open names beyond the system's code page.
        data = path.read_bytes()
    except OSError as err:
        raise SourceError(
            f"{path} cannot be read ({err.strerror})", "Check its name and permissions."
        ) from err
    image = decode(data)
    if image is None:
        raise SourceError(
            f"{path} is damaged or not a picture", "Open it in another program, or copy it anew."
        )
    return image
