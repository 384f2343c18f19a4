"""A recording as one HTML page that needs nothing else: no network, no script, no other file.

The page is built as a tree, so that no text of a recording can become markup.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree

from vrfer.expressions import EXPRESSIONS
from vrfer.recording import Session
from vrfer.report import Curves, Figures, curves, figures
from vrfer.report_chart import (
    COLORS,
    WIDTH,
    Area,
    Box,
    Drawing,
    Line,
    Shape,
    Text,
    clock,
    machine,
    percent,
    timeline,
    visible,
)

Element = ElementTree.Element

GENERATOR: Final = "vrfer report"
START: Final = (
    f'<!DOCTYPE html>\n<html lang="en"><head><meta name="generator" content="{GENERATOR}">'
)
"""What every report begins with; other files are not overwritten."""

CAVEAT: Final = (
    "Expressions are what a face shows, not what a person feels. A network read them from the "
    "lower half of the face alone and it errs, for some people and expressions more than for "
    "others. vrfer is no medical device: base no diagnosis on this page."
)

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_LONGEST_VALUE = 300
_LEFT_OUT = ("clock", "ended", "contract", "model", "model_sha256", "vrfer", "source")
"""Parts of the JSON file that stand elsewhere in the page, or say nothing to its readers."""
_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1000px; padding: 28px 24px; background: #fff; color: #1f2328;
  font: 14px/1.45 "Segoe UI", system-ui, -apple-system, "Helvetica Neue", "DejaVu Sans", sans-serif;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline;
  gap: 4px 24px; border-bottom: 2px solid #1f2328; padding-bottom: 8px; }
h1 { font-size: 24px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 26px 0 8px; }
p { margin: 6px 0; }
.faint { color: #57606a; }
.caveat { background: #f6f7f9; border-left: 4px solid #0072b2; padding: 8px 14px; margin: 14px 0; }
.problem { background: #fff4e5; border-left: 4px solid #d55e00; padding: 8px 14px; margin: 14px 0; }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 10px; margin: 16px 0 4px; }
.tiles div { border: 1px solid #d7dbe0; border-radius: 6px; padding: 8px 10px; }
.tiles b { display: block; font-size: 20px; font-weight: 600; white-space: nowrap; }
.tiles span { color: #57606a; font-size: 12px; }
svg { display: block; width: 100%; height: auto; }
svg text { font-family: inherit; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; }
td, th { padding: 3px 8px 3px 0; vertical-align: top; }
tbody tr { border-top: 1px solid #e3e6ea; }
.number { text-align: right; white-space: nowrap; width: 1%; padding-right: 16px; }
td:first-child, th:first-child { white-space: nowrap; }
.bar { width: 60%; min-width: 70px; padding-top: 8px; }
.bar i { display: block; height: 11px; min-width: 1px; border-radius: 2px; }
.columns { display: grid; grid-template-columns: minmax(0, 4fr) minmax(0, 5fr); gap: 0 28px; }
.matrix th, .matrix td { text-align: right; padding: 3px 6px; }
.matrix tbody th { text-align: right; font-weight: 400; }
.matrix thead th { font-weight: 400; font-size: 12px; }
.matrix td.none { color: #b3b9c0; }
.settings td { overflow-wrap: anywhere; }
.settings td:first-child { white-space: nowrap; color: #57606a; width: 1%; padding-right: 18px; }
.swatch { display: inline-block; width: 10px; height: 10px; margin-right: 7px; border-radius: 2px; }
footer { margin-top: 28px; border-top: 1px solid #d7dbe0; padding-top: 8px; font-size: 12px; }
section { break-inside: avoid; }
.long { break-inside: auto; }
tr { break-inside: avoid; }
@media screen and (max-width: 760px) { .tiles { grid-template-columns: repeat(2, 1fr); }
  .columns { grid-template-columns: 1fr; } }
@page { size: A4; margin: 13mm; }
@media print { body { padding: 0; max-width: none; font-size: 11px; }
  h2 { margin: 14px 0 4px; font-size: 14px; }
  .matrix th, .matrix td { padding: 1px 3px; } .matrix thead th { font-size: 8.5px; }
  .columns { gap: 0 16px; } .tiles { gap: 6px; } .tiles span { white-space: nowrap; }
  footer { margin-top: 12px; font-size: 10px; }
  header + .caveat { margin: 8px 0; } .tiles { margin: 8px 0 0; } .tiles div { padding: 4px 8px; }
  .tiles b { font-size: 15px; } .tiles span { font-size: 9px; }
  td, th { padding-top: 1px; padding-bottom: 1px; } .bar { padding-top: 4px; } }
"""


