"""Small networks as MatConvNet stores them, and what MatConvNet would compute with them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.io
from numpy.lib.stride_tricks import sliding_window_view

Array = npt.NDArray[Any]
Layer = dict[str, Any]
"""Fields of a layer in the newer generation's names; `weights` is (kernel, bias)."""

VGG_F_LRN = (5.0, 2.0, 1e-4, 0.75)


def convolution(
    name: str,
    shape: tuple[int, int, int, int],
    rng: np.random.Generator,
    *,
    stride: int = 1,
    pad: int = 0,
) -> Layer:
    """Make a layer with a kernel H x W x in x out that keeps the size of what it gets."""
    spread = (2 / np.prod(shape[:3])) ** 0.5
    kernel = (rng.standard_normal(shape, np.float32) * spread).astype(np.float32)
    bias = rng.standard_normal((shape[3], 1), np.float32)
    return {
        "name": name,
        "type": "conv",
        "weights": (kernel, bias),
        "stride": [stride, stride],
        "pad": [pad] * 4,
    }


def relu(name: str) -> Layer:
    return {"name": name, "type": "relu"}


def lrn(name: str, kind: str = "lrn") -> Layer:
    return {"name": name, "type": kind, "param": list(VGG_F_LRN)}


def pool(name: str, size: int, pad: Sequence[int]) -> Layer:
    return {
        "name": name,
        "type": "pool",
        "method": "max",
        "pool": [size, size],
        "stride": [2, 2],
        "pad": list(pad),
    }


def vgg_f(rng: np.random.Generator) -> list[Layer]:
    """Make VGG-f's layers up to relu5, and a small fully-connected one behind its last pool."""
    layers: list[Layer] = []
    shapes = [(11, 11, 3, 64), (5, 5, 64, 256), *[(3, 3, 256, 256)] * 3]
    for number, shape in enumerate(shapes, start=1):
        layers += [
            convolution(
                f"conv{number}",
                shape,
                rng,
                stride=4 if number == 1 else 1,
                pad=(0, 2, 1, 1, 1)[number - 1],
            ),
            relu(f"relu{number}"),
        ]
        if number < 3:
            layers += [lrn(f"norm{number}"), pool(f"pool{number}", 3, [0, 1, 0, 1])]
    return [
        *layers,
        pool("pool5", 3, [0, 1, 0, 1]),
        convolution("fc6", (2, 2, 256, 4), rng),
        {"name": "prob", "type": "softmax"},
    ]


def vgg_face(rng: np.random.Generator) -> list[Layer]:
    """Make VGG-face's layers, pool5 included."""
    layers: list[Layer] = []
    channels = 3
    for block, widths in enumerate(
        ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512)), start=1
    ):
        for number, width in enumerate(widths, start=1):
            layers += [
                convolution(f"conv{block}_{number}", (3, 3, channels, width), rng, pad=1),
                relu(f"relu{block}_{number}"),
            ]
            channels = width
        layers.append(pool(f"pool{block}", 2, [0, 0, 0, 0]))
    return layers


def write_net(
    path: Path,
    layers: Sequence[Layer],
    average: npt.ArrayLike,
    *,
    generation: Literal["old", "new"] = "new",
    wrapped: bool = False,
) -> Path:
    """Write a .mat as MatConvNet of that generation does.

    Args:
        path: The file.
        layers: As the functions above make them.
        average: Its averageImage, of any shape.
        generation: `old` has filters, biases and net.normalization; `new` has weights and
            net.meta.normalization.
        wrapped: Whether all stands in a variable `net`, or each of its fields in one of its own.
    """
    cell = np.empty((1, len(layers)), object)
    for number, layer in enumerate(layers):
        cell[0, number] = _fields(layer, generation)
    normalization = {
        "averageImage": as_matlab_keeps_it(np.asarray(average, np.float32)),
        "imageSize": np.array([[224.0, 224.0, 3.0]]),
    }
    net: dict[str, Any] = {"layers": cell}
    if generation == "new":
        net["meta"] = {"normalization": normalization, "classes": {"name": "anybody"}}
    else:
        net["normalization"] = normalization
        net["classes"] = {"name": "anybody"}
    scipy.io.savemat(path, {"net": net} if wrapped else net)
    return path


def as_matlab_keeps_it(values: Array) -> Array:
    """Drop trailing dimensions of size 1, but keep two."""
    while values.ndim > 2 and values.shape[-1] == 1:
        values = values[..., 0]
    return values


def _fields(layer: Layer, generation: Literal["old", "new"]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: value if isinstance(value, str) else np.array([value], np.float64)
        for name, value in layer.items()
        if name != "weights"
    }
    if "weights" in layer:
        parts = [as_matlab_keeps_it(part) for part in layer["weights"]]
        if generation == "old":
            fields["filters"], fields["biases"] = parts[0], parts[1].T
        else:
            fields["weights"] = np.empty((1, len(parts)), object)
            fields["weights"][0, :] = parts
    return fields


def forward(layers: Sequence[Layer], picture: Array, last: str) -> Array:
    """Compute what MatConvNet's vl_simplenn does, in float64 and its own order of dimensions.

    Args:
        layers: The network.
        picture: H x W x C, the average already subtracted.
        last: Name of the layer whose output is wanted.

    Returns:
        H x W x C.

    Source:
        The formulas of MatConvNet's manual.
    """
    x = picture.astype(np.float64)
    for layer in layers:
        match layer["type"]:
            case "conv":
                kernel, bias = layer["weights"]
                windows = _windows(x, kernel.shape[:2], layer["pad"], layer["stride"], 0)
                x = np.tensordot(windows, kernel.transpose(2, 0, 1, 3).astype(np.float64), 3)
                x = x + bias.ravel()
            case "relu":
                x = np.maximum(x, 0)
            case "pool":
                windows = _windows(x, layer["pool"], layer["pad"], layer["stride"], -np.inf)
                x = windows.max(axis=(3, 4))
            case "lrn" | "normalize":
                x = _normalised(x, *layer["param"])
            case other:
                raise AssertionError(other)
        if layer["name"] == last:
            return x
    raise AssertionError(last)


def _windows(
    x: Array, size: Sequence[int], pad: Sequence[int], stride: Sequence[int], edge: float
) -> Array:
    """Return h x w x C x H x W windows of x, padded at top, bottom, left and right."""
    top, bottom, left, right = pad
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=edge)
    return sliding_window_view(padded, tuple(size), axis=(0, 1))[:: stride[0], :: stride[1]]


def _normalised(x: Array, window: float, kappa: float, alpha: float, beta: float) -> Array:
    """Divide each channel by (kappa + alpha * sum of squares over its neighbours) ^ beta."""
    out = np.empty_like(x)
    for channel in range(x.shape[2]):
        first = max(0, channel - int(window - 1) // 2)
        neighbours = x[..., first : channel + int(window) // 2 + 1]
        out[..., channel] = x[..., channel] / (kappa + alpha * (neighbours**2).sum(2)) ** beta
    return out
