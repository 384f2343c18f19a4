from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training.made_up import stage, tiny_recipe

from vrfer.errors import RecipeError
from vrfer.training.batches import Batch, patches_of
from vrfer.training.begin import Given
from vrfer.training.checkpoint import RunState, load_state, save_state
from vrfer.training.evaluate import open_network, predictor, run_network
from vrfer.training.ferplus import FerPlus
from vrfer.training.live_teachers import live_teacher
from vrfer.training.loop import Watcher, fit
from vrfer.training.losses import picture_losses
from vrfer.training.provenance import data_in_words, file_in_brief
from vrfer.training.recipe import Distillation, Recipe

Finished = tuple[Path, RunState]
CPU = torch.device("cpu")
SHIPPED = Path(__file__).parents[2] / "models" / "lower-face.onnx"


def student(live: float = 0.8, weight: float = 0.1, **fields: object) -> Recipe:
    """A recipe of lower halves that asks live teachers."""
    asks = stage(
        region="lower-half",
        occlusion="crop",
        distillation={"weight": weight, "live": live},
        **{"epochs": 2, **fields},
    )
    return tiny_recipe(name="student", stages=[asks])


class StopError(Exception):
    """Stands for a killed process."""


def stop(*_: object) -> None:
    """Kill a run."""
    raise StopError


def test_the_mean_over_mirror_images_and_teachers_is_the_answer(
    finished: Finished, data: FerPlus
) -> None:
    teachers = [finished[0] / "lower-half.pt", SHIPPED]
    view = finished[1].recipe.input.view("lower-half")
    pictures = patches_of(data.faces[:6], view)
    each = [live_teacher([path], "lower-half", CPU)(pictures) for path in teachers]
    both = live_teacher(teachers, "lower-half", CPU)(pictures)
    torch.testing.assert_close(both, (each[0] + each[1]) / 2)
    torch.testing.assert_close(both.sum(dim=1), torch.ones(6))
    for answers in each:
        assert float(answers.std(dim=0).max()) > 0.001
    mirrored = live_teacher(teachers, "lower-half", CPU)(pictures.flip(-1))
    torch.testing.assert_close(both, mirrored)
    expected = predictor(teachers[0])
    once = [expected(faces) for faces in (data.faces[:6], data.faces[:6, :, ::-1].copy())]
    np.testing.assert_allclose(each[0].numpy(), (once[0] + once[1]) / 2, atol=1e-5)


def test_an_exported_teacher_answers_as_the_file_does_but_for_its_temperature(
    data: FerPlus,
) -> None:
    session, contract = open_network(SHIPPED)
    size = {"size": contract.input.width, "lower_half_height": contract.input.height}
    view = tiny_recipe(input=size).input.view("lower-half")
    found = live_teacher([SHIPPED], "lower-half", CPU)(patches_of(data.faces[:8], view))
    both = [
        torch.from_numpy(run_network(session, contract, faces, "logits")).softmax(dim=1)
        for faces in (data.faces[:8], data.faces[:8, :, ::-1].copy())
    ]
    # The app's crops are resampled a little differently.
    torch.testing.assert_close(found, (both[0] + both[1]) / 2, atol=0.02, rtol=0)
    assert contract.temperature != 1


def test_the_loss_is_shared_by_votes_teachers_and_live_teachers() -> None:
    logits = torch.tensor([[2.0, 0, 0, 0, 0, 0, 0, 1.0]])
    votes, live, taught = torch.eye(8)[:1], torch.eye(8)[1:2], torch.full((1, 8), 0.125)
    batch = Batch(torch.zeros(1, 1, 2, 2), votes, taught)
    shares = Distillation(weight=0.25, live=0.5, temperature=2)
    plain = torch.nn.functional.cross_entropy
    torch.testing.assert_close(
        picture_losses(logits, batch, distillation=shares, live=live)[0],
        0.25 * plain(logits, votes)
        + 4 * (0.25 * plain(logits / 2, taught) + 0.5 * plain(logits / 2, live)),
        atol=1e-4,
        rtol=1e-4,
    )
    with pytest.raises(ValueError, match="together at most 1"):
        Distillation(weight=0.6, live=0.5)


