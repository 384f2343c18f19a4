import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor
from training.starts.made_up_matconvnet import (
    Array,
    Layer,
    convolution,
    forward,
    relu,
    vgg_f,
    vgg_face,
    write_net,
)

from vrfer.errors import RecipeError
from vrfer.training.nets.vgg_f import VggF
from vrfer.training.nets.vgg_face import VggFace
from vrfer.training.starts.matconvnet import ConvolutionWeights, MatConvNetFile, read_matconvnet
from vrfer.training.starts.vgg import (
    RELEASED,
    VGG_FACE_DAG_MEAN,
    lineage,
    put_into_vgg_f,
    put_into_vgg_face,
    read_vgg_face_dag,
    vgg_f_mean,
    vgg_face_mean,
)

COLOURS = np.array([129.1863, 104.7624, 93.5940], np.float32)


@pytest.fixture(scope="module")
def layers_f() -> list[Layer]:
    return vgg_f(np.random.default_rng(0))


@pytest.fixture(scope="module")
def layers_face() -> list[Layer]:
    return vgg_face(np.random.default_rng(1))


@pytest.fixture(scope="module")
def average_picture() -> Array:
    return np.random.default_rng(2).uniform(90, 140, (224, 224, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def file_f(
    layers_f: list[Layer], average_picture: Array, tmp_path_factory: pytest.TempPathFactory
) -> MatConvNetFile:
    folder = tmp_path_factory.mktemp("vgg-f")
    path = write_net(folder / "made-up.mat", layers_f, average_picture)
    file = read_matconvnet(path)
    path.unlink()
    return file


@pytest.fixture(scope="module")
def dag_path(layers_face: list[Layer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The layers as vgg_face_dag.pth has them, in the format of torch at that time."""
    path = tmp_path_factory.mktemp("vgg-face-dag") / "vgg_face_dag.pth"
    torch.save(state_dict(layers_face), path, _use_new_zipfile_serialization=False)
    yield path
    path.unlink()


def state_dict(layers: list[Layer]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for layer in layers:
        if "weights" in layer:
            kernel, bias = layer["weights"]
            state[f"{layer['name']}.weight"] = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
            state[f"{layer['name']}.bias"] = torch.tensor(bias[:, 0].copy())
    return state | {"fc6.weight": torch.ones(4, 8), "fc6.bias": torch.ones(4)}


def small_file(layers: list[Layer], folder: Path) -> MatConvNetFile:
    return read_matconvnet(write_net(folder / "small.mat", layers, COLOURS))


def picture(side: int) -> Array:
    """A picture H x W x 3, 0-255, with something of every size in it."""
    rng = np.random.default_rng(3)
    coarse = np.kron(rng.uniform(0, 255, (4, 4, 3)), np.ones((side // 4, side // 4, 1)))
    return np.round(0.7 * coarse + 0.3 * rng.uniform(0, 255, coarse.shape))


def as_torch(values: Array) -> Tensor:
    return torch.from_numpy(values.transpose(2, 0, 1)[None].astype(np.float32))


def as_matconvnet(features: Tensor) -> Array:
    return features[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("side", [64, 96])
def test_vgg_f_computes_what_matconvnet_does(
    layers_f: list[Layer], file_f: MatConvNetFile, average_picture: Array, side: int
) -> None:
    trunk = VggF().eval()
    put_into_vgg_f(trunk, file_f)
    # At the corner the averages are the same picture, which scaling would change.
    average = average_picture[:side, :side]
    with torch.no_grad():
        (found,) = trunk(as_torch(picture(side)) - file_f.average[:, :, :side, :side])
    expected = forward(layers_f, picture(side) - average, "relu5")
    assert expected.std() > 0.1
    assert found.shape[1] == 256
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(as_matconvnet(found), expected, rtol=1e-4, atol=1e-5 * largest)


def test_vgg_fs_normalisation_matters_here(layers_f: list[Layer]) -> None:
    """The comparison above would otherwise say nothing of alpha."""
    changed = [
        {**layer, "param": [5.0, 2.0, 1e-4 / 5, 0.75]} if layer["type"] == "lrn" else layer
        for layer in layers_f
    ]
    centred = picture(64) - 128
    one, other = (forward(layers, centred, "relu5") for layers in (layers_f, changed))
    assert np.abs(one - other).max() > 0.1 * one.max()


@pytest.mark.parametrize("generation", ["old", "new"])
def test_vgg_face_computes_what_matconvnet_does(
    layers_face: list[Layer], generation: Literal["old", "new"], tmp_path: Path
) -> None:
    path = write_net(tmp_path / "face.mat", layers_face, COLOURS, generation=generation)
    file = read_matconvnet(path)
    path.unlink()
    check_vgg_face(layers_face, file, COLOURS)


def test_vgg_face_dag_computes_the_same(layers_face: list[Layer], dag_path: Path) -> None:
    file = read_vgg_face_dag(dag_path)
    assert [name for name, _ in file.convolutions] == [
        layer["name"] for layer in layers_face if layer["type"] == "conv"
    ]
    check_vgg_face(layers_face, file, np.array(VGG_FACE_DAG_MEAN))


def check_vgg_face(layers: list[Layer], file: MatConvNetFile, mean: Array) -> None:
    trunk = VggFace().eval()
    put_into_vgg_face(trunk, file)
    with torch.no_grad():
        (found,) = trunk(as_torch(picture(32)) - vgg_face_mean(file))
    expected = forward(layers, picture(32) - mean, "relu5_3")
    assert expected.std() > 0.1
    assert found.shape == (1, 512, 2, 2)
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(as_matconvnet(found), expected, rtol=1e-4, atol=1e-5 * largest)


def test_weights_are_copied_not_shared(file_f: MatConvNetFile) -> None:
    trunk = VggF()
    put_into_vgg_f(trunk, file_f)
    before = file_f.convolutions[0][1].kernel.clone()
    with torch.no_grad():
        trunk.conv1.weight.zero_()
    assert torch.equal(file_f.convolutions[0][1].kernel, before)
    assert trunk.conv1.weight.requires_grad


def test_a_missing_layer_is_named_and_nothing_changed(file_f: MatConvNetFile) -> None:
    trunk = VggF()
    before = {name: values.clone() for name, values in trunk.state_dict().items()}
    fewer = tuple(entry for entry in file_f.convolutions if entry[0] != "conv4")
    with pytest.raises(RecipeError, match=r"made-up\.mat has no layer conv4"):
        put_into_vgg_f(trunk, replace(file_f, convolutions=fewer))
    for name, values in trunk.state_dict().items():
        assert torch.equal(values, before[name])


def test_another_shape_is_told_with_both(file_f: MatConvNetFile) -> None:
    weights = dict(file_f.convolutions)
    weights["conv2"] = ConvolutionWeights(torch.ones(256, 32, 5, 5), torch.ones(256))
    with pytest.raises(
        RecipeError, match=r"layer conv2: its kernel is 256 x 32 x 5 x 5 .* 256 x 64 x 5 x 5"
    ):
        put_into_vgg_f(VggF(), replace(file_f, convolutions=tuple(weights.items())))


def test_the_other_network_is_refused(file_f: MatConvNetFile, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="has no layer conv1_1") as caught:
        put_into_vgg_face(VggFace(), file_f)
    assert "vgg_face_dag.pth" in caught.value.remedy
    file = small_file([convolution("conv1_1", (3, 3, 3, 4), np.random.default_rng(0))], tmp_path)
    with pytest.raises(RecipeError, match=r"conv1_1: .* 4 x 3 x 3 x 3 .* 64 x 3 x 3 x 3"):
        put_into_vgg_face(VggFace(), file)


def test_vgg_f_without_its_normalisation_is_refused(
    layers_f: list[Layer], file_f: MatConvNetFile, tmp_path: Path
) -> None:
    """Networks trained with batch normalisation have the same convolutions otherwise."""
    kinds = tuple(kind for kind in file_f.kinds if kind != "lrn")
    with pytest.raises(RecipeError, match="no local response normalisation"):
        put_into_vgg_f(VggF(), replace(file_f, kinds=kinds))
    older = tuple("normalize" if kind == "lrn" else kind for kind in file_f.kinds)
    put_into_vgg_f(VggF(), replace(file_f, kinds=older))
    put_into_vgg_f(VggF(), replace(file_f, kinds=()))


def test_vgg_fs_mean_is_a_picture_of_the_inputs_size(
    file_f: MatConvNetFile, tmp_path: Path
) -> None:
    assert torch.equal(vgg_f_mean(file_f, 224), file_f.average)
    halved = vgg_f_mean(file_f, 112)
    assert halved.shape == (1, 3, 112, 112)
    for colour in range(3):
        assert float(halved[0, colour].mean()) == pytest.approx(
            float(file_f.average[0, colour].mean()), abs=0.1
        )
    ramp = torch.arange(224.0).expand(1, 3, 224, 224)
    scaled = vgg_f_mean(replace(file_f, average=ramp), 448)
    assert float(scaled[0, 0, 7, 224]) == pytest.approx(111.75)
    numbers = small_file([relu("relu1")], tmp_path)
    mean = vgg_f_mean(numbers, 48)
    assert mean.shape == (1, 3, 48, 48)
    assert np.array_equal(mean[0, :, 5, 9], COLOURS)


def test_vgg_faces_mean_is_three_numbers(file_f: MatConvNetFile, tmp_path: Path) -> None:
    numbers = small_file([relu("relu1")], tmp_path)
    assert vgg_face_mean(numbers).shape == (1, 3, 1, 1)
    assert np.array_equal(vgg_face_mean(numbers).flatten(), COLOURS)
    assert vgg_face_mean(file_f).shape == (1, 3, 1, 1)
    assert torch.allclose(vgg_face_mean(file_f)[0, :, 0, 0], file_f.average[0].mean(dim=(1, 2)))


def test_the_lineage_tells_released_files_from_others(
    file_f: MatConvNetFile, dag_path: Path
) -> None:
    for md5, name in RELEASED.items():
        assert re.fullmatch("[0-9a-f]{32}", md5)
        sentence = lineage(replace(file_f, md5=md5, name="mine.mat"))
        assert sentence.startswith(f"mine.mat (MD5 {md5}), {name} as MatConvNet's authors rel")
        assert ("ILSVRC 2012" in sentence) == (name == "imagenet-vgg-f.mat")
        assert ("Parkhi et al., BMVC 2015" in sentence) == (name == "vgg-face.mat")
        assert "see the makers' page" in sentence
    assert RELEASED["3513562d28089bd965cc050cbf8597a6"] == "imagenet-vgg-f.mat"
    assert RELEASED["3d6cd504bf9c98af4a561aad059565d1"] == "vgg-face.mat"
    unknown = lineage(file_f)
    assert unknown.startswith(f"made-up.mat (MD5 {file_f.md5}), whose checksum is none that")
    assert "if it is a conversion of imagenet-vgg-f.mat" in unknown
    assert "if it is a conversion of vgg-face.mat" in lineage(read_vgg_face_dag(dag_path))


def small_state(**others: Any) -> dict[str, Any]:
    return {"conv1_1.weight": torch.ones(2, 3, 3, 3), "conv1_1.bias": torch.ones(2), **others}


@pytest.mark.parametrize("zipped", [False, True])
def test_a_nested_state_dict_is_found(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    content = {"state_dict": small_state(), "epoch": 3}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    file = read_vgg_face_dag(path)
    ((name, weights),) = file.convolutions
    assert name == "conv1_1"
    assert torch.equal(weights.kernel, torch.ones(2, 3, 3, 3))
    assert file.average.flatten().tolist() == pytest.approx(VGG_FACE_DAG_MEAN)
    assert file.kinds == ()


def test_half_precision_is_widened(tmp_path: Path) -> None:
    state = {name: values.half() for name, values in small_state().items()}
    torch.save(state, tmp_path / "a.pth")
    ((_, weights),) = read_vgg_face_dag(tmp_path / "a.pth").convolutions
    assert weights.kernel.dtype == weights.bias.dtype == torch.float32


class MakesFolder:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [False, True])
def test_code_in_a_file_is_not_run(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    trace = tmp_path / "code-has-run"
    content = small_state(extra=MakesFolder(trace))
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(RecipeError, match=r"a\.pth is no state dict that can be read safely"):
        read_vgg_face_dag(path)
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()


def test_missing_and_damaged_state_dicts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.pth cannot be read: No such file"):
        read_vgg_face_dag(tmp_path / "none.pth")
    path = tmp_path / "a.pth"
    for zipped in (False, True):
        torch.save(small_state(), path, _use_new_zipfile_serialization=zipped)
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], content[:100], b"", b"<html>404</html>"):
            path.write_bytes(damaged)
            with pytest.raises(RecipeError, match="no state dict that can be read safely"):
                read_vgg_face_dag(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([1, 2], "holds a list, no state dict"),
        ({"epoch": 3}, r"holds no conv1_1\.weight"),
        ({"conv1_1.weight": torch.ones(2, 3, 3, 3)}, r"conv1_1\.weight and conv1_1\.bias are no"),
        (small_state(**{"conv1_1.bias": torch.ones(3)}), "are no convolution's"),
        (small_state(**{"conv1_1.weight": torch.ones(2, 27)}), "are no convolution's"),
        (small_state(**{"conv1_1.weight": "text"}), "are no convolution's"),
    ],
)
def test_other_contents_are_refused(content: Any, complaint: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(RecipeError, match=complaint):
        read_vgg_face_dag(tmp_path / "a.pth")
