"""The networks, one file each; `create_network` builds one by the name that recipes use."""

from collections.abc import Callable

from torch import nn

from vrfer.training.nets.face_network import FaceNetwork, Trunk
from vrfer.training.nets.mobilenet import MobileNet
from vrfer.training.nets.vgg_f import VggF
from vrfer.training.recipe import Recipe

__all__ = ["TRUNKS", "FaceNetwork", "Trunk", "create_network"]

TRUNKS: dict[str, Callable[[], Trunk]] = {"vgg_f": VggF, "mobilenet": MobileNet}
"""Constructors of the feature extractors by their name in recipes."""


def create_network(recipe: Recipe, *, mean_gray: float) -> FaceNetwork:
    """Build the recipe's network with fresh weights from torch's global random generator.

    Args:
        recipe: Names the network and its input.
        mean_gray: Mean of the training pictures, 0-255; subtracted from every pixel.
    """
    network = FaceNetwork(TRUNKS[recipe.network](), mean=(mean_gray,) * 3, scale=recipe.input.scale)
    for module in network.trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
