from pathlib import Path

import numpy as np
import pytest
import torch
from training.made_up import made_up_faces, stage, tiny_recipe, view

from vrfer.errors import RecipeError
from vrfer.training.batches import Batch
from vrfer.training.begin import Given
from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import Watcher, fit
from vrfer.training.losses import picture_losses
from vrfer.training.nets import create_network
from vrfer.training.photograph_faces import PhotographFaces
from vrfer.training.predict import load_network, predict_logits
from vrfer.training.recipe import Distillation, Recipe
from vrfer.training.teachers import answers, lessons

Finished = tuple[Path, RunState]


def learning(photographs: bool = False, **fields: object) -> Recipe:
    """A lower-half stage that learns from teachers."""
    distillation = {"weight": 0.5, "temperature": 2.0}
    taught = stage(
        region="lower-half", occlusion="crop", epochs=2, distillation=distillation, **fields
    )
    return tiny_recipe(name="student", stages=[taught], data={"photographs": photographs})


class StopError(Exception):
    """Stands for a killed process."""


def stop(*_: object) -> None:
    """Kill a run."""
    raise StopError


def photographs() -> PhotographFaces:
    bare = made_up_faces(np.arange(6) % 8, seed=9)
    worn = bare.copy()
    worn[:, :24] = 0
    return PhotographFaces(bare, worn)


def test_a_teachers_answer_is_the_mean_over_mirror_images(
    finished: Finished, data: FerPlus
) -> None:
    teacher = finished[0] / "full-face.pt"
    faces = data.faces[:5]
    network = load_network(load_state(teacher))
    both = [
        torch.from_numpy(predict_logits(network, seen, view("full-face", 48))).softmax(dim=1)
        for seen in (faces, faces[:, :, ::-1].copy())
    ]
    expected = ((both[0] + both[1]) / 2).numpy()
    np.testing.assert_allclose(answers([teacher], faces), expected, atol=1e-6)


def test_several_teachers_are_averaged(finished: Finished, data: FerPlus) -> None:
    paths = [finished[0] / f"{region}.pt" for region in ("full-face", "lower-half")]
    faces = data.faces[:5]
    one, other = (answers([path], faces) for path in paths)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(answers(paths, faces), (one + other) / 2, atol=1e-6)


def test_photographs_are_labelled_by_what_is_bare(finished: Finished, data: FerPlus) -> None:
    teacher, faces = finished[0] / "full-face.pt", data.split("train", labels="soft")
    unlabelled = photographs()
    learned = lessons(faces, [teacher], unlabelled)
    assert learned.taught is not None
    assert len(learned.faces) == len(learned.taught) == len(faces) + 6
    assert learned.photographs == 6
    expected = answers([teacher], unlabelled.bare)
    np.testing.assert_allclose(learned.faces.votes[-6:], expected, atol=1e-6)
    np.testing.assert_array_equal(learned.faces.votes[:-6], faces.votes)
    # Every other one is seen with its headset.
    assert np.array_equal(learned.faces.faces[-6::2], unlabelled.worn[::2])
    assert np.array_equal(learned.faces.faces[-5::2], unlabelled.bare[1::2])
    assert len(np.unique(learned.faces.face_ids[-6:])) == 6
    assert not np.isin(learned.faces.face_ids[-6:], faces.face_ids).any()


def test_the_loss_mixes_votes_and_teachers() -> None:
    logits = torch.tensor([[2.0, 0, 0, 0, 0, 0, 0, 0]])
    votes = torch.eye(8)[:1]
    taught = torch.full((1, 8), 0.125)
    batch = Batch(torch.zeros(1, 1, 2, 2), votes, taught)
    from_votes = torch.nn.functional.cross_entropy(logits, votes)
    assert torch.equal(picture_losses(logits, batch)[0], from_votes)
    halves = Distillation(weight=0.25, temperature=2.0)
    from_teachers = 4 * torch.nn.functional.cross_entropy(logits / 2, taught)
    torch.testing.assert_close(
        picture_losses(logits, batch, distillation=halves)[0],
        0.75 * from_votes + 0.25 * from_teachers,
    )


