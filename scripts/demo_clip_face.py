"""The synthetic face of the demo clip: NASA's portrait, warped into other expressions.

The portrait is a wide smile. Thin-plate splines move lips, jaw, cheeks and brows to where another
expression has them; one spline for everything above the parting of the lips and one for everything
below, so that the lips can close over the teeth and part from them. The teeth belong to the skull
and stay where the portrait shows them; what the lips uncover besides is painted dark.

All coordinates are pixels of scikit-image's 512x512 portrait, measured by eye on an enlarged crop.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Field = npt.NDArray[np.float32]

ENLARGE: Final = 2
"""The portrait is enlarged before it is sampled, as bilinear sampling alone would look blocky."""

CORNERS: Final = np.array([(202.5, 139.8), (245.8, 140.0)])
UPPER_OUTER: Final = np.array(
    [(206, 139.2), (210, 139.2), (215, 139.2), (220, 139.3), (224, 139.8), (229, 139.3),
     (234, 139.4), (239, 139.6), (242, 139.7)]
)  # fmt: skip
UPPER_INNER: Final = np.array(
    [(206, 140.4), (210, 141.7), (215, 143.0), (220, 143.7), (224, 143.9), (229, 143.7),
     (234, 142.9), (239, 141.6), (242, 140.9)]
)  # fmt: skip
LOWER_INNER: Final = np.array(
    [(206, 143.0), (210, 146.6), (215, 149.0), (220, 149.9), (224, 150.1), (229, 149.6),
     (234, 147.8), (239, 145.0), (242, 142.8)]
)  # fmt: skip
LOWER_OUTER: Final = np.array(
    [(206, 144.6), (210, 149.6), (215, 153.0), (220, 154.6), (224, 155.0), (229, 154.2),
     (234, 151.8), (239, 147.6), (242, 144.3)]
)  # fmt: skip
CHIN: Final = np.array([(223, 178.5), (211, 176), (236, 175.5), (223, 163), (209, 162), (238, 162)])
JAW: Final = np.array([(201, 169), (247, 168), (190, 157), (259, 155), (183, 137), (267, 137)])
JAW_SHARE: Final = np.array([0.8, 0.8, 0.4, 0.4, 0.1, 0.1])
"""How much of the chin's drop each point of `JAW` takes part in: the joint is at the ear."""
COLLAR: Final = np.array([(223, 192), (200, 189), (246, 191)])
COLLAR_SHARE: Final = 0.35
"""The skin between chin and collar folds: the collar gives way a little when the jaw drops."""
CHEEKS: Final = np.array([(194, 124), (255, 126), (198, 134), (249.5, 136)])
BROWS: Final = np.array([(189, 90), (200, 88), (212, 91), (262, 94), (251, 91), (240, 92)])
LIDS: Final = np.array([(195, 98.5), (202, 96.5), (209, 99), (240, 101), (247, 98.5), (255, 101)])
STILL: Final = np.array(
    [(202, 101.5), (247, 103.5), (202, 105.5), (247, 107.5), (223, 126), (215, 129), (232, 129),
     (223, 133), (223, 105), (223, 80), (195, 80), (253, 82), (182, 110), (270, 110), (175, 90),
     (278, 95), (150, 60), (300, 60), (225, 40), (170, 150), (280, 150), (170, 185), (276, 185),
     (180, 210), (223, 218), (268, 210), (145, 110), (305, 110)]
)  # fmt: skip
"""Points that no expression moves: eyes, nose, hairline, and a frame around the head."""

FOLDS: Final = (
    ((211, 121), (206, 126.5), (201, 131), (197.5, 135), (196.5, 138)),
    ((235, 121), (240, 127), (245, 132), (249, 136.5), (250.5, 141)),
)
"""The smile's folds from nose to mouth, which other expressions smooth out."""

