"""Grad-CAM: the definition against the graph's second output, and the pictures of it."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from training.made_up import made_up_ferplus, stage, tiny_recipe
from typer.testing import CliRunner

from vrfer.errors import DataError, ModelContractError
from vrfer.training.commands import app
from vrfer.training.explain import (
    Explanation,
    Face,
    explain_by_gradients,
    explain_by_graph,
    grad_cam,
    read_boxes,
)
from vrfer.training.export import export
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import fit
from vrfer.training.nets import create_network


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("name", ["vgg_f", "vgg_face", "mobilenet"])
def test_grad_cam_is_the_graphs_second_output(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(tiny_recipe(network=name), mean_gray=120).eval()
    patches = torch.from_numpy(noise(2, 1, 48, 48)).float()
    with torch.no_grad():
        expected = network.class_maps(network.features(patches))
    for expression in range(8):
        torch.testing.assert_close(
            grad_cam(network, patches, expression), expected[:, expression], rtol=1e-4, atol=1e-4
        )


@pytest.fixture(scope="module", params=["crop", "mask"])
def run(
    request: pytest.FixtureRequest, data: FerPlus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A lower-half checkpoint and its exported network."""
    folder = tmp_path_factory.mktemp("explained")
    stages = [stage(region="lower-half", occlusion=request.param, epochs=8, learning_rate=0.02)]
    fit(tiny_recipe(stages=stages, augmentation={}), data, folder, accelerator="cpu")
    export(
        folder / "lower-half.pt", data, folder / "net.onnx", precision="float32", splits=["test"]
    )
    return folder / "lower-half.pt", folder / "net.onnx"


def test_checkpoint_and_exported_network_explain_alike(run: tuple[Path, Path]) -> None:
    face = Face("face", made_up_ferplus().faces[3][:, :, None].repeat(3, axis=2), None)
    by_gradients, by_graph = explain_by_gradients(run[0], face), explain_by_graph(run[1], face)
    scale = max(1.0, float(np.abs(by_graph.maps).max()))
    np.testing.assert_allclose(by_gradients.maps, by_graph.maps, atol=1e-4 * scale)
    assert (by_gradients.region, by_gradients.masked) == (by_graph.region, by_graph.masked)
    assert by_gradients.probabilities.argmax() == by_graph.probabilities.argmax()
    height, width = by_graph.maps.shape[1:]
    assert by_graph.masked == (height == width)


def test_fully_connected_layers_are_explained_by_gradients_alone(
    data: FerPlus, tmp_path: Path
) -> None:
    recipe = tiny_recipe(
        network="vgg_13", input={"size": 64, "scale": 0.004}, stages=[stage(epochs=1)]
    )
    fit(recipe, data, tmp_path, accelerator="cpu", dry_run=True)
    checkpoint, network = tmp_path / "full-face.pt", tmp_path / "net.onnx"
    export(checkpoint, data, network, precision="float32", splits=["test"])
    face = Face("face", noise(48, 48, 3), None)
    with pytest.raises(ModelContractError, match="no maps"):
        explain_by_graph(network, face)
    assert explain_by_gradients(checkpoint, face).maps.shape == (8, 4, 4)


def test_nothing_above_the_maps_is_hot() -> None:
    maps = np.ones((8, 2, 4), np.float32)
    maps[1] = -1
    explanation = Explanation(np.full(8, 0.125, np.float32), maps, "lower-half", masked=False)
    heat = explanation.heat(0, 32)
    assert heat[:16].max() == 0
    assert heat[16:].min() == pytest.approx(1)
    assert explanation.heat(1, 32).max() == 0


def command(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["explain", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_sheet_is_written_for_all_pictures_and_networks(
    run: tuple[Path, Path], tmp_path: Path
) -> None:
    for number in (1, 2):
        cv2.imwrite(str(tmp_path / f"{number}.png"), made_up_ferplus().faces[number])
    out = tmp_path / "new" / "sheet.png"
    said = command(
        *(tmp_path / "1.png", tmp_path / "2.png", "--model", run[0], "--model", run[1]),
        *("--class", "fear", "--out", out, "--json"),
    )
    answers = [json.loads(line) for line in said.splitlines()]
    assert [(a["file"], a["model"]) for a in answers] == [
        (file, model) for file in ("1.png", "2.png") for model in ("lower-half.pt", "net.onnx")
    ]
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    sheet = cv2.imread(str(out))
    assert sheet.shape[0] > 400
    assert sheet.std() > 10


def test_a_located_face_is_cut_out_of_its_photograph(
    run: tuple[Path, Path], tmp_path: Path
) -> None:
    face = cv2.resize(made_up_ferplus().faces[5], (96, 96), interpolation=cv2.INTER_NEAREST)
    photograph = np.full((300, 400, 3), 90, np.uint8)
    photograph[100:196, 200:296] = face[:, :, None]
    cv2.imwrite(str(tmp_path / "photo.png"), photograph)
    width = 0.796 * 96  # of the face, by the crop's geometry: half a side, 0.757 of it down
    mouth = [200 + 48 - 0.5, 100 + 0.757 * 96 - 0.5]
    box = [mouth[0] - 0.475 * width, 0, mouth[0] + 0.475 * width, 0]
    answer = {"file": "elsewhere/photo.png", "found": True, "box": box, "mouth": mouth}
    lines = [
        {**answer, "chin": [mouth[0], 195], "score": 0.9, "ms": 1},
        {"file": "empty.png", "found": False, "box": None, "mouth": None, "chin": None},
    ]
    boxes = tmp_path / "boxes.jsonl"
    boxes.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    by_powershell = tmp_path / "windows.jsonl"
    by_powershell.write_text("\r\n".join(map(json.dumps, lines)), encoding="utf-16")
    assert read_boxes(by_powershell) == read_boxes(boxes)
    located = Face("photo", photograph, read_boxes(boxes)["photo.png"])
    cut = Face("face", face[:, :, None].repeat(3, axis=2), None)
    for explain, path in ((explain_by_gradients, run[0]), (explain_by_graph, run[1])):
        found, expected = explain(path, located), explain(path, cut)
        assert np.abs(found.probabilities - expected.probabilities).max() < 0.05
    cv2.imwrite(str(tmp_path / "empty.png"), photograph)
    command(
        *(tmp_path / "photo.png", tmp_path / "empty.png", "--boxes", boxes, "--model", run[1]),
        *("--out", tmp_path / "sheet.png"),
    )
    assert (tmp_path / "sheet.png").is_file()


@pytest.mark.parametrize("text", ["{", "[]", '{"file": "a.png", "found": true}', "null"])
def test_a_file_of_something_else_is_no_file_of_boxes(tmp_path: Path, text: str) -> None:
    (tmp_path / "boxes").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        read_boxes(tmp_path / "boxes")


def test_what_cannot_be_explained_is_named(run: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    (tmp_path / "boxes").write_text("", encoding="utf-8")
    tries = {
        "is no picture": [tmp_path / "text.png"],
        "cannot be read": [tmp_path / "missing.png"],
        "says nothing of": [tmp_path / "text.png", "--boxes", tmp_path / "boxes"],
        "no name for a picture": [tmp_path / "text.png", "--out", "sheet.jpg"],
    }
    for reason, arguments in tries.items():
        with pytest.raises(DataError, match=reason):
            command(*arguments, "--model", run[1])
