"""What the stations hand to one another: Frame -> LowerFace -> patch -> Scores -> Reading.

This module knows no station. All positions are pixels of the frame's picture, x to the right,
y down, with the centre of the first pixel at (0, 0).
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vrfer.expressions import EXPRESSIONS, NO_FACE_ID, NO_FACE_LABEL

Point: TypeAlias = tuple[float, float]
"""A position (x, y) in pixels of the picture."""

Box: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a source, with the times that travel with it."""

    image: NDArray[np.uint8]
    """Height x width x 3, BGR, 0-255."""
    index: int
    """Position in the source, counted from 0; gaps show where a live frame was skipped."""
    captured_ns: int
    """`time.perf_counter_ns()` when the picture was captured, or read from its file."""
    captured_unix_ns: int
    """The same moment as nanoseconds since the Unix epoch (UTC)."""
    source_s: float | None = None
    """Position in a file in seconds; None for live sources."""

    def __post_init__(self) -> None:
        """Check the picture once, where it enters vrfer."""
        if self.image.ndim != 3 or self.image.shape[2] != 3 or self.image.dtype != np.uint8:
            raise ValueError(
                f"expected a uint8 picture of shape (H, W, 3), got {self.image.dtype} "
                f"{self.image.shape}"
            )

    @property
    def timeline_s(self) -> float:
        """Seconds on the clock that filters run on: the file's own, or the capture clock."""
        return self.captured_ns / 1e9 if self.source_s is None else self.source_s


@dataclass(frozen=True, slots=True)
class LowerFace:
    """Where the part of a face lies that a headset leaves visible."""

    mouth: Point
    """Centre of the mouth: the middle between its corners."""
    chin: Point
    """Lowest point of the chin."""
    width_px: float
    """Width of the face from cheek side to cheek side, as seen from the front."""
    score: float
    """How sure the finder is that this is a lower face, 0-1."""
    tilt_rad: float | None = None
    """Lean of the head in the picture, positive is clockwise; None where it is not known."""
    yaw_rad: float = 0.0
    """Turn of the head; positive when the nose points to the right of the picture."""
    headset: float = 0.0
    """How sure the finder is that a headset is worn, 0-1."""
    box: Box | None = None
    """The visible lower face; None where only mouth, chin and width are known."""
    person: int = 0
    """Another number than a moment ago: this may be another person."""

    def __post_init__(self) -> None:
        """Refuse geometry from which no crop can be cut."""
        if not all(map(math.isfinite, (*self.mouth, *self.chin, self.width_px, self.score))):
            raise ValueError(f"a lower face must have finite geometry, got {self}")
        if self.width_px <= 0:
            raise ValueError(f"a lower face must have a positive width, got {self.width_px}")

    @property
    def roll_rad(self) -> float:
        """Lean of the head; where that is not known, of the line from mouth to chin."""
        if self.tilt_rad is not None:
            return self.tilt_rad
        dx, dy = self.chin[0] - self.mouth[0], self.chin[1] - self.mouth[1]
        return math.atan2(-dx, dy)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What the network said about one patch."""

    probabilities: NDArray[np.float32]
    """Eight probabilities in the order of `EXPRESSIONS`; they sum to 1."""
    duration_ms: float
    """Time of the inference in milliseconds."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The state of the wearer's face after one processed frame: what every output gets."""

    frame: int
    """`Frame.index` of the frame."""
    captured_ns: int
    """`Frame.captured_ns` of the frame."""
    captured_unix_ns: int
    """`Frame.captured_unix_ns` of the frame."""
    source_s: float | None
    """`Frame.source_s` of the frame."""
    face: LowerFace | None
    """The lower face in this frame, or None."""
    raw: NDArray[np.float32] | None
    """The network's own eight probabilities for this frame; None without a face."""
    steady: NDArray[np.float32]
    """Eight steady probabilities that sum to 1; all 0 without a face."""
    label_id: int
    """Index of the steady label in `EXPRESSIONS`, or `NO_FACE_ID`."""
    unsure: bool
    """Whether the network cannot tell; the label then holds its last value."""

    @property
    def timeline_s(self) -> float:
        """`Frame.timeline_s` of the frame."""
        return self.captured_ns / 1e9 if self.source_s is None else self.source_s

    @property
    def label(self) -> str:
        """Name of the steady label; `NO_FACE_LABEL` without a face."""
        return NO_FACE_LABEL if self.label_id == NO_FACE_ID else EXPRESSIONS[self.label_id]

    @property
    def confidence(self) -> float:
        """Steady probability of the label; 0 without a face."""
        return 0.0 if self.label_id == NO_FACE_ID else float(self.steady[self.label_id])