def test_a_student_comes_closer_to_its_teacher(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    teacher = finished[0] / "full-face.pt"
    asked = answers([teacher], data.split("train", labels="majority").faces)
    distances = []
    for weight, name in ((1.0, "student"), (0.01, "loner")):
        taught = stage(
            region="full-face", epochs=8, distillation={"weight": weight}, learning_rate=0.02
        )
        recipe = tiny_recipe(name=name, stages=[taught], data={"training_list": "official"})
        fit(recipe, data, tmp_path / name, accelerator="cpu", given=Given(teachers=[teacher]))
        student = answers(
            [tmp_path / name / "full-face.pt"], data.split("train", labels="majority").faces
        )
        distances.append(np.abs(student - asked).mean())
    assert distances[0] < distances[1]


def test_a_run_with_photographs_goes_on_without_its_teachers(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    teacher = finished[0] / "full-face.pt"
    whole, half = tmp_path / "whole", tmp_path / "half"
    recipe = learning(photographs=True, average=0.9, optimizer="adamw", schedule="cosine-per-batch")
    expected = fit(
        recipe,
        data,
        whole,
        accelerator="cpu",
        given=Given(teachers=[teacher]),
        photographs=photographs(),
    )

    with pytest.raises(StopError):
        fit(
            recipe,
            data,
            half,
            accelerator="cpu",
            given=Given(teachers=[teacher]),
            photographs=photographs(),
            watcher=Watcher(on_epoch=stop),
        )
    assert load_state(half / "last.pt").epoch == 1
    found = fit(recipe, data, half, accelerator="cpu", photographs=photographs())
    assert found.history == expected.history
    for name, weights in expected.network.items():
        assert torch.equal(found.network[name], weights), name


def test_an_epoch_draws_the_share_of_the_photographs_that_the_stage_names(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    counts = []
    for share in (1, 0.5):
        recipe = learning(photographs=True, batch_size=1, photographs_share=share)
        watcher = Watcher(on_batch=lambda progress: counts.append(progress.batches))
        fit(
            recipe.shortened(),
            data,
            tmp_path / str(share),
            accelerator="cpu",
            given=Given(teachers=[finished[0] / "full-face.pt"]),
            photographs=photographs(),
            watcher=watcher,
        )
    assert max(counts) - min(counts) == 3


def test_averaged_normalisation_goes_on_exactly(data: FerPlus, tmp_path: Path) -> None:
    """The default network's case: BatchNorm, whose statistics are averaged with the weights."""
    averaged = stage(
        region="lower-half",
        occlusion="crop",
        epochs=3,
        average=0.8,
        optimizer="adamw",
        schedule="cosine-per-batch",
        learning_rate=1e-3,
        repeat_below=0.2,
    )
    stretched = {"size": 48, "lower_half_height": 36}
    recipe = tiny_recipe(network="mobilenet", input=stretched, stages=[averaged])
    expected = fit(recipe, data, tmp_path / "whole", accelerator="cpu")

    for _ in range(2):
        with pytest.raises(StopError):
            fit(recipe, data, tmp_path / "parts", accelerator="cpu", watcher=Watcher(on_epoch=stop))
    found = fit(recipe, data, tmp_path / "parts", accelerator="cpu")
    assert found.history == expected.history
    for name, weights in expected.network.items():
        assert torch.equal(found.network[name], weights), name


def test_other_photographs_are_refused(finished: Finished, data: FerPlus, tmp_path: Path) -> None:
    recipe, teachers = learning(photographs=True), [finished[0] / "full-face.pt"]
    fit(
        recipe,
        data,
        tmp_path,
        accelerator="cpu",
        given=Given(teachers=teachers),
        photographs=photographs(),
    )
    others = PhotographFaces(photographs().bare[::-1].copy(), photographs().worn)
    with pytest.raises(RecipeError, match="other photographs"):
        fit(
            recipe,
            data,
            tmp_path,
            accelerator="cpu",
            given=Given(teachers=teachers),
            photographs=others,
        )
    other = Given(teachers=[finished[0] / "lower-half.pt"])
    with pytest.raises(RecipeError, match="other teachers"):
        fit(recipe, data, tmp_path, accelerator="cpu", given=other, photographs=photographs())


def test_a_run_that_took_over_stages_of_the_same_teacher_goes_on(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    teachers = [finished[0] / "full-face.pt"]
    taught = learning().stages[0]
    first = tiny_recipe(name="first", stages=[taught])
    fit(first, data, tmp_path / "a", accelerator="cpu", given=Given(teachers=teachers))
    second = tiny_recipe(name="second", stages=[taught, taught])
    given = Given(after=tmp_path / "a" / "lower-half.pt", teachers=teachers)
    with pytest.raises(StopError):
        fit(
            second,
            data,
            tmp_path / "b",
            accelerator="cpu",
            given=given,
            watcher=Watcher(on_epoch=stop),
        )
    fit(second, data, tmp_path / "b", accelerator="cpu", given=given)
    named = load_state(tmp_path / "b" / "lower-half.pt").taught_by
    assert named == load_state(tmp_path / "a" / "lower-half.pt").taught_by


def test_what_is_missing_is_said(finished: Finished, data: FerPlus, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="learns from teachers") as caught:
        fit(learning(), data, tmp_path / "a", accelerator="cpu")
    assert "--teacher" in caught.value.remedy
    teacher = finished[0] / "full-face.pt"
    with pytest.raises(RecipeError, match="learns from photographs"):
        fit(
            learning(True), data, tmp_path / "b", accelerator="cpu", given=Given(teachers=[teacher])
        )
    with pytest.raises(RecipeError, match="no stage that learns"):
        fit(tiny_recipe(), data, tmp_path / "c", accelerator="cpu", given=Given(teachers=[teacher]))
    with pytest.raises(ValueError, match="every stage needs distillation"):
        tiny_recipe(data={"photographs": True})


def test_the_average_is_what_is_kept(data: FerPlus, tmp_path: Path) -> None:
    slow = tiny_recipe(stages=[stage(average=0.999, learning_rate=0.05)])
    state = fit(slow, data, tmp_path / "slow", accelerator="cpu")
    kept = load_state(tmp_path / "slow" / "full-face.pt")
    torch.manual_seed(slow.seed)
    began = create_network(slow, mean_gray=state.mean_gray).state_dict()
    raw = fit(
        tiny_recipe(stages=[stage(learning_rate=0.05)]), data, tmp_path / "raw", accelerator="cpu"
    ).network
    name = "trunk.conv3.weight"
    near, far = ((weights[name] - began[name]).norm() for weights in (kept.network, raw))
    assert 0 < float(near) < 0.05 * float(far)
    assert kept.average is None
