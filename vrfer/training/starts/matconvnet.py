"""Networks of MatConvNet as `.mat` files (versions 5 to 7 of the format), read by field name.

Two generations are in use, with the same arrays: the older one has a layer's `filters` and
`biases` and the net's `normalization`; the newer one (from MatConvNet 1.0-beta17 on) has a cell
`weights` and `meta.normalization`. Either stands in a variable `net` or is spread over the file's
variables. MATLAB drops an array's trailing dimensions of size 1, but never below two.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.io
import torch
from torch import Tensor

from vrfer.errors import RecipeError

REMEDY = (
    "Name imagenet-vgg-f.mat or vgg-face.mat of MatConvNet's page of pre-trained models with "
    "--start."
)
MAT_5_HEADER = b"MATLAB 5.0"
"""What MATLAB, Octave and scipy write at the beginning of versions 5 to 7."""
HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512)
"""Version 7.3 is HDF5 behind a text of 512 bytes."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ConvolutionWeights:
    """What one convolution has learned."""

    kernel: Tensor
    """Out x in x H x W, float32."""
    bias: Tensor
    """Out, float32."""


@dataclass(frozen=True, slots=True, eq=False)
class MatConvNetFile:
    """A network that people bring, in torch's order of dimensions."""

    convolutions: tuple[tuple[str, ConvolutionWeights], ...]
    """By name, in the file's order; fully-connected layers are convolutions in these files."""
    average: Tensor
    """Subtracted from the input: 1 x 3 x H x W or 1 x 3 x 1 x 1, RGB, 0-255, float32."""
    md5: str
    """Of the whole file, hexadecimal."""
    name: str
    """The file's name without its folder."""
    kinds: tuple[str, ...]
    """Types of all layers in the file's order, such as `conv`, `relu`, `lrn`, `pool`; empty where
    the format does not tell them."""


def read_matconvnet(path: Path) -> MatConvNetFile:
    """Read a network of MatConvNet's SimpleNN kind.

    Args:
        path: A .mat file of version 5 to 7.

    Raises:
        RecipeError: The file is missing, no such file, lacks a field, or holds a layer whose
            weights are not a convolution's.

    Source:
        MatConvNet's manual (A. Vedaldi, K. Lenc: MatConvNet - Convolutional Neural Networks for
        MATLAB, ACM Multimedia 2015) and the networks that its authors released.
    """
    md5 = md5_of(path, REMEDY)
    variables = _load(path)
    net = variables["net"] if _is_struct(variables.get("net")) else variables
    layers = _required(net, "layers", str(path))
    if layers.dtype != object:
        raise RecipeError(
            f"{path}: layers is no cell, as in networks of MatConvNet's DagNN kind",
            "Name a network of its SimpleNN kind with --start, such as vgg-face.mat.",
        )
    kinds: list[str] = []
    convolutions: list[tuple[str, ConvolutionWeights]] = []
    for number, layer in enumerate(layers.ravel(order="F"), start=1):
        where = f"{path}, layer {number}"
        kind = _text(layer, "type", where)
        kinds.append(kind)
        if kind == "conv":
            name = _text(layer, "name", where)
            convolutions.append((name, _convolution(layer, f"{path}, layer {name}")))
        elif _field(layer, "weights") is not None or _field(layer, "filters") is not None:
            raise RecipeError(f"{where} is of type {kind} and has weights of its own", REMEDY)
    normalization = _field(_field(net, "meta"), "normalization")
    if normalization is None:
        normalization = _required(net, "normalization", f"{path} (or its meta)")
    average = _average(_required(normalization, "averageImage", f"{path}, normalization"), path)
    return MatConvNetFile(tuple(convolutions), average, md5, path.name, tuple(kinds))


