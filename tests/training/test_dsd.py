from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vrfer.training.dsd import layer_sparsities, zero_layers, zero_smallest
from vrfer.training.recipe import Dsd


def test_sparsity_rises_linearly_after_the_first_layer() -> None:
    assert layer_sparsities(5, 0.2, 0.5) == pytest.approx([0, 0.2, 0.3, 0.4, 0.5])
    face = layer_sparsities(13, 0.2, 0.7)  # VGG-face
    assert len(face) == 13
    assert face[0] == 0
    assert face[1] == pytest.approx(0.2)
    assert face[12] == pytest.approx(0.7)
    assert [b - a for a, b in pairwise(face[1:])] == pytest.approx([0.5 / 11] * 11)


def test_two_layers_are_the_fewest() -> None:
    assert layer_sparsities(2, 0.2, 0.5) == pytest.approx([0, 0.2])
    with pytest.raises(ValueError, match="at least two"):
        layer_sparsities(1, 0.2, 0.5)


def test_the_smallest_by_magnitude_go() -> None:
    weight = torch.tensor([[0.5, -0.1, 0.3], [-4.0, 0.2, -0.05]])
    zero_smallest(weight, 0.5)
    assert torch.equal(weight, torch.tensor([[0.5, 0, 0.3], [-4.0, 0, 0]]))


@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4)),
    sparsity=st.floats(0, 0.99),
    values=st.sampled_from(["normal", "ties", "equal"]),
    channels_last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_share_is_exact_and_the_rest_is_untouched(
    shape: tuple[int, int, int, int], sparsity: float, values: str, channels_last: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(shape, generator=generator)
    if values == "ties":
        weight = weight.sign() * torch.randint(1, 4, shape, generator=generator)
    elif values == "equal":
        weight = torch.full(shape, -0.25)
    if channels_last:
        weight = weight.to(memory_format=torch.channels_last)
    before, strides = weight.clone(), weight.stride()
    zero_smallest(weight, sparsity)
    gone = weight == 0
    assert int(gone.sum()) == round(sparsity * weight.numel())
    assert torch.equal(weight[~gone], before[~gone])
    assert weight.stride() == strides
    if gone.any() and not gone.all():
        assert before[gone].abs().max() <= before[~gone].abs().min()


@pytest.mark.parametrize("channels_last", [False, True])
def test_biases_and_the_first_convolution_are_spared(channels_last: bool) -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(*(nn.Conv2d(6, 6, 3) for _ in range(4)))
    if channels_last:
        layers.to(memory_format=torch.channels_last)
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    before = [layer.weight.clone() for layer in convolutions]
    biases = [layer.bias.clone() for layer in convolutions if layer.bias is not None]
    zero_layers(convolutions, Dsd(first_sparsity=0.25, last_sparsity=0.75))
    assert torch.equal(convolutions[0].weight, before[0])
    for layer, bias in zip(convolutions, biases, strict=True):
        assert layer.bias is not None
        assert torch.equal(layer.bias, bias)
    shares = [float((layer.weight == 0).float().mean()) for layer in convolutions]
    assert shares == pytest.approx([0, 0.25, 0.5, 0.75])


def test_zeroed_weights_move_again() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3))
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    zero_layers(convolutions, Dsd())
    weight = convolutions[1].weight
    gone = weight == 0
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.1)
    layers(torch.randn(2, 1, 8, 8)).square().mean().backward()
    optimizer.step()
    assert gone.any()
    assert (weight[gone] != 0).all()
