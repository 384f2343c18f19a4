import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from vrfer.errors import DataError, ModelContractError
from vrfer.locator import POINT_NAMES, Locator, open_locator
from vrfer.metadata import METADATA_KEY
from vrfer.square import Square
from vrfer.training.checkpoint import kind_of
from vrfer.training.evaluate import kind_of_file
from vrfer.training.locating import export as export_module
from vrfer.training.locating.answering import OUTPUTS, ask_file, ask_network
from vrfer.training.locating.calibrate import calibrated
from vrfer.training.locating.card import locator_table
from vrfer.training.locating.checkpoint import LocatorRun
from vrfer.training.locating.evaluate import evaluate_locator, network_of
from vrfer.training.locating.export import export_locator
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.locating.validate import check_set

Finished = tuple[Path, LocatorRun]


def squares(count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [1, 3])
def test_the_file_computes_what_torch_computes(
    exported_locator: Path, finished_locator: Finished, count: int
) -> None:
    given = squares(count)
    exported = dict(zip(OUTPUTS, ask_file(exported_locator)[0](given), strict=True))
    expected = dict(zip(OUTPUTS, ask_network(network_of(finished_locator[1]))(given), strict=True))
    for name in OUTPUTS:
        assert exported[name].shape == expected[name].shape
        if name != "visible":  # calibrated in the file
            assert exported[name] == pytest.approx(expected[name], abs=1e-3)


def test_the_verdict_in_the_file_is_calibrated_on_validation(
    exported_locator: Path, finished_locator: Finished, photographs: LocatorData
) -> None:
    ask, run = ask_network(network_of(finished_locator[1])), finished_locator[1]
    found = calibrated(ask, check_set(photographs.validation, seed=run.recipe.seed))
    plain, exported = (
        np.log(chances / (1 - chances))
        for chances in (one(squares(5))[4] for one in (ask, ask_file(exported_locator)[0]))
    )
    assert exported == pytest.approx(found.slope * plain + found.offset, abs=1e-2)
    assert exported != pytest.approx(plain, abs=1e-2)


def test_the_contract_says_what_it_is_and_how_good(
    exported_locator: Path, finished_locator: Finished
) -> None:
    contract = open_locator(exported_locator)[1]
    assert contract.name == "tiny-locator"
    assert contract.points == POINT_NAMES
    assert LocatorRecipe.model_validate_json(contract.training.recipe) == finished_locator[1].recipe
    assert [figures.split for figures in contract.figures] == ["validation"]
    assert contract.figures[0].faces == 4
    assert kind_of_file(exported_locator) == "lower-face-locator"
    assert kind_of(finished_locator[0] / "last.pt") == "locator"


def test_the_app_can_ask_it(exported_locator: Path) -> None:
    image = np.zeros((100, 120, 3), np.uint8)
    found = Locator(exported_locator).judge(image, [Square(60, 50, 40)])
    assert found[0].points.shape == (11, 2)
    assert 0 <= found[0].visible <= 1


def test_the_file_holds_no_traces_of_this_computer(exported_locator: Path) -> None:
    content = exported_locator.read_bytes()
    for trace in (Path(__file__).parents[3], Path.home(), Path(onnx.__file__).parents[1]):
        assert str(trace).encode() not in content
    graph = onnx.load(exported_locator)
    assert [entry.key for entry in graph.metadata_props] == [METADATA_KEY]
    assert not list(exported_locator.parent.glob("*.data"))
    assert not list(exported_locator.parent.glob("*.tmp*"))


def test_the_card_says_what_evaluate_measures(
    exported_locator: Path, photographs_folder: Path, cache_folder: Path
) -> None:
    card = exported_locator.with_suffix(".md").read_text(encoding="utf-8")
    evaluation = evaluate_locator(exported_locator, photographs_folder.parent, cache_folder)
    assert evaluation.headset == []
    for line in locator_table(evaluation.figures):
        assert line in card
    assert "3 epochs of 2 batches of 12 squares, seed 3" in card
    recipe = card.split("```json\n")[1].split("```")[0]
    assert LocatorRecipe.model_validate(json.loads(recipe)).name == "tiny-locator"


def test_a_file_that_differs_from_torch_is_not_kept(
    finished_locator: Finished,
    photographs: LocatorData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export_module, "TOLERANCE", -1.0)
    with pytest.raises(ModelContractError, match="differs from torch"):
        export_locator(finished_locator[0] / "last.pt", photographs, tmp_path / "out.onnx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(
    finished_locator: Finished,
    photographs: LocatorData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(export_module, "onnx_graph", lambda *_, **__: None)
    with pytest.raises(DataError, match="cannot be written"):
        export_locator(finished_locator[0] / "last.pt", photographs, tmp_path / "file" / "out.onnx")
