import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import scipy.io
import torch
from training.starts.made_up_matconvnet import (
    Array,
    Layer,
    convolution,
    lrn,
    pool,
    relu,
    write_net,
)

from vrfer.errors import RecipeError
from vrfer.training.starts.matconvnet import read_matconvnet

AVERAGE = np.arange(5 * 7 * 3, dtype=np.float32).reshape(5, 7, 3)


@pytest.fixture
def layers() -> list[Layer]:
    rng = np.random.default_rng(0)
    return [
        convolution("conv1", (5, 4, 3, 6), rng, stride=2),
        relu("relu1"),
        lrn("norm1"),
        pool("pool1", 3, [0, 1, 0, 1]),
        convolution("conv2", (1, 1, 6, 8), rng),
        convolution("fc6", (2, 3, 8, 5), rng),
        {"name": "prob", "type": "softmax"},
    ]


@pytest.mark.parametrize("generation", ["old", "new"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_both_generations_are_read(
    layers: list[Layer], generation: Literal["old", "new"], wrapped: bool, tmp_path: Path
) -> None:
    path = write_net(tmp_path / "a.mat", layers, AVERAGE, generation=generation, wrapped=wrapped)
    file = read_matconvnet(path)
    assert [name for name, _ in file.convolutions] == ["conv1", "conv2", "fc6"]
    kept = [layer["weights"] for layer in layers if "weights" in layer]
    for (_, found), (kernel, bias) in zip(file.convolutions, kept, strict=True):
        assert found.kernel.dtype == found.bias.dtype == torch.float32
        assert found.kernel.is_contiguous()
        for out in range(kernel.shape[3]):
            for into in range(kernel.shape[2]):
                assert np.array_equal(found.kernel[out, into], kernel[:, :, into, out])
        assert np.array_equal(found.bias, bias[:, 0])
    assert file.average.shape == (1, 3, 5, 7)
    assert float(file.average[0, 2, 3, 4]) == AVERAGE[3, 4, 2]
    assert file.md5 == hashlib.md5(path.read_bytes()).hexdigest()
    assert file.name == "a.mat"
    assert file.kinds == ("conv", "relu", "lrn", "pool", "conv", "conv", "softmax")


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (1, 1, 3)])
def test_three_numbers_are_an_average_too(
    layers: list[Layer], shape: tuple[int, ...], tmp_path: Path
) -> None:
    colours = np.array([129.0, 104.5, 93.25])
    file = read_matconvnet(write_net(tmp_path / "a.mat", layers, colours.reshape(shape)))
    assert file.average.shape == (1, 3, 1, 1)
    assert file.average.flatten().tolist() == colours.tolist()


@pytest.mark.parametrize("generation", ["old", "new"])
@pytest.mark.parametrize("shape", [(3, 3, 4, 1), (3, 3, 1, 1), (1, 1, 4, 1), (1, 1, 1, 1)])
def test_dropped_dimensions_come_back(
    shape: tuple[int, int, int, int], generation: Literal["old", "new"], tmp_path: Path
) -> None:
    layer = convolution("conv1", shape, np.random.default_rng(0))
    path = write_net(tmp_path / "a.mat", [layer], AVERAGE, generation=generation)
    ((_, found),) = read_matconvnet(path).convolutions
    assert np.array_equal(found.kernel, layer["weights"][0].transpose(3, 2, 0, 1))
    assert found.bias.shape == (shape[3],)


def test_squeezed_1x1_kernels_come_back(tmp_path: Path) -> None:
    layer = convolution("conv1", (1, 1, 6, 8), np.random.default_rng(0))
    kernel, bias = layer["weights"]
    path = write_net(tmp_path / "a.mat", [{**layer, "weights": (kernel[0, 0], bias)}], AVERAGE)
    ((_, found),) = read_matconvnet(path).convolutions
    assert np.array_equal(found.kernel[:, :, 0, 0], kernel[0, 0].T)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.mat cannot be read: No such file") as caught:
        read_matconvnet(tmp_path / "none.mat")
    assert "--start" in caught.value.remedy
    with pytest.raises(RecipeError, match="cannot be read: Is a directory"):
        read_matconvnet(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\x89HDF\r\n\x1a\n" + bytes(600),
        b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n" + bytes(600),
    ],
)
def test_version_73_tells_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(RecipeError, match=r"version 7\.3 \(HDF5\)") as caught:
        read_matconvnet(tmp_path / "a.mat")
    assert '"-v7"' in caught.value.remedy


