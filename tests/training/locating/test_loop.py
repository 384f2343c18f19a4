import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.locating.tiny_run import tiny_locator_recipe

from vrfer.errors import DataError, RecipeError
from vrfer.training.locating.checkpoint import LocatorEpoch, LocatorRun, load_run
from vrfer.training.locating.loop import (
    LocatorWatcher,
    fit_locator,
    learning_rate,
    locator_loss,
)
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.locating.samples import make_batch
from vrfer.training.nets.lower_face_locator import Answers
from vrfer.training.runs import alone_in

pytestmark = pytest.mark.usefixtures("little_mining")

Finished = tuple[Path, LocatorRun]


@pytest.fixture
def train(photographs_folder: Path, cache_folder: Path) -> Any:
    """Trains on the made-up photographs with one other process."""

    def run(recipe: LocatorRecipe, out: Path, **more: Any) -> LocatorRun:
        return fit_locator(
            recipe, photographs_folder, cache_folder, out, accelerator="cpu", workers=1, **more
        )

    return run


def same_weights(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_a_run_trains_mines_and_is_kept(finished_locator: Finished) -> None:
    folder, run = finished_locator
    assert [result.epoch for result in run.history] == [0, 1, 2]
    assert run.epoch == 3
    assert 0 < run.history[0].mined <= run.history[1].mined == run.history[2].mined
    kept = load_run(folder / "last.pt", tiny_locator_recipe())
    assert same_weights(kept.network, run.network)
    assert same_weights(kept.averaged, run.averaged)
    assert not same_weights(run.network, run.averaged)
    assert kept.mined == run.mined
    assert kept.history == run.history


def test_a_stopped_run_goes_on_to_the_same_weights(
    finished_locator: Finished, train: Any, tmp_path: Path
) -> None:
    def stop(epoch: int, batch: int, batches: int) -> None:
        if (epoch, batch) == (2, 1):
            raise KeyboardInterrupt

    recipe = tiny_locator_recipe()
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path, watcher=LocatorWatcher(on_batch=stop))
    assert load_run(tmp_path / "last.pt").epoch == 2
    seen: list[tuple[int, int, int]] = []
    run = train(recipe, tmp_path, watcher=LocatorWatcher(on_batch=lambda *at: seen.append(at)))
    assert seen == [(2, 1, 2), (2, 2, 2)]
    whole = finished_locator[1]
    assert same_weights(run.network, whole.network)
    assert same_weights(run.averaged, whole.averaged)
    assert run.mined == whole.mined
    assert run.history == whole.history


def test_a_finished_run_is_left_alone(finished_locator: Finished, train: Any) -> None:
    folder, run = finished_locator
    before = (folder / "last.pt").stat().st_mtime_ns
    said: list[str] = []
    watcher = LocatorWatcher(lambda *_: pytest.fail("trained again"), on_note=said.append)
    again = train(tiny_locator_recipe(about="Other words."), folder, watcher=watcher)
    assert again.history == run.history
    assert len(said) == 1
    assert "nothing is left to do" in said[0]
    assert (folder / "last.pt").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", [{"seed": 4}, {"epochs": 4}])
def test_a_run_of_another_recipe_is_refused(
    finished_locator: Finished, train: Any, change: dict[str, Any]
) -> None:
    with pytest.raises(RecipeError, match=f"{next(iter(change))} differs"):
        train(tiny_locator_recipe(**change), finished_locator[0])


def test_two_trainings_do_not_share_a_folder(train: Any, tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(RecipeError, match="another training is at work"):
        train(tiny_locator_recipe(), tmp_path)


@pytest.mark.parametrize(
    ("batches", "said"), [(2, r"the training loss became \S+ in epoch 1"), (1, "are no numbers")]
)
def test_a_training_that_runs_off_to_infinity_is_an_error(
    train: Any, tmp_path: Path, batches: int, said: str
) -> None:
    recipe = tiny_locator_recipe(learning_rate=1e30, warmup_epochs=0, batches=batches)
    with pytest.raises(DataError, match=said):
        train(recipe, tmp_path)
    assert not (tmp_path / "last.pt").exists()


def test_photographs_that_are_missing_are_named(cache_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"faces_labels\.csv"):
        fit_locator(tiny_locator_recipe(), tmp_path / "no", cache_folder, tmp_path / "out")


def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path, finished: Any) -> None:
    shutil.copy(finished[0] / "last.pt", tmp_path / "last.pt")
    with pytest.raises(RecipeError, match="not a locator's"):
        load_run(tmp_path / "last.pt")


def test_without_mined_squares_nothing_is_mined(train: Any, tmp_path: Path) -> None:
    results: list[LocatorEpoch] = []
    run = train(
        tiny_locator_recipe(mined_squares=0, epochs=2, batches=1),
        tmp_path,
        watcher=LocatorWatcher(on_epoch=results.append),
    )
    assert run.mined == []
    assert [result.mined for result in results] == [0, 0]


# ---- learning rate and loss


def test_the_learning_rate_rises_and_falls() -> None:
    recipe = tiny_locator_recipe(epochs=10, batches=10, warmup_epochs=2, learning_rate=0.1)
    rates = [learning_rate(recipe, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1 / 20)
    assert max(rates) == pytest.approx(0.1)
    assert 18 <= int(np.argmax(rates)) <= 20
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert 0.001 <= rates[-1] < 0.002


def answers(batch: Any, off: float) -> Answers:
    """What a locator would say that is off by the same everywhere, and sure of itself."""
    count = len(batch.squares)
    sign = torch.from_numpy(np.stack([batch.visible, batch.headset], 1)) * 2 - 1
    width = torch.from_numpy(batch.width).log() + off
    return Answers(
        torch.from_numpy(batch.points) + off,
        torch.full((count, 11), -3.0),
        torch.stack([width, torch.full((count,), -3.0)], 1),
        torch.from_numpy(batch.angles) + off,
        sign * (8 if off == 0 else -8),
    )


def test_the_loss_is_least_for_the_truth_and_counts_what_it_should(
    photographs: LocatorData,
) -> None:
    batch = make_batch(photographs, 1, 0, 0, 24, [])
    right, wrong = (locator_loss(answers(batch, off), batch) for off in (0.0, 0.2))
    assert right < wrong - 10
    shown = torch.from_numpy(batch.weights[:, 0] > 0)
    assert 0 < int(shown.sum()) < 24
    moved = answers(batch, 0.0)
    moved.points[~shown] += 5
    assert locator_loss(moved, batch) == pytest.approx(float(right))
    moved.points[shown] += 5
    assert locator_loss(moved, batch) > right + 10
