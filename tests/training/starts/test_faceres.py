from pathlib import Path

import numpy as np
import pytest
import torch
from training.made_up import real_data, stage, tiny_recipe
from training.starts.made_up_weights import made_up_weights

from vrfer.errors import RecipeError
from vrfer.training.begin import Given
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import fit
from vrfer.training.nets.mobilenet import MobileNet
from vrfer.training.recipe import Recipe
from vrfer.training.starts import begin_network, faceres
from vrfer.training.starts.folded import put_in

BACKBONES = real_data() / "backbones"
needs_weights = pytest.mark.skipif(
    not (BACKBONES / "faceres-deep.bin").is_file(), reason="faceres-deep's files are not here"
)


def starting_recipe() -> Recipe:
    return tiny_recipe(
        network="mobilenet",
        start="faceres-deep",
        input={"size": 48},
        stages=[stage(region="lower-half", occlusion="crop")],
    )


def test_kernels_arrive_in_torchs_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = made_up_weights(tmp_path, monkeypatch)
    folded = faceres.load_faceres(tmp_path)
    first = arrays["conv1/convolution/merged_input"]
    assert folded[0].kernel.shape == (32, 3, 3, 3)
    # The file's first channel is blue, torch's first is red.
    assert float(folded[0].kernel[5, 2, 0, 1]) == first[0, 1, 0, 5]
    depthwise = (
        arrays["conv_dw_2/depthwise_kernel"] * (arrays["conv_dw_2_bn/batchnorm_1/mul"][:, None])
    )
    assert float(folded[3].kernel[7, 0, 2, 1]) == pytest.approx(depthwise[2, 1, 7, 0])
    pointwise = arrays["conv_pw_2/convolution/merged_input"]
    assert float(folded[4].kernel[9, 3, 0, 0]) == pointwise[0, 0, 3, 9]
    assert np.array_equal(folded[4].bias, arrays["conv_pw_2_bn/batchnorm_1/sub"])


def test_putting_batchnorm_back_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up_weights(tmp_path, monkeypatch)
    folded = faceres.load_faceres(tmp_path)
    trunk = MobileNet()
    faces = torch.randn(64, 3, 32, 64, generator=torch.Generator().manual_seed(0)) * 50
    put_in(trunk, folded, faces)
    plain = MobileNet().eval()
    for (convolution, norm), known in zip(plain.normalised_convolutions(), folded, strict=True):
        convolution.weight.data = known.kernel
        norm.bias.data = known.bias
        assert norm.running_var is not None
        norm.running_var.fill_(1 - norm.eps)
    with torch.no_grad():
        expected = plain(faces[:8])
        found = trunk.eval()(faces[:8])
        normalised = trunk.train()(faces)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
    # Training sees the same function, for the statistics are those of these pictures.
    with torch.no_grad():
        for one, other in zip(normalised, plain(faces), strict=True):
            torch.testing.assert_close(one, other, atol=2e-2, rtol=1e-2)


def test_a_network_begins_with_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up_weights(tmp_path, monkeypatch)
    faces = np.random.default_rng(1).integers(0, 256, (40, 48, 48), dtype=np.uint8)
    network, lineage = begin_network(starting_recipe(), faces, mean_gray=100.0, start=tmp_path)
    assert "VGGFace2" in lineage
    assert torch.equal(network.convolutions()[0].weight, faceres.load_faceres(tmp_path)[0].kernel)
    assert network.mean.flatten().tolist() == pytest.approx(faceres.MEAN_RGB)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    faces = np.zeros((4, 48, 48), np.uint8)
    with pytest.raises(RecipeError, match=r"faceres-deep\.json cannot be read") as caught:
        begin_network(starting_recipe(), faces, mean_gray=0.0, start=tmp_path)
    assert "--start" in caught.value.remedy


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up_weights(tmp_path, monkeypatch)
    content = bytearray((tmp_path / "faceres-deep.bin").read_bytes())
    content[100] ^= 1
    (tmp_path / "faceres-deep.bin").write_bytes(content)
    with pytest.raises(RecipeError, match="is not the file"):
        faceres.load_faceres(tmp_path)


@needs_weights
def test_the_true_weights_give_the_known_numbers() -> None:
    """The reference: sums of the last stage's global average on a synthetic picture."""
    y, x = torch.meshgrid(torch.arange(112), torch.arange(112), indexing="ij")
    rgb = torch.stack([(y + x) % 256, (2 * y + 3 * x) % 256, (5 * y + x) % 256]).float()[None]
    picture = rgb - torch.tensor(faceres.MEAN_RGB).reshape(1, 3, 1, 1)
    trunk = MobileNet()
    put_in(trunk, faceres.load_faceres(BACKBONES), picture + torch.randn(4, 3, 112, 112))
    with torch.no_grad():
        average = trunk.eval()(picture)[1].mean(dim=(2, 3))[0]
    assert float(average.sum()) == pytest.approx(16.4140, abs=1e-3)
    assert float(average.max()) == pytest.approx(1.29296, abs=1e-4)
    assert float(average[7]) == pytest.approx(0.370108, abs=1e-4)


def test_a_network_begins_where_another_run_ended(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path: Path
) -> None:
    before = load_state(finished[0] / "full-face.pt")
    recipe = tiny_recipe(name="later", start="checkpoint", stages=[stage(region="lower-half")])
    network, lineage = begin_network(
        recipe, data.faces, mean_gray=1.0, start=finished[0] / "full-face.pt"
    )
    for name, weights in network.state_dict().items():
        assert torch.equal(weights, before.network[name]), name
    assert lineage.startswith("tiny (seed 3, full-face), trained on FER+ (label.csv votes)")
    assert lineage.endswith(", which began from: random weights")
    given = Given(start=finished[0] / "full-face.pt")
    state = fit(recipe, data, tmp_path, accelerator="cpu", given=given)
    assert state.lineage == lineage


def test_another_kind_of_network_is_refused(finished: tuple[Path, RunState], data: FerPlus) -> None:
    recipe = starting_recipe().model_copy(update={"start": "checkpoint"})
    with pytest.raises(RecipeError, match=r"holds a vgg_f .* and recipe tiny trains a mobilenet"):
        begin_network(recipe, data.faces, mean_gray=1.0, start=finished[0] / "full-face.pt")
    with pytest.raises(RecipeError, match="starts from a checkpoint"):
        begin_network(recipe, data.faces, mean_gray=1.0, start=None)


def test_another_scale_of_the_input_is_refused(
    finished: tuple[Path, RunState], data: FerPlus
) -> None:
    """The weights would mean something else, and the checkpoint's scale would win unseen."""
    recipe = tiny_recipe(start="checkpoint", input={"size": 48, "scale": 1.0})
    with pytest.raises(RecipeError, match=r"scaled by 0\.015625, and recipe tiny"):
        begin_network(recipe, data.faces, mean_gray=1.0, start=finished[0] / "full-face.pt")
