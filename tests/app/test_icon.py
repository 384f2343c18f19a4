"""The program's icon: every size that systems ask for, and something to see in each."""

from pathlib import Path

import pytest
from PyQt6.QtGui import QImage, QImageReader

ASSETS = Path(__file__).parents[2] / "assets"


def pictures(name: str) -> list[QImage]:
    reader = QImageReader(str(ASSETS / name))
    found = []
    for number in range(max(reader.imageCount(), 1)):
        reader.jumpToImage(number)
        found.append(reader.read())
    return found


def test_windows_finds_a_picture_of_every_size_it_asks_for() -> None:
    sizes = {(image.width(), image.height()) for image in pictures("icon.ico")}
    assert sizes == {(size, size) for size in (16, 20, 24, 32, 40, 48, 64, 128, 256)}


@pytest.mark.parametrize("name", ["icon.ico", "icon.png", "icon.svg"])
def test_headset_and_face_are_seen_at_every_size(name: str) -> None:
    for image in pictures(name):
        middle, size = image.width() // 2, image.height()
        assert image.pixelColor(0, 0).alpha() < 128
        headset = image.pixelColor(middle, int(0.19 * size))
        chin = image.pixelColor(middle, int(0.86 * size))
        assert headset.lightness() > 220
        assert chin.red() > 200 > chin.blue() + 50
