"""What Linux knows about its cameras, asked of the kernel (Video4Linux, linux/videodev2.h).

Asking opens the device without capturing, so that it works while another program captures.
"""

import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "linux":
    import fcntl

QUERYCAP = 0x80685600
ENUM_FMT = 0xC0405602
ENUM_FRAMESIZES = 0xC02C564A
ENUM_FRAMEINTERVALS = 0xC034564B
CAPTURES = 0x1 | 0x1000
"""V4L2_CAP_VIDEO_CAPTURE, single- or multi-planar."""
SINGLE_PLANE = 1
DISCRETE = 1
LONGEST_LIST = 64
"""More formats, sizes or rates than this are a driver's mistake."""


def can_capture(device: Path) -> bool | None:
    """Say whether the device delivers pictures; None when it cannot be asked.

    A USB camera has a second device for metadata, with the same name, that delivers none.
    """
    for answer in _ask(device, QUERYCAP, bytearray(104), at=None):
        device_caps: int = struct.unpack_from("<I", answer, 88)[0]
        return bool(device_caps & CAPTURES)
    return None


def modes(device: Path) -> tuple[str, ...]:
    """Return sizes with their highest rates, as "640x480 @ 30", the widest first."""
    best: dict[tuple[int, int], float] = {}
    formats = bytearray(64)
    struct.pack_into("<I", formats, 4, SINGLE_PLANE)
    for form in _ask(device, ENUM_FMT, formats):
        pixel_format: int = struct.unpack_from("<I", form, 44)[0]
        sizes = bytearray(44)
        struct.pack_into("<I", sizes, 4, pixel_format)
        for size in _ask(device, ENUM_FRAMESIZES, sizes):
            kind, width, height = struct.unpack_from("<III", size, 8)
            if kind == DISCRETE:
                fps = _highest_rate(device, pixel_format, width, height)
                best[width, height] = max(fps, best.get((width, height), 0.0))
    return tuple(f"{w}x{h} @ {best[w, h]:g}" for w, h in sorted(best, reverse=True))


def _highest_rate(device: Path, pixel_format: int, width: int, height: int) -> float:
    question = bytearray(52)
    struct.pack_into("<III", question, 4, pixel_format, width, height)
    fastest = 0.0
    for answer in _ask(device, ENUM_FRAMEINTERVALS, question):
        kind, numerator, denominator = struct.unpack_from("<III", answer, 16)
        if kind == DISCRETE and numerator:
            fastest = max(fastest, round(denominator / numerator, 2))
    return fastest


def _ask(
    device: Path, request: int, question: bytearray, at: int | None = 0
) -> Iterator[bytearray]:
    """Ask once; or, with `at`, with every number there until the driver says "no more"."""
    if sys.platform != "linux":
        return
    try:
        handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return
    try:
        for index in range(LONGEST_LIST if at is not None else 1):
            answer = bytearray(question)
            if at is not None:
                struct.pack_into("<I", answer, at, index)
            try:
                fcntl.ioctl(handle, request, answer)
            except OSError:
                return  # EINVAL: no more; anything else: it cannot be asked
            yield answer
    finally:
        os.close(handle)