class TouchesFile:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_foreign_files_are_refused_and_run_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    trace = tmp_path / "code-has-run"
    for content in (
        b"",
        bytes(1000),
        b"<html>404</html>",
        pickle.dumps(TouchesFile(trace)),
        np.random.default_rng(0).bytes(1000),
    ):
        path.write_bytes(content)
        with pytest.raises(RecipeError, match=r"is no \.mat of version 5 to 7"):
            read_matconvnet(path)
    scipy.io.savemat(path, {"net": np.ones(3)}, format="4")
    with pytest.raises(RecipeError, match=r"is no \.mat of version 5 to 7"):
        read_matconvnet(path)
    assert not trace.exists()


def test_damaged_files_are_refused(layers: list[Layer], tmp_path: Path) -> None:
    content = write_net(tmp_path / "whole.mat", layers, AVERAGE).read_bytes()
    path = tmp_path / "a.mat"
    for length in (125, 200, len(content) // 3, len(content) - 100):
        path.write_bytes(content[:length])
        with pytest.raises(RecipeError, match=r"a\.mat.* (is damaged|has no )"):
            read_matconvnet(path)


def without(layer: Layer, name: str) -> Layer:
    return {key: value for key, value in layer.items() if key != name}


def test_missing_fields_are_named(layers: list[Layer], tmp_path: Path) -> None:
    path = tmp_path / "a.mat"

    def complaint(changed: list[Layer], average: Any = AVERAGE) -> str:
        with pytest.raises(RecipeError) as caught:
            read_matconvnet(write_net(path, changed, average))
        return caught.value.message

    first = layers[0]
    kernel, bias = first["weights"]
    assert complaint([without(first, "name")]) == f"{path}, layer 1 has no name"
    assert complaint([first, without(layers[1], "type")]) == f"{path}, layer 2 has no type"
    assert complaint([without(first, "weights")]) == f"{path}, layer conv1 has no weights"
    assert complaint([{**first, "name": 7}]) == f"{path}, layer 1: name is no text"
    for weights in [(kernel,), (kernel, bias, bias)]:
        changed = {**first, "weights": weights}
        assert complaint([changed]).endswith("conv1: weights is no cell of kernel and biases")
    changed = {**first, "weights": (np.array(["text"]), bias)}
    assert complaint([changed]).endswith("layer conv1: kernel or biases are no numbers")
    for biases in (bias[:5], bias[:0]):
        changed = {**first, "weights": (kernel, biases)}
        assert f"a kernel 5 x 4 x 3 x 6 does not go with {len(biases)} b" in complaint([changed])
    assert complaint(layers, np.zeros(0)).endswith("normalization has no averageImage")
    assert "averageImage (5 x 7) is neither" in complaint(layers, AVERAGE[..., 0])
    assert complaint([]) == f"{path} has no layers"


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_missing_part_of_the_net_is_named(wrapped: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    cell = np.empty((1, 1), object)
    cell[0, 0] = {"name": "relu1", "type": "relu"}
    for name, change in (
        ("layers", {"meta": {"normalization": {"averageImage": AVERAGE}}}),
        ("normalization", {"layers": cell}),
        ("normalization", {"layers": cell, "meta": {"classes": 1}}),
        ("averageImage", {"layers": cell, "meta": {"normalization": {"imageSize": 224}}}),
        ("averageImage", {"layers": cell, "normalization": {"imageSize": 224}}),
    ):
        scipy.io.savemat(path, {"net": change} if wrapped else change)
        with pytest.raises(RecipeError, match=f" has no {name}\\. "):
            read_matconvnet(path)
    scipy.io.savemat(path, {"weather": "fine"})
    with pytest.raises(RecipeError, match="has no layers"):
        read_matconvnet(path)


def test_a_dagnn_is_not_taken_for_a_simplenn(tmp_path: Path) -> None:
    blocks = np.zeros((1, 2), [("name", object), ("type", object)])
    for number in range(2):
        blocks[0, number] = (f"conv{number}", "dagnn.Conv")
    scipy.io.savemat(tmp_path / "a.mat", {"layers": blocks, "params": 1})
    with pytest.raises(RecipeError, match="DagNN") as caught:
        read_matconvnet(tmp_path / "a.mat")
    assert "SimpleNN" in caught.value.remedy


def test_weights_that_are_no_convolutions_are_refused(layers: list[Layer], tmp_path: Path) -> None:
    """Leaving out a batch normalisation would change what the network computes."""
    ones: Array = np.ones((6, 1), np.float32)
    norm = {"name": "bn1", "type": "bnorm", "weights": (ones, ones, np.ones((6, 2), np.float32))}
    path = write_net(tmp_path / "a.mat", [layers[0], norm], AVERAGE)
    with pytest.raises(RecipeError, match="layer 2 is of type bnorm and has weights of its own"):
        read_matconvnet(path)
