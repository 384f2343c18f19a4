"""Random weights that are scaled by training faces."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vrfer.errors import RecipeError
from vrfer.training.batches import patches_of
from vrfer.training.nets import FaceNetwork
from vrfer.training.recipe import Input, Recipe, Stage
from vrfer.training.starts import begin_network

STAGE = Stage(region="full-face", epochs=1, batch_size=8, learning_rate=0.01)
MASKED = Stage(region="lower-half", occlusion="mask", epochs=1, batch_size=8, learning_rate=0.01)


def _begun(
    network: str, size: int, *, data_dependent: bool, stage: Stage = STAGE
) -> tuple[FaceNetwork, Tensor]:
    """Return a network and patches that it began from."""
    recipe = Recipe.model_validate(
        {
            "name": "tried",
            "network": network,
            "input": Input(size=size),
            "data_dependent_init": data_dependent,
            "stages": (stage,),
        }
    )
    faces = np.random.default_rng(1).integers(0, 256, (64, 48, 48), dtype=np.uint8)
    torch.manual_seed(1)
    begun, _ = begin_network(recipe, faces, mean_gray=127.0, start=None)
    return begun, patches_of(faces, recipe.input.view(stage.region))


def _outputs(network: FaceNetwork, patches: Tensor) -> list[Tensor]:
    """Return what each convolution and linear layer gives, in the order of the data's flow."""
    seen: list[Tensor] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(lambda *flow: seen.append(flow[2]))
    with torch.no_grad():
        network.eval()(patches)
    return seen


@pytest.mark.parametrize("stage", [STAGE, MASKED], ids=["full-face", "masked"])
@pytest.mark.parametrize(("network", "size"), [("vgg_13", 64), ("vgg_f", 64)])
def test_each_layer_before_the_last_gives_mean_0_and_variance_1(
    network: str, size: int, stage: Stage
) -> None:
    begun, patches = _begun(network, size, data_dependent=True, stage=stage)
    assert begun.occlusion is None
    begun.occlusion = stage.occlusion if stage is MASKED else None
    given = _outputs(begun, patches)
    if network == "vgg_13":
        *given, last = given
        assert last.std() < 0.5  # small, so that no expression is preferred
    for output in given:
        channels = output.transpose(0, 1).flatten(1)
        torch.testing.assert_close(
            channels.mean(dim=1), torch.zeros(len(channels)), atol=1e-3, rtol=0
        )
        torch.testing.assert_close(
            channels.std(dim=1), torch.ones(len(channels)), atol=1e-3, rtol=0
        )


def test_faces_differ_more_in_a_deep_network_than_with_unscaled_weights() -> None:
    likeness = []
    for data_dependent in (False, True):
        begun, patches = _begun("vgg_13", 64, data_dependent=data_dependent)
        hidden = _outputs(begun, patches)[-2].relu()
        likeness.append(
            nn.functional.cosine_similarity(hidden[:32], hidden[32:], dim=1).mean().item()
        )
    unscaled, scaled = likeness
    assert unscaled > 0.95
    assert scaled < 0.8


def test_training_begins_in_training_mode() -> None:
    begun, _ = _begun("vgg_13", 64, data_dependent=True)
    assert begun.training


def test_a_network_that_normalises_its_layers_refuses() -> None:
    with pytest.raises(RecipeError, match="normalises its layers itself"):
        _begun("mobilenet", 64, data_dependent=True)


def test_weights_out_of_a_file_are_not_scaled() -> None:
    with pytest.raises(ValueError, match='goes with start = "scratch" alone'):
        Recipe.model_validate(
            {
                "name": "tried",
                "start": "vgg-face",
                "data_dependent_init": True,
                "stages": (STAGE,),
            }
        )