def md5_of(path: Path, remedy: str) -> str:
    """Return a file's MD5 checksum, by which makers name their files; it proves no origin.

    Args:
        path: The file.
        remedy: What the user can do where it cannot be read.

    Raises:
        RecipeError: The file is missing or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as err:
        raise RecipeError(
            f"the starting weights {path} cannot be read: {err.strerror or err}", remedy
        ) from err


def _load(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        header = file.read(max(HDF5_OFFSETS) + len(HDF5_SIGNATURE))
    if any(header[offset:].startswith(HDF5_SIGNATURE) for offset in HDF5_OFFSETS):
        raise RecipeError(
            f"{path} is a .mat of version 7.3 (HDF5), which vrfer does not read",
            'Save it again in MATLAB: net = load("old.mat"); '
            'save("new.mat", "-struct", "net", "-v7").',
        )
    # Anything else would pass for version 4, which has no mark of its own and no cells.
    if not header.startswith(MAT_5_HEADER):
        raise RecipeError(f"{path} is no .mat of version 5 to 7", REMEDY)
    try:
        variables: dict[str, Any] = scipy.io.loadmat(
            path, appendmat=False, variable_names=["net", "layers", "meta", "normalization"]
        )
    except Exception as err:  # damaged files raise whatever their wrong bytes lead to
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise RecipeError(
            f"{path} is damaged ({reason})", "Fetch it again, and name it with --start."
        ) from err
    return variables


def _convolution(layer: Any, where: str) -> ConvolutionWeights:
    if _field(layer, "filters") is not None:
        found = [_required(layer, name, where) for name in ("filters", "biases")]
    else:
        weights = _required(layer, "weights", where)
        if weights.dtype != object or weights.size != 2:
            raise RecipeError(f"{where}: weights is no cell of kernel and biases", REMEDY)
        found = list(weights.ravel(order="F"))
    if not all(isinstance(part, np.ndarray) and part.dtype.kind in "fiu" for part in found):
        raise RecipeError(f"{where}: kernel or biases are no numbers", REMEDY)
    kernel, bias = (part.astype(np.float32) for part in found)
    restored = _four_dimensions(kernel, bias.size)
    if restored.ndim != 4 or restored.shape[3] != bias.size:
        shape = " x ".join(map(str, kernel.shape))
        raise RecipeError(f"{where}: a kernel {shape} does not go with {bias.size} biases", REMEDY)
    return ConvolutionWeights(
        torch.from_numpy(np.ascontiguousarray(restored.transpose(3, 2, 0, 1))),
        torch.from_numpy(bias.ravel()),
    )


def _four_dimensions(kernel: Floats, outputs: int) -> Floats:
    """Give H x W x in x out back the dimensions of size 1 that were dropped."""
    if kernel.ndim == 2 and outputs > 1:
        # MATLAB keeps leading ones; what converts its files often squeezes them away.
        return kernel[None, None]
    return kernel.reshape(kernel.shape + (1,) * (4 - kernel.ndim))


def _average(values: Any, path: Path) -> Tensor:
    if values.dtype.kind in "fiu":
        average = values.astype(np.float32)
        if average.size == 3:
            return torch.from_numpy(average.reshape(1, 3, 1, 1))
        if average.ndim == 3 and average.shape[2] == 3:
            return torch.from_numpy(np.ascontiguousarray(average.transpose(2, 0, 1)))[None]
    shape = " x ".join(map(str, values.shape))
    raise RecipeError(
        f"{path}: averageImage ({shape}) is neither a picture H x W x 3 nor three numbers", REMEDY
    )


def _is_struct(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.names is not None and value.size == 1


def _field(holder: Any, name: str) -> Any:
    """Return the array under a name in the file's variables or a 1 x 1 struct.

    Returns:
        None where the holder is neither, or lacks the name, or has nothing there.
    """
    if isinstance(holder, dict):
        value = holder.get(name)
    elif _is_struct(holder) and name in holder.dtype.names:
        value = holder[name].item()
    else:
        return None
    return value if isinstance(value, np.ndarray) and value.size else None


def _required(holder: Any, name: str, where: str) -> Any:
    value = _field(holder, name)
    if value is None:
        raise RecipeError(f"{where} has no {name}", REMEDY)
    return value


def _text(holder: Any, name: str, where: str) -> str:
    value = _required(holder, name, where)
    if value.dtype.kind != "U" or value.size != 1:
        raise RecipeError(f"{where}: {name} is no text", REMEDY)
    return str(value.item())
