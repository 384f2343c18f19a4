import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from training.made_up import COUNTS, stage, tiny_recipe

from vrfer.contract import Contract, read_contract
from vrfer.crop import face_crop
from vrfer.errors import DataError, ModelContractError, RecipeError
from vrfer.metadata import METADATA_KEY
from vrfer.training import calibration
from vrfer.training import export as export_module
from vrfer.training.adjustment import lifts
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.compact import fold_normalisation, round_kernels, store_small
from vrfer.training.evaluate import SPLITS, evaluate_file, open_network, run_network
from vrfer.training.export import Precision, export
from vrfer.training.ferplus import FaceSet, FerPlus
from vrfer.training.loop import fit, training_faces
from vrfer.training.measure import Measures, best_temperature
from vrfer.training.nets import FaceNetwork
from vrfer.training.predict import load_network
from vrfer.training.recipe import Recipe
from vrfer.training.subject import of_network


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """An exported network with what it came from."""

    kind: str
    checkpoint: Path
    file: Path
    measures: list[Measures]
    contract: Contract
    network: FaceNetwork
    session: onnxruntime.InferenceSession

    def patches(self, count: int) -> np.ndarray:
        shape = (count, 1, self.contract.input.height, self.contract.input.width)
        return np.random.default_rng(count).integers(0, 256, shape, dtype=np.uint8)

    def run(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return tuple(self.session.run(["probabilities", "logits", "maps"], {"patches": patches}))


@pytest.fixture(scope="module", params=["crop", "mask", "full-face", "mobilenet"])
def exported(
    request: pytest.FixtureRequest,
    data: FerPlus,
    finished: tuple[Path, RunState],
    tmp_path_factory: pytest.TempPathFactory,
) -> Exported:
    """The tiny network of each kind, exported."""
    folder, out = finished[0], tmp_path_factory.mktemp("exported") / "new" / "small.onnx"
    checkpoint = folder / ("full-face.pt" if request.param == "full-face" else "lower-half.pt")
    if request.param == "mask":
        masked = stage(region="lower-half", occlusion="mask", learning_rate=0.02, epochs=2)
        folder = tmp_path_factory.mktemp("masked")
        fit(tiny_recipe(stages=[masked]), data, folder, accelerator="cpu")
        checkpoint = folder / "lower-half.pt"
    if request.param == "mobilenet":
        cropped = stage(region="lower-half", occlusion="crop")
        folder = tmp_path_factory.mktemp("mobilenet")
        recipe = tiny_recipe(network="mobilenet", input={"size": 64}, stages=[cropped])
        fit(recipe, data, folder, accelerator="cpu")
        checkpoint = folder / "lower-half.pt"
    measures = export(checkpoint, data, out, precision="int8-stored")
    session, contract = open_network(out)
    network = load_network(load_state(checkpoint))
    fold_normalisation(network)
    round_kernels(network)
    return Exported(request.param, checkpoint, out, measures, contract, network, session)


def test_it_is_one_file_with_its_card(exported: Exported) -> None:
    names = sorted(file.name for file in exported.file.parent.iterdir())
    assert names == ["small.md", "small.onnx"]
    graph = onnx.load(exported.file, load_external_data=False)
    assert not any(tensor.external_data for tensor in graph.graph.initializer)
    onnx.checker.check_model(graph, full_check=True)
    weights = sum(p.numel() for p in exported.network.parameters())
    assert weights < exported.file.stat().st_size < 1.2 * weights


def test_kernels_alone_are_stored_small() -> None:
    """A mean picture is as large, and is no kernel."""
    random = np.random.default_rng(1)
    stored = {
        "mean": random.normal(120, 40, (1, 3, 64, 64)).astype(np.float32),
        "kernel": random.normal(0, 1, (64, 3, 5, 5)).astype(np.float32),
    }
    given, answer = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", (1, 3, 64, 64)), ("y", (1, 64, 60, 60)))
    )
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Sub", ["x", "mean"], ["centred"]),
            onnx.helper.make_node("Conv", ["centred", "kernel"], ["y"]),
        ],
        "with a mean picture",
        [given],
        [answer],
        [onnx.numpy_helper.from_array(values, name) for name, values in stored.items()],
    )
    model = onnx.helper.make_model(graph)
    store_small(model)
    names = {one.name: one for one in model.graph.initializer}
    assert set(names) == {"mean", "kernel.levels", "kernel.scale"}
    assert (onnx.numpy_helper.to_array(names["mean"]) == stored["mean"]).all()


