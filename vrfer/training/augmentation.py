"""Random changes of training pictures, in batches: moved faces, other cameras, things before them.

Mirror, moves, contrast and brightness always draw their random numbers; what came later draws none
unless a recipe asks for it, so that older recipes keep theirs.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from vrfer.training.recipe import Augmentation, View

_JPEG_QUALITY = (20, 71)
_HEAD = 0.9
"""Radius of a head in half face squares: its cheeks are 0.8 from the middle (`CropGeometry`)."""


@dataclass(frozen=True, slots=True)
class _Draw:
    """Random numbers for a batch, shaped to be broadcast over its pictures."""

    count: int
    generator: torch.Generator
    """On the CPU, so that every device draws the same numbers."""
    device: torch.device

    def between(self, low: float, high: float) -> Tensor:
        drawn = torch.rand(self.count, generator=self.generator).reshape(-1, 1, 1, 1)
        return low + (high - low) * drawn.to(self.device)

    def about_zero(self, reach: float) -> Tensor:
        return self.between(-reach, reach)

    def some(self, probability: float) -> Tensor:
        """Return the numbers of the pictures that are chosen."""
        drawn = torch.rand(self.count, generator=self.generator)
        return (drawn < probability).nonzero()[:, 0].to(self.device)

    def of(self, count: int) -> "_Draw":
        return _Draw(count, self.generator, self.device)


def augmented(
    faces: Tensor,
    view: View,
    augmentation: Augmentation,
    generator: torch.Generator,
) -> Tensor:
    """Change faces at random while scaling them up.

    Args:
        faces: N x F x F uint8 gray.
        view: What the network sees; lower halves are those of the *moved* face.
        augmentation: The ranges of the random changes.
        generator: Where the random numbers come from.

    Returns:
        N x 1 x view.height x view.width float32, 0-255.
    """
    draw = _Draw(len(faces), generator, faces.device)
    patches = _moved(faces, view, augmentation, draw)
    lower_half = view.region == "lower-half"
    rows, columns = faces.shape[1] // 2 if lower_half else faces.shape[1], faces.shape[2]
    if augmentation.occluder:
        patches = _occluded(patches, augmentation.occluder, draw)
    if augmentation.headset_edge and lower_half:
        patches = _under_headset(patches, augmentation.headset_edge, draw)
    if augmentation.light:
        patches = patches * _slope(patches, augmentation.light, draw)
    if augmentation.gamma:
        exponent = draw.about_zero(augmentation.gamma).exp()
        patches = 255 * (patches / 255).clamp(0, 1) ** exponent
    gain = 1 + draw.about_zero(augmentation.contrast)
    offset = draw.about_zero(augmentation.brightness)
    middle = patches.mean(dim=(1, 2, 3), keepdim=True)
    patches = (patches - middle) * gain + middle + offset
    if augmentation.blur_px:
        patches = _blurred(patches, augmentation.blur_px, rows, columns, draw)
    if augmentation.noise:
        patches = patches + _noise(patches, augmentation.noise, rows, columns, draw)
    patches = patches.clamp(0, 255)
    return _compressed(patches, augmentation.jpeg, draw) if augmentation.jpeg else patches


def under_headset(patches: Tensor, generator: torch.Generator) -> Tensor:
    """Cover the top of every patch with a drawn headset's lower edge.

    Args:
        patches: N x 1 x H x W lower halves, float, 0-255.
        generator: Where the random numbers come from.

    Returns:
        N x 1 x H x W float; not yet held within 0-255.
    """
    return _under_headset(patches, 1.0, _Draw(len(patches), generator, patches.device))


def _moved(faces: Tensor, view: View, augmentation: Augmentation, draw: _Draw) -> Tensor:
    """Mirror, turn, zoom, stretch and shift, all in one resampling."""
    count = len(faces)

    def uniform(reach: float) -> Tensor:
        return draw.about_zero(reach).flatten()

    angle = uniform(math.radians(augmentation.rotation_deg))
    zoom = 1 + uniform(augmentation.zoom)
    # The grid runs from -1 to 1, so a shift of one face side is 2 in its units.
    shift_x, shift_y = uniform(2 * augmentation.shift), uniform(2 * augmentation.shift)
    chosen = draw.between(0, 1).flatten() < augmentation.flip
    mirror = 1 - 2 * chosen.float()
    still = torch.zeros_like(mirror)
    stretch = 1 + (uniform(augmentation.aspect) if augmentation.aspect else still)
    skew = uniform(augmentation.skew) if augmentation.skew else still
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    rows = torch.stack(
        [
            cos * mirror,
            -sin * stretch + skew,
            shift_x,
            sin * mirror,
            cos * stretch,
            shift_y,
        ],
        dim=1,
    )
    whole_height = 2 * view.height if view.region == "lower-half" else view.height
    grid = nn.functional.affine_grid(
        rows.reshape(count, 2, 3), [count, 1, whole_height, view.width], align_corners=False
    )
    grid = grid[:, whole_height - view.height :]
    if augmentation.yaw_deg:
        chosen = draw.some(0.5)
        yaw = draw.of(len(chosen)).about_zero(math.radians(augmentation.yaw_deg)).reshape(-1, 1, 1)
        grid = grid.clone()
        grid[chosen, ..., 0] = _before_turning(grid[chosen, ..., 0], yaw)
    return nn.functional.grid_sample(
        faces.unsqueeze(1).float(), grid, padding_mode="border", align_corners=False
    )


def _before_turning(x: Tensor, yaw: Tensor) -> Tensor:
    """Return where in a face seen from the front lies what a turned head shows.

    The head is taken for an upright cylinder; pictures stay centred on the mouth. Where the far
    cheek vanishes the background begins; where the near one comes into view the picture has
    nothing, and repeats the cheek mirrored.

    Args:
        x: N x H x W, in half face squares from the mouth, positive to the right.
        yaw: N x 1 x 1 radians, positive turns the nose to the right.
    """
    beside = x + _HEAD * yaw.sin()
    on_the_head = _HEAD * ((beside / _HEAD).clamp(-1, 1).asin() - yaw).sin()
    return torch.where(beside.abs() <= _HEAD, on_the_head, beside)


def _places(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Return x from -1 to 1 and y from 0 to 1, to be broadcast over patches."""
    height, width = patches.shape[-2:]
    x = torch.linspace(-1, 1, width, device=patches.device).reshape(1, 1, 1, width)
    y = torch.linspace(0, 1, height, device=patches.device).reshape(1, 1, height, 1)
    return x, y


