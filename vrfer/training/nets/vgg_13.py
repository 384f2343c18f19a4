"""VGG-13 of the FER+ paper (Barsoum et al., ICMI 2016): the reference on full faces.

64 x 64 gray pictures; ten convolutions in four blocks, each with a pool and a dropout of 0.25
behind it; two fully-connected layers of 1,024 units with a dropout of 0.5 each.
"""

from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import FullyConnectedHead, Tap

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (256, 256, 256))
"""Channels of the convolutions, a tuple a block."""
BLOCK_DROPOUT = 0.25
HIDDEN = (1024, 1024)
HEAD_DROPOUT = 0.5


class Vgg13(Trunk):
    """The ten convolutions of VGG-13; 64 x 64 pictures give 256 x 4 x 4 features."""

    taps = (Tap(256, "maximum"),)
    input_channels = 1
    input_size = 64

    def __init__(self) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = self.input_channels
        for widths in BLOCKS:
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            layers += [nn.MaxPool2d(2), nn.Dropout(BLOCK_DROPOUT)]
        self.layers = nn.Sequential(*layers)

    def head(self) -> FullyConnectedHead:
        """Return the fully-connected layers."""
        return FullyConnectedHead(256 * 4 * 4, HIDDEN, HEAD_DROPOUT)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return N x 256 x 4 x 4 features for N x 1 x 64 x 64 pictures."""
        return (self.layers(pictures),)