def test_it_tells_nothing_of_the_computer_that_wrote_it(exported: Exported) -> None:
    content = exported.file.read_bytes()
    assert b".py" not in content
    assert str(Path.cwd()).encode() not in content


def test_the_graph_takes_gray_bytes_in_any_number(exported: Exported) -> None:
    (given,) = exported.session.get_inputs()
    assert (given.name, given.type) == ("patches", "tensor(uint8)")
    width = 64 if exported.kind == "mobilenet" else 48
    height = 48 if exported.kind == "full-face" else width // 2
    assert isinstance(given.shape[0], str)
    assert given.shape[1:] == [1, height, width]
    assert [o.name for o in exported.session.get_outputs()] == ["probabilities", "logits", "maps"]


def test_the_contract_is_in_the_file(exported: Exported, finished: tuple[Path, RunState]) -> None:
    graph = onnx.load(exported.file)
    (entry,) = [e for e in graph.metadata_props if e.key == METADATA_KEY]
    contract = read_contract(entry.value, file="small.onnx")
    assert contract == exported.contract
    assert contract.name == "small"
    assert contract.architecture == ("mobilenet" if exported.kind == "mobilenet" else "vgg_f")
    assert contract.region == ("full-face" if exported.kind == "full-face" else "lower-half")
    assert contract.crop.face_px == 48
    assert 0 <= contract.unsure_below <= 1
    recipe = Recipe.model_validate(json.loads(contract.training.recipe))
    state = load_state(exported.checkpoint)
    assert recipe == state.recipe
    assert of_network(exported.file, "ferplus").epochs == len(state.history)
    assert "FER+" in contract.training.data
    assert "leak-free" in contract.training.data
    assert contract.training.lineage == "random weights"


