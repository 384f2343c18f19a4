"""Makes vrfer's icon: a headset, and below it the smile that it leaves visible.

Drawn as SVG from the shapes below, and rendered by Qt: a PNG picture, and an ICO file for
Windows with one picture a size. At up to 32 pixels a bolder drawing with less in it is used.
"""

import io
import os
from pathlib import Path
from typing import Annotated, Final

import typer
from PIL import Image
from PyQt6.QtCore import QBuffer, QByteArray
from PyQt6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PyQt6.QtSvg import QSvgRenderer

BLUE: Final = "#1d4e89"
SKIN: Final = "#ffc857"
WHITE: Final = "#f7f9fb"
CYAN: Final = "#3fc1f0"

SMALL_PX: Final = 32
"""Up to here the bold drawing is the clearer one."""
ICO_SIZES: Final = (16, 20, 24, 32, 40, 48, 64, 128, 256)
PNG_SIZE: Final = 256

GROUND: Final = f'<rect width="256" height="256" rx="56" fill="{BLUE}"/>'

FINE: Final = f"""\
{GROUND}
<path d="M66 116 V148 C66 196 94 226 128 226 C162 226 190 196 190 148 V116 Z" fill="{SKIN}"/>
<path d="M96 168 C104 200 152 200 160 168 Z" fill="{BLUE}" stroke="{BLUE}" stroke-width="10"
  stroke-linejoin="round"/>
<path d="M101 171 H155 C153 176 151 179 148 182 H108 C105 179 103 176 101 171 Z" fill="{WHITE}"/>
<rect x="20" y="72" width="216" height="40" rx="14" fill="{CYAN}"/>
<path d="M72 44 H184 C201 44 214 57 214 74 V110 C214 127 201 140 184 140 H162 C153 140 147 136 142
  130 C135 121 121 121 114 130 C109 136 103 140 94 140 H72 C55 140 42 127 42 110 V74 C42 57 55 44
  72 44 Z" fill="{WHITE}"/>
<rect x="66" y="68" width="124" height="36" rx="18" fill="{CYAN}"/>
"""

BOLD: Final = f"""\
{GROUND}
<path d="M48 112 V144 C48 204 84 240 128 240 C172 240 208 204 208 144 V112 Z" fill="{SKIN}"/>
<path d="M88 172 C100 208 156 208 168 172" fill="none" stroke="{BLUE}" stroke-width="26"
  stroke-linecap="round"/>
<rect x="16" y="32" width="224" height="96" rx="36" fill="{WHITE}"/>
<rect x="48" y="64" width="160" height="32" rx="16" fill="{CYAN}"/>
"""


def svg(size_px: int) -> str:
    """Return the drawing that is clearest at a size, as an SVG document."""
    shapes = BOLD if size_px <= SMALL_PX else FINE
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 256 256">\n{shapes}</svg>\n'


def render(size_px: int) -> Image.Image:
    """Return the icon as a square picture with transparent corners."""
    image = QImage(size_px, size_px, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(0, 0, 0, 0))
    painter = QPainter(image)
    QSvgRenderer(QByteArray(svg(size_px).encode())).render(painter)
    painter.end()
    encoded = QBuffer()
    encoded.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(encoded, "PNG")
    return Image.open(io.BytesIO(encoded.data().data())).convert("RGBA")


def main(
    out: Annotated[Path, typer.Option(help="Folder of icon.svg, icon.png and icon.ico.")] = Path(
        "assets"
    ),
) -> None:
    """Draw the icon."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication([])
    out.mkdir(parents=True, exist_ok=True)
    (out / "icon.svg").write_text(svg(PNG_SIZE), encoding="utf-8", newline="\n")
    render(PNG_SIZE).save(out / "icon.png", optimize=True)
    largest, *others = (render(size) for size in sorted(ICO_SIZES, reverse=True))
    largest.save(out / "icon.ico", sizes=[(size, size) for size in ICO_SIZES], append_images=others)
    application.quit()
    for name in ("icon.svg", "icon.png", "icon.ico"):
        typer.echo(f"{out / name}: {(out / name).stat().st_size} bytes")


if __name__ == "__main__":
    typer.run(main)
