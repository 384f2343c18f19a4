from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training.made_up import stage, tiny_recipe, view

from vrfer.errors import DataError, ModelContractError, RecipeError
from vrfer.training.batches import patches_of
from vrfer.training.checkpoint import RunState, load_state, save_state
from vrfer.training.evaluate import (
    SPLITS,
    evaluate_checkpoint,
    evaluate_file,
    faces_of,
    load_network,
    open_network,
    predict_logits,
    splits_of,
)
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import fit
from vrfer.training.nets import create_network

Finished = tuple[Path, RunState]


def test_the_splits_are_those_of_ferplus(data: FerPlus) -> None:
    sizes = [len(faces_of(data, split)) for split in SPLITS]
    assert sizes == [24, 32, 30]  # two test faces have twins
    assert set(faces_of(data, "test").votes.max(axis=1)) == {1.0}


def test_what_chose_the_weights_of_affectnets_networks_is_not_called_test() -> None:
    assert splits_of("affectnet") == ("validation",)
    for dataset in ("ferplus", "ferplus+affectnet", "folders"):
        assert splits_of(dataset) == SPLITS
        assert splits_of(dataset, final=False) == ("validation",)


def test_a_checkpoint_measures_what_the_loop_measured(finished: Finished, data: FerPlus) -> None:
    folder, _ = finished
    for name, number in (("full-face.pt", 0), ("lower-half.pt", 1)):
        (found,) = evaluate_checkpoint(folder / name, data, ["validation"])
        saved = load_state(folder / name)
        best = saved.history[-1]
        assert best.stage == number
        assert found.accuracy == pytest.approx(best.validation_accuracy)
        assert found.pictures == 24


def test_between_the_stages_the_last_checkpoint_is_the_finished_stages(
    data: FerPlus, finished: Finished, tmp_path: Path
) -> None:
    state = load_state(finished[0] / "full-face.pt")
    state.stage, state.epoch = 1, 0
    save_state(state, tmp_path / "last.pt")
    network = load_network(state)
    assert network.occlusion is None
    assert evaluate_checkpoint(tmp_path / "last.pt", data, ["test"]) == evaluate_checkpoint(
        finished[0] / "full-face.pt", data, ["test"]
    )


def test_of_a_run_under_way_the_average_is_measured(
    data: FerPlus, finished: Finished, tmp_path: Path
) -> None:
    chosen = load_state(finished[0] / "full-face.pt")
    raw = {
        name: torch.zeros_like(one) if name.startswith("head") else one
        for name, one in chosen.network.items()
    }
    assert any(name.startswith("head") for name in raw)
    save_state(replace(chosen, network=raw, average=chosen.network), tmp_path / "last.pt")
    assert evaluate_checkpoint(tmp_path / "last.pt", data, ["test"]) == evaluate_checkpoint(
        finished[0] / "full-face.pt", data, ["test"]
    )


@pytest.mark.parametrize("occlusion", ["mask", "crop"])
def test_the_region_of_a_checkpoint_can_be_another(
    finished: Finished, data: FerPlus, occlusion: str
) -> None:
    path = finished[0] / "full-face.pt"
    (found,) = evaluate_checkpoint(path, data, ["test"], region="lower-half", occlusion=occlusion)
    network = load_network(load_state(path))
    faces = faces_of(data, "test")
    lower = patches_of(faces.faces, view("lower-half", 48))
    if occlusion == "mask":
        upper = torch.full_like(lower, load_state(path).mean_gray)
        lower = torch.cat([upper, lower], dim=2)
    with torch.no_grad():
        predicted = network(lower).argmax(dim=1).numpy()
    assert found.accuracy == (predicted == faces.labels).mean()
    (whole,) = evaluate_checkpoint(path, data, ["test"], region="full-face")
    assert whole == evaluate_checkpoint(path, data, ["test"])[0]
    assert whole.kl_nats != found.kl_nats


def test_a_full_face_checkpoints_lower_half_is_masked(finished: Finished, data: FerPlus) -> None:
    path = finished[0] / "full-face.pt"
    assert evaluate_checkpoint(path, data, ["test"], region="lower-half") == evaluate_checkpoint(
        path, data, ["test"], region="lower-half", occlusion="mask"
    )


def test_a_masked_stage_is_measured_masked(data: FerPlus, tmp_path: Path) -> None:
    recipe = tiny_recipe(stages=[stage(region="lower-half", occlusion="mask")])
    fit(recipe, data, tmp_path, accelerator="cpu")
    path = tmp_path / "lower-half.pt"
    assert load_network(load_state(path)).occlusion == "mask"
    (masked,) = evaluate_checkpoint(path, data, ["test"])
    (cropped,) = evaluate_checkpoint(path, data, ["test"], occlusion="crop")
    assert masked.kl_nats != cropped.kl_nats


def test_the_logits_do_not_depend_on_the_batch(finished: Finished, data: FerPlus) -> None:
    network = load_network(load_state(finished[0] / "lower-half.pt"))
    many = np.repeat(data.faces[:100], 3, axis=0)
    found = predict_logits(network, many, view("lower-half", 48))
    alone = predict_logits(network, many[299:], view("lower-half", 48))
    assert found.shape == (300, 8)
    np.testing.assert_allclose(found[299:], alone, atol=1e-4)
    assert not network.training


def test_an_untrained_checkpoint_is_refused(data: FerPlus, tmp_path: Path) -> None:
    recipe = tiny_recipe()
    network = create_network(recipe, mean_gray=100)
    save_state(RunState(recipe, 100.0, network.state_dict()), tmp_path / "last.pt")
    with pytest.raises(DataError, match="untrained"):
        evaluate_checkpoint(tmp_path / "last.pt", data, ["test"])


@pytest.mark.parametrize("content", [b"just text\n", b"", None])
def test_files_that_are_no_network_are_named(
    data: FerPlus, tmp_path: Path, content: bytes | None
) -> None:
    checkpoint, network = tmp_path / "a.pt", tmp_path / "a.onnx"
    if content is not None:
        checkpoint.write_bytes(content)
        network.write_bytes(content)
    with pytest.raises(RecipeError, match="checkpoint") as caught:
        evaluate_checkpoint(checkpoint, data, ["test"])
    assert str(checkpoint) in caught.value.message
    with pytest.raises(ModelContractError, match=r"broken|cannot be read") as wrong:
        evaluate_file(network, data, ["test"])
    assert str(network) in wrong.value.message
    assert "\n" not in str(wrong.value)


def test_a_folder_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(ModelContractError, match="cannot be read"):
        open_network(tmp_path)