MOUTH_CENTRE_X: Final = 224.2
SMOOTHED_FOLD: Final = 0.8
CLOSED_BELOW: Final = 2.0
"""An opening (in pixels) from which on no line is drawn where the lips meet."""
TEETH_SHADE: Final = 0.8
"""Teeth behind a mouth that is not smiling stand in its shadow."""
CAVITY_BGR: Final = np.array([22.0, 18.0, 42.0], np.float32)
TONGUE_BGR: Final = np.array([72.0, 66.0, 138.0], np.float32)
SEAM_BGR: Final = np.array([52.0, 52.0, 100.0], np.float32)

GRID_ORIGIN: Final = (140.0, 30.0)
GRID_SHAPE: Final = (96, 86)
GRID_STEP: Final = 2.0
"""The splines are evaluated on this grid only and interpolated between: they are smooth."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one expression shapes the face; lengths in portrait pixels, y grows downwards."""

    half_width: float
    line_y: float
    """Height of the parting of the lips at the middle."""
    corner_dy: float
    """The corners against `line_y`: above it when negative."""
    open_up: float = 0.0
    open_down: float = 0.0
    upper_lip: float = 4.6
    lower_lip: float = 6.0
    chin_dy: float = 0.0
    cheek_dy: float = 2.0
    brow_dy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Outer, middle and inner part of the brows."""
    brow_dx: float = 0.0
    """The brows' inner ends towards the nose."""
    lid_dy: float = 0.0


SHAPES: Final = {
    "neutral": Shape(17.5, 146.0, -0.3, chin_dy=-2.0),
    "surprise": Shape(
        13.0, 149.5, 1.5, open_up=5.5, open_down=12.5, upper_lip=4.2, lower_lip=5.2, chin_dy=9.0,
        cheek_dy=2.5, brow_dy=(-3.0, -4.5, -4.0), lid_dy=-1.6,
    ),
    "sadness": Shape(
        18.0, 144.8, 3.9, upper_lip=4.0, lower_lip=6.4, chin_dy=-3.0, cheek_dy=2.5,
        brow_dy=(1.5, -1.0, -3.5), brow_dx=1.5, lid_dy=1.0,
    ),
    "anger": Shape(
        18.5, 146.4, 1.7, upper_lip=2.0, lower_lip=3.0, chin_dy=-3.0, cheek_dy=1.0,
        brow_dy=(0.5, 2.8, 5.0), brow_dx=3.0, lid_dy=1.2,
    ),
}  # fmt: skip
"""Every expression of the clip but happiness, which is the portrait itself."""

_LIPS = (UPPER_OUTER, UPPER_INNER, LOWER_OUTER, LOWER_INNER)
SOURCE: Final = np.vstack([*_LIPS, CORNERS, CHIN, JAW, COLLAR, CHEEKS, BROWS, LIDS, STILL])
_N: Final = len(UPPER_INNER)
_UPPER_INNER, _LOWER_INNER = slice(_N, 2 * _N), slice(3 * _N, 4 * _N)
_CORNERS = slice(4 * _N, 4 * _N + 2)
_UPPER_SET: Final = np.r_[0 : 2 * _N, 4 * _N : len(SOURCE)]
_LOWER_SET: Final = np.r_[2 * _N : len(SOURCE)]


def control_points(expression: str) -> Points:
    """Where an expression has the points of `SOURCE`, in the same order."""
    if expression == "happiness":
        return SOURCE
    shape = SHAPES[expression]
    corner_y = shape.line_y + shape.corner_dy
    corners = np.array([(MOUTH_CENTRE_X + s * shape.half_width, corner_y) for s in (-1, 1)])
    chin = CHIN + np.array((0, shape.chin_dy))
    jaw = JAW + np.outer(JAW_SHARE, (0, shape.chin_dy))
    collar = COLLAR + np.array((0, COLLAR_SHARE * max(0.0, shape.chin_dy)))
    cheeks = CHEEKS + np.array([(0, 0.5), (0, 0.5), (0.8, 1), (-0.8, 1)]) * (1, shape.cheek_dy)
    inward = np.array([0.0, 0.4, 1.0, 0.0, -0.4, -1.0]) * shape.brow_dx
    brows = BROWS + np.column_stack([inward, np.tile(shape.brow_dy, 2)])
    lids = LIDS + np.array((0, shape.lid_dy))
    return np.vstack([*_lips(shape), corners, chin, jaw, collar, cheeks, brows, lids, STILL])


