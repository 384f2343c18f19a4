import pytest
import torch
from torch import Tensor

from vrfer.training.nets.efficientnet_lite import EfficientNetLite0, InvertedResidual


def pictures(height: int, width: int, count: int = 2) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(2))


def test_the_layers_are_efficientnet_lites() -> None:
    trunk = EfficientNetLite0()
    layers = list(trunk.normalised_convolutions())
    # A first and a last convolution; the first block does not expand, the other fifteen do.
    assert len(layers) == 2 + 2 + 15 * 3
    assert all(norm.num_features == layer.out_channels for layer, norm in layers)
    assert all(norm.eps == 1e-3 for _, norm in layers)
    # As released: 4,652,008 with the 1,281,000 of ImageNet's classifier.
    assert sum(p.numel() for p in trunk.parameters()) == 4_652_008 - 1_281_000


@pytest.mark.parametrize(
    ("size", "fine", "coarse"), [((96, 128), (6, 8), (3, 4)), ((90, 77), (6, 5), (3, 3))]
)
def test_the_taps_are_a_sixteenth_and_a_thirty_second(
    size: tuple[int, int], fine: tuple[int, int], coarse: tuple[int, int]
) -> None:
    with torch.no_grad():
        tapped, last = EfficientNetLite0().eval()(pictures(*size))
    assert tapped.shape == (2, 672, *fine)
    assert last.shape == (2, 1280, *coarse)


def test_features_lie_between_zero_and_six() -> None:
    with torch.no_grad():
        maps = EfficientNetLite0()(1000 * pictures(64, 64))
    for found in maps:
        assert float(found.min()) == 0
        assert float(found.max()) <= 6


@pytest.mark.parametrize(
    ("out_channels", "stride", "adds"), [(8, 1, True), (8, 2, False), (12, 1, False)]
)
def test_what_comes_in_is_added_where_it_fits(out_channels: int, stride: int, adds: bool) -> None:
    block = InvertedResidual(8, out_channels, 5, stride, 6).eval()
    torch.nn.init.zeros_(block.project_norm.weight)
    x = torch.randn(2, 8, 6, 6)
    with torch.no_grad():
        found = block(x)
    assert torch.equal(found, x) if adds else not found.any()
