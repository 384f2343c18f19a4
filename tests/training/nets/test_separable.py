import pytest
import torch
from torch import Tensor, nn

from vrfer.training.nets.separable import DepthwiseConvolution, pad_same


def pictures(height: int, width: int) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (8, 7), (5, 12)])
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("training", [False, True])
def test_a_stride_of_two_pads_as_tensorflow(
    size: tuple[int, int], kernel: int, training: bool
) -> None:
    """SAME: even sides get one more row at the bottom and right, odd ones as many all around."""
    layer = DepthwiseConvolution(3, 2, kernel).train(training)
    x = pictures(*size)
    after = kernel // 2
    across, down = (after - 1 + side % 2 for side in reversed(size))
    padded = nn.functional.pad(x, (across, after, down, after))
    torch.testing.assert_close(pad_same(x, kernel), padded)
    expected = nn.functional.conv2d(padded, layer.weight, stride=2, groups=3)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("kernel", [3, 5])
def test_a_stride_of_one_keeps_the_size(kernel: int) -> None:
    layer = DepthwiseConvolution(3, 1, kernel)
    x = pictures(7, 8)
    expected = nn.functional.conv2d(x, layer.weight, padding=kernel // 2, groups=3)
    assert expected.shape == x.shape
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("kernel", [3, 5])
def test_the_gradient_of_the_training_form_is_that_of_the_other(kernel: int) -> None:
    layer = DepthwiseConvolution(3, 2, kernel)
    gradients = []
    for training in (True, False):
        layer.train(training)
        layer.zero_grad()
        x = pictures(9, 10).requires_grad_()
        layer(x).square().sum().backward()
        assert x.grad is not None
        assert layer.weight.grad is not None
        gradients.append((x.grad, layer.weight.grad.clone()))
    torch.testing.assert_close(gradients[0], gradients[1])
