"""The timeline of a recording as a PNG picture, drawn with OpenCV alone."""

import struct
import zlib
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.recording import Session
from vrfer.report import curves, figures
from vrfer.report_chart import (
    FAINT,
    INK,
    WIDTH,
    Area,
    Box,
    Drawing,
    Line,
    Shape,
    Text,
    clock,
    percent,
    shortened,
    timeline,
)

MARK: Final = b"tEXtSoftware\0vrfer report"
"""Stands in every picture of a report, right behind its size; others are not overwritten."""

_SCALE = 2
_HEAD = 64.0
_MARGIN = 16.0
_FINE_BITS = 4
_HEADER_BYTES = 33
"""PNG's signature and its first chunk."""

Picture = NDArray[np.uint8]


def picture(session: Session) -> bytes:
    """Return the timeline of a recording of at least one row as a PNG file."""
    numbers = figures(session)
    drawing = timeline(session, numbers, curves(session))
    canvas = _Canvas(drawing)
    when = "" if session.started_at is None else f"{session.started_at:%Y-%m-%d %H:%M}, "
    face = percent(numbers.share(numbers.face_s))
    says = f"{when}{clock(numbers.duration_s)} long, with a face {face}"
    canvas.draw(Text(0, -36, shortened(session.path.stem, 70), 22, INK, bold=True))
    canvas.draw(Text(0, -15, says, 13, FAINT))
    for shape in drawing.shapes:
        canvas.draw(shape)
    return _marked(cv2.imencode(".png", canvas.pixels)[1].tobytes())


class _Canvas:
    """A white picture that shapes are drawn on."""

    def __init__(self, drawing: Drawing) -> None:
        size = (drawing.height + _HEAD + _MARGIN, WIDTH + 2 * _MARGIN)
        height, width = (round(side * _SCALE) for side in size)
        self.pixels: Picture = np.full((height, width, 3), 255, np.uint8)
        rows, columns = np.indices((height, width), sparse=True)
        self._stripes = (rows + columns) % (6 * _SCALE) < _SCALE * 1.2

    def draw(self, shape: Shape) -> None:
        """Draw one shape on top of the others."""
        match shape:
            case Box():
                corners = [[shape.x, shape.y], [shape.x + shape.width, shape.y + shape.height]]
                (x0, y0), (x1, y1) = np.rint(self._placed(corners)).astype(int)
                area = self.pixels[y0:y1, x0 : max(x1, x0 + 1)]
                where = self._stripes[y0:y1, x0 : max(x1, x0 + 1)] if shape.hatched else ...
                area[where] = _bgr(shape.color)
            case Area():
                self._draw_area(shape)
            case Line():
                points = self._placed(shape.points)
                strokes = _dashes(points) if shape.dashed else [points]
                width = max(1, round(shape.width * _SCALE * 0.8))
                fixed = [_fixed(stroke) for stroke in strokes]
                color = _bgr(shape.color)
                cv2.polylines(self.pixels, fixed, False, color, width, cv2.LINE_AA, _FINE_BITS)
            case Text():
                (at,) = self._placed([[shape.x, shape.y]])
                _write(self.pixels, shape, (round(at[0]), round(at[1])))

    def _draw_area(self, shape: Area) -> None:
        points = self._placed(shape.points)
        x0, y0 = np.floor(points.min(axis=0)).astype(int)
        x1, y1 = np.ceil(points.max(axis=0)).astype(int) + 1
        below = self.pixels[y0:y1, x0:x1]
        above = below.copy()
        color = _bgr(shape.color)
        cv2.fillPoly(above, [_fixed(points - (x0, y0))], color, cv2.LINE_AA, _FINE_BITS)
        cv2.addWeighted(above, shape.opacity, below, 1 - shape.opacity, 0, dst=below)

    def _placed(self, points: Any) -> NDArray[np.float64]:
        placed: NDArray[np.float64] = np.add(points, (_MARGIN, _HEAD)) * _SCALE
        return placed


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(points * (1 << _FINE_BITS)).astype(np.int32)


def _dashes(points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Divide a straight line into dashes."""
    begin, end = points
    count = max(1, round(float(np.linalg.norm(end - begin)) / (6 * _SCALE)))
    steps = np.linspace(0, 1, 2 * count + 1)
    at = begin + steps[:, None] * (end - begin)
    return [at[2 * n : 2 * n + 2] for n in range(count)]


def _bgr(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color[1:])
    return blue, green, red


def _write(pixels: Picture, text: Text, at: tuple[int, int]) -> None:
    size = text.size * _SCALE
    x, y = at
    new_font: Any = getattr(cv2, "FontFace", None)
    if new_font is None:  # OpenCV 4 knows no letters but those of ASCII
        plain = text.text.encode("ascii", "replace").decode()
        face, scale = cv2.FONT_HERSHEY_SIMPLEX, size / 30
        width = cv2.getTextSize(plain, face, scale, 1)[0][0]
        x -= {"start": 0, "middle": width // 2, "end": width}[text.anchor]
        thick = 2 if text.bold else 1
        cv2.putText(pixels, plain, (x, y), face, scale, _bgr(text.color), thick, cv2.LINE_AA)
        return
    weight = 600 if text.bold else 400
    everywhere = (1 << 20, 1 << 20)
    font: Any = new_font("sans")
    put: Any = cv2.putText
    measure: Any = cv2.getTextSize
    size = round(size * 0.95)
    width = measure(everywhere, text.text, (0, 0), font, size, weight)[2]
    x -= {"start": 0, "middle": width // 2, "end": width}[text.anchor]
    put(pixels, text.text, (x, y), _bgr(text.color), font, size, weight)


def _marked(png: bytes) -> bytes:
    """Return a PNG with a chunk that says who made it."""
    chunk = struct.pack(">I", len(MARK) - 4) + MARK + struct.pack(">I", zlib.crc32(MARK))
    return png[:_HEADER_BYTES] + chunk + png[_HEADER_BYTES:]
