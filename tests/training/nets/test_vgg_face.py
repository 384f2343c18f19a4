from itertools import pairwise

from torch import nn
from training.made_up import tiny_recipe
from training.nets.shapes import shapes_after

from vrfer.training.nets import create_network
from vrfer.training.nets.vgg_face import VggFace


def test_every_layer_has_the_size_of_vgg_16() -> None:
    """Simonyan & Zisserman 2015, configuration D, up to conv5_3."""
    assert shapes_after(VggFace(), (nn.Conv2d, nn.MaxPool2d), 3, 224, 224) == [
        *["64x224x224"] * 2,
        "64x112x112",
        *["128x112x112"] * 2,
        "128x56x56",
        *["256x56x56"] * 3,
        "256x28x28",
        *["512x28x28"] * 3,
        "512x14x14",
        *["512x14x14"] * 3,
    ]


def test_it_has_vgg_16s_number_of_weights_and_the_papers_head() -> None:
    network = create_network(tiny_recipe(network="vgg_face"), mean_gray=0)
    # VGG-16's convolutions have 14,714,688 weights and biases; the head 512 * 8 + 8.
    assert sum(p.numel() for p in network.parameters()) == 14_714_688 + 4_104
    assert len(network.convolutions()) == 13


def test_dropout_follows_each_convolution_from_the_fourth_block_on() -> None:
    layers = [layer for layer in VggFace().modules() if not isinstance(layer, nn.ReLU)]
    rates = [
        after.p
        for before, after in pairwise(layers)
        if isinstance(before, nn.Conv2d) and isinstance(after, nn.Dropout)
    ]
    assert rates == [0.30, 0.35, 0.40, 0.45, 0.50, 0.55]
    assert sum(isinstance(layer, nn.Dropout) for layer in layers) == 6
    pools = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    dropouts = [i for i, layer in enumerate(layers) if isinstance(layer, nn.Dropout)]
    assert pools[2] < dropouts[0] < pools[3] < dropouts[3]