def test_a_student_comes_closer_to_its_live_teacher(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    teacher = finished[0] / "lower-half.pt"
    view = finished[1].recipe.input.view("lower-half")
    pictures = patches_of(data.split("train", labels="majority").faces, view)
    asked = live_teacher([teacher], "lower-half", CPU)(pictures)
    distances = []
    for live in (0.9, 0.01):
        recipe = student(live, epochs=8, learning_rate=0.02)
        out = tmp_path / str(live)
        given = Given(teachers=[finished[0] / "full-face.pt"], live_teachers=[teacher])
        fit(recipe, data, out, accelerator="cpu", given=given)
        answers = live_teacher([out / "lower-half.pt"], "lower-half", CPU)(pictures)
        distances.append(float((answers - asked).abs().mean()))
    assert distances[0] < distances[1]


def test_a_run_goes_on_exactly_with_the_same_live_teacher_only(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    teachers, live = [finished[0] / "full-face.pt"], [finished[0] / "lower-half.pt"]
    given, recipe = Given(teachers=teachers, live_teachers=live), student()
    expected = fit(recipe, data, tmp_path / "whole", accelerator="cpu", given=given)
    half = tmp_path / "half"
    with pytest.raises(StopError):
        fit(recipe, data, half, accelerator="cpu", given=given, watcher=Watcher(on_epoch=stop))
    others = Given(live_teachers=[SHIPPED])
    with pytest.raises(RecipeError, match="other live teachers"):
        fit(recipe, data, half, accelerator="cpu", given=others)
    with pytest.raises(RecipeError, match="asks live teachers"):
        fit(recipe, data, half, accelerator="cpu")
    found = fit(recipe, data, half, accelerator="cpu", given=Given(live_teachers=live))
    assert found.history == expected.history
    for name, weights in expected.network.items():
        assert torch.equal(found.network[name], weights), name
    kept = load_state(half / "lower-half.pt")
    assert data_in_words(kept).endswith(f"live teachers: {file_in_brief(live[0])}")


def test_what_does_not_fit_is_said(finished: Finished, data: FerPlus, tmp_path: Path) -> None:
    full, lower = finished[0] / "full-face.pt", finished[0] / "lower-half.pt"
    with pytest.raises(RecipeError, match="sees the full-face") as caught:
        fit(
            student(),
            data,
            tmp_path / "a",
            accelerator="cpu",
            given=Given(teachers=[full], live_teachers=[full]),
        )
    assert "--teacher" in caught.value.remedy
    no_live = student(live=0)
    given = Given(teachers=[full], live_teachers=[lower])
    with pytest.raises(RecipeError, match="no stage that asks live teachers"):
        fit(no_live, data, tmp_path / "b", accelerator="cpu", given=given)


def test_a_stage_asks_only_where_its_recipe_says_so(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    full, lower = finished[0] / "full-face.pt", finished[0] / "lower-half.pt"
    recipe = tiny_recipe(name="both", stages=[stage(), student().stages[0].model_dump()])
    given = Given(teachers=[full], live_teachers=[lower])
    state = fit(recipe, data, tmp_path, accelerator="cpu", given=given)
    assert state.stage == 2
    before, after = (load_state(tmp_path / f"{one}.pt") for one in ("full-face", "lower-half"))
    assert (before.taught_by, before.live_teachers) == ((), ())
    assert after.taught_by == (file_in_brief(full),)
    assert after.live_teachers == (file_in_brief(lower),)
    # What is finished needs nobody.
    fit(recipe, data, tmp_path, accelerator="cpu")


def test_a_teacher_that_was_replaced_by_another_is_refused(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    full, live = finished[0] / "full-face.pt", tmp_path / "live.pt"
    state = load_state(finished[0] / "lower-half.pt")
    save_state(state, live)
    given = Given(teachers=[full], live_teachers=[live])
    with pytest.raises(StopError):
        fit(
            student(),
            data,
            tmp_path / "run",
            accelerator="cpu",
            given=given,
            watcher=Watcher(on_epoch=stop),
        )
    changed = {name: weights * 1.01 for name, weights in state.network.items()}
    save_state(replace(state, network=changed), live)
    with pytest.raises(RecipeError, match="other live teachers"):
        fit(student(), data, tmp_path / "run", accelerator="cpu", given=given)