def page(session: Session, made_at: datetime) -> bytes:
    """Return the report of a recording of at least one row.

    Args:
        session: The recording.
        made_at: When the report is made, with its time zone.

    Returns:
        An HTML file in UTF-8.
    """
    numbers, lines = figures(session), curves(session)
    body = _element(
        "body",
        _header(session, numbers),
        *(_element("p", problem, class_="problem") for problem in session.problems),
        _element("p", CAVEAT, class_="caveat"),
        _tiles(numbers),
        _element("section", _element("h2", "Timeline"), _svg(timeline(session, numbers, lines))),
        *_markers(session),
        _element("div", _shares(numbers), _transitions(numbers), class_="columns"),
        _machine(session, lines),
        _settings(session),
        _element(
            "footer",
            f"Made by vrfer on {_local(made_at)} from {visible(session.path.name)}.",
            class_="faint",
        ),
    )
    title = visible(f"{session.path.stem}: vrfer session report")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{_as_html(_element('title', title))}<style>{_STYLE}</style></head>"
    )
    return f"{START}{head}{_as_html(body)}</html>\n".encode(errors="replace")


def _element(tag: str, *children: "Element | str", **attributes: str) -> Element:
    """Make an element; `class_` is the attribute class, an underscore inside a name is a hyphen."""
    names = {name.rstrip("_").replace("_", "-"): text for name, text in attributes.items()}
    element = Element(tag, names)
    for child in children:
        if not isinstance(child, str):
            element.append(child)
        elif len(element):
            element[-1].tail = (element[-1].tail or "") + child
        else:
            element.text = (element.text or "") + child
    return element


def _as_html(element: Element) -> str:
    return ElementTree.tostring(element, encoding="unicode", method="html")


def _header(session: Session, numbers: Figures) -> Element:
    when = "" if session.started_at is None else f"{_local(session.started_at)}, "
    source = session.description.get("source")
    what = "" if source is None else f", {_CREDENTIALS.sub('', visible(str(source)))}"
    return _element(
        "header",
        _element("h1", visible(session.path.stem)),
        _element("span", f"{when}{clock(numbers.duration_s)} long{what}", class_="faint"),
    )


def _tiles(numbers: Figures) -> Element:
    median, high = numbers.latency_ms
    tiles = (
        (clock(numbers.duration_s), "duration"),
        (percent(numbers.share(numbers.face_s)), "of it with a face"),
        (percent(numbers.share_of_read(numbers.unsure_s)), "of that unsure"),
        (f"{numbers.flips_per_minute:.1f}", "label changes / min"),
        (f"{numbers.frames_per_s:.1f}", "frames a second"),
        (f"{median:.0f} / {high:.0f} ms", "latency, p50 / p95"),
    )
    return _element(
        "div",
        *(_element("div", _element("b", big), _element("span", small)) for big, small in tiles),
        class_="tiles",
    )


def _markers(session: Session) -> list[Element]:
    if not session.markers:
        return []
    moments_s = session.marker_times_s
    order = sorted(range(len(moments_s)), key=lambda index: float(moments_s[index]))
    rows = [
        _element(
            "tr",
            _element("td", str(number), class_="number"),
            _element("td", clock(float(moments_s[index]), tenths=True), class_="number"),
            _element("td", f"{session.markers[index].captured_at:%H:%M:%S}", class_="number"),
            _element("td", visible(session.markers[index].text)),
        )
        for number, index in enumerate(order, 1)
    ]
    names = [("", "number"), ("at", "number"), ("clock", "number"), ("marker", "")]
    head = _element("tr", *(_element("th", name, class_=kind) for name, kind in names))
    return [
        _element(
            "section",
            _element("h2", "Markers"),
            _element("table", _element("thead", head), _element("tbody", *rows)),
            class_="long",
        )
    ]


def _shares(numbers: Figures) -> Element:
    rows = [
        _share_row(
            name, float(numbers.label_s[label]), numbers.share_of_read(numbers.label_s[label])
        )
        for label, name in enumerate(EXPRESSIONS)
    ]
    lost = (
        ("unsure", numbers.unsure_s, numbers.share_of_read(numbers.unsure_s)),
        ("neutral held", numbers.held_s, numbers.share(numbers.held_s)),
        ("no face seen", numbers.no_face_s, numbers.share(numbers.no_face_s)),
        ("not recorded", numbers.unrecorded_s, numbers.share(numbers.unrecorded_s)),
    )
    rows += [_share_row(*row) for row in lost]
    return _element(
        "section",
        _element("h2", "Shares of time"),
        _element("table", _element("tbody", *rows)),
        _element(
            "p",
            "Expressions and unsure: of the time with a face, while neutral was not held; while "
            "unsure the last label holds. The last three: of the whole duration.",
            class_="faint",
        ),
    )


