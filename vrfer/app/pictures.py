"""Pictures of the pipeline as Qt draws them."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QImage


def from_bgr(image: NDArray[np.uint8]) -> QImage:
    """Return a copy of a picture (H x W x 3, BGR) that Qt can draw."""
    height, width = image.shape[:2]
    pixels = image.tobytes()
    return QImage(pixels, width, height, 3 * width, QImage.Format.Format_BGR888).copy()


def from_gray(patch: NDArray[np.uint8]) -> QImage:
    """Return a copy of a gray picture (H x W) that Qt can draw."""
    height, width = patch.shape
    pixels = patch.tobytes()
    return QImage(pixels, width, height, width, QImage.Format.Format_Grayscale8).copy()


def with_evidence(patch: NDArray[np.uint8], evidence: NDArray[np.float32]) -> QImage:
    """Return a gray patch with the evidence laid over it, where there is any.

    Args:
        patch: H x W, 0-255.
        evidence: h x w, at least 0; its own largest value is drawn strongest.
    """
    height, width = patch.shape
    strongest = float(evidence.max())
    scaled = cv2.resize(
        evidence / strongest if strongest > 0 else evidence,
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    share = np.clip(scaled, 0, 1)
    colors = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = 0.65 * share[:, :, None]
    mixed = (1 - opacity) * patch[:, :, None] + opacity * colors
    return from_bgr(np.asarray(mixed, np.uint8))
