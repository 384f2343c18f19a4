"""Exported networks that are calibrated anew."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from training.made_up import made_up_ferplus

from vrfer.errors import DataError, ModelContractError
from vrfer.metadata import METADATA_KEY
from vrfer.training import calibration
from vrfer.training.adjustment import lifts
from vrfer.training.calibration import LIFTS
from vrfer.training.checkpoint import RunState
from vrfer.training.evaluate import evaluate_file, open_network, run_network
from vrfer.training.export import export
from vrfer.training.ferplus import FerPlus
from vrfer.training.recalibrate import recalibrate

Finished = tuple[Path, RunState]


@pytest.fixture
def network(finished: Finished, data: FerPlus, tmp_path: Path) -> Path:
    path = tmp_path / "small.onnx"
    export(finished[0] / "lower-half.pt", data, path, precision="int8", splits=["validation"])
    return path


def without_lifts(path: Path) -> None:
    """Make a network of before there were lifts."""
    graph = onnx.load(path)
    (added,) = (node for node in graph.graph.node if LIFTS in node.input)
    (last,) = (node for node in graph.graph.node if added.output[0] in node.input)
    last.input[0] = added.input[0]
    graph.graph.node.remove(added)
    (zeros,) = (one for one in graph.graph.initializer if one.name == LIFTS)
    graph.graph.initializer.remove(zeros)
    onnx.save(graph, path)


@pytest.mark.parametrize("old", [False, True])
def test_the_network_stays_and_what_follows_is_fitted_anew(
    network: Path, data: FerPlus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    if old:
        without_lifts(network)
    monkeypatch.setattr(calibration, "best_lifts", lambda logits, faces, shares: lifts(shares, 0.4))
    out = tmp_path / "again.onnx"
    measures = recalibrate(network, data, out, splits=["validation"])
    assert evaluate_file(out, data, ["validation"]) == measures
    (session, before), (again, contract) = open_network(network), open_network(out)
    faces = data.split("validation", labels="majority").faces
    logits = run_network(again, contract, faces, "logits")
    assert np.array_equal(logits, run_network(session, before, faces, "logits"))
    assert contract.name == "again"
    assert min(contract.lifts) > 0 == max(before.lifts)
    lifted = torch.from_numpy(logits) / contract.temperature + torch.tensor(contract.lifts)
    probabilities = run_network(again, contract, faces, "probabilities")
    np.testing.assert_allclose(probabilities, lifted.softmax(dim=1).numpy(), atol=1e-5)
    changed = {"name", "temperature", "lifts", "unsure_below", "resting", "figures"}
    assert contract.model_dump(exclude=changed) == before.model_dump(exclude=changed)


def test_a_network_takes_its_own_place(network: Path, data: FerPlus) -> None:
    first = open_network(network)[1]
    recalibrate(network, data, network, splits=["validation"])
    assert open_network(network)[1] == first
    assert sorted(path.name for path in network.parent.iterdir()) == ["small.md", "small.onnx"]


def test_the_card_keeps_what_was_measured_before(network: Path, data: FerPlus) -> None:
    before = network.with_suffix(".md").read_text(encoding="utf-8")
    for _ in range(2):
        recalibrate(network, data, network, splits=["validation"])
    card = network.with_suffix(".md").read_text(encoding="utf-8")
    (line,) = (one for one in before.splitlines() if one.startswith("| 8 bits against 32"))
    name, value = line.strip("| ").split(" | ")
    assert f"| {name}, when it was first exported | {value} |" in card
    assert card.count("| weights") == card.count("| terms |") == 1
    assert card.replace(", when it was first exported", "") == before


def test_without_a_card_nothing_is_kept(network: Path, data: FerPlus) -> None:
    network.with_suffix(".md").unlink()
    recalibrate(network, data, network, splits=["validation"])
    assert "8 bits" not in network.with_suffix(".md").read_text(encoding="utf-8")


def test_what_is_no_network_is_refused(tmp_path: Path, data: FerPlus) -> None:
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelContractError, match="is broken or no ONNX file"):
        recalibrate(tmp_path / "x.onnx", data, tmp_path / "y.onnx")
    assert not (tmp_path / "y.onnx").exists()


def test_a_folder_that_cannot_be_is_named(network: Path, data: FerPlus, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        recalibrate(network, data, tmp_path / "file" / "x.onnx", splits=["validation"])


def test_a_network_without_its_recipe_is_refused(network: Path, tmp_path: Path) -> None:
    graph = onnx.load(network)
    (entry,) = (one for one in graph.metadata_props if one.key == METADATA_KEY)
    entry.value = "{}"
    onnx.save(graph, network)
    with pytest.raises(ModelContractError, match="cannot use"):
        recalibrate(network, made_up_ferplus(), tmp_path / "y.onnx")
