from torch import nn
from training.made_up import tiny_recipe
from training.nets.shapes import shapes_after

from vrfer.training.nets import create_network
from vrfer.training.nets.vgg_13 import Vgg13


def test_every_layer_has_the_size_that_its_paper_states() -> None:
    """Barsoum et al., ICMI 2016, figure 3."""
    assert shapes_after(Vgg13(), (nn.Conv2d, nn.MaxPool2d), 1, 64, 64) == [
        *["64x64x64"] * 2,
        "64x32x32",
        *["128x32x32"] * 2,
        "128x16x16",
        *["256x16x16"] * 3,
        "256x8x8",
        *["256x8x8"] * 3,
        "256x4x4",
    ]


def test_its_weights_and_dropouts_are_its_papers() -> None:
    network = create_network(tiny_recipe(network="vgg_13", input={"size": 64}), mean_gray=0)
    layers = [(1, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 5]
    convolutions = sum(9 * inputs * outputs + outputs for inputs, outputs in layers)
    dense = 4096 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 8 + 8
    assert sum(p.numel() for p in network.parameters()) == convolutions + dense
    rates = [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)]
    assert rates == [0.25] * 4 + [0.5] * 2
