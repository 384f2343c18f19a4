"""VGG-f (CNN-F of Chatfield et al., BMVC 2014) as the paper changes it.

Convolutions as released; after each from conv3 on a dropout of 0.2; pool5 and the
fully-connected layers are gone (`FaceNetwork` has the single max-pooling and the head).
"""

import torch
from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import Tap

DROPOUT = 0.2
"""After conv3, conv4 and conv5 each (paper section 3)."""


class LocalResponseNorm(nn.Module):
    """Krizhevsky's normalisation across channels: x / (k + alpha * sum of squares)^(3/4).

    The sum over the window of channels is a 1x1 convolution with a banded matrix: the same
    numbers as `torch.nn.LocalResponseNorm(window, alpha=window * alpha, beta=0.75, k=k)`, twice
    as fast for the whole network on a CPU. The released VGG-f weights use window 5, k 2, and an
    alpha of 1e-4 that is *not* divided by the window's size.
    """

    band: Tensor

    def __init__(
        self, channels: int, *, window: int = 5, alpha: float = 1e-4, k: float = 2.0
    ) -> None:
        """Prepare the banded matrix for a number of channels."""
        super().__init__()
        place = torch.arange(channels)
        band = (place[:, None] - place[None, :]).abs() <= window // 2
        self.register_buffer("band", alpha * band.float()[:, :, None, None], persistent=False)
        self.k = k

    def forward(self, x: Tensor) -> Tensor:
        """Normalise N x C x H x W across C."""
        root = (nn.functional.conv2d(x * x, self.band) + self.k).rsqrt()
        return x * root * root.sqrt()


class VggF(Trunk):
    """The five convolutions of VGG-f; 224 x 224 pictures give 256 x 13 x 13 features."""

    taps = (Tap(256, "maximum"),)

    def __init__(self) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 11, stride=4)
        self.norm1 = LocalResponseNorm(64)
        self.conv2 = nn.Conv2d(64, 256, 5, padding=2)
        self.norm2 = LocalResponseNorm(256)
        self.conv3 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv4 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv5 = nn.Conv2d(256, 256, 3, padding=1)
        # MatConvNet pads these pools at the bottom and right only, which is ceil_mode.
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return N x 256 x h x w features for N x 3 x H x W pictures."""
        x = self.pool(self.norm1(self.conv1(pictures).relu()))
        x = self.pool(self.norm2(self.conv2(x).relu()))
        for convolution in (self.conv3, self.conv4, self.conv5):
            x = self.dropout(convolution(x).relu())
        return (x,)
