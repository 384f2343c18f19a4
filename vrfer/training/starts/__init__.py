"""Where a network's weights begin: at random, or in files that people bring.

One loader a file format; none of them runs code from the file.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vrfer.errors import RecipeError
from vrfer.training.batches import patches_of
from vrfer.training.checkpoint import load_state
from vrfer.training.nets import FaceNetwork, create_network
from vrfer.training.nets.efficientnet_lite import EfficientNetLite0
from vrfer.training.nets.mobilenet import MobileNet
from vrfer.training.nets.vgg_f import VggF
from vrfer.training.nets.vgg_face import VggFace
from vrfer.training.provenance import file_in_words
from vrfer.training.recipe import STARTS_WITH_MEAN_PICTURE, Recipe, Start
from vrfer.training.starts import efficientnet_lite, faceres, vgg
from vrfer.training.starts.data_dependent import scale_layers
from vrfer.training.starts.exported import put_exported, read_exported
from vrfer.training.starts.folded import put_in
from vrfer.training.starts.matconvnet import read_matconvnet

__all__ = ["begin_network", "usual_start"]

START_FILES: dict[Start, tuple[str, ...]] = {
    "faceres-deep": ("",),
    "efficientnet-lite0": (efficientnet_lite.FILE,),
    "imagenet-vgg-f": ("imagenet-vgg-f.mat",),
    "vgg-face": ("vgg-face.mat", "vgg_face_dag.pth"),
}
"""What is looked for in the folder of starting weights; "" is the folder itself."""
_FITTING: dict[Start, str] = {
    "faceres-deep": "mobilenet",
    "efficientnet-lite0": "efficientnet_lite0",
    "imagenet-vgg-f": "vgg_f",
    "vgg-face": "vgg_face",
}

NORMALISING_FACES = 512
"""Training faces by which normalisation layers are set."""


def usual_start(start: Start, folder: Path) -> Path | None:
    """Return where starting weights lie if nothing else is said, None for those without a place.

    Args:
        start: The recipe's.
        folder: Of the starting weights, in the data's folder; an installed package comes next.
    """
    usual = [folder / name for name in START_FILES.get(start, ())]
    installed = efficientnet_lite.installed_file() if start == "efficientnet-lite0" else None
    usual += [] if installed is None else [installed]
    return next((path for path in usual if path.exists()), usual[0] if usual else None)


def begin_network(
    recipe: Recipe, faces: npt.NDArray[np.uint8], *, mean_gray: float, start: Path | None
) -> tuple[FaceNetwork, str]:
    """Build the recipe's network with the weights that it starts from.

    Args:
        recipe: Names network and start.
        faces: N x F x F uint8 training faces.
        mean_gray: Their mean, 0-255; a start from `scratch` subtracts it.
        start: The file or folder of the starting weights, a checkpoint or an exported network.

    Returns:
        The network, and where its weights come from, in words.

    Raises:
        RecipeError: The weights are missing or not those that the recipe names.
    """
    network = create_network(recipe, mean_gray=mean_gray)
    if recipe.start == "scratch":
        if recipe.data_dependent_init:
            _scale_layers(network, recipe, faces)
        return network, "random weights"
    if start is None:
        raise RecipeError(
            f"recipe {recipe.name} starts from a {recipe.start}", "Name it with --start."
        )
    if recipe.start == "checkpoint":
        return network, _from_trained(network, recipe, faces, start)
    trunk = network.trunk
    if recipe.start == "imagenet-vgg-f" and isinstance(trunk, VggF):
        file = read_matconvnet(start)
        vgg.put_into_vgg_f(trunk, file)
        network.mean.copy_(vgg.vgg_f_mean(file, recipe.input.size))
        return network, vgg.lineage(file)
    if recipe.start == "vgg-face" and isinstance(trunk, VggFace):
        is_torchs = start.suffix == ".pth"
        file = vgg.read_vgg_face_dag(start) if is_torchs else read_matconvnet(start)
        vgg.put_into_vgg_face(trunk, file)
        network.mean.copy_(vgg.vgg_face_mean(file))
        return network, vgg.lineage(file)
    if recipe.start == "faceres-deep" and isinstance(trunk, MobileNet):
        _put_faceres(network, trunk, recipe, faces, start)
        return network, faceres.LINEAGE
    if recipe.start == "efficientnet-lite0" and isinstance(trunk, EfficientNetLite0):
        _put_efficientnet_lite(network, trunk, recipe, start)
        return network, efficientnet_lite.LINEAGE
    raise RecipeError(
        f"recipe {recipe.name} starts a {recipe.network} from {recipe.start}",
        f'These weights fit network = "{_FITTING[recipe.start]}".',
    )


def _scale_layers(network: FaceNetwork, recipe: Recipe, faces: npt.NDArray[np.uint8]) -> None:
    if any(True for _ in network.trunk.normalised_convolutions()):
        raise RecipeError(
            f"recipe {recipe.name}: a {recipe.network} normalises its layers itself",
            "Leave data_dependent_init out.",
        )
    stage = recipe.stages[0]
    network.occlusion = stage.occlusion if stage.region == "lower-half" else None
    scale_layers(network, _normalising(recipe, faces))
    network.occlusion = None


def _put_faceres(
    network: FaceNetwork,
    trunk: MobileNet,
    recipe: Recipe,
    faces: npt.NDArray[np.uint8],
    folder: Path,
) -> None:
    network.mean.copy_(torch.tensor(faceres.MEAN_RGB).reshape(1, 3, 1, 1))
    pictures = network.normalised(_normalising(recipe, faces))
    put_in(trunk, faceres.load_faceres(folder), pictures)


def _put_efficientnet_lite(
    network: FaceNetwork, trunk: EfficientNetLite0, recipe: Recipe, path: Path
) -> None:
    if recipe.input.scale != efficientnet_lite.SCALE:
        raise RecipeError(
            f"recipe {recipe.name} scales its input by {recipe.input.scale:g}",
            f"EfficientNet-Lite0's weights want scale = {efficientnet_lite.SCALE} under [input].",
        )
    efficientnet_lite.put_into_efficientnet_lite(trunk, path)
    network.mean.fill_(efficientnet_lite.MEAN)


def _normalising(recipe: Recipe, faces: npt.NDArray[np.uint8]) -> Tensor:
    """Return some training patches, evenly spaced over the training list."""
    few = faces[:: max(1, len(faces) // NORMALISING_FACES)][:NORMALISING_FACES]
    return patches_of(few, recipe.input.view(recipe.stages[0].region))


def _from_trained(
    network: FaceNetwork, recipe: Recipe, faces: npt.NDArray[np.uint8], path: Path
) -> str:
    if path.suffix == ".onnx":
        exported = read_exported(path)
        _check_fits(recipe, exported.recipe, path)
        put_exported(network, exported, _normalising(recipe, faces))
        return file_in_words(path)
    other = load_state(path)
    _check_fits(recipe, other.recipe, path)
    network.load_state_dict(other.measured)
    return file_in_words(path)


def _check_fits(recipe: Recipe, other: Recipe, path: Path) -> None:
    if other.start in STARTS_WITH_MEAN_PICTURE:
        raise RecipeError(
            f"{path} subtracts a mean picture, which comes from {other.start} alone",
            f'Begin with start = "{other.start}", or go on with its run by --after.',
        )
    mine, theirs = (
        f"{one.network} with inputs scaled by {one.input.scale:g}" for one in (recipe, other)
    )
    if mine != theirs:
        raise RecipeError(
            f"{path} holds a {theirs}, and recipe {recipe.name} trains a {mine}",
            "Name one of the same network with --start.",
        )
