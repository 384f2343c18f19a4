"""`vrfer-train explain`: Grad-CAM masks over pictures, as in the paper's Figure 1."""

import json
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import typer

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.shipped import default_model
from vrfer.training.by_name import network_path, short_name
from vrfer.training.explain import (
    Explanation,
    Face,
    draw_sheet,
    explain_by_gradients,
    explain_by_graph,
    read_boxes,
)

Expression = Literal[
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"
]


def explain_command(
    pictures: Annotated[
        list[Path],
        typer.Argument(help="Faces as data sets cut them; with --boxes, any photographs."),
    ],
    model: Annotated[
        list[Path] | None,
        typer.Option(
            parser=network_path,
            metavar="FILE|NAME",
            help="A network (.onnx, or a shipped one's name) or checkpoint (.pt); may be given "
            "several times.",
            show_default="the default network",
        ),
    ] = None,
    expression: Annotated[
        Expression | None,
        typer.Option("--class", help="Whose evidence to draw.", show_default="each own answer"),
    ] = None,
    boxes: Annotated[
        Path | None,
        typer.Option(help="Where the faces lie: the output of vrfer-app locate PICTURE... --json."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The picture to write (.png).")] = Path("explained.png"),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON line a picture and network, maps included.")
    ] = False,
) -> None:
    """Draw where networks see the evidence for an expression (Grad-CAM)."""
    if out.suffix != ".png":
        raise DataError(f"{out} is no name for a picture", "Let it end in .png.")
    models = model or [default_model()]
    places = None if boxes is None else read_boxes(boxes)
    faces = []
    for path in pictures:
        lower_face = None
        if places is not None:
            if path.name not in places:
                raise DataError(
                    f"{boxes} says nothing of {path}", "Locate it, too: vrfer-app locate."
                )
            lower_face = places[path.name]
            if lower_face is None:
                typer.echo(f"{path}: no face was found in it; left out.", err=True)
                continue
        faces.append(Face(path.name, _read(path), lower_face))
    if not faces:
        raise DataError("there is no face to explain", "Name pictures of faces.")
    found = [[_explain(one, face) for one in models] for face in faces]
    number = None if expression is None else EXPRESSIONS.index(expression)
    figure = draw_sheet(faces, [short_name(one) for one in models], found, number)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(out, dpi=110)
    except OSError as err:
        raise DataError(
            f"{out} cannot be written: {err.strerror or err}", "Name another with --out."
        ) from err
    if not as_json:
        typer.echo(f"Wrote {out}.")
        return
    for face, explanations in zip(faces, found, strict=True):
        for one, explanation in zip(models, explanations, strict=True):
            typer.echo(_line(face, one, explanation))


def _explain(model: Path, face: Face) -> Explanation:
    explain = explain_by_gradients if model.suffix == ".pt" else explain_by_graph
    return explain(model, face)


def _line(face: Face, model: Path, explanation: Explanation) -> str:
    answer = {
        "file": face.name,
        "model": model.name,
        "probabilities": dict(
            zip(EXPRESSIONS, explanation.probabilities.round(5).tolist(), strict=True)
        ),
        "maps": dict(zip(EXPRESSIONS, explanation.maps.round(5).tolist(), strict=True)),
        "rows": [explanation.top, 1.0],
    }
    return json.dumps(answer)


def _read(path: Path) -> np.ndarray:
    """Return H x W x 3, BGR."""
    try:
        content = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as err:
        raise DataError(
            f"the picture {path} cannot be read: {err.strerror or err}", "Check its name."
        ) from err
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if picture is None:
        raise DataError(f"{path} is no picture", "Name a PNG or JPEG file.")
    return picture
