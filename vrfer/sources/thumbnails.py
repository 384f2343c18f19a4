"""Small pictures of cameras, so that people can tell them apart in a list."""

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.sources.camera_list import CameraInfo
from vrfer.sources.in_use import cameras_in_use
from vrfer.sources.opencv import camera_backend, prepare_opencv, retrieve_bgr

WIDEST = 160
"""Pixels."""
HIGHEST = 120
"""Pixels."""
SETTLED = 8
"""So many pictures a camera needs to find its exposure; the first ones are often black."""
RETRY_S = 0.02


def thumbnail(camera: CameraInfo, timeout_s: float) -> NDArray[np.uint8] | None:
    """Take one small picture of a camera: open it in this thread, and close it again.

    A camera that another program or source uses may give none. OpenCV cannot be interrupted while
    it opens a camera or waits for a picture, so a bad one can take longer than it should.

    Args:
        camera: A real or virtual camera.
        timeout_s: How long pictures are waited for, once it is open.

    Returns:
        Height x width x 3, BGR, at most 160 x 120, in the camera's own proportions; None when it
        gives no picture. Never raises.
    """
    prepare_opencv()
    in_use = cameras_in_use()
    if not in_use.take(camera.index, 0.0):
        return None
    try:
        return _taken(camera, timeout_s)
    finally:
        in_use.give_back(camera.index)


def _taken(camera: CameraInfo, timeout_s: float) -> NDArray[np.uint8] | None:
    try:
        capture = cv2.VideoCapture(camera.index, camera_backend())
    except cv2.error:
        return None
    try:
        image = _settled_picture(capture, timeout_s)
        return None if image is None else _small(image)
    except cv2.error:
        return None
    finally:
        capture.release()


def _settled_picture(capture: cv2.VideoCapture, timeout_s: float) -> NDArray[np.uint8] | None:
    """Return the last of the first few pictures, as many as come in time."""
    newest: NDArray[np.uint8] | None = None
    if not capture.isOpened():
        return newest
    give_up_s = time.monotonic() + timeout_s
    seen = 0
    while seen < SETTLED:
        image = retrieve_bgr(capture) if capture.grab() else None
        if image is not None:
            newest = image
            seen += 1
        left_s = give_up_s - time.monotonic()
        if left_s <= 0:
            break
        if image is None:
            time.sleep(min(RETRY_S, left_s))
    return newest


def _small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = min(1.0, WIDEST / width, HIGHEST / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
