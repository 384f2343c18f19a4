import pytest
import torch
from training.made_up import tiny_recipe

from vrfer.training.nets import TRUNKS, FaceNetwork, create_network

MEAN = 125.0


@pytest.fixture(params=sorted(TRUNKS))
def network(request: pytest.FixtureRequest) -> FaceNetwork:
    """Each network with fresh weights, in evaluation mode."""
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


def test_the_pooling_is_global(network: FaceNetwork) -> None:
    with torch.no_grad():
        features = network.features(patches(96, 96))
        strongest = features.flatten(2).max(dim=2).values
        expected = strongest @ network.head.weight.T + network.head.bias
        torch.testing.assert_close(network(patches(96, 96)), expected)


def test_a_masked_half_is_a_face_whose_upper_half_is_the_mean(network: FaceNetwork) -> None:
    lower = patches(48, 96)
    whole = torch.cat([torch.full_like(lower, MEAN), lower], dim=2)
    with torch.no_grad():
        expected = network.features(whole)
        network.occlusion = "mask"
        found = network.features(lower)
        network.occlusion = "crop"
        cropped = network.features(lower)
    assert torch.equal(found, expected)
    assert cropped.shape[2] < found.shape[2]


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
