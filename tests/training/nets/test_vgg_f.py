import pytest
import torch
from torch import nn

from vrfer.training.nets.vgg_f import LocalResponseNorm, VggF


def shapes(trunk: VggF, pictures: torch.Tensor) -> list[tuple[str, tuple[int, ...]]]:
    """Names and output shapes of the layers, in the order of the data's flow."""
    seen: list[tuple[str, tuple[int, ...]]] = []
    hooks = [
        module.register_forward_hook(
            lambda _, __, output, name=name: seen.append((name, tuple(output.shape[1:])))
        )
        for name, module in trunk.named_children()
    ]
    trunk(pictures)
    for hook in hooks:
        hook.remove()
    return seen


def test_the_shapes_are_the_papers() -> None:
    assert shapes(VggF().eval(), torch.rand(1, 3, 224, 224)) == [
        ("conv1", (64, 54, 54)),
        ("norm1", (64, 54, 54)),
        ("pool", (64, 27, 27)),
        ("conv2", (256, 27, 27)),
        ("norm2", (256, 27, 27)),
        ("pool", (256, 13, 13)),
        ("conv3", (256, 13, 13)),
        ("dropout", (256, 13, 13)),
        ("conv4", (256, 13, 13)),
        ("dropout", (256, 13, 13)),
        ("conv5", (256, 13, 13)),
        ("dropout", (256, 13, 13)),
    ]


def test_features_are_not_negative() -> None:
    (features,) = VggF().eval()(torch.randn(2, 3, 64, 64))
    assert features.min() >= 0


def test_dropout_works_in_training_only() -> None:
    torch.manual_seed(0)
    trunk, pictures = VggF(), torch.randn(1, 3, 96, 96)
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    trunk.dropout.register_forward_hook(lambda _, inputs, output: kept.append((*inputs, output)))
    trunk.eval()
    assert torch.equal(trunk(pictures)[0], trunk(pictures)[0])
    assert all(torch.equal(before, after) for before, after in kept)
    kept.clear()
    trunk.train()
    trunk(pictures)
    assert len(kept) == 3
    for before, after in kept:
        lost = (after == 0)[before > 0].float().mean()
        assert float(lost) == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("channels", [3, 64])
def test_lrn_is_torchs_with_alpha_times_the_window(channels: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, channels, 5, 7) * 60
    reference = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
    torch.testing.assert_close(LocalResponseNorm(channels)(x), reference(x), rtol=1e-5, atol=1e-5)


def test_lrn_by_hand() -> None:
    x = torch.tensor([100.0, 0, 200, 0, 0, 300]).reshape(1, 6, 1, 1)
    found = LocalResponseNorm(6)(x).flatten()
    # Channel 0 sees channels 0 to 2, channel 2 sees 0 to 4, channel 5 sees 3 to 5.
    assert float(found[0]) == pytest.approx(100 / (2 + 1e-4 * (100**2 + 200**2)) ** 0.75)
    assert float(found[2]) == pytest.approx(200 / (2 + 1e-4 * (100**2 + 200**2)) ** 0.75)
    assert float(found[5]) == pytest.approx(300 / (2 + 1e-4 * 300**2) ** 0.75)
    assert found[[1, 3, 4]].tolist() == [0, 0, 0]
