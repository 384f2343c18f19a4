"""Training that goes on from exported networks, and learns from them."""

import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from training.made_up import stage, tiny_recipe

from vrfer.errors import ModelContractError, RecipeError
from vrfer.training.batches import patches_of
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.evaluate import open_network, run_network
from vrfer.training.export import Precision, export
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import fit
from vrfer.training.nets import FaceNetwork
from vrfer.training.predict import load_network, predict_logits
from vrfer.training.recipe import Recipe
from vrfer.training.starts import begin_network
from vrfer.training.starts.exported import read_exported
from vrfer.training.teachers import answers

MODELS = Path(__file__).resolve().parents[3] / "models"
DEFAULT = MODELS / "lower-face.onnx"
Finished = tuple[Path, RunState]


def faces(count: int) -> np.ndarray:
    """Return smooth pictures, which resampling changes little."""
    waves = np.random.default_rng(4).normal(size=(count, 3, 3)) * 60
    places = np.cos(np.pi * np.arange(3)[:, None] * (np.arange(48) + 0.5) / 48)
    pictures = 120 + np.einsum("ijk,jy,kx->iyx", waves, places, places)
    return pictures.clip(0, 255).astype(np.uint8)


def going_on(path: Path, **changes: object) -> Recipe:
    """Return a recipe with the last stage of the network's own."""
    known = read_exported(path).recipe
    return known.model_copy(update={"start": "checkpoint", "stages": known.stages[-1:], **changes})


def begun(path: Path, recipe: Recipe) -> FaceNetwork:
    network, _ = begin_network(recipe, faces(64), mean_gray=100.0, start=path)
    (last,) = recipe.stages
    network.occlusion = last.occlusion if last.region == "lower-half" else None
    return network


@pytest.mark.parametrize(("name", "tolerance"), [("lower-face", 0.3), ("vgg-f-112", 0.05)])
def test_shipped_networks_go_on_as_they_ended(name: str, tolerance: float) -> None:
    path = MODELS / f"{name}.onnx"
    recipe = going_on(path)
    network = begun(path, recipe)
    session, contract = open_network(path)
    seen = faces(84)[64:]
    expected = run_network(session, contract, seen, "logits")
    view = recipe.input.view(recipe.stages[0].region)
    found = predict_logits(network.eval(), seen, view)
    # One computes in 8 bits, or resamples to whole gray levels, the other does not.
    assert np.abs(found - expected).max() < tolerance
    assert expected.std() > 5 * tolerance


def test_training_sees_the_same_function_with_normalisation_put_back() -> None:
    recipe = going_on(DEFAULT)
    network = begun(DEFAULT, recipe)
    view = recipe.input.view("lower-half")
    expected = predict_logits(network, faces(64), view)
    network.train().head.dropout = 0.0
    found = network(patches_of(faces(64), view)).detach().numpy()
    assert np.abs(found - expected).max() < 0.05 < expected.std()


@pytest.mark.parametrize("precision", ["float32", "int8-stored", "int8"])
def test_every_form_holds_the_weights(
    finished: Finished, data: FerPlus, tmp_path: Path, precision: Precision
) -> None:
    path = tmp_path / "x.onnx"
    export(finished[0] / "lower-half.pt", data, path, precision=precision, splits=["validation"])
    exact = load_network(load_state(finished[0] / "lower-half.pt")).state_dict()
    network = begun(path, going_on(path))
    for name, values in network.state_dict().items():
        step = 0.0 if precision == "float32" else float(exact[name].abs().max()) / 127
        assert (values - exact[name]).abs().max() <= step / 2 + 1e-6, name


def test_inverted_residuals_are_exported_and_go_on(data: FerPlus, tmp_path: Path) -> None:
    cropped = stage(region="lower-half", occlusion="crop")
    recipe = tiny_recipe(network="efficientnet_lite0", input={"size": 64}, stages=[cropped])
    fit(recipe, data, tmp_path / "run", accelerator="cpu")
    path, checkpoint = tmp_path / "x.onnx", tmp_path / "run" / "lower-half.pt"
    export(checkpoint, data, path, precision="int8", splits=["validation"])
    session, contract = open_network(path)
    seen, view = faces(84)[64:], recipe.input.view("lower-half")
    exact = predict_logits(load_network(load_state(checkpoint)), seen, view)
    answered = run_network(session, contract, seen, "logits")
    assert np.corrcoef(answered.ravel(), exact.ravel())[0, 1] > 0.9
    found = predict_logits(begun(path, going_on(path)).eval(), seen, view)
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.99


def test_where_it_began_is_kept(finished: Finished, data: FerPlus, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    export(finished[0] / "lower-half.pt", data, path, splits=["validation"])
    recipe = going_on(path)
    _, lineage = begin_network(recipe, faces(64), mean_gray=100.0, start=path)
    assert lineage.startswith("tiny (seed 3, lower-half, as exported), trained on FER+")
    assert lineage.endswith("which began from: random weights")


def test_an_exported_teacher_answers_as_its_checkpoint(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    path, checkpoint = tmp_path / "x.onnx", finished[0] / "full-face.pt"
    export(checkpoint, data, path, precision="float32", splits=["validation"])
    seen = faces(20)
    logits = [
        predict_logits(
            load_network(load_state(checkpoint)), one, going_on(path).input.view("full-face")
        )
        for one in (seen, seen[:, :, ::-1].copy())
    ]
    powers = [np.exp(one) for one in logits]
    expected = sum(one / one.sum(axis=1, keepdims=True) for one in powers) / 2
    np.testing.assert_allclose(answers([path], seen), expected, atol=5e-3)


def test_another_network_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"holds a mobilenet .* and recipe tiny trains a vgg_f"):
        begun(DEFAULT, tiny_recipe(start="checkpoint", stages=[stage()]))


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    graph = onnx.load(DEFAULT)
    (lost,) = (one for one in graph.graph.initializer if one.name == "network.head.bias")
    lost.name = "other"
    for node in graph.graph.node:
        node.input[:] = ["other" if name == "network.head.bias" else name for name in node.input]
    onnx.save(graph, tmp_path / "x.onnx")
    recipe = going_on(DEFAULT)
    with pytest.raises(RecipeError, match="does not hold the weights of a mobilenet"):
        begun(tmp_path / "x.onnx", recipe)


def test_files_that_are_no_networks_are_refused(tmp_path: Path) -> None:
    recipe = going_on(DEFAULT)
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    for path in (
        tmp_path / "x.onnx",
        tmp_path / "missing.onnx",
        MODELS / "lower-face-locator.onnx",
    ):
        with pytest.raises(ModelContractError, match=re.escape(str(path))):
            begun(path, recipe)


def test_a_mean_picture_cannot_be_gone_on_from(tmp_path: Path) -> None:
    graph = onnx.load(MODELS / "vgg-f-112.onnx")
    (stored,) = graph.metadata_props
    contract = json.loads(stored.value)
    recipe = json.loads(contract["training"]["recipe"]) | {"start": "imagenet-vgg-f"}
    contract["training"]["recipe"] = json.dumps(recipe)
    stored.value = json.dumps(contract)
    onnx.save(graph, tmp_path / "x.onnx")
    with pytest.raises(RecipeError, match="subtracts a mean picture"):
        begun(tmp_path / "x.onnx", going_on(tmp_path / "x.onnx"))
