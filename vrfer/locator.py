"""The lower-face locator: names points in a square of a picture, and judges what it sees there.

It knows one network file and squares, not time: where to look and whom to follow is the work of
`vrfer.finder`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import ValidationError

from vrfer.errors import ModelContractError
from vrfer.frames import Box, LowerFace
from vrfer.metadata import METADATA_KEY, Strict, Training
from vrfer.square import FACE_WIDTHS, Square, cut_square

LOCATOR_FILE = "lower-face-locator.onnx"
"""Name of the locator in the folder of models."""

POINT_NAMES = (
    "mouth corner left", "mouth corner right", "upper lip", "lower lip", "chin",
    "jaw left", "jaw right", "cheek left", "cheek right", "nose tip", "below the nose",
)  # fmt: skip
"""What the locator names; left and right are those of the picture, for a face seen in front."""

_MOUTH_CORNERS, _CHIN, _JAW, _NOSE = slice(0, 2), 4, slice(5, 7), slice(9, 11)
MIRRORED = (1, 0, 2, 3, 4, 6, 5, 8, 7, 9, 10)
"""Where each point stands in a mirrored picture."""
_SIDE, _BELOW_CHIN = 0.05, 0.09
"""Margins of the box in face widths. People who draw one round a lower face begin at the middle of
the nose and leave about as much room (medians over 42 labelled photographs)."""
_CHIN_HALF = 0.12
"""Half of the chin's own width, in face widths."""
OUTPUTS = ("points", "spread", "width", "angles", "visible", "headset")
"""What the network answers; lengths are in sides of the square."""
_LARGEST_BATCH = 16
_FATAL_ONLY = 4
_REMEDY = "Reinstall vrfer, or put the file of its release back into that folder"


class LocatorMeasures(Strict):
    """What a locator is worth; lengths are face widths, shares 0-1."""

    bare_error: float
    """Mean error of mouth centre and chin, without headset."""
    headset_error: float
    """The same with a rendered headset."""
    crop_shift: float
    """Median distance of the mouth, the same face bare and with a headset."""
    crop_scale: float
    """Median |ln ratio| of the widths, the same face bare and with a headset."""
    recall: float
    """Share of the faces with a headset that are believed."""
    false_share: float
    """Share of random squares beside a face that are believed after refinement away from it."""
    headset_told: float
    """Share of faces of which it is told rightly whether a headset is worn."""


class LocatorFigures(LocatorMeasures):
    """What was measured on this very file by `vrfer-train evaluate`."""

    split: str
    faces: int


