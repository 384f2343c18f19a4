"""What MediaPipe's two face detectors propose, and where the lower face then lies.

BlazeFace was made for bare faces: under a headset its boxes grow or shrink, and its eye and nose
points are guesses. `LowerFaceMap` turns the box and points of a detection into mouth, chin and
width by a linear map that was fitted per detector, half of it on faces with a drawn headset
(`scripts/fit_lower_face_map.py`). This module knows pictures and model files, not time: choosing
among proposals and following one of them is the work of `vrfer.finder`.
"""

import hashlib
import logging
import math
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vrfer.documents import first_problem
from vrfer.errors import ModelContractError
from vrfer.frames import LowerFace

logger = logging.getLogger(__name__)

MAP_FILE = "lower_face_map.json"
"""Name of the fitted map in the folder of models."""

FEATURES = (
    *("eye1_x", "eye1_y", "eye2_x", "eye2_y", "nose_x", "nose_y"),
    *("mouth_x", "mouth_y", "ear1_x", "ear1_y", "ear2_x", "ear2_y"),
    "aspect",
    "eyes_squared",
    "turn_squared",
    "turn_times_eyes",
    "one",
)
"""What `describe` measures, in order; the coordinates are in units of the box's width."""

TARGETS = ("mouth_x", "mouth_y", "chin_x", "chin_y", "log_width")
"""What the map answers, in the same frame; log_width is ln(face width / box width)."""

_REMEDY = "Reinstall vrfer, or put the file of its release back into that folder"

_LIBRARY_NOISE = re.compile(
    rb"(INFO|WARNING|VERBOSE): \[\w+\.cc:|INFO: Created TensorFlow Lite|[IW]\d{4} \d\d:"
    rb"|WARNING: Logging before InitGoogle"
)
"""Lines that MediaPipe and the libraries in it write for their own developers."""

_STDERR_LOCK = threading.Lock()
"""File descriptor 2 belongs to the whole process: one thread at a time may redirect it."""


class Model(StrEnum):
    """The two detectors; the value is the file's name without its ending."""

    SHORT = "face_detection_short_range"
    FULL = "face_detection_full_range_sparse"


@dataclass(frozen=True, slots=True)
class Region:
    """An upright rectangle in pixels of the picture; it may reach beyond the picture."""

    x: float
    """Left edge."""
    y: float
    """Upper edge."""
    width: float
    """Width."""
    height: float
    """Height."""

    @classmethod
    def whole(cls, image: NDArray[np.uint8], share: float = 1.0) -> "Region":
        """Return a region of which the picture, in its middle, fills `share` of both sides."""
        height, width = image.shape[:2]
        wide, high = width / share, height / share
        return cls((width - wide) / 2, (height - high) / 2, wide, high)

    @classmethod
    def around(cls, x: float, y: float, side: float) -> "Region":
        """Return the square with this centre and side."""
        return cls(x - side / 2, y - side / 2, side, side)


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face that one detector proposes."""

    model: Model
    """Which detector."""
    score: float
    """The detector's own score, 0-1."""
    box: NDArray[np.float64]
    """x0, y0, x1, y1 in pixels of the picture."""
    points: NDArray[np.float64]
    """6 x 2, pixels: both eyes (first the one on the left of an upright face), nose tip, mouth and
    both sides at the ears."""


