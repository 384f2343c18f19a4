"""VGG-face (Parkhi et al., BMVC 2015) as the paper changes it.

VGG-16's thirteen convolutions; after each from the fourth block on a dropout that rises from 0.30
to 0.55; pool5 and the fully-connected layers are gone (the head has the single max-pooling).
"""

from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import Tap

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions, a tuple a block; a 2x2 pool stands between blocks."""
DROPOUTS = (0.30, 0.35, 0.40, 0.45, 0.50, 0.55)
"""After the convolutions of the last two blocks (paper section 3)."""


class VggFace(Trunk):
    """The thirteen convolutions of VGG-face; 224 x 224 pictures give 512 x 14 x 14 features."""

    taps = (Tap(512, "maximum"),)

    def __init__(self) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        layers: list[nn.Module] = []
        dropouts = iter(DROPOUTS)
        channels = 3
        for number, widths in enumerate(BLOCKS, start=1):
            if number > 1:
                layers.append(nn.MaxPool2d(2))
            for width in widths:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                if number > 3:
                    layers.append(nn.Dropout(next(dropouts)))
                channels = width
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return N x 512 x h x w features for N x 3 x H x W pictures."""
        return (self.layers(pictures),)
