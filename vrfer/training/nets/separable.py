"""Depthwise convolutions as TensorFlow pads them, for networks whose weights come from there."""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


def pad_same(x: Tensor, kernel: int = 3) -> Tensor:
    """Pad for an odd kernel at stride 2 as TensorFlow's SAME does: more at the bottom and right.

    Args:
        x: N x C x H x W.
        kernel: Side of the kernel.
    """
    height, width = x.shape[-2:]
    down, across = kernel - 2 + height % 2, kernel - 2 + width % 2
    before = (across // 2, down // 2)
    return nn.functional.pad(x, (before[0], across - before[0], before[1], down - before[1]))


class DepthwiseConvolution(nn.Conv2d):
    """A convolution of each channel alone, padded as TensorFlow's SAME."""

    def __init__(self, channels: int, stride: int, kernel: int = 3) -> None:
        """Take as many channels as it gives; the kernel's side is odd."""
        super().__init__(channels, channels, kernel, stride=stride, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x C x H/stride x W/stride, rounded up."""
        convolve = nn.functional.conv2d
        side = self.kernel_size[0]
        if self.stride[0] == 1:
            return convolve(x, self.weight, self.bias, padding=side // 2, groups=self.groups)
        if not self.training:
            padded = pad_same(x, side)
            return convolve(padded, self.weight, self.bias, stride=2, groups=self.groups)
        # The same numbers. oneDNN's gradient of the strided convolution takes far
        # longer on a CPU than that of four times as many positions.
        everywhere = convolve(x, self.weight, self.bias, padding=side // 2, groups=self.groups)
        height, width = x.shape[-2:]
        subsampled: Tensor = _EverySecond.apply(  # type: ignore[no-untyped-call]
            everywhere, 1 - height % 2, 1 - width % 2
        )
        return subsampled


class _EverySecond(torch.autograd.Function):
    """Every second row and column, in the layout that oneDNN computes fastest in.

    Slicing gives the same, but its gradient comes in the other layout, which takes long to mend.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, first_row: int, first_column: int) -> Tensor:
        taken = (..., slice(first_row, None, 2), slice(first_column, None, 2))
        ctx.shape, ctx.taken = x.shape, taken  # type: ignore[attr-defined]
        return x[taken].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        whole = torch.empty(
            ctx.shape,  # type: ignore[attr-defined]
            dtype=gradient.dtype,
            device=gradient.device,
            memory_format=torch.channels_last,
        ).zero_()
        whole[ctx.taken] = gradient  # type: ignore[attr-defined]
        return whole, None, None
