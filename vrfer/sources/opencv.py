"""How this station uses OpenCV: quiet, with the right camera backend, always in BGR."""

import os
import sys

import cv2
import numpy as np
from numpy.typing import NDArray


def prepare_opencv() -> None:
    """Set OpenCV up for capturing; called before anything is opened.

    Its log and FFmpeg's go to the terminal behind our back ("moov atom not found"), beside our own
    error that says the same better; the environment variables OPENCV_LOG_LEVEL and
    OPENCV_FFMPEG_LOGLEVEL bring them back. Without the hardware transforms of Media Foundation a
    camera on Windows opens in a second instead of up to a minute (opencv#17687).
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
    if sys.platform == "darwin":
        # OpenCV can await the permission in the main thread alone; `vrfer.sources.macos` does it.
        os.environ.setdefault("OPENCV_AVFOUNDATION_SKIP_AUTH", "1")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def camera_backend() -> int:
    """Return the capture backend for cameras on this operating system."""
    backends = {"win32": cv2.CAP_DSHOW, "linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION}
    return backends.get(sys.platform, cv2.CAP_ANY)


def retrieve_bgr(capture: cv2.VideoCapture) -> NDArray[np.uint8] | None:
    """Decode the frame that was grabbed last; None when it cannot be decoded."""
    try:
        decoded, image = capture.retrieve()
    except cv2.error:
        return None
    return as_bgr(image) if decoded else None


def as_bgr(image: NDArray[np.generic] | None) -> NDArray[np.uint8] | None:
    """Bring gray and four-channel pictures to BGR; None when it is no 8-bit picture."""
    if image is None or image.dtype != np.uint8 or image.size == 0:
        return None
    pixels = image.astype(np.uint8, copy=False)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3])