def _slope(patches: Tensor, reach: float, draw: _Draw) -> Tensor:
    x, y = _places(patches)
    angle = draw.about_zero(math.pi)
    return 1 + draw.between(0, reach) * (angle.cos() * x + angle.sin() * (2 * y - 1))


def _under_headset(patches: Tensor, probability: float, draw: _Draw) -> Tensor:
    """Cover the top: a straight or bent edge with room for the nose, and its shadow."""
    chosen = draw.some(probability)
    if not len(chosen):
        return patches
    some, draw = patches[chosen], draw.of(len(chosen))
    x, y = _places(some)
    edge = (
        draw.between(-0.1, 0.35)
        + draw.about_zero(0.15) * x
        + draw.about_zero(0.15) * x**2
        - draw.between(0, 0.2) * (-((x / draw.between(0.1, 0.25)) ** 2)).exp()
    )
    softness = draw.between(0.01, 0.05)
    cover = ((edge - y) / softness).sigmoid()
    shadow = draw.between(0, 0.6) * ((edge - y) / draw.between(0.05, 0.2)).clamp(max=0).exp()
    # Most headsets are black or white; a third shows any gray.
    tone = draw.between(0, 1)
    tone = torch.where(tone < 1 / 3, tone * 3 * 255, torch.where(tone < 0.8, tone * 50, tone * 255))
    tone = tone * _slope(some, 0.3, draw)
    out = patches.clone()
    out[chosen] = some * (1 - shadow) * (1 - cover) + tone * cover
    return out


def _occluded(patches: Tensor, probability: float, draw: _Draw) -> Tensor:
    """Put an ellipse before the face, in any gray, mostly towards the edges."""
    chosen = draw.some(probability)
    if not len(chosen):
        return patches
    some, draw = patches[chosen], draw.of(len(chosen))
    x, y = _places(some)
    direction, away = draw.about_zero(math.pi), draw.between(0.5, 1.2)
    dx, dy = x - away * direction.cos(), (2 * y - 1) - away * direction.sin()
    dy = dy * patches.shape[2] / patches.shape[3]  # in the units of x
    tilt = draw.about_zero(math.pi)
    along = dx * tilt.cos() + dy * tilt.sin()
    across = dy * tilt.cos() - dx * tilt.sin()
    inside = 1 - (along / draw.between(0.15, 0.6)) ** 2 - (across / draw.between(0.08, 0.3)) ** 2
    cover = (inside * draw.between(5, 40)).sigmoid()
    tone = draw.between(0, 255) * _slope(some, 0.4, draw)
    out = patches.clone()
    out[chosen] = some * (1 - cover) + tone * cover
    return out


def _blurred(patches: Tensor, largest: float, rows: int, columns: int, draw: _Draw) -> Tensor:
    """Blur half of the pictures with Gaussians of up to `largest` pixels of the data set."""
    chosen = draw.some(0.5)
    count = len(chosen)
    if not count:
        return patches
    sigma = draw.of(count).between(0.05 * largest, largest)
    height, width = patches.shape[-2:]
    across = _gaussians(sigma * width / columns, largest * width / columns)
    down = _gaussians(sigma * height / rows, largest * height / rows).transpose(2, 3)
    margin = (across.shape[3] // 2,) * 2 + (down.shape[2] // 2,) * 2
    some = nn.functional.pad(patches[chosen].transpose(0, 1), margin, mode="replicate")
    some = nn.functional.conv2d(some, across, groups=count)
    some = nn.functional.conv2d(some, down, groups=count)
    out = patches.clone()
    out[chosen] = some.transpose(0, 1)
    return out


def _gaussians(sigma: Tensor, largest: float) -> Tensor:
    """Return N x 1 x 1 x K kernels for N x 1 x 1 x 1 standard deviations."""
    radius = math.ceil(2 * largest)
    offsets = torch.arange(-radius, radius + 1, device=sigma.device).float()
    kernels = (-0.5 * (offsets / sigma) ** 2).exp()
    return kernels / kernels.sum(dim=-1, keepdim=True)


def _noise(patches: Tensor, largest: float, rows: int, columns: int, draw: _Draw) -> Tensor:
    """Return noise as a camera's, which was scaled up with the picture."""
    coarse = torch.randn(draw.count, 1, rows, columns, generator=draw.generator)
    coarse = coarse.to(draw.device) * draw.between(0, largest)
    size = patches.shape[-2:]
    return nn.functional.interpolate(coarse, size, mode="bilinear", align_corners=False)


def _compressed(patches: Tensor, probability: float, draw: _Draw) -> Tensor:
    chosen = draw.some(probability)
    qualities = torch.randint(*_JPEG_QUALITY, (len(chosen),), generator=draw.generator)
    out = patches.cpu().clone()
    for number, quality in zip(chosen.tolist(), qualities.tolist(), strict=True):
        picture = out[number, 0].numpy().astype(np.uint8)
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        decoded = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
        out[number, 0] = torch.from_numpy(decoded)
    return out.to(draw.device)