def _lips(shape: Shape) -> list[Points]:
    """The four lip contours of an expression, in the order of `_LIPS`."""
    along = (UPPER_INNER[:, 0] - CORNERS[0, 0]) / (CORNERS[1, 0] - CORNERS[0, 0])
    side = 2 * along - 1
    x = MOUTH_CENTRE_X + side * shape.half_width
    line = shape.line_y + shape.corner_dy * np.abs(side) ** 2
    arch = np.sqrt(np.maximum(0.0, 1 - side**2))
    fullness = np.maximum(0.0, 1 - np.abs(side) ** 2.4)
    cupid = fullness - 0.12 * np.exp(-((side / 0.18) ** 2))
    upper, lower = line - shape.open_up * arch, line + shape.open_down * arch
    contours = (upper - shape.upper_lip * cupid, upper, lower + shape.lower_lip * fullness, lower)
    return [np.column_stack([x, y]) for y in contours]


def _smoothstep(value: Field, soft: Field | float) -> Field:
    """0 below -soft, 1 above +soft, smooth between."""
    t = np.clip(value / (2 * soft) + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _contour(points: Points, corners: Points, x: Field) -> Field:
    """The height of a lip contour at each x; beyond the corners it stays at their height."""
    from scipy.interpolate import PchipInterpolator  # comes with scikit-image, see load_portrait

    knots = np.vstack([corners[:1], points, corners[1:]])
    curve = PchipInterpolator(knots[:, 0], knots[:, 1])
    return np.asarray(curve(np.clip(x, knots[0, 0], knots[-1, 0])), np.float32)


def _spline(target: Points, members: npt.NDArray[np.int_]) -> Field:
    """Where each point of the grid comes from, as a displacement of shape (rows, columns, 2)."""
    from scipy.interpolate import RBFInterpolator  # comes with scikit-image, see load_portrait

    rows, columns = GRID_SHAPE
    ys, xs = np.mgrid[0:rows, 0:columns] * GRID_STEP
    grid = np.column_stack([xs.ravel() + GRID_ORIGIN[0], ys.ravel() + GRID_ORIGIN[1]])
    moved = SOURCE[members] - target[members]
    field = RBFInterpolator(target[members], moved, kernel="thin_plate_spline")(grid)
    edge = np.minimum.reduce([xs, ys, xs.max() - xs, ys.max() - ys]) / 20.0
    return np.asarray(field.reshape(rows, columns, 2) * np.clip(edge, 0, 1)[..., None], np.float32)


def sampled(image: Field, x: Field, y: Field, enlarged: int = 1) -> Field:
    """Samples an image that is `enlarged` times the portrait at points of the portrait."""
    map_x, map_y = (((v + 0.5) * enlarged - 0.5).astype(np.float32) for v in (x, y))
    border = cv2.BORDER_REFLECT_101
    return np.asarray(
        cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=border), np.float32
    )


