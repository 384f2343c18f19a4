"""MobileNet v1 (Howard et al. 2017), width 1, as face networks use it, with a tap before the end.

The layers are those of HSE_FaceRec (A. Savchenko): ReLU6 after every normalised convolution and
TensorFlow's SAME padding. Half a face holds little for the last, coarsest stage alone; the
eleventh block's features, twice as fine, stand beside it.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import Tap
from vrfer.training.nets.separable import DepthwiseConvolution, pad_same

FIRST_CHANNELS = 32
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
"""Output channels and stride of the thirteen separable blocks."""
TAPPED_BLOCK = 11
"""Counted from 1: the last block at a sixteenth of the input's side."""


class SeparableBlock(nn.Module):
    """A depthwise and a pointwise convolution, each normalised and bounded to 0-6."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        self.depthwise = DepthwiseConvolution(channels, stride)
        self.depthwise_norm = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(out_channels)
        self.activation = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x out_channels x H/stride x W/stride, 0-6."""
        x = self.activation(self.depthwise_norm(self.depthwise(x)))
        bounded: Tensor = self.activation(self.pointwise_norm(self.pointwise(x)))
        return bounded


class MobileNet(Trunk):
    """The thirteen blocks; 64 x 128 pictures give 512 x 4 x 8 and 1024 x 2 x 4 features."""

    taps = (Tap(512, "mean"), Tap(1024, "mean-and-maximum"))
    head_dropout = 0.3

    def __init__(self) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        self.first = nn.Conv2d(3, FIRST_CHANNELS, 3, stride=2, bias=False)
        self.first_norm = nn.BatchNorm2d(FIRST_CHANNELS)
        self.activation = nn.ReLU6(inplace=True)
        inputs = (FIRST_CHANNELS, *(channels for channels, _ in BLOCKS[:-1]))
        self.blocks = nn.ModuleList(
            SeparableBlock(channels, out, stride)
            for channels, (out, stride) in zip(inputs, BLOCKS, strict=True)
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the tapped block's features and the last one's for N x 3 x H x W pictures."""
        x = self.activation(self.first_norm(self.first(pad_same(pictures))))
        for block in self.blocks[:TAPPED_BLOCK]:
            x = block(x)
        tapped = x
        for block in self.blocks[TAPPED_BLOCK:]:
            x = block(x)
        return tapped, x

    def normalised_convolutions(self) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Yield each convolution with its normalisation, in the order of the data's flow."""
        yield self.first, self.first_norm
        for block in self.blocks:
            assert isinstance(block, SeparableBlock)
            yield block.depthwise, block.depthwise_norm
            yield block.pointwise, block.pointwise_norm