def _share_row(name: str, seconds: float, share: float) -> Element:
    color = COLORS.get(name, "#8a9099")
    bar = _element("i", style=f"width:{share:.2%};background:{color}")
    return _element(
        "tr",
        _element("td", name),
        _element("td", *([bar] if seconds > 0 else []), class_="bar"),
        _element("td", percent(share), class_="number"),
        _element("td", clock(seconds), class_="number"),
    )


def _transitions(numbers: Figures) -> Element:
    counts = numbers.transitions
    used = [n for n in range(len(EXPRESSIONS)) if counts[n].any() or counts[:, n].any()]
    total = int(counts.sum())
    says = f"{total} change{'' if total == 1 else 's'}, {numbers.flips_per_minute:.1f} a minute"
    parts = [_element("h2", "Changes of the label")]
    if used:
        head = _element(
            "tr", _element("th", "from ↓  to →"), *(_element("th", EXPRESSIONS[n]) for n in used)
        )
        rows = [
            _element(
                "tr",
                _element("th", EXPRESSIONS[a]),
                *(
                    _element(
                        "td",
                        "·" if not counts[a, b] else str(counts[a, b]),
                        class_="" if counts[a, b] else "none",
                    )
                    for b in used
                ),
            )
            for a in used
        ]
        body = _element("tbody", *rows)
        parts.append(_element("table", _element("thead", head), body, class_="matrix"))
    parts.append(_element("p", f"{says} of a seen face.", class_="faint"))
    return _element("section", *parts)


def _machine(session: Session, lines: Curves) -> Element:
    return _element("section", _element("h2", "The computer"), _svg(machine(session, lines)))


def _settings(session: Session) -> Element:
    about = session.description
    contract = about.get("contract")
    network = contract if isinstance(contract, Mapping) else {}
    rows = [
        ("vrfer", about.get("vrfer")),
        ("source", about.get("source")),
        ("network", about.get("model")),
        ("its SHA-256", about.get("model_sha256")),
        ("its name", network.get("name")),
        ("its architecture", network.get("architecture")),
        *_flat({name: part for name, part in about.items() if name not in _LEFT_OUT}),
        ("rows", f"{len(session.rows)}"),
        ("video", _video(session)),
        ("ended", _local(session.ended.ended_at) if session.ended else "not properly, or unknown"),
    ]  # fmt: skip
    cells = [
        _element("tr", _element("td", name), _element("td", _CREDENTIALS.sub("", visible(text))))
        for name, value in rows
        if value not in (None, "") and (text := str(value)[:_LONGEST_VALUE])
    ]
    table = _element("table", _element("tbody", *cells), class_="settings")
    return _element("section", _element("h2", "Settings and network"), table)


def _video(session: Session) -> str:
    if session.film is None:
        return ""
    count = len(session.film_frames)
    return f"{session.film.name}, {count} pictures, {len(session.rows) - count} left out"


def _flat(part: Mapping[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    """Return nested settings as names with dots, and values."""
    rows: list[tuple[str, object]] = []
    for name, value in part.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{visible(str(name))}.")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            rows.append((f"{prefix}{visible(str(name))}", "none" if shown is None else shown))
    return rows


def _local(moment: datetime) -> str:
    zone = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M:%S} {zone[:3]}:{zone[3:5]}"


def _svg(drawing: Drawing) -> Element:
    stripes = _element("path", d="M-1 1l2 -2M0 6l6 -6M5 7l2 -2", stroke="#8a9099")
    pattern = _element(
        "pattern", stripes, id="stripes", width="6", height="6", patternUnits="userSpaceOnUse"
    )
    svg = _element(
        "svg",
        _element("defs", pattern),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:.0f} {drawing.height:.0f}",
        role="img",
        aria_label=drawing.says,
    )
    svg.extend(_svg_shape(shape) for shape in drawing.shapes)
    return svg


def _svg_shape(shape: Shape) -> Element:
    match shape:
        case Box():
            fill = "url(#stripes)" if shape.hatched else shape.color
            x, y, width, height = shape.x, shape.y, shape.width, shape.height
            return _element(
                "rect",
                x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{height:.1f}", fill=fill,
            )  # fmt: skip
        case Area():
            return _element(
                "polygon",
                points=_svg_points(shape.points),
                fill=shape.color,
                fill_opacity=f"{shape.opacity:g}",
            )
        case Line():
            dashes = {"stroke_dasharray": "3 3"} if shape.dashed else {}
            return _element(
                "polyline",
                points=_svg_points(shape.points),
                fill="none",
                stroke=shape.color,
                stroke_width=f"{shape.width:g}",
                **dashes,
            )
        case Text():
            return _element(
                "text",
                shape.text,
                x=f"{shape.x:.1f}",
                y=f"{shape.y:.1f}",
                font_size=f"{shape.size:g}",
                fill=shape.color,
                text_anchor=shape.anchor,
                font_weight="600" if shape.bold else "400",
            )


def _svg_points(points: Any) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
