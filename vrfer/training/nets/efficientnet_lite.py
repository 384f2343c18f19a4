"""EfficientNet-Lite0 (Tan & Le 2019; TensorFlow's Lite variant, 2020), with a tap before the end.

Inverted residual blocks without squeeze-and-excitation, ReLU6 for swish, so that 8-bit arithmetic
costs little; TensorFlow's SAME padding. As in MobileNet here, features at a sixteenth of the
input's side stand beside the last ones: those that block 12 expands to before it halves the
picture, for the blocks' own results may be negative.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import Tap
from vrfer.training.nets.separable import DepthwiseConvolution, pad_same

FIRST_CHANNELS = 32
LAST_CHANNELS = 1280
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion and output channels of each stage."""
TAPPED_BLOCK = 12
"""Counted from 1: the first of the last stage but one."""
NORM_EPSILON = 1e-3
"""TensorFlow's; torch's 1e-5 would change what the weights compute."""


class InvertedResidual(nn.Module):
    """Expand, convolve each channel alone, project; what comes in is added where it fits."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        """Build the layers with torch's default weights; an expansion of 1 has no layer."""
        super().__init__()
        inner = channels * expansion
        self.expands = expansion > 1
        if self.expands:
            self.expand = nn.Conv2d(channels, inner, 1, bias=False)
            self.expand_norm = nn.BatchNorm2d(inner, NORM_EPSILON)
        self.depthwise = DepthwiseConvolution(inner, stride, kernel)
        self.depthwise_norm = nn.BatchNorm2d(inner, NORM_EPSILON)
        self.project = nn.Conv2d(inner, out_channels, 1, bias=False)
        self.project_norm = nn.BatchNorm2d(out_channels, NORM_EPSILON)
        self.activation = nn.ReLU6(inplace=True)
        self.adds = stride == 1 and channels == out_channels

    def expanded(self, x: Tensor) -> Tensor:
        """Return N x expansion * C x H x W, 0-6."""
        if not self.expands:
            return x
        inner: Tensor = self.activation(self.expand_norm(self.expand(x)))
        return inner

    def projected(self, inner: Tensor, x: Tensor) -> Tensor:
        """Return N x out_channels x H/stride x W/stride for what was expanded, and came in."""
        inner = self.activation(self.depthwise_norm(self.depthwise(inner)))
        out: Tensor = self.project_norm(self.project(inner))
        return out + x if self.adds else out

    def forward(self, x: Tensor) -> Tensor:
        """Return N x out_channels x H/stride x W/stride."""
        return self.projected(self.expanded(x), x)


class EfficientNetLite0(Trunk):
    """The sixteen blocks; 96 x 128 pictures give 672 x 6 x 8 and 1280 x 3 x 4 features."""

    taps = (Tap(672, "mean"), Tap(LAST_CHANNELS, "mean-and-maximum"))
    head_dropout = 0.3

    def __init__(self) -> None:
        """Build the layers with torch's default weights."""
        super().__init__()
        self.first = nn.Conv2d(3, FIRST_CHANNELS, 3, stride=2, bias=False)
        self.first_norm = nn.BatchNorm2d(FIRST_CHANNELS, NORM_EPSILON)
        self.activation = nn.ReLU6(inplace=True)
        blocks: list[InvertedResidual] = []
        channels = FIRST_CHANNELS
        for count, kernel, stride, expansion, out in STAGES:
            for number in range(count):
                blocks.append(
                    InvertedResidual(channels, out, kernel, 1 if number else stride, expansion)
                )
                channels = out
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Conv2d(channels, LAST_CHANNELS, 1, bias=False)
        self.last_norm = nn.BatchNorm2d(LAST_CHANNELS, NORM_EPSILON)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the tapped block's expansion and the last features for N x 3 x H x W pictures."""
        x = self.activation(self.first_norm(self.first(pad_same(pictures))))
        for block in self.blocks[: TAPPED_BLOCK - 1]:
            x = block(x)
        halving = self.blocks[TAPPED_BLOCK - 1]
        assert isinstance(halving, InvertedResidual)
        tapped = halving.expanded(x)
        x = halving.projected(tapped, x)
        for block in self.blocks[TAPPED_BLOCK:]:
            x = block(x)
        return tapped, self.activation(self.last_norm(self.last(x)))

    def normalised_convolutions(self) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Yield each convolution with its normalisation, in the order of the data's flow."""
        yield self.first, self.first_norm
        for block in self.blocks:
            assert isinstance(block, InvertedResidual)
            if block.expands:
                yield block.expand, block.expand_norm
            yield block.depthwise, block.depthwise_norm
            yield block.project, block.project_norm
        yield self.last, self.last_norm