class LocatorContract(Strict):
    """What travels in the file's metadata under the key `vrfer`."""

    schema_version: Literal[1] = 1
    kind: Literal["lower-face-locator"] = "lower-face-locator"
    name: str
    points: tuple[str, ...] = POINT_NAMES
    square_px: Literal[96] = 96
    face_widths: float = FACE_WIDTHS
    training: Training
    figures: tuple[LocatorFigures, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """The locator's answer about one square."""

    asked: Square
    """The square it is about."""
    points: NDArray[np.float64]
    """11 x 2 pixels of the picture, in the order of `POINT_NAMES`."""
    spread_px: NDArray[np.float64]
    """11: standard deviation of each point's coordinates, as the network says."""
    width_px: float
    """Face width, cheek to cheek as seen from the front."""
    yaw_rad: float
    """Positive when the nose points to the right of the picture."""
    pitch_rad: float
    """Positive when the nose points up."""
    tilt_rad: float
    """Lean of the head in the picture; positive is clockwise."""
    visible: float
    """Chance that a lower face is visible here, 0-1."""
    headset: float
    """Chance that its wearer has a headset on, 0-1."""

    @property
    def square(self) -> Square:
        """Return the square around what was found: where to ask again."""
        x, y = self.points.mean(axis=0)
        return Square(float(x), float(y), FACE_WIDTHS * self.width_px, self.tilt_rad)

    def face(self) -> LowerFace:
        """Return what the later stations need."""
        mouth, chin = self.points[_MOUTH_CORNERS].mean(axis=0), self.points[_CHIN]
        return LowerFace(
            mouth=(float(mouth[0]), float(mouth[1])),
            chin=(float(chin[0]), float(chin[1])),
            width_px=self.width_px,
            score=self.visible,
            tilt_rad=self.tilt_rad,
            yaw_rad=self.yaw_rad,
            headset=self.headset,
            box=_box(self.points, self.width_px, self.tilt_rad),
        )


class Locator:
    """The loaded network, on one core of the CPU."""

    def __init__(self, path: Path) -> None:
        """Load the network and try it out.

        Raises:
            ModelContractError: The file is missing, broken or not a locator.
        """
        self._session, self.contract = open_locator(path)
        try:
            self.judge(np.zeros((8, 8, 3), np.uint8), [Square(4, 4, 8)])
        except Exception as err:
            raise ModelContractError(
                f"{path} fails on a trial picture", f"{_REMEDY} ({path.parent})."
            ) from err

    def judge(
        self, image: NDArray[np.uint8], squares: Sequence[Square], *, mirrored_too: bool = False
    ) -> list[Located]:
        """Return what the network says about some squares.

        Args:
            image: H x W x 3, BGR.
            squares: Where to look. A face is judged rightly when the square is its own, 1.6 face
                widths around it; from up to half a face width off the points lead there.
            mirrored_too: Look at the mirrored square as well, and answer with the mean of both:
                twice the time for a better verdict.
        """
        located: list[Located] = []
        for start in range(0, len(squares), _LARGEST_BATCH):
            some = squares[start : start + _LARGEST_BATCH]
            patches = np.stack([cut_square(image, square) for square in some])
            answers = self._ask(patches)
            if mirrored_too:
                turned_back = _mirrored(self._ask(np.ascontiguousarray(patches[:, :, ::-1])))
                answers = _mean(answers, turned_back)
            located += [
                _located(square, *(answer[i] for answer in answers))
                for i, square in enumerate(some)
            ]
        return located

    def _ask(self, patches: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        answers: list[NDArray[np.float32]] = self._session.run(list(OUTPUTS), {"squares": patches})
        return answers


def open_locator(path: Path) -> tuple[onnxruntime.InferenceSession, LocatorContract]:
    """Load a locator for one core of the CPU.

    Raises:
        ModelContractError: The file is missing, broken or another kind of network.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    remedy = f"{_REMEDY} ({path.parent})."
    try:
        # Bytes, not a path: the error for a missing file is then the system's own.
        session = onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except OSError as err:
        raise ModelContractError(f"cannot read {path}: {err.strerror}", remedy) from err
    except Exception as err:  # ONNX Runtime's own exceptions share no base class
        raise ModelContractError(f"{path} is no network that can be loaded", remedy) from err
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    try:
        contract = LocatorContract.model_validate_json(text or "null")
    except ValidationError as err:
        raise ModelContractError(
            f"{path} is not a lower-face locator of this vrfer", remedy
        ) from err
    inputs: list[Any] = session.get_inputs()
    outputs: list[Any] = session.get_outputs()
    names = {entry.name for entry in outputs}
    if [entry.name for entry in inputs] != ["squares"] or not set(OUTPUTS) <= names:
        raise ModelContractError(
            f"{path} does not keep its contract: inputs or outputs differ", remedy
        )
    return session, contract


def _mirrored(answers: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return the answers about mirrored squares as answers about the squares themselves."""
    points, spread, width, angles, visible, headset = answers
    points = points[:, list(MIRRORED)] * np.array([-1, 1], np.float32)
    return [
        points, spread[:, list(MIRRORED)], width, angles * np.array([-1, 1, -1], np.float32),
        visible, headset,
    ]  # fmt: skip


def _mean(
    one: list[NDArray[np.float32]], other: list[NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    """Return the mean answers; chances are averaged as log-odds."""
    means = [((a + b) / 2).astype(np.float32) for a, b in zip(one[:4], other[:4], strict=True)]
    for a, b in zip(one[4:], other[4:], strict=True):
        odds = np.sqrt(_odds(a) * _odds(b))
        means.append((odds / (1 + odds)).astype(np.float32))
    return means


def _odds(chance: NDArray[np.float32]) -> NDArray[np.float32]:
    inside = np.clip(chance, 1e-5, 1 - 1e-5)
    return np.asarray(inside / (1 - inside))


def _located(
    square: Square,
    points: NDArray[np.float32],
    spread: NDArray[np.float32],
    width: np.float32,
    angles: NDArray[np.float32],
    visible: np.float32,
    headset: np.float32,
) -> Located:
    yaw, pitch, tilt = (float(angle) for angle in angles)
    return Located(
        asked=square,
        points=square.to_picture(points.astype(np.float64)),
        spread_px=spread.astype(np.float64) * square.side,
        width_px=float(width) * square.side,
        yaw_rad=yaw,
        pitch_rad=pitch,
        tilt_rad=tilt + square.tilt_rad,
        visible=float(visible),
        headset=float(headset),
    )


def _box(points: NDArray[np.float64], width_px: float, tilt_rad: float) -> Box:
    """Return the box of the visible lower face: headset's edge to chin, cheek to cheek.

    Upright, also where the face is tilted. The points beyond the outline of a turned head are
    those nearest to the camera, so the box of a profile is as narrow as the profile.
    """
    cos, sin = math.cos(tilt_rad), math.sin(tilt_rad)
    upright = points @ np.array([[cos, -sin], [sin, cos]])
    x0, x1 = upright[:, 0].min() - _SIDE * width_px, upright[:, 0].max() + _SIDE * width_px
    y0, jaw = upright[_NOSE, 1].mean(), upright[_JAW, 1].mean()
    chin, y1 = upright[_CHIN, 0], upright[_CHIN, 1] + _BELOW_CHIN * width_px
    half = _CHIN_HALF * width_px
    outline = np.array(
        [[x0, y0], [x1, y0], [x1, jaw], [chin + half, y1], [chin - half, y1], [x0, jaw]]
    )
    corners = outline @ np.array([[cos, sin], [-sin, cos]])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
