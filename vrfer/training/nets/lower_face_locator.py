"""The lower-face locator: a small residual network that names points and judges.

Basic blocks as in ResNet (He et al., CVPR 2016): on CPUs plain convolutions of this size train
three times as fast as depthwise ones. Points come from a layer that still knows where things are
(6 x 6), the verdict from that layer and from the pooled features.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

POINTS = 11


class Answers(NamedTuple):
    """What the locator says about N squares; lengths are in sides of the square, 0 = centre."""

    points: Tensor
    """N x 11 x 2."""
    spread: Tensor
    """N x 11: logarithm of the Laplace scale of each point's coordinates."""
    width: Tensor
    """N x 2: logarithm of the face width, and the logarithm of that logarithm's Laplace scale."""
    angles: Tensor
    """N x 3: yaw, pitch, tilt against the square, radians."""
    verdict: Tensor
    """N x 2 logits: a lower face is visible; its wearer has a headset on."""


class LowerFaceLocator(nn.Module):
    """The network; 96 x 96 colour squares in, `Answers` out."""

    def __init__(self) -> None:
        """Create it with random weights."""
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 16, 3, stride=2),
            *_convolution(16, 32, 3, stride=2),
            _Residual(32),
            *_convolution(32, 64, 3, stride=2),
            _Residual(64),
            *_convolution(64, 96, 3, stride=2),
            _Residual(96),
            *_convolution(96, 128, 1),
        )
        self.spatial = nn.Sequential(
            *_convolution(128, 20, 1),
            nn.Flatten(),
            nn.Linear(20 * 36, 128),
            nn.ReLU(inplace=True),
        )
        self.geometry = nn.Linear(128, 3 * POINTS + 5)
        self.verdict = nn.Sequential(
            nn.Linear(128 * 2 + 128, 64), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.Linear(64, 2)
        )
        nn.init.normal_(self.geometry.weight, std=0.01)
        nn.init.zeros_(self.geometry.bias)

    def forward(self, squares: Tensor) -> Answers:
        """Judge squares: N x 96 x 96 x 3, uint8 or float, BGR 0-255."""
        pictures = squares.permute(0, 3, 1, 2).float() / 128.0 - 1.0
        features = self.features(pictures)
        where = self.spatial(features)
        geometry = self.geometry(where)
        pooled = torch.cat([features.mean(dim=(2, 3)), features.amax(dim=(2, 3)), where], dim=1)
        points, spread, rest = geometry.split([2 * POINTS, POINTS, 5], dim=1)
        return Answers(
            points.reshape(-1, POINTS, 2),
            spread - 3.0,
            torch.stack([rest[:, 0] - 0.47, rest[:, 1] - 3.0], dim=1),
            rest[:, 2:],
            self.verdict(pooled),
        )


class _Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(channels, channels, 3), *_convolution(channels, channels, 3)[:2]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.layers(x))


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]