@pytest.mark.parametrize("count", [1, 5])
def test_the_file_computes_what_torch_computes(exported: Exported, count: int) -> None:
    patches = exported.patches(count)
    probabilities, logits, _ = exported.run(patches)
    with torch.no_grad():
        expected = exported.network(torch.from_numpy(patches).float())
        lifts = torch.tensor(exported.contract.lifts)
        shares = (expected / exported.contract.temperature + lifts).softmax(dim=1)
    assert probabilities.shape == logits.shape == (count, 8)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(logits, expected.numpy(), atol=1e-4)
    np.testing.assert_allclose(probabilities, shares.numpy(), atol=1e-4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_maps_are_grad_cams(exported: Exported) -> None:
    """Grad-CAM (Selvaraju et al. 2017) by autograd: gradients' sums weigh each feature map."""
    patches = exported.patches(3)
    _, _, maps = exported.run(patches)
    with torch.no_grad():
        features = exported.network.features(torch.from_numpy(patches).float())
    for found in features:
        found.requires_grad_()
    size = features[0].shape[2:]
    assert maps.shape == (3, 8, *size)
    scores = exported.network.logits(features)
    for label in range(8):
        gradients = torch.autograd.grad(scores[:, label].sum(), features, retain_graph=True)
        expected = torch.zeros(3, *size)
        with torch.no_grad():
            for found, gradient in zip(features, gradients, strict=True):
                weights = gradient.sum(dim=(2, 3), keepdim=True)
                cam = (weights * found).sum(dim=1, keepdim=True)
                expected += torch.nn.functional.interpolate(cam, size)[:, 0]
        np.testing.assert_allclose(maps[:, label], expected.numpy(), atol=1e-3, rtol=1e-3)


def test_the_figures_are_the_files(exported: Exported, data: FerPlus) -> None:
    again = evaluate_file(exported.file, data, SPLITS)
    assert again == exported.measures
    assert [m.split for m in again] == list(SPLITS)
    assert [m.pictures for m in again] == [24, 32, 30]
    for figures, measured in zip(exported.contract.figures, again, strict=True):
        for name in type(figures).model_fields:
            assert getattr(figures, name) == getattr(measured, name)


def test_the_file_is_measured_on_the_apps_crops(exported: Exported, data: FerPlus) -> None:
    faces = data.split("test", labels="majority")
    size = (exported.contract.input.height, exported.contract.input.width)
    crops = [face_crop(face, exported.contract.region, 48, size) for face in faces.faces]
    probabilities, _, _ = exported.run(np.stack(crops)[:, None])
    test = exported.measures[1]
    assert test.accuracy == (probabilities.argmax(axis=1) == faces.labels).mean()


def test_the_card_holds_what_was_measured(exported: Exported) -> None:
    card = exported.file.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith("# small\n")
    for m in exported.measures:
        interval = f"{m.accuracy_low:.2%} to {m.accuracy_high:.2%}"
        figures = f"| {m.macro_f1:.3f} | {m.macro_f1_common:.3f} | {m.ece:.3f} | {m.kl_nats:.3f} |"
        assert f"| {m.split} | {m.pictures} | {m.accuracy:.2%} | {interval} {figures}" in card
        recalls = " | ".join(f"{m.recall[n]:.0%} ({m.class_pictures[n]})" for n in m.recall)
        assert f"| {m.split} | {recalls} |" in card
    assert f"{exported.contract.temperature:.3f}" in card
    assert f"{exported.contract.unsure_below:.3f}" in card
    assert exported.contract.training.terms in card
    assert "small.onnx" in card


def test_a_file_that_differs_from_torch_is_not_kept(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "small.onnx"
    out.write_bytes(b"the old network")
    monkeypatch.setattr(export_module, "TOLERANCE", -1.0)
    with pytest.raises(ModelContractError, match="differs from torch"):
        export(finished[0] / "lower-half.pt", data, out)
    assert out.read_bytes() == b"the old network"
    assert [file.name for file in tmp_path.iterdir()] == ["small.onnx"]


def test_a_text_file_is_no_checkpoint(data: FerPlus, tmp_path: Path) -> None:
    path = tmp_path / "lower-half.pt"
    path.write_text("hello")
    with pytest.raises(RecipeError, match="no checkpoint of vrfer"):
        export(path, data, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_what_a_run_goes_on_from_is_not_exported(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=r"last\.pt is for going on") as caught:
        export(finished[0] / "last.pt", data, tmp_path / "out.onnx")
    assert "lower-half.pt" in caught.value.remedy
    assert not (tmp_path / "out.onnx").exists()


def test_a_folder_that_cannot_be_is_named(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "out.onnx"
    with pytest.raises(DataError, match="cannot be written") as caught:
        export(finished[0] / "lower-half.pt", data, out)
    assert str(out) in caught.value.message


def test_eight_bits_are_smaller_and_say_nearly_the_same(exported: Exported, data: FerPlus) -> None:
    small = exported.file.with_name("eight.onnx")
    plain = exported.file.with_name("plain.onnx")
    try:
        export(exported.checkpoint, data, small, precision="int8", splits=["validation"])
        export(exported.checkpoint, data, plain, precision="float32", splits=["validation"])
        assert small.stat().st_size < 0.35 * plain.stat().st_size
        operators = {node.op_type for node in onnx.load(small).graph.node}
        assert {"QuantizeLinear", "DequantizeLinear"} <= operators
        found = []
        for file in (small, plain):
            session, contract = open_network(file)
            faces = data.split("validation", labels="majority").faces
            found.append(run_network(session, contract, faces, "logits"))
            assert [figures.split for figures in contract.figures] == ["validation"]
        assert np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1] > 0.96
        card = small.with_suffix(".md").read_text(encoding="utf-8")
        assert "8 bits against 32, validation: same label" in card
    finally:
        for file in (small, plain):
            file.unlink(missing_ok=True)
            file.with_suffix(".md").unlink(missing_ok=True)


def test_without_neutral_pictures_a_network_knows_no_resting_face(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path: Path
) -> None:
    validation = ("official", "validation")
    expressive = data.split("validation", labels="majority").labels != 0
    lacking = replace(
        data,
        rows={**data.rows, validation: data.rows[validation][expressive]},
        votes={**data.votes, validation: data.votes[validation][expressive]},
    )
    export(finished[0] / "lower-half.pt", lacking, tmp_path / "x.onnx", splits=["validation"])
    assert open_network(tmp_path / "x.onnx")[1].resting is None


def test_a_network_is_measured_on_the_votes_that_it_was_trained_on(
    data: FerPlus, tmp_path: Path
) -> None:
    official = ("official", "validation")
    some = slice(8)
    fewer = replace(
        data,
        rows={**data.rows, official: data.rows[official][some]},
        votes={**data.votes, official: data.votes[official][some]},
    )
    recipe = tiny_recipe(stages=[stage()], data={"votes": "fer2013new"})
    fit(recipe, fewer, tmp_path, accelerator="cpu")
    out = tmp_path / "x.onnx"
    for found in (
        export(tmp_path / "full-face.pt", fewer, out, splits=["validation"]),
        evaluate_file(out, fewer, ["validation"]),
    ):
        assert [measures.pictures for measures in found] == [COUNTS["validation"]]


def test_the_temperature_is_the_files_own(exported: Exported, data: FerPlus) -> None:
    """Fitted to what the file answers, and the number by which it divides."""
    probabilities, logits, _ = exported.run(exported.patches(3))
    divided = torch.from_numpy(logits / exported.contract.temperature).softmax(dim=1)
    np.testing.assert_allclose(probabilities, divided.numpy(), atol=1e-5)
    faces = data.split("validation", labels="majority")
    answered = run_network(exported.session, exported.contract, faces.faces, "logits")
    assert exported.contract.temperature == pytest.approx(best_temperature(answered, faces))


def test_the_temperature_changes_no_label_that_the_lifts_gave(
    finished: tuple[Path, RunState],
    data: FerPlus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen: list[np.ndarray] = []

    def chosen_by(logits: np.ndarray, faces: FaceSet, shares: np.ndarray) -> np.ndarray:
        chosen.append((logits + lifts(shares, 1.0)).argmax(axis=1))
        return lifts(shares, 1.0)

    monkeypatch.setattr(calibration, "best_lifts", chosen_by)
    path = tmp_path / "x.onnx"
    export(finished[0] / "lower-half.pt", data, path, splits=["validation"])
    validation = data.split("validation", labels="majority")
    answered = run_network(*open_network(path), validation.faces, "probabilities")
    np.testing.assert_array_equal(answered.argmax(axis=1), chosen[-1])


@pytest.mark.parametrize("precision", ["int8-stored", "int8"])
def test_rare_expressions_are_lifted_in_the_file(
    finished: tuple[Path, RunState],
    data: FerPlus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: Precision,
) -> None:
    monkeypatch.setattr(calibration, "best_lifts", lambda logits, faces, shares: lifts(shares, 0.5))
    path = tmp_path / "x.onnx"
    export(finished[0] / "lower-half.pt", data, path, precision=precision, splits=["validation"])
    session, contract = open_network(path)
    shares = training_faces(data, Recipe.model_validate_json(contract.training.recipe).data).crowd
    ratio = np.array(contract.lifts) / (-0.5 * np.log(shares.mean(axis=0)))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)
    validation = data.split("validation", labels="majority")
    answered = run_network(session, contract, validation.faces, "logits")
    in_logits = contract.temperature * np.array(contract.lifts)
    fitted = best_temperature(answered + in_logits, validation)
    assert contract.temperature == pytest.approx(fitted, rel=1e-3)
    logits = torch.from_numpy(answered)
    lifted = (logits / contract.temperature + torch.tensor(contract.lifts)).softmax(dim=1)
    probabilities = run_network(session, contract, validation.faces, "probabilities")
    np.testing.assert_allclose(probabilities, lifted.numpy(), atol=1e-4)
    card = (tmp_path / "x.md").read_text(encoding="utf-8")
    assert f"fear {contract.lifts[6]:+.2f}" in card
