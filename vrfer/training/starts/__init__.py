"""Where a network's weights begin: at random, or in files that people bring.

One loader a file format; none of them runs code from the file.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vrfer.errors import RecipeError
from vrfer.training.batches import patches_of
from vrfer.training.checkpoint import load_state
from vrfer.training.nets import FaceNetwork, create_network
from vrfer.training.nets.mobilenet import MobileNet
from vrfer.training.provenance import in_words
from vrfer.training.recipe import Recipe
from vrfer.training.starts import faceres

__all__ = ["begin_network"]

NORMALISING_FACES = 512
"""Training faces by which normalisation layers are set."""


def begin_network(
    recipe: Recipe, faces: npt.NDArray[np.uint8], *, mean_gray: float, start: Path | None
) -> tuple[FaceNetwork, str]:
    """Build the recipe's network with the weights that it starts from.

    Args:
        recipe: Names network and start.
        faces: N x F x F uint8 training faces.
        mean_gray: Their mean, 0-255; a start from `scratch` subtracts it.
        start: Folder of the starting weights, or a checkpoint, as the recipe begins.

    Returns:
        The network, and where its weights come from, in words.

    Raises:
        RecipeError: The weights are missing or not those that the recipe names.
    """
    network = create_network(recipe, mean_gray=mean_gray)
    if recipe.start == "scratch":
        return network, "random weights"
    if start is None:
        raise RecipeError(
            f"recipe {recipe.name} starts from a {recipe.start}", "Name it with --start."
        )
    if recipe.start == "checkpoint":
        return network, _from_checkpoint(network, recipe, start)
    if not isinstance(network.trunk, MobileNet):
        raise RecipeError(
            f"recipe {recipe.name} starts a {recipe.network} from {recipe.start}",
            'These weights fit network = "mobilenet".',
        )
    network.mean.copy_(torch.tensor(faceres.MEAN_RGB).reshape(1, 3, 1, 1))
    few = faces[:: max(1, len(faces) // NORMALISING_FACES)][:NORMALISING_FACES]
    patches = patches_of(few, recipe.input.view(recipe.stages[0].region))
    pictures = (patches.expand(-1, 3, -1, -1) - network.mean) * network.scale
    faceres.put_in(network.trunk, faceres.load_faceres(start), pictures)
    return network, faceres.LINEAGE


def _from_checkpoint(network: FaceNetwork, recipe: Recipe, path: Path) -> str:
    other = load_state(path)
    mine, theirs = (
        f"{one.network} with inputs scaled by {one.input.scale:g}" for one in (recipe, other.recipe)
    )
    if mine != theirs:
        raise RecipeError(
            f"{path} holds a {theirs}, and recipe {recipe.name} trains a {mine}",
            "Name a checkpoint of the same network with --start.",
        )
    network.load_state_dict(other.network)
    return in_words(other)
