"""The networks, one file each; `create_network` builds one by the name that recipes use."""

from collections.abc import Callable

import torch
from torch import nn

from vrfer.errors import RecipeError
from vrfer.training.nets.alexnet import AlexNet
from vrfer.training.nets.efficientnet_lite import EfficientNetLite0
from vrfer.training.nets.face_network import FaceNetwork, Trunk
from vrfer.training.nets.mobilenet import MobileNet
from vrfer.training.nets.vgg_13 import Vgg13
from vrfer.training.nets.vgg_f import VggF
from vrfer.training.nets.vgg_face import VggFace
from vrfer.training.recipe import STARTS_WITH_MEAN_PICTURE, Recipe

__all__ = ["TRUNKS", "FaceNetwork", "Trunk", "create_network"]

TRUNKS: dict[str, Callable[[], Trunk]] = {
    "vgg_f": VggF,
    "vgg_face": VggFace,
    "vgg_13": Vgg13,
    "alexnet": AlexNet,
    "mobilenet": MobileNet,
    "efficientnet_lite0": EfficientNetLite0,
}
"""Constructors of the feature extractors by their name in recipes."""


def create_network(recipe: Recipe, *, mean_gray: float) -> FaceNetwork:
    """Build the recipe's network with fresh weights from torch's global random generator.

    Args:
        recipe: Names the network and its input.
        mean_gray: Mean of the training pictures, 0-255; subtracted from every pixel.

    Raises:
        RecipeError: The network takes another input size.
    """
    trunk = TRUNKS[recipe.network]()
    if trunk.input_size not in (None, recipe.input.size):
        raise RecipeError(
            f"recipe {recipe.name}: a {recipe.network} sees {trunk.input_size} pixels, not "
            f"{recipe.input.size}",
            "Mend size under [input].",
        )
    side = recipe.input.size if recipe.start in STARTS_WITH_MEAN_PICTURE else 1
    mean = torch.full((1, trunk.input_channels, side, side), mean_gray)
    network = FaceNetwork(trunk, mean=mean, scale=recipe.input.scale)
    for module in network.trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
