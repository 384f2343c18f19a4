import pytest
import torch
from torch import Tensor

from vrfer.training.nets.mobilenet import BLOCKS, MobileNet


def pictures(height: int, width: int, count: int = 2) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(2))


def test_the_layers_are_mobilenets() -> None:
    trunk = MobileNet()
    layers = list(trunk.normalised_convolutions())
    assert len(layers) == 27
    kernels = sum(convolution.weight.numel() for convolution, _ in layers)
    # Howard et al. 2017, width 1, without the classifier.
    assert kernels == 3_185_088
    for convolution, norm in layers:
        assert convolution.bias is None
        assert norm.num_features == convolution.out_channels


@pytest.mark.parametrize(
    ("size", "fine", "coarse"), [((64, 128), (4, 8), (2, 4)), ((90, 77), (6, 5), (3, 3))]
)
def test_each_stage_halves_the_picture(
    size: tuple[int, int], fine: tuple[int, int], coarse: tuple[int, int]
) -> None:
    with torch.no_grad():
        first, last = MobileNet().eval()(pictures(*size))
    assert first.shape == (2, 512, *fine)
    assert last.shape == (2, 1024, *coarse)
    assert sum(stride == 2 for _, stride in BLOCKS) == 4


def test_features_lie_between_zero_and_six() -> None:
    with torch.no_grad():
        maps = MobileNet()(1000 * pictures(64, 64))
    for found in maps:
        assert float(found.min()) == 0
        assert float(found.max()) <= 6