def describe(detection: Detection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Express a detection in its own frame, so that one map holds at any place, size and tilt.

    The frame's origin is the middle of the box, its unit the width of the box; its y axis runs
    down the face. Which points give that axis made no difference to the errors (measured: eyes,
    ears, eyes to mouth, all within 0.002 face widths); their sum never degenerates.

    Returns:
        The vector of `FEATURES`, and the frame: 2 x 3, from (x, y, 1) in it to pixels.
    """
    x0, y0, x1, y1 = detection.box
    points = detection.points
    unit = max(float(x1 - x0), 1e-3)
    eyes, ears = points[1] - points[0], points[5] - points[4]
    down = (
        _unit(_turned(eyes))
        + _unit(_turned(ears))
        + 2 * (_unit(points[3] - (points[0] + points[1]) / 2))
    )
    down = _unit(down)
    frame = unit * np.array([[down[1], down[0]], [-down[0], down[1]]])
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    own = (points - centre) @ np.linalg.inv(frame).T
    span = own[1, 0] - own[0, 0]
    turn = own[2, 0] - (own[0, 0] + own[1, 0]) / 2
    shape = [(y1 - y0) / unit, span**2, turn**2, turn * span, 1.0]
    return np.concatenate([own.ravel(), shape]), np.column_stack([frame, centre])


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector at length 1; a zero vector stays zero."""
    return np.asarray(vector / (math.hypot(*vector) + 1e-9))


def _turned(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the vector turned by a right angle, from rightwards to downwards."""
    return np.array([-vector[1], vector[0]])


class _FittedDetector(BaseModel):
    """What the map's file says about one detector."""

    model_config = ConfigDict(frozen=True, extra="allow")

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    coefficients: list[list[float]]


class _MapFile(BaseModel):
    """The parts of `lower_face_map.json` that the program reads."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: Literal[1]
    features: list[str]
    targets: list[str]
    detectors: dict[Model, _FittedDetector]


class LowerFaceMap:
    """The fitted map from detections to lower faces."""

    def __init__(self, path: Path) -> None:
        """Read and check the map's file.

        Raises:
            ModelContractError: The file is missing, damaged, or made for other features.
        """
        try:
            content = _MapFile.model_validate_json(_read(path))
        except ValidationError as error:
            raise ModelContractError(
                f"{path} is damaged ({first_problem(error)})", _remedy(path)
            ) from error
        if tuple(content.features) != FEATURES or tuple(content.targets) != TARGETS:
            raise ModelContractError(f"{path} was fitted for other features", _remedy(path))
        self._coefficients: dict[Model, NDArray[np.float64]] = {}
        self._sha256: dict[Model, str] = {}
        for model in Model:
            fitted = content.detectors.get(model)
            rows = [] if fitted is None else fitted.coefficients
            if fitted is None or [len(row) for row in rows] != [len(TARGETS)] * len(FEATURES):
                raise ModelContractError(f"{path} lacks coefficients for {model}", _remedy(path))
            self._coefficients[model] = np.array(rows)
            self._sha256[model] = fitted.sha256

    def sha256(self, model: Model) -> str:
        """Return the digest of the detector file for which the map was fitted."""
        return self._sha256[model]

    def __call__(self, detection: Detection) -> LowerFace:
        """Return the lower face that the detection means, with the detector's own score."""
        vector, frame = describe(detection)
        answer = vector @ self._coefficients[detection.model]
        mouth = frame @ [answer[0], answer[1], 1.0]
        chin = frame @ [answer[2], answer[3], 1.0]
        # Far from what was fitted the exponent could run away; a face is 0.4 to 4 box widths wide.
        width = (detection.box[2] - detection.box[0]) * math.exp(min(max(answer[4], -0.9), 1.4))
        return LowerFace(
            mouth=(float(mouth[0]), float(mouth[1])),
            chin=(float(chin[0]), float(chin[1])),
            width_px=float(width),
            score=detection.score,
        )


class BlazeFace:
    """One of MediaPipe's face detectors."""

    def __init__(self, folder: Path, model: Model, *, threshold: float, sha256: str) -> None:
        """Load the detector.

        Args:
            folder: Holds the detector's file.
            model: Which detector.
            threshold: Lowest score that is returned, 0-1.
            sha256: Digest that the file must have.

        Raises:
            ModelContractError: The file is missing or is not the expected one.
        """
        path = folder / f"{model}.tflite"
        content = _read(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ModelContractError(f"{path} is not the file that vrfer expects", _remedy(path))
        self.model = model
        with _quiet_library():
            self._task: Any = _create_task(content, threshold)
            # The first detection writes its own lines, and is slower than all later ones.
            self.detect(np.zeros((64, 64, 3), np.uint8), Region(0, 0, 64, 64), side_px=64)

    def detect(self, image: NDArray[np.uint8], region: Region, side_px: int) -> list[Detection]:
        """Return the faces in a region of a picture.

        Args:
            image: H x W x 3, BGR.
            region: Where to look; what lies outside the picture is black.
            side_px: Longer side, in pixels, of what the detector is given. It shrinks that further
                by itself; its boxes are rounded to these pixels.
        """
        import mediapipe

        patch, scale, offset = _cut(image, region, side_px)
        rgb = cv2.cvtColor(patch, cv2.COLOR_BGR2RGB)
        found = self._task.detect(mediapipe.Image(mediapipe.ImageFormat.SRGB, rgb)).detections
        size = np.array([rgb.shape[1], rgb.shape[0]])
        detections = []
        for one in found:
            corner = np.array([one.bounding_box.origin_x, one.bounding_box.origin_y])
            extent = np.array([one.bounding_box.width, one.bounding_box.height])
            points = np.array([(point.x, point.y) for point in one.keypoints]) * size
            if points.shape != (6, 2) or extent.min() < 1:
                continue
            box = np.concatenate([corner, corner + extent]).reshape(2, 2) / scale + offset
            detections.append(
                Detection(self.model, one.categories[0].score, box.ravel(), points / scale + offset)
            )
        return detections

    def close(self) -> None:
        """Release the detector; later calls do nothing."""
        if self._task is not None:
            with _quiet_library():
                self._task.close()
            self._task = None


def _create_task(content: bytes, threshold: float) -> Any:
    """Create MediaPipe's task. MediaPipe takes a second to import, and training lacks it."""
    from mediapipe.tasks.python.core.base_options import BaseOptions
    from mediapipe.tasks.python.vision import FaceDetector, FaceDetectorOptions, RunningMode

    # Bytes, not a path: on Windows MediaPipe cannot open paths beyond ASCII.
    options = FaceDetectorOptions(
        base_options=BaseOptions(model_asset_buffer=content),
        running_mode=RunningMode.IMAGE,
        min_detection_confidence=threshold,
    )
    return FaceDetector.create_from_options(options)


def _cut(
    image: NDArray[np.uint8], region: Region, side_px: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """Cut a region and bring its longer side to about `side_px`.

    Returns:
        The patch; its pixels per pixel of the picture (x, y); and the picture's position of the
        patch's upper left corner, so that patch / scale + offset are pixel centres of the picture.
    """
    height, width = image.shape[:2]
    left, top = math.floor(region.x), math.floor(region.y)
    right, bottom = left + max(round(region.width), 1), top + max(round(region.height), 1)
    ratio = side_px / max(right - left, bottom - top)
    x0, x1 = sorted((min(max(left, 0), width - 1), min(max(right, 1), width)))
    y0, y1 = sorted((min(max(top, 0), height - 1), min(max(bottom, 1), height)))
    inner = max(round((x1 - x0) * ratio), 1), max(round((y1 - y0) * ratio), 1)
    method = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
    part = cv2.resize(image[y0:y1, x0:x1], inner, interpolation=method)
    before_x, before_y = round((x0 - left) * ratio), round((y0 - top) * ratio)
    full_x, full_y = round((right - left) * ratio), round((bottom - top) * ratio)
    size = max(full_y, before_y + inner[1]), max(full_x, before_x + inner[0])
    patch = np.zeros((*size, 3), np.uint8)
    patch[before_y : before_y + inner[1], before_x : before_x + inner[0]] = part
    scale = np.array([inner[0] / (x1 - x0), inner[1] / (y1 - y0)])
    # MediaPipe measures from the corner of the first pixel, vrfer from its centre.
    offset = np.array([x0, y0]) - np.array([before_x, before_y]) / scale - 0.5
    return patch, scale, offset


def _read(path: Path) -> bytes:
    """Return a model file's content, or raise `ModelContractError`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelContractError(f"cannot read {path}: {error.strerror}", _remedy(path)) from error


def _remedy(path: Path) -> str:
    """Return what the user can do about a broken file."""
    return f"{_REMEDY} ({path.parent})."


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Send what MediaPipe's library writes to standard error to the debug log instead.

    The library (1.2.2) has no switch for these lines: they go to file descriptor 2 whatever
    GLOG_minloglevel or TF_CPP_MIN_LOG_LEVEL say. So the descriptor points to a temporary file while
    a detector is created or closed; lines that are not the library's are written out afterwards.
    """
    with _STDERR_LOCK, ExitStack() as stack:
        try:
            caught = stack.enter_context(tempfile.TemporaryFile())
            kept = os.dup(2)
        except OSError:  # the drive is full, or a windowed program has no standard error
            yield
            return
        try:
            _flush_stderr()
            os.dup2(caught.fileno(), 2)
            yield
        finally:
            _flush_stderr()
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if _LIBRARY_NOISE.match(line):
                    logger.debug("MediaPipe: %s", line.decode(errors="replace").rstrip())
                else:
                    os.write(2, line)


def _flush_stderr() -> None:
    """Write out what Python holds back for standard error."""
    if sys.stderr is not None:
        sys.stderr.flush()
