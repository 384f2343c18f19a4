"""What a widget looks like, as numbers."""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtGui import QColor, QImage
from PyQt6.QtWidgets import QWidget


def pixels(widget: QWidget) -> NDArray[np.int16]:
    """Return what a widget looks like: H x W x 3, RGB."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    bits = image.constBits()
    assert bits is not None
    rows = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8)
    rows = rows.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
    return rows.reshape(image.height(), image.width(), 3).astype(np.int16)


def rgb(color: str) -> list[int]:
    """Return a colour's red, green and blue."""
    named = QColor(color)
    return [named.red(), named.green(), named.blue()]


def shows(widget: QWidget, color: str) -> bool:
    """Say whether any pixel of a widget has exactly this colour."""
    return bool((pixels(widget) == rgb(color)).all(axis=2).any())
