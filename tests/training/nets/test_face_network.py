from dataclasses import replace

import pytest
import torch
from training.made_up import tiny_recipe

from vrfer.errors import ModelContractError, RecipeError
from vrfer.training.nets import TRUNKS, FaceNetwork, create_network
from vrfer.training.nets.mobilenet import MobileNet

MEAN = 125.0


POOLED = ("efficientnet_lite0", "mobilenet", "vgg_f", "vgg_face")
FULLY_CONNECTED = {"alexnet": 224, "vgg_13": 64}
"""With the side of the only pictures that they take."""


def test_all_networks_are_tried_here() -> None:
    assert set(TRUNKS) == {*POOLED, *FULLY_CONNECTED}


@pytest.fixture(params=POOLED)
def network(request: pytest.FixtureRequest) -> FaceNetwork:
    """Each network of any size, with fresh weights, in evaluation mode."""
    torch.manual_seed(0)
    return create_network(tiny_recipe(network=request.param), mean_gray=MEAN).eval()


def patches(height: int, width: int, count: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 1, height, width), generator=generator).float()


def test_vgg_f_has_the_papers_number_of_weights() -> None:
    network = create_network(tiny_recipe(network="vgg_f"), mean_gray=MEAN)
    assert sum(p.numel() for p in network.parameters()) == 2_205_448
    assert len(network.convolutions()) == 5
    assert [layer.kernel_size[0] for layer in network.convolutions()] == [11, 5, 3, 3, 3]


def test_the_heads_weights_are_drawn_as_in_the_paper(network: FaceNetwork) -> None:
    weight = network.head.weight.detach()
    assert float(weight.mean()) == pytest.approx(0, abs=0.01)
    assert float(weight.std()) == pytest.approx(0.1, rel=0.1)
    assert not network.head.bias.any()


def test_equal_seeds_give_equal_weights() -> None:
    weights = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        weights.append(create_network(tiny_recipe(), mean_gray=MEAN).convolutions()[0].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("size", [(48, 48), (112, 112), (28, 56), (24, 48), (75, 110)])
def test_any_size_gives_eight_logits(network: FaceNetwork, size: tuple[int, int]) -> None:
    with torch.no_grad():
        logits = network(patches(*size))
    assert logits.shape == (2, 8)
    assert logits.isfinite().all()


def test_each_tap_is_pooled_over_the_whole_map(network: FaceNetwork) -> None:
    with torch.no_grad():
        flat = [found.flatten(2) for found in network.features(patches(96, 96))]
        if len(flat) == 1:
            pooled = flat[0].max(dim=2).values
        else:
            fine, coarse = flat
            both = (coarse.max(dim=2).values + coarse.mean(dim=2)) / 2
            pooled = torch.cat([fine.mean(dim=2), both], dim=1)
        expected = pooled @ network.head.weight.T + network.head.bias
        torch.testing.assert_close(network(patches(96, 96)), expected)


def test_the_maps_mean_is_the_logit_of_mean_pooling() -> None:
    """Where all pooling is averaging, a class's map averages to its logit without the bias."""
    trunk = MobileNet()
    trunk.taps = tuple(replace(tap, pooling="mean") for tap in trunk.taps)
    network = FaceNetwork(trunk, mean=torch.full((1, 3, 1, 1), MEAN)).eval()
    with torch.no_grad():
        features = network.features(patches(64, 128))
        maps = network.class_maps(features)
        assert maps.shape == (2, 8, *features[0].shape[2:])
        torch.testing.assert_close(maps.mean(dim=(2, 3)), network.logits(features))


def test_a_masked_half_is_a_face_whose_upper_half_is_the_mean(network: FaceNetwork) -> None:
    lower = patches(48, 96)
    whole = torch.cat([torch.full_like(lower, MEAN), lower], dim=2)
    with torch.no_grad():
        expected = network.features(whole)[-1]
        network.occlusion = "mask"
        found = network.features(lower)[-1]
        network.occlusion = "crop"
        cropped = network.features(lower)[-1]
    assert torch.equal(found, expected)
    assert cropped.shape[2] < found.shape[2]


@pytest.mark.parametrize(("name", "size"), FULLY_CONNECTED.items())
def test_a_network_with_fully_connected_layers_takes_one_size(name: str, size: int) -> None:
    network = create_network(tiny_recipe(network=name, input={"size": size}), mean_gray=MEAN).eval()
    with torch.no_grad():
        features = network.features(patches(size, size))
        assert network.logits(features).shape == (2, 8)
    assert not network.explains_itself
    with pytest.raises(ModelContractError, match="no class maps"):
        network.class_maps(features)
    with pytest.raises(RecipeError, match=f"sees {size} pixels, not 96"):
        create_network(tiny_recipe(network=name, input={"size": 96}), mean_gray=MEAN)


def test_a_mean_picture_is_subtracted_place_by_place() -> None:
    mean = torch.arange(48 * 48).reshape(1, 1, 48, 48).expand(1, 3, -1, -1) % 100.0
    network = FaceNetwork(MobileNet(), mean=mean).eval()
    plain = FaceNetwork(MobileNet(), mean=torch.zeros(1, 3, 1, 1)).eval()
    plain.load_state_dict({**network.state_dict(), "mean": plain.mean})
    gray = patches(48, 48)
    with torch.no_grad():
        torch.testing.assert_close(network(gray + mean[:, :1]), plain(gray))
        lower = gray[:, :, 24:]
        torch.testing.assert_close(network(lower + mean[:, :1, 24:]), plain(lower))


def test_mean_and_scale_are_applied_once() -> None:
    torch.manual_seed(0)
    plain = create_network(tiny_recipe(input={"size": 48}), mean_gray=0).eval()
    normalising = create_network(tiny_recipe(input={"size": 48, "scale": 0.5}), mean_gray=100)
    state = plain.state_dict() | {
        name: normalising.state_dict()[name] for name in ("mean", "scale")
    }
    normalising.load_state_dict(state)
    gray = patches(48, 48)
    with torch.no_grad():
        torch.testing.assert_close(normalising.eval()(gray), plain((gray - 100) * 0.5))