@dataclass(frozen=True, eq=False)
class Face:
    """A portrait that can be sampled with any mixture of two expressions.

    Attributes:
        portrait: BGR, uint8, the 512x512 portrait as scikit-image has it.
    """

    portrait: npt.NDArray[np.uint8]

    @cached_property
    def smiling(self) -> Field:
        """The enlarged portrait, BGR, float32 in 0..255."""
        return _enlarged(self.portrait)

    @cached_property
    def relaxed(self) -> Field:
        """The same without the smile's folds between nose and mouth."""
        folds = np.zeros(self.portrait.shape[:2], np.uint8)
        for fold in FOLDS:
            line = np.round(np.array(fold) * 8).astype(np.int32)
            cv2.polylines(folds, [line], False, 255, 5, cv2.LINE_AA, shift=3)
        filled = cv2.inpaint(self.portrait, folds, 6, cv2.INPAINT_TELEA)
        soft = cv2.GaussianBlur(filled, (0, 0), 1.3)
        weight = cv2.GaussianBlur(folds, (0, 0), 1.6).astype(np.float32)[..., None] / 255
        weight = np.clip(1.4 * weight, 0, 1) * SMOOTHED_FOLD
        return _enlarged(self.portrait * (1 - weight) + soft * weight)

    def sample(self, x: Field, y: Field, mix: tuple[str, str, float]) -> tuple[Field, Field]:
        """The face at points of the portrait.

        Args:
            x: Where to sample, in portrait pixels.
            y: The same for y.
            mix: Two expressions and the share of the second.

        Returns:
            The colours (BGR, float32) and where they come from in the portrait (x and y last).
        """
        first, second, share = mix
        target = (1 - share) * control_points(first) + share * control_points(second)
        smile = (first == "happiness") * (1 - share) + (second == "happiness") * share
        corners = target[_CORNERS]
        above = _contour(target[_UPPER_INNER], corners, x)
        below = _contour(target[_LOWER_INNER], corners, x)
        outside = np.maximum(0, np.maximum(corners[0, 0] - x, x - corners[1, 0]))
        lower = _smoothstep(y - (above + below) / 2, np.float32(0.25) + 0.6 * outside)[..., None]
        grid_x, grid_y = (x - GRID_ORIGIN[0]) / GRID_STEP, (y - GRID_ORIGIN[1]) / GRID_STEP
        fields = [
            cv2.remap(_spline(target, members), grid_x, grid_y, cv2.INTER_LINEAR)
            for members in (_UPPER_SET, _LOWER_SET)
        ]
        moved = fields[0] * (1 - lower) + fields[1] * lower
        origin = np.dstack([x, y]) + moved
        skin = self._skin(origin, smile)
        return self._with_mouth(skin, x, y, (above, below, outside), smile), origin

    def _skin(self, origin: Field, smile: float) -> Field:
        x, y = origin[..., 0], origin[..., 1]
        skin = smile * sampled(self.smiling, x, y, ENLARGE)
        return skin + (1 - smile) * sampled(self.relaxed, x, y, ENLARGE)

    def _with_mouth(
        self, skin: Field, x: Field, y: Field, lips: tuple[Field, Field, Field], smile: float
    ) -> Field:
        """Puts teeth, cavity and the line between the lips onto the skin."""
        above, below, outside = lips
        height = below - above
        within = _smoothstep(0.35 - outside, 0.35)
        closed = np.clip(1 - float(height.max()) / CLOSED_BELOW, 0, 1)
        opening = _smoothstep(y - above, 0.6) * _smoothstep(below - y, 0.6) * within
        opening *= np.clip(height / 1.5, 0, 1)
        depth = np.clip((y - above) / np.maximum(height, 1), 0, 1)
        tongue = (_smoothstep(depth - 0.78, 0.2) * 0.6 * np.clip(height / 12, 0, 1))[..., None]
        inside = CAVITY_BGR * (1 - tongue) + TONGUE_BGR * tongue
        teeth_top = _contour(UPPER_INNER, CORNERS, x) - 1.0
        teeth_end = _contour(LOWER_INNER, CORNERS, x) - 0.4 * (1 - smile)
        teeth = _smoothstep(y - teeth_top, 0.5) * _smoothstep(teeth_end - y, 0.7)
        shade = smile + (1 - smile) * TEETH_SHADE
        inside = inside + teeth[..., None] * (sampled(self.smiling, x, y, ENLARGE) * shade - inside)
        seam = np.exp(-(((y - (above + below) / 2) / 0.75) ** 2)) * closed
        seam = (0.75 * seam * within)[..., None]
        mouth = opening[..., None] * (1 - smile**8)
        skin = skin * (1 - mouth) + inside * mouth
        return np.asarray(skin * (1 - seam) + SEAM_BGR * seam, np.float32)


def _enlarged(image: npt.NDArray[np.generic]) -> Field:
    size = (image.shape[1] * ENLARGE, image.shape[0] * ENLARGE)
    return np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_CUBIC))
