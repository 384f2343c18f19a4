"""Draws a headset on a photographed head: solid, posed as the head is, and lit like the picture.

The shell is a stack of rounded outlines between the face and the front, drawn from the far side to
the near one; straps, foam, headphones, hands and controllers are added around it. Sizes follow
real headsets: a Quest 2 is about 1.3 face widths wide, 0.7 high and reaches 0.6 before the face.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.training.locating.head import Floats, Pose

Picture = NDArray[np.uint8]
Color = Floats

_SHIFT = 4
_RING = 28
"""Corners of one outline of the shell."""


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """One headset, and how it is worn. Lengths are face widths, colours BGR 0-255."""

    half_width: float
    height: float
    depth: float
    bottom: float
    """Height of the lower edge in head coordinates; the tip of the nose is at 0.07."""
    back: float
    """Depth of the edge that touches the face, in head coordinates."""
    corner: float
    """Roundness of the outline: exponent of a superellipse, 2 is an ellipse."""
    bevel: float
    taper: float
    """Size of the front against the back."""
    tilt_rad: float
    sideways_rad: float
    shell: Color
    front: Color
    gloss: float
    foam: float
    strap: Color | None
    strap_height: float
    strap_at: float
    """Height of the side straps in head coordinates; ears reach from 0 to 0.3."""
    top_strap: bool
    halo: Color | None
    headphones: Color | None
    marks: int
    light: Floats
    """Direction that the light comes from, in axes of the picture (x right, y up, z near)."""
    shadow: float


def random_style(rng: np.random.Generator) -> Style:
    """Draw a headset: phone shells, tethered and standalone ones, dark, light and coloured."""
    dark = rng.uniform(8, 55) * np.ones(3)
    light = rng.uniform(165, 245) * np.ones(3)
    gray = rng.uniform(55, 165) * np.ones(3)
    tint = rng.uniform(0.75, 1.2, 3) if rng.random() < 0.35 else np.ones(3)
    shell = [dark, light, gray][rng.choice(3, p=[0.5, 0.35, 0.15])] * tint
    front = (
        shell if rng.random() < 0.55 else [dark, light, gray][rng.choice(3, p=[0.7, 0.15, 0.15])]
    )
    fitted = rng.random() < 0.85
    strap_color = [dark, light, gray][rng.choice(3, p=[0.55, 0.3, 0.15])]
    return Style(
        half_width=rng.uniform(0.52, 0.74),
        height=rng.uniform(0.5, 0.88),
        depth=rng.uniform(0.3, 0.9),
        bottom=float(np.clip(rng.normal(0.13, 0.07), -0.02, 0.32)),
        back=rng.uniform(-0.02, 0.2),
        corner=rng.uniform(2.6, 9.0),
        bevel=rng.uniform(0.02, 0.25),
        taper=rng.uniform(0.78, 1.04),
        tilt_rad=rng.normal(0, 0.08),
        sideways_rad=rng.normal(0, 0.04),
        shell=shell,
        front=front,
        gloss=rng.uniform(0, 0.7) if rng.random() < 0.5 else 0.0,
        foam=rng.uniform(0.05, 0.3),
        strap=strap_color if fitted else None,
        strap_height=rng.uniform(0.07, 0.3),
        strap_at=rng.uniform(0.3, 0.55),
        top_strap=fitted and rng.random() < 0.65,
        halo=strap_color if rng.random() < 0.22 else None,
        headphones=(
            [dark, light, gray][rng.choice(3, p=[0.6, 0.3, 0.1])] if rng.random() < 0.25 else None
        ),
        marks=int(rng.integers(0, 5)),
        light=unit(rng.normal([0, 1.2, 0.8], 1)),
        shadow=rng.uniform(0.1, 0.65),
    )  # fmt: skip


def put_on(picture: Picture, pose: Pose, style: Style, rng: np.random.Generator) -> None:
    """Draw a headset on a head, in place.

    Args:
        picture: H x W x 3, BGR.
        pose: The head's.
        style: The headset.
        rng: For reflections, marks and grain.
    """
    painter = _Painter(picture, pose, style, rng)
    painter.shade_face()
    painter.draw_straps()
    painter.draw_foam()
    painter.draw_shell()
    painter.draw_headphones()


class _Painter:
    """One headset on its way into a picture."""

    def __init__(
        self, picture: Picture, pose: Pose, style: Style, rng: np.random.Generator
    ) -> None:
        self.picture, self.pose, self.style, self.rng = picture, pose, style, rng
        turn = _about_x(style.tilt_rad) @ _about_z(style.sideways_rad)
        self.pivot = np.array([0.0, style.bottom + style.height / 2, style.back])
        self.turn = turn
        self.exposure = _exposure(picture, pose)

    def shade_face(self) -> None:
        """Darken the face below the headset, as the light from above casts its shadow."""
        style = self.style
        outline = self._ring(style.back + 0.25 * style.depth, 0.97)
        outline = outline - np.array([0, self.rng.uniform(0.03, 0.16), 0])
        blur = max(self.pose.width_px * self.rng.uniform(0.02, 0.1), 0.6)
        self._blend(outline, None, np.zeros(3), style.shadow, blur)

    def draw_straps(self) -> None:
        """Draw what holds the headset: bands along the sides and over the head, or a halo."""
        style = self.style
        middle = style.strap_at
        if style.strap is not None:
            half = style.strap_height / 2
            for side in (-1.0, 1.0):
                path = np.array(
                    [
                        [0.95 * style.half_width * side, middle, style.back + 0.2 * style.depth],
                        [0.57 * side, middle, style.back - 0.05],
                        [0.58 * side, middle - 0.02, -0.4],
                        [0.5 * side, middle - 0.03, -0.75],
                        [0.3 * side, middle - 0.03, -1.0],
                    ]
                )
                up = np.array([0, half, 0]) * np.linspace(1, 1.4, len(path))[:, None]
                self._band(path + up, path - up, style.strap, side)
        if style.top_strap and style.strap is not None:
            angle = np.linspace(0.15, 2.6, 9)
            path = np.stack(
                [0 * angle, 0.28 + 0.66 * np.sin(angle), -0.42 + 0.66 * np.cos(angle)], 1
            )
            across = np.array([max(0.05, style.strap_height / 2.2), 0, 0])
            self._band(path - across, path + across, style.strap, 1.0)
        if style.halo is not None:
            angle = np.linspace(0, 2 * np.pi, 25)
            height, lift = self.rng.uniform(0.15, 0.32), self.rng.uniform(0.5, 0.68)
            path = np.stack([0.6 * np.sin(angle), lift + 0 * angle, -0.4 + 0.72 * np.cos(angle)], 1)
            up = np.array([0, height / 2, 0])
            self._band(path + up, path - up, style.halo, 1.0)

    def draw_foam(self) -> None:
        """Draw the padding between shell and face."""
        style = self.style
        near = self._ring(style.back + 0.05, 0.9)
        far = self._ring(style.back - style.foam, 0.82)
        self._sides(far, near, np.array([18.0, 18.0, 18.0]) * self.rng.uniform(0.4, 2.5))

    def draw_shell(self) -> None:
        """Draw the sides and the front."""
        style = self.style
        depths = style.back + style.depth * np.array([0.0, 0.45, 1 - style.bevel, 1.0])
        sizes = [0.93, 1.0, 1.0 * (1 + style.taper) / 2, style.taper * (1 - 0.8 * style.bevel)]
        rings = [self._ring(z, size) for z, size in zip(depths, sizes, strict=True)]
        for back, front in pairwise(rings):
            self._sides(back, front, style.shell)
        self._cap(rings[0][::-1], style.shell * 0.35)
        self._cap(rings[-1], style.front)
        self._decorate(rings[-1])

    def draw_headphones(self) -> None:
        """Draw a cushion and a cap over the ear that can be seen."""
        style = self.style
        if style.headphones is None:
            return
        side = -1.0 if self.pose.yaw_rad > 0 else 1.0
        size = self.rng.uniform(0.17, 0.32)
        angle = np.linspace(0, 2 * np.pi, _RING, endpoint=False)
        rings = [
            np.stack(
                [
                    np.full_like(angle, side * x),
                    self.rng.uniform(0.1, 0.14) + size * scale * np.sin(angle),
                    -0.45 + 0.85 * size * scale * np.cos(angle),
                ],
                1,
            )
            for x, scale in ((0.5, 0.9), (0.66, 1.0), (0.72, 0.8))
        ]
        for inner, outer in pairwise(rings):
            self._fill(np.concatenate([inner, outer]), style.headphones * 0.7, hull=True)
        self._fill(rings[-1], style.headphones, hull=True)

    def _ring(self, z: float, size: float) -> Floats:
        """Return one outline of the shell (28 x 3, anticlockwise seen from the front)."""
        style = self.style
        angle = np.linspace(0, 2 * np.pi, _RING, endpoint=False)
        power = 2 / style.corner
        x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * style.half_width * size
        y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * style.height / 2 * size
        ring = np.stack([x, y, np.full_like(x, z - style.back)], 1)
        return np.asarray(ring @ self.turn.T + self.pivot)

    def _project(self, points: Floats) -> Floats:
        return self.pose.project(points)

    def _lit(self, color: Color, normal: Floats) -> tuple[float, float, float]:
        """Return a colour as lit by the style's light, with the picture's own exposure."""
        strength = 0.5 + 0.6 * max(float(self.pose.rotation @ normal @ self.style.light), 0.0)
        b, g, r = np.clip(color * strength * self.exposure, 0, 255)
        return float(b), float(g), float(r)

    def _sides(self, back: Floats, front: Floats, color: Color) -> None:
        """Draw the quads between two outlines that face the camera, the farthest first."""
        following = np.roll(np.arange(_RING), -1)
        quads = np.stack([back, back[following], front[following], front], 1)
        normals = np.cross(quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        for index in np.argsort(self.pose.facing(quads.mean(axis=1))):
            if self.pose.facing(normals[index]) > 0:
                self._fill(quads[index], np.array(self._lit(color, normals[index])), lit=True)

    def _cap(self, ring: Floats, color: Color) -> None:
        normal = unit(np.cross(ring[7] - ring[0], ring[14] - ring[7]))
        if self.pose.facing(normal) > 0:
            self._fill(ring, np.array(self._lit(color, normal)), lit=True)

    def _band(self, one: Floats, other: Floats, color: Color, side: float) -> None:
        """Draw a ribbon; only those pieces whose outer side faces the camera."""
        center = np.array([0, 0.3, -0.4])
        for index in range(len(one) - 1):
            quad = np.stack([one[index], one[index + 1], other[index + 1], other[index]])
            normal = unit(np.cross(quad[1] - quad[0], quad[3] - quad[0]))
            if normal @ (quad.mean(axis=0) - center) < 0:
                normal = -normal
            if self.pose.facing(normal) > -0.05:
                self._fill(quad, np.array(self._lit(color, normal)), lit=True)

    def _fill(self, points: Floats, color: Color, *, lit: bool = False, hull: bool = False) -> None:
        pixels = np.round(self._project(points) * (1 << _SHIFT)).astype(np.int32)
        if hull:
            pixels = np.asarray(cv2.convexHull(pixels), np.int32)
        shade = color if lit else np.clip(color * self.exposure, 0, 255)
        cv2.fillPoly(self.picture, [pixels], shade.tolist(), cv2.LINE_AA, _SHIFT)

    def _blend(
        self, outline: Floats, inside: Floats | None, color: Color, alpha: float, blur_px: float
    ) -> None:
        """Mix a colour into an outline with soft edges, and nowhere outside of `inside`."""
        pixels = self._project(outline).astype(np.int32)
        height, width = self.picture.shape[:2]
        margin = int(3 * blur_px) + 1
        x0, y0 = np.maximum(pixels.min(axis=0) - margin, 0)
        x1, y1 = np.minimum(pixels.max(axis=0) + margin, (width, height))
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.float32)
        corner = np.array([x0, y0])
        cv2.fillPoly(mask, [(pixels - corner).astype(np.int32)], alpha)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), blur_px), np.float32)
        if inside is not None:
            limit = np.zeros_like(mask)
            shape = self._project(inside).astype(np.int32) - corner.astype(np.int32)
            cv2.fillPoly(limit, [shape], 1.0)
            mask *= limit
        part = self.picture[y0:y1, x0:x1]
        share = mask[..., None]
        part[:] = (part * (1 - share) + color.astype(np.float32) * share).astype(np.uint8)

    def _decorate(self, front: Floats) -> None:
        """Add reflections, cameras and marks to the front, and grain to it."""
        style, rng = self.style, self.rng
        if self.pose.facing(unit(np.cross(front[7] - front[0], front[14] - front[7]))) <= 0.05:
            return
        middle = front.mean(axis=0)
        across, upward = front[0] - middle, front[_RING // 4] - middle
        if style.gloss > 0:
            start = rng.uniform(-1.2, 0.8)
            lean, width = rng.uniform(-0.8, 0.8), rng.uniform(0.15, 1.0)
            corners = [
                (start, 1), (start + width, 1), (start + width + lean, -1), (start + lean, -1)
            ]  # fmt: skip
            stripe = np.array([middle + u * across + v * upward for u, v in corners])
            glow = rng.uniform(120, 255, 3) if rng.random() < 0.4 else np.full(3, 235.0)
            blur = max(0.05 * self.pose.width_px, 0.5)
            self._blend(stripe, front, glow, style.gloss, blur)
        for _ in range(style.marks):
            u, v = rng.uniform(-0.85, 0.85), rng.uniform(-0.75, 0.75)
            radius = rng.uniform(0.03, 0.12)
            angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
            flat = 1.0 if rng.random() < 0.5 else rng.uniform(1.5, 5)
            disc = np.array(
                [
                    middle
                    + (u + flat * radius * np.cos(a) * style.height / style.half_width / 2) * across
                    + (v + radius * np.sin(a)) * upward
                    for a in angle
                ]
            )
            tone = rng.choice([20.0, 20.0, 230.0, 120.0])
            self._fill(disc, np.full(3, tone))


def _exposure(picture: Picture, pose: Pose) -> Floats:
    """Return factors per colour channel that fit a drawn thing to the picture's light."""
    skin = skin_color(picture, pose)
    brightness = skin.mean()
    factors = (0.45 + 0.55 * brightness / 130.0) * (0.85 + 0.15 * skin / (brightness + 1e-6))
    return np.asarray(np.clip(factors, 0.2, 1.35))


def skin_color(picture: Picture, pose: Pose) -> Color:
    """Return the colour of the skin between mouth and chin, and on both cheeks."""
    spots = pose.project(
        np.array(
            [
                [0, -0.4, 0.2],
                [0.25, -0.05, 0.1],
                [-0.25, -0.05, 0.1],
                [0.25, -0.25, 0.05],
                [-0.25, -0.25, 0.05],
            ]
        )
    )
    height, width = picture.shape[:2]
    x = np.clip(spots[:, 0].astype(int), 0, width - 1)
    y = np.clip(spots[:, 1].astype(int), 0, height - 1)
    return np.asarray(np.median(picture[y, x].astype(float), axis=0))


def unit(vector: Floats) -> Floats:
    """Return the vector at length 1; one without length stays as it is."""
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9))


def _about_x(angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _about_z(angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
