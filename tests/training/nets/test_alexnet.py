from torch import nn
from training.made_up import tiny_recipe
from training.nets.shapes import shapes_after

from vrfer.training.nets import create_network
from vrfer.training.nets.alexnet import AlexNet


def test_every_layer_has_the_size_that_its_paper_states() -> None:
    """Krizhevsky et al. 2012, figure 2: 55, 27 and 13 positions a side, 6 after the last pool."""
    assert shapes_after(AlexNet(), (nn.Conv2d, nn.MaxPool2d), 3, 224, 224) == [
        "96x55x55",
        "96x27x27",
        "256x27x27",
        "256x13x13",
        "384x13x13",
        "384x13x13",
        "256x13x13",
        "256x6x6",
    ]


def test_it_has_the_number_of_weights_of_caffes_reference_network() -> None:
    network = create_network(tiny_recipe(network="alexnet", input={"size": 224}), mean_gray=0)
    # 60,965,224 with its 1,000 classes, of which eight are left here.
    assert sum(p.numel() for p in network.parameters()) == 60_965_224 - 4097 * 992
