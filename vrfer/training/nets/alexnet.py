"""AlexNet (Krizhevsky et al. 2012, as Caffe's reference network): AffectNet's reference.

Mollahosseini et al. (AffectNet, 2019) trained it at 224 pixels with a weighted loss.
"""

from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import FullyConnectedHead, Tap
from vrfer.training.nets.vgg_f import LocalResponseNorm

HIDDEN = (4096, 4096)
HEAD_DROPOUT = 0.5


class AlexNet(Trunk):
    """Five convolutions, the last pool included; 224 x 224 pictures give 256 x 6 x 6 features."""

    taps = (Tap(256, "maximum"),)
    input_size = 224

    def __init__(self) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        # 224 pixels padded by 2 give the 55 positions that the authors state.
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4, padding=2)
        self.norm1 = LocalResponseNorm(96)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.norm2 = LocalResponseNorm(256)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.pool = nn.MaxPool2d(3, stride=2)

    def head(self) -> FullyConnectedHead:
        """Return the fully-connected layers."""
        return FullyConnectedHead(256 * 6 * 6, HIDDEN, HEAD_DROPOUT)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return N x 256 x 6 x 6 features for N x 3 x 224 x 224 pictures."""
        x = self.pool(self.norm1(self.conv1(pictures).relu()))
        x = self.pool(self.norm2(self.conv2(x).relu()))
        for convolution in (self.conv3, self.conv4, self.conv5):
            x = convolution(x).relu()
        return (self.pool(x),)
