"""The timeline of a recording as shapes, which a page and a picture draw each in their way.

Coordinates are pixels, y down. Colours are those of Okabe and Ito, which people with all kinds of
colour vision tell apart; names and numbers stand beside each.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vrfer.expressions import EXPRESSIONS
from vrfer.recording import Session
from vrfer.report import Curves, Figures, runs

COLORS: Final = dict(
    zip(
        EXPRESSIONS,
        ("#6b6b6b", "#e69f00", "#56b4e9", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#f0e442"),
        strict=True,
    )
)
INK, FAINT, PALE, UNSEEN, UNRECORDED, HELD, UNSURE = (
    "#1f2328", "#57606a", "#e3e6ea", "#e6e9ed", "#bfc6ce", "#f0e3c4", "#8a9099",
)  # fmt: skip

Anchor: TypeAlias = Literal["start", "middle", "end"]

WIDTH: Final = 1000.0
_LEFT, _RIGHT = 96.0, 66.0
_PLOT = WIDTH - _LEFT - _RIGHT
_BAND, _BAND_GAP, _RIBBON, _LANE, _SMALL_PLOT = 40.0, 9.0, 14.0, 15.0, 54.0
_LANES = 6
_LETTER = 5.6
"""Width of a letter of a marker's text, about."""
_LONGEST_TEXT = 26
_TICKS_S = (
    0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800,
    86400,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; hatched ones have stripes of the colour."""

    x: float
    y: float
    width: float
    height: float
    color: str
    hatched: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """A filled polygon."""

    points: NDArray[np.float64]
    color: str
    opacity: float


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A polyline."""

    points: NDArray[np.float64]
    color: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; (x, y) lies on its base line."""

    x: float
    y: float
    text: str
    size: float = 12.0
    color: str = INK
    anchor: Anchor = "start"
    bold: bool = False


Shape: TypeAlias = Box | Area | Line | Text


@dataclass(slots=True, eq=False)
class Drawing:
    """Shapes, the first at the bottom."""

    height: float
    says: str
    """What it shows, for people who do not see it."""
    shapes: list[Shape] = field(default_factory=list)


def timeline(session: Session, figures: Figures, curves: Curves) -> Drawing:
    """Draw the eight expressions over time, with markers."""
    first_s, last_s = _span(session, curves)
    marks = _lay_out_markers(session, first_s, last_s)
    top = 6 + _LANE * (1 + max((mark.lane for mark in marks), default=-1)) + 4
    bands_top = top + _RIBBON + 12
    bottom = bands_top + len(EXPRESSIONS) * (_BAND + _BAND_GAP)
    drawing = Drawing(bottom + 48, "Steady probabilities of the eight expressions over time")
    add = drawing.shapes.append
    xs = _LEFT + (curves.edges_s - first_s) / (last_s - first_s) * _PLOT
    _add_spans(drawing, xs, curves, top, bottom - _BAND_GAP / 2)
    _add_grid(drawing, first_s, last_s, top, bottom)
    add(Text(_LEFT - 10, top + 11, "label", 11, FAINT, "end"))
    for label, name in enumerate(EXPRESSIONS):
        for begin, end in runs(curves.label == label):
            add(Box(xs[begin], top, xs[end] - xs[begin], _RIBBON, COLORS[name]))
    for label, name in enumerate(EXPRESSIONS):
        base = bands_top + label * (_BAND + _BAND_GAP) + _BAND
        _add_band(drawing, xs, base, curves.peak[label], curves.mean[label], COLORS[name])
        add(Text(_LEFT - 10, base - _BAND / 2 + 4, name, 12.5, INK, "end"))
        share = figures.share_of_read(figures.label_s[label])
        add(Text(WIDTH - _RIGHT + 10, base - _BAND / 2 + 4, percent(share), 12.5, INK))
    add(Text(WIDTH - _RIGHT + 10, top + 3, "of the time", 10, FAINT))
    add(Text(WIDTH - _RIGHT + 10, top + 14, "with a face", 10, FAINT))
    _add_markers(drawing, marks, bottom - _BAND_GAP / 2)
    _add_legend(drawing, bottom + 38)
    return drawing


def machine(session: Session, curves: Curves) -> Drawing:
    """Draw the frames a second and the latency over time."""
    first_s, last_s = _span(session, curves)
    drawing = Drawing(2 * (_SMALL_PLOT + 20) + 30, "Frames a second and latency over time")
    xs = _LEFT + (curves.edges_s - first_s) / (last_s - first_s) * _PLOT
    bottom = 2 * (_SMALL_PLOT + 20)
    _add_grid(drawing, first_s, last_s, 6, bottom)
    middles = (xs[:-1] + xs[1:]) / 2
    for number, (name, unit, values) in enumerate(
        (("frames", "a second", curves.frames_per_s), ("latency", "ms", curves.latency_ms))
    ):
        base = (number + 1) * (_SMALL_PLOT + 20)
        most = _nice_above(float(np.nanmax(values, initial=0.0)))
        drawing.shapes.append(Text(_LEFT - 10, base - _SMALL_PLOT / 2, name, 12.5, INK, "end"))
        drawing.shapes.append(Text(_LEFT - 10, base - _SMALL_PLOT / 2 + 14, unit, 11, FAINT, "end"))
        for value in (0.0, most):
            y = base - value / most * _SMALL_PLOT
            _add_level(drawing, y)
            right = Text(WIDTH - _RIGHT + 10, y + 4, f"{value:g}", 11, FAINT)
            drawing.shapes.append(right)
        for begin, end in runs(np.isfinite(values)):
            ys = base - values[begin:end] / most * _SMALL_PLOT
            points = np.column_stack([middles[begin:end], ys])
            if len(points) == 1:
                points = np.add(points, [[-0.5, 0], [0.5, 0]])
            drawing.shapes.append(Line(points, "#0072b2", 1.4))
    return drawing


def percent(share: float) -> str:
    """Return a share (0-1) as people write it."""
    share = round(share, 9)
    if 0 < share < 0.001:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    digits = 0 if share in (0, 1) else 1
    return f"{share:.{digits}%}".replace("%", " %")


def clock(seconds: float, *, tenths: bool = False) -> str:
    """Return a time since the beginning as m:ss or h:mm:ss."""
    sign = "-" if seconds < 0 else ""
    whole_tenths = round(abs(seconds) * 10)
    whole = whole_tenths // 10 if tenths else round(abs(seconds))
    rest = f".{whole_tenths % 10}" if tenths else ""
    hours, minutes = divmod(whole // 60, 60)
    if hours:
        return f"{sign}{hours}:{minutes:02}:{whole % 60:02}{rest}"
    return f"{sign}{minutes}:{whole % 60:02}{rest}"


def visible(text: str) -> str:
    """Return a text without letters that cannot be seen, or that turn others around."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text as one line of at most so many letters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class _Mark:
    x: float
    text: str
    lane: int
    """Counted from the bottom; -1: there was no room for the text."""


def _span(session: Session, curves: Curves) -> tuple[float, float]:
    """Return what the time axis spans: readings and markers."""
    moments_s = session.marker_times_s
    first_s = float(np.min(moments_s, initial=curves.edges_s[0]))
    return first_s, float(np.max(moments_s, initial=curves.edges_s[-1]))


def _lay_out_markers(session: Session, first_s: float, last_s: float) -> list[_Mark]:
    """Give each marker's text a lane above those of the later markers that it reaches over."""
    marks: list[_Mark] = []
    moments_s = session.marker_times_s
    for number, index in reversed(list(enumerate(np.argsort(moments_s, kind="stable"), 1))):
        x = _LEFT + (moments_s[index] - first_s) / (last_s - first_s) * _PLOT
        text = f"{number} {shortened(session.markers[index].text)}"
        for wanted in (text, str(number)):
            end = x + 4 + _text_width(wanted) + 8
            lane = 1 + max((mark.lane for mark in marks if mark.x < end), default=-1)
            if lane < _LANES:
                break
        else:
            lane, wanted = -1, ""
        marks.append(_Mark(x, wanted, lane))
    return marks


def _text_width(text: str) -> float:
    return len(text) * _LETTER


def _add_spans(
    drawing: Drawing, xs: NDArray[np.float64], curves: Curves, top: float, bottom: float
) -> None:
    for flags, hatched, color in (
        (curves.unseen, False, UNSEEN),
        (curves.unrecorded, False, UNRECORDED),
        (curves.held, False, HELD),
        (curves.unsure, True, UNSURE),
    ):
        for begin, end in runs(flags):
            box = Box(xs[begin], top, xs[end] - xs[begin], bottom - top, color, hatched)
            drawing.shapes.append(box)


def _add_grid(drawing: Drawing, first_s: float, last_s: float, top: float, bottom: float) -> None:
    step_s = next((s for s in _TICKS_S if (last_s - first_s) / s <= 11), 86400.0)
    for number in range(math.ceil(first_s / step_s), math.floor(last_s / step_s) + 1):
        x = _LEFT + (number * step_s - first_s) / (last_s - first_s) * _PLOT
        drawing.shapes.append(Line(np.array([[x, top], [x, bottom]]), PALE))
        text = clock(number * step_s, tenths=step_s < 1)
        drawing.shapes.append(Text(x, bottom + 14, text, 11, FAINT, "middle"))


def _add_level(drawing: Drawing, y: float) -> None:
    drawing.shapes.append(Line(np.array([[_LEFT, y], [WIDTH - _RIGHT, y]]), PALE))


def _add_band(
    drawing: Drawing,
    xs: NDArray[np.float64],
    base: float,
    peak: NDArray[np.float64],
    mean: NDArray[np.float64],
    color: str,
) -> None:
    drawing.shapes.append(Line(np.array([[_LEFT, base], [WIDTH - _RIGHT, base]]), "#c3c8ce"))
    for values, opacity in ((peak, 0.35), (mean, 1.0)):
        for begin, end in runs(np.isfinite(values)):
            ys = base - values[begin:end] * _BAND
            middles = (xs[begin:end] + xs[begin + 1 : end + 1]) / 2
            outline = [
                [xs[begin], base],
                [xs[begin], ys[0]],
                *np.column_stack([middles, ys]),
                [xs[end], ys[-1]],
                [xs[end], base],
            ]
            drawing.shapes.append(Area(np.array(outline), color, opacity))


def _add_markers(drawing: Drawing, marks: Sequence[_Mark], bottom: float) -> None:
    lanes = 1 + max((mark.lane for mark in marks), default=-1)
    tops = [6 + _LANE * (lanes - max(mark.lane, -1) - 1) for mark in marks]
    for mark, top in zip(marks, tops, strict=True):
        line = np.array([[mark.x, top], [mark.x, bottom]])
        drawing.shapes.append(Line(line, INK, 1.0, dashed=True))
    for mark, top in zip(marks, tops, strict=True):
        if mark.x + 4 + _text_width(mark.text) < WIDTH:
            drawing.shapes.append(Text(mark.x + 4, top + 10, mark.text, 11))
        else:  # at the right edge the text lies left of its line, perhaps on other lines
            width = _text_width(mark.text) + 4
            drawing.shapes.append(Box(mark.x - 3 - width, top, width, 13, "#ffffff"))
            drawing.shapes.append(Text(mark.x - 5, top + 10, mark.text, 11, INK, "end"))


def _add_legend(drawing: Drawing, y: float) -> None:
    add = drawing.shapes.append
    add(Box(_LEFT, y - 9, 18, 10, UNSEEN))
    add(Text(_LEFT + 24, y, "no face seen", 11, FAINT))
    add(Box(_LEFT + 112, y - 9, 18, 10, UNRECORDED))
    add(Text(_LEFT + 136, y, "not recorded", 11, FAINT))
    add(Box(_LEFT + 216, y - 9, 18, 10, HELD))
    add(Text(_LEFT + 240, y, "neutral held", 11, FAINT))
    add(Box(_LEFT + 320, y - 9, 18, 10, UNSURE, hatched=True))
    add(Text(_LEFT + 344, y, "unsure", 11, FAINT))
    says = "height: probability 0-1; full colour: mean, light: peak of each moment"
    add(Text(WIDTH - _RIGHT, y, says, 11, FAINT, "end"))


def _nice_above(value: float) -> float:
    """Return a round number above a value."""
    if value <= 0:
        return 1.0
    power: float = 10 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 3, 5, 10) if power * step >= value)
