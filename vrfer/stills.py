"""Single pictures: where is the lower face, and what does it express?"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.classifier import Classifier
from vrfer.crop import face_crop, face_square, scaled_up
from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.finder import Finder, lower_face_box
from vrfer.frames import LowerFace, Scores

_GREEN, _RED, _WHITE = (80, 220, 80), (60, 60, 240), (255, 255, 255)


def locate(
    finder: Finder, image: NDArray[np.uint8], file: str
) -> tuple[dict[str, Any], LowerFace | None]:
    """Find the lower face in one picture.

    Args:
        finder: Its memory of earlier pictures is cleared first.
        image: H x W x 3, BGR.
        file: Name of the picture, for the answer.

    Returns:
        The answer as the command line prints it (`file`, `found`, `box`, `mouth`, `chin`,
        `score`, `ms`; pixels), and the face.
    """
    finder.reset()
    started = time.perf_counter()
    face = finder.find(image)
    duration_ms = (time.perf_counter() - started) * 1e3
    answer: dict[str, Any] = {"file": file, "found": face is not None}
    if face is None:
        answer |= {"box": None, "mouth": None, "chin": None, "score": None}
    else:
        answer |= {
            "box": _rounded(lower_face_box(face)),
            "mouth": _rounded(face.mouth),
            "chin": _rounded(face.chin),
            "score": round(face.score, 4),
        }
    return answer | {"ms": round(duration_ms, 2)}, face


def classify(
    classifier: Classifier, finder: Finder | None, image: NDArray[np.uint8], file: str
) -> dict[str, Any]:
    """Read the expression in one picture.

    Args:
        classifier: The network.
        finder: None takes the picture as a face that is already cut as the data sets cut it.
        image: H x W x 3, BGR.
        file: Name of the picture, for the answer.

    Returns:
        `file`, `found`, `label`, `confidence`, `probabilities`, `ms`; where no face is found,
        all but the first two and the last are None.
    """
    started = time.perf_counter()
    contract = classifier.contract
    scores: Scores | None = None
    if finder is None:
        patch = face_crop(image, contract.region, contract.crop.face_px, classifier.patch_size)
        scores = classifier.classify(patch)
    else:
        finder.reset()
        face = finder.find(image)
        if face is not None:
            cut = face_square(image, face, contract.crop, contract.region)
            patch = scaled_up(cut, classifier.patch_size)
            scores = classifier.classify(patch)
    duration_ms = (time.perf_counter() - started) * 1e3
    answer: dict[str, Any] = {"file": file, "found": scores is not None}
    if scores is None:
        answer |= {"label": None, "confidence": None, "probabilities": None}
    else:
        strongest = int(scores.probabilities.argmax())
        answer |= {
            "label": EXPRESSIONS[strongest],
            "confidence": round(float(scores.probabilities[strongest]), 5),
            "probabilities": {
                name: round(float(p), 5)
                for name, p in zip(EXPRESSIONS, scores.probabilities, strict=True)
            },
        }
    return answer | {"ms": round(duration_ms, 2)}


def draw(image: NDArray[np.uint8], face: LowerFace | None) -> NDArray[np.uint8]:
    """Return the picture with box, mouth and chin drawn in, or a note that none was found."""
    drawn = image.copy()
    thickness = max(1, round(max(image.shape[:2]) / 400))
    if face is None:
        cv2.putText(
            drawn, "no face", (8, 16 * thickness + 8), cv2.FONT_HERSHEY_SIMPLEX,
            0.6 * thickness, _RED, thickness,
        )  # fmt: skip
        return drawn
    x0, y0, x1, y1 = (round(v) for v in lower_face_box(face))
    cv2.rectangle(drawn, (x0, y0), (x1, y1), _GREEN, thickness)
    mouth, chin = (tuple(round(v) for v in point) for point in (face.mouth, face.chin))
    cv2.line(drawn, mouth, chin, _WHITE, thickness)
    for point, color in ((mouth, _GREEN), (chin, _RED)):
        cv2.circle(drawn, point, 3 * thickness, color, cv2.FILLED)
    return drawn


def save_drawing(image: NDArray[np.uint8], folder: Path, name: str) -> Path:
    """Write a drawing as `<name>.png` into a folder, which is made if need be.

    Raises:
        OutputError: The folder cannot be written.
    """
    path = folder / f"{name}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    except OSError as err:
        raise OutputError(
            f"the drawing {path} cannot be written: {err.strerror or err}",
            "Name a folder that can be written with --draw.",
        ) from err
    return path


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(float(value), 2) for value in values]
