"""The training loop: phases, resuming bit for bit, and what stops it.

Long, as the tests of one module stand in one file.
"""

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training.made_up import stage, tiny_recipe

from vrfer.errors import DataError, RecipeError
from vrfer.training import loop
from vrfer.training.begin import Given, check_given
from vrfer.training.checkpoint import EpochResult, RunState, load_state, save_state
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import (
    Progress,
    Watcher,
    fit,
    training_faces,
)
from vrfer.training.nets import create_network
from vrfer.training.recipe import Data, Recipe, Stage
from vrfer.training.schedule import epoch_seed, learning_rate

Finished = tuple[Path, RunState]

DENSE, SPARSE, REDENSE = range(3), range(3, 5), range(5, 6)
"""Epochs of the tiny recipe's lower-half stage."""


def train(recipe: Recipe, data: FerPlus, out: Path, **more: Any) -> RunState:
    return fit(recipe, data, out, accelerator="cpu", **more)


def same_weights(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def same_run(one: RunState, other: RunState) -> bool:
    return (
        same_weights(one.network, other.network)
        and one.history == other.history
        and (one.stage, one.epoch, one.mean_gray) == (other.stage, other.epoch, other.mean_gray)
    )


# ---- a run from beginning to end


def test_a_run_goes_through_all_stages_and_phases(finished: Finished) -> None:
    folder, state = finished
    assert (state.stage, state.epoch, state.optimizer) == (2, 0, None)
    assert [(r.stage, r.region, r.epoch, r.phase) for r in state.history] == [
        (0, "full-face", 0, "dense"),
        (0, "full-face", 1, "dense"),
        *((1, "lower-half", epoch, "dense") for epoch in DENSE),
        *((1, "lower-half", epoch, "sparse") for epoch in SPARSE),
        *((1, "lower-half", epoch, "re-dense") for epoch in REDENSE),
    ]
    rates = [r.learning_rate for r in state.history]
    assert rates == pytest.approx([0.01, 0.005, *[0.01] * 5, 0.001])
    assert sorted(file.name for file in folder.glob("*.pt*")) == [
        "full-face.pt",
        "last.pt",
        "lower-half.pt",
    ]


def test_a_network_learns_the_made_up_faces(data: FerPlus, tmp_path: Path) -> None:
    recipe = tiny_recipe(
        stages=[stage(region="lower-half", occlusion="mask", epochs=16, learning_rate=0.02)],
        augmentation={},
    )
    state = train(recipe, data, tmp_path)
    assert state.history[-1].loss < 0.7 * state.history[0].loss
    assert max(r.validation_accuracy for r in state.history) > 0.6


def test_frozen_layers_stay_as_their_stage_found_them(data: FerPlus, tmp_path: Path) -> None:
    recipe = tiny_recipe(
        network="mobilenet",
        stages=(
            stage(region="full-face", epochs=1),
            stage(region="lower-half", epochs=1, frozen=2, average=0.9),
        ),
    )
    train(recipe, data, tmp_path)
    before, after = (
        load_state(tmp_path / f"{region}.pt").network for region in ("full-face", "lower-half")
    )
    frozen = ("trunk.first", "trunk.blocks.0.depthwise")
    for name in before:
        if name.endswith("num_batches_tracked"):  # an average of whole numbers stays behind
            continue
        stays = name.startswith(frozen) or name in ("mean", "scale")
        assert torch.equal(before[name], after[name]) is stays, name


def test_more_frozen_layers_than_there_are_are_refused_before_training(
    data: FerPlus, tmp_path: Path
) -> None:
    recipe = tiny_recipe(
        network="mobilenet",
        stages=(stage(region="full-face", epochs=1), stage(region="lower-half", frozen=28)),
    )
    with pytest.raises(RecipeError, match=r"28 frozen layers .* has 27"):
        train(recipe, data, tmp_path)
    assert not list(tmp_path.glob("*.pt"))


def test_a_finished_run_is_not_trained_again(finished: Finished, data: FerPlus) -> None:
    folder, state = finished
    before = {file: file.stat().st_mtime_ns for file in folder.glob("*.pt*")}
    batches: list[Progress] = []
    again = train(tiny_recipe(), data, folder, watcher=Watcher(on_batch=batches.append))
    assert same_run(again, state)
    assert not batches
    assert {file: file.stat().st_mtime_ns for file in folder.glob("*.pt*")} == before


def test_another_seed_gives_another_run(finished: Finished, data: FerPlus, tmp_path: Path) -> None:
    recipe = tiny_recipe(seed=4, stages=tiny_recipe().stages[:1])
    other = train(recipe, data, tmp_path)
    assert other.history[0].loss != finished[1].history[0].loss


def test_no_two_epochs_draw_alike() -> None:
    seeds = {epoch_seed(s, i, e) for s in range(5) for i in range(2) for e in range(1000)}
    assert len(seeds) == 5 * 2 * 1000


def test_every_batch_is_reported(data: FerPlus, tmp_path: Path) -> None:
    seen: list[Progress] = []
    epochs: list[tuple[int, int]] = []
    train(
        tiny_recipe(stages=[stage(epochs=2)]),
        data,
        tmp_path,
        watcher=Watcher(seen.append, lambda result, total: epochs.append((result.epoch, total))),
    )
    assert [(p.epoch, p.batch, p.batches) for p in seen] == [
        (epoch, batch, 4) for epoch in range(2) for batch in range(1, 5)
    ]
    assert epochs == [(0, 1), (1, 2)]


def test_the_training_list_is_the_recipes(data: FerPlus) -> None:
    assert len(training_faces(data, Data(training_list="official"))) == 64
    clean = training_faces(data, Data(training_list="leak-free"))
    assert len(clean) == 62
    for split in ("validation", "test"):
        assert not np.isin(clean.face_ids, data.face_ids[data.rows["official", split]]).any()
    soft = training_faces(data, Data(labels="soft"))
    assert soft.votes.max() == pytest.approx(1.0)


@pytest.mark.parametrize("labels", ["majority", "soft"])
def test_the_mean_is_the_training_pictures(data: FerPlus, tmp_path: Path, labels: str) -> None:
    recipe = tiny_recipe(data={"labels": labels}, stages=[stage()])
    state = train(recipe, data, tmp_path)
    expected = training_faces(data, recipe.data).faces.mean()
    assert state.mean_gray == pytest.approx(float(expected))
    assert state.network["mean"].flatten().tolist() == pytest.approx([expected] * 3, rel=1e-6)


def test_bf16_trains_too(data: FerPlus, tmp_path: Path) -> None:
    state = train(tiny_recipe(precision="bf16-mixed", stages=[stage(epochs=2)]), data, tmp_path)
    assert state.network["head.weight"].dtype == torch.float32
    assert all(math.isfinite(result.loss) for result in state.history)


def test_a_dry_run_takes_a_few_pictures(data: FerPlus, tmp_path: Path) -> None:
    seen: list[Progress] = []
    train(tiny_recipe(), data, tmp_path, dry_run=True, watcher=Watcher(on_batch=seen.append))
    assert {p.batches for p in seen} == {1}


def test_a_dry_run_is_not_mistaken_for_a_run(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    shortest = tiny_recipe().shortened()
    train(shortest, data, tmp_path / "dry", dry_run=True)
    with pytest.raises(RecipeError, match="dry run"):
        train(shortest, data, tmp_path / "dry")
    with pytest.raises(RecipeError, match="stages differs"):
        train(tiny_recipe(), data, finished[0], dry_run=True)


def test_two_trainings_in_one_folder_are_refused(data: FerPlus, tmp_path: Path) -> None:
    def intrude(_progress: Progress) -> None:
        with pytest.raises(RecipeError, match="another training is at work"):
            train(tiny_recipe(), data, tmp_path)
        raise Stop

    with pytest.raises(Stop):
        train(tiny_recipe(), data, tmp_path, watcher=Watcher(on_batch=intrude))


def test_a_reworded_recipe_goes_on_with_its_run(data: FerPlus, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        train(tiny_recipe(), data, tmp_path, watcher=stopping(0, 0))
    reworded = tiny_recipe().model_copy(update={"about": "the same, said better"})
    assert train(reworded, data, tmp_path).stage == len(reworded.stages)


# ---- DSD


Weights = dict[tuple[bool, int], dict[str, torch.Tensor]]
"""By whether DSD zeroes or its control is run, and by epoch."""


@pytest.fixture(scope="module")
def with_and_without(
    data: FerPlus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Weights, RunState]:
    """Weights after each lower-half epoch, with DSD and in its control; the control's run."""
    found: Weights = {}
    for recipe in (tiny_recipe(), tiny_recipe().control()):
        out = tmp_path_factory.mktemp("weights")
        dsd = recipe.stages[1].dsd
        assert dsd is not None

        def keep(result: EpochResult, _: int, out: Path = out, zeroing: bool = dsd.zeroing) -> None:
            if result.stage == 1:
                found[zeroing, result.epoch] = load_state(out / "last.pt").network

        state = train(recipe, data, out, watcher=Watcher(on_epoch=keep))
    return found, state


def zero_shares(network: dict[str, torch.Tensor]) -> list[float]:
    names = [f"trunk.conv{i}.weight" for i in range(1, 6)]
    return [int((network[name] == 0).sum()) / network[name].numel() for name in names]


def test_after_each_sparse_epoch_the_sparsity_is_exact(
    with_and_without: tuple[Weights, RunState],
) -> None:
    weights, _ = with_and_without
    for epoch in SPARSE:
        shares = zero_shares(weights[True, epoch])
        assert shares == pytest.approx([0, 0.2, 0.3, 0.4, 0.5], abs=1e-5)
        assert shares[0] == 0


def test_other_epochs_have_no_zeros(
    with_and_without: tuple[Weights, RunState],
) -> None:
    weights, _ = with_and_without
    for epoch in (*DENSE, *REDENSE):
        assert max(zero_shares(weights[True, epoch])) < 0.01
    for epoch in range(6):
        assert max(zero_shares(weights[False, epoch])) < 0.01


def test_the_control_has_the_same_learning_rates(
    finished: Finished, with_and_without: tuple[Weights, RunState]
) -> None:
    _, control = with_and_without
    mine = finished[1].history
    assert [(r.phase, r.learning_rate) for r in control.history] == [
        (r.phase, r.learning_rate) for r in mine
    ]
    dense = slice(2 + SPARSE[0] + 1)  # up to the first sparse epoch's loss nothing differs
    assert [r.loss for r in control.history[dense]] == [r.loss for r in mine[dense]]
    assert control.history[-1].loss != mine[-1].loss


# ---- stopped and resumed


PLACES = {
    "between the stages": ("0,1,0", (1, 0)),
    "dense": ("1,2,3", (1, 2)),
    "sparse": ("1,4,2", (1, 4)),
    "after the last sparse epoch": ("1,4,0", (1, 5)),
    "re-dense": ("1,5,4", (1, 5)),
}
"""Where a run is killed, and the stage and epoch that it goes on with."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs that were killed: one folder for each place."""
    tests, folder = Path(__file__).parents[1], tmp_path_factory.mktemp("killed")
    paths = [str(tests), str(tests.parent), os.environ.get("PYTHONPATH", "")]
    places = [place for place, _ in PLACES.values()]
    for call in [places] if hasattr(os, "fork") else [[place] for place in places]:
        ended = subprocess.run(
            [sys.executable, str(tests / "training" / "killed_run.py"), str(folder), *call],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == (15 if os.name == "nt" else -9), ended.stderr
    return folder


@pytest.mark.parametrize("phase", PLACES)
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    finished: Finished, data: FerPlus, killed: Path, phase: str
) -> None:
    place, resumed_with = PLACES[phase]
    out = killed / place
    seen: list[Progress] = []
    resumed = train(tiny_recipe(), data, out, watcher=Watcher(on_batch=seen.append))
    assert (seen[0].stage, seen[0].epoch, seen[0].batch) == (*resumed_with, 1)
    assert same_run(resumed, finished[1])
    for name in ("full-face.pt", "lower-half.pt", "last.pt"):
        mine, undisturbed = load_state(out / name), load_state(finished[0] / name)
        assert same_weights(mine.network, undisturbed.network)


class Stop(Exception):
    """Ends a run from a callback."""


def stopping(stage_number: int, epoch: int) -> Watcher:
    def on_epoch(result: EpochResult, _: int) -> None:
        if (result.stage, result.epoch) == (stage_number, epoch):
            raise Stop

    return Watcher(on_epoch=on_epoch)


def test_a_kill_between_the_two_checkpoints_of_an_epoch_does_no_harm(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    with pytest.raises(Stop):
        train(tiny_recipe(), data, tmp_path, watcher=stopping(0, 0))
    # The next epoch's full-face.pt was written already, its last.pt not.
    shutil.copy(finished[0] / "full-face.pt", tmp_path)
    assert same_run(train(tiny_recipe(), data, tmp_path), finished[1])


def test_a_run_of_another_recipe_is_refused(finished: Finished, data: FerPlus) -> None:
    folder = finished[0]
    before = (folder / "last.pt").read_bytes()
    changed = tiny_recipe(augmentation={"flip": 0})
    with pytest.raises(RecipeError, match="augmentation differs") as caught:
        train(changed, data, folder)
    assert str(folder) in caught.value.message
    assert (folder / "last.pt").read_bytes() == before


def test_a_damaged_last_checkpoint_is_named(data: FerPlus, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        train(tiny_recipe(), data, tmp_path, watcher=stopping(0, 0))
    last = tmp_path / "last.pt"
    last.write_bytes(last.read_bytes()[:5000])
    with pytest.raises(RecipeError, match="no checkpoint of vrfer") as caught:
        train(tiny_recipe(), data, tmp_path)
    assert str(last) in caught.value.message


def test_a_folder_that_cannot_be_written_is_named(data: FerPlus, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(DataError, match="cannot be written") as caught:
        train(tiny_recipe(), data, blocked / "run")
    assert str(blocked) in caught.value.message


@pytest.mark.parametrize("accelerator", ["banana", "mps" if sys.platform != "darwin" else "tpu"])
def test_an_accelerator_that_is_not_there_is_named(
    data: FerPlus, tmp_path: Path, accelerator: str
) -> None:
    with pytest.raises(RecipeError, match=accelerator):
        fit(tiny_recipe(), data, tmp_path, accelerator=accelerator)


# ---- stages taken over


def test_a_run_goes_on_from_its_own_start_alone(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    begun = tiny_recipe(name="heir", start="checkpoint", stages=[stage(region="lower-half")])
    full, lower = (finished[0] / f"{region}.pt" for region in ("full-face", "lower-half"))
    train(begun, data, tmp_path, given=Given(start=full))
    train(begun, data, tmp_path, given=Given(start=full))
    train(begun, data, tmp_path)
    with pytest.raises(RecipeError, match="began from other weights than") as caught:
        train(begun, data, tmp_path, given=Given(start=lower))
    assert str(lower) in caught.value.message


def test_a_stage_can_be_taken_over(finished: Finished, data: FerPlus, tmp_path: Path) -> None:
    folder, state = finished
    seen: list[Progress] = []
    taken = train(
        tiny_recipe(name="heir"),
        data,
        tmp_path,
        given=Given(after=folder / "full-face.pt"),
        watcher=Watcher(on_batch=seen.append),
    )
    assert seen[0].stage == 1
    assert same_weights(taken.network, state.network)
    assert [r for r in taken.history if r.stage == 1] == [r for r in state.history if r.stage == 1]
    assert taken.history[0] == state.history[0]


def test_a_stage_that_is_not_finished_is_not_taken_over(
    finished: Finished, data: FerPlus, tmp_path: Path
) -> None:
    folder, _ = finished
    running = tmp_path / "running"
    running.mkdir()
    state = load_state(folder / "full-face.pt")
    assert state.stage == 0
    for name in ("full-face.pt", "last.pt"):
        save_state(state, running / name)
    heir = tiny_recipe(name="heir")
    with pytest.raises(RecipeError, match="is not finished"):
        train(heir, data, tmp_path / "heir", given=Given(after=running / "full-face.pt"))
    with pytest.raises(RecipeError, match="not chosen"):
        check_given(heir, tmp_path / "heir", Given(after=running / "last.pt"))


@pytest.mark.parametrize(
    ("changes", "checkpoint", "reason"),
    [
        ({"stages": [stage(epochs=3), stage(region="lower-half")]}, "full-face.pt", "stages"),
        ({"data": {"labels": "soft"}}, "full-face.pt", "data differs"),
        ({"input": {"size": 64}}, "full-face.pt", "input differs"),
        ({"data_dependent_init": True}, "full-face.pt", "data_dependent_init differs"),
        ({"augmentation": {"flip": 0}}, "full-face.pt", "augmentation differs"),
        ({"seed": 9}, "full-face.pt", "seed differs"),
        ({"name": "heir"}, "lower-half.pt", "no stage is left"),
        ({"name": "heir"}, "nothing.pt", "there is no checkpoint"),
    ],
)
def test_a_stage_that_does_not_fit_is_refused(
    finished: Finished,
    data: FerPlus,
    tmp_path: Path,
    changes: dict[str, Any],
    checkpoint: str,
    reason: str,
) -> None:
    path = finished[0] / checkpoint
    with pytest.raises(RecipeError, match=reason) as caught:
        train(tiny_recipe(**changes), data, tmp_path, given=Given(after=path))
    assert str(path) in caught.value.message
    assert not list(tmp_path.glob("*.pt"))


# ---- learning rates and the choice of weights


def rates(**fields: Any) -> list[float]:
    one = Stage.model_validate(stage(learning_rate=1.0, **fields))
    return [learning_rate(one, epoch, drops=0) for epoch in range(one.epochs)]


def test_the_schedules() -> None:
    assert rates(epochs=3) == [1, 1, 1]
    assert rates(epochs=4, schedule="cosine") == pytest.approx(
        [1, 0.5 + 0.5 * math.sqrt(0.5), 0.5, 0.5 - 0.5 * math.sqrt(0.5)]
    )
    assert rates(epochs=5, schedule="steps", steps=[[2, 0.5], [4, 0.1]]) == [1, 1, 0.5, 0.5, 0.1]
    assert rates(epochs=4, warmup_epochs=3) == pytest.approx([0.25, 0.5, 0.75, 1])
    assert rates(epochs=4, dsd={"redense_rate": 0.2}) == pytest.approx([1, 1, 1, 0.2])
    assert rates(epochs=4, dsd={}, lowest_learning_rate=0.5) == pytest.approx([1, 1, 1, 0.5])


def test_drops_count_for_plateaus_only() -> None:
    for schedule, expected in (("plateau", 0.01), ("constant", 1.0), ("cosine", 1.0)):
        one = Stage.model_validate(stage(learning_rate=1.0, schedule=schedule))
        assert learning_rate(one, 0, drops=2) == pytest.approx(expected)
    floor = stage(learning_rate=1.0, schedule="plateau", lowest_learning_rate=0.05)
    assert learning_rate(Stage.model_validate(floor), 0, drops=2) == 0.05


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Validation accuracies that the loop is told, one an epoch."""
    accuracies: list[float] = []
    told: Iterator[float] = iter(accuracies)
    monkeypatch.setattr(loop, "validate", lambda *_: next(told))
    return accuracies


def test_a_plateau_divides_after_more_than_patience_epochs(
    data: FerPlus, tmp_path: Path, scripted: list[float]
) -> None:
    scripted += [0.5, 0.5, 0.4, 0.5, 0.3, 0.4, 0.6, 0.6, 0.6, 0.7, 0.7]
    #        stagnant: 0    1    2    3>2  1    2    0    1    2    0    1
    recipe = tiny_recipe(
        stages=[
            stage(epochs=11, batch_size=64, schedule="plateau", patience=2, learning_rate=0.001)
        ]
    )
    state = train(recipe, data, tmp_path)
    assert [r.learning_rate for r in state.history] == pytest.approx([0.001] * 4 + [0.0001] * 7)


def test_what_zeroing_costs_is_no_plateau(
    data: FerPlus, tmp_path: Path, scripted: list[float]
) -> None:
    one = stage(epochs=8, batch_size=64, schedule="plateau", patience=1, dsd={"dense_share": 0.25})
    recipe = tiny_recipe(stages=[one])
    phases = [recipe.stages[0].phase(epoch) for epoch in range(8)]
    assert phases == ["dense"] * 2 + ["sparse"] * 3 + ["re-dense"] * 3
    scripted += [0.6, 0.6, 0.1, 0.1, 0.1, 0.4, 0.4, 0.4]
    state = train(recipe, data, tmp_path)
    # Neither the sparse epochs nor the dense ones' better ones make the last ones stagnate.
    assert [r.learning_rate for r in state.history] == pytest.approx([0.01] * 5 + [0.001] * 3)


def test_a_plateau_counts_on_after_a_stop(
    data: FerPlus, tmp_path: Path, scripted: list[float]
) -> None:
    scripted += [0.5] * 8
    recipe = tiny_recipe(stages=[stage(epochs=8, batch_size=64, schedule="plateau", patience=1)])
    with pytest.raises(Stop):
        train(recipe, data, tmp_path, watcher=stopping(0, 1))
    state = train(recipe, data, tmp_path)
    assert [r.learning_rate for r in state.history] == pytest.approx(
        [0.01] * 3 + [0.001] * 2 + [0.0001] * 2 + [0.00001]
    )


def test_the_next_stage_starts_its_plateau_anew(
    data: FerPlus, tmp_path: Path, scripted: list[float]
) -> None:
    scripted += [0.9, 0.9, 0.1, 0.2]
    plateau = {"batch_size": 64, "schedule": "plateau", "patience": 0, "epochs": 2}
    recipe = tiny_recipe(stages=[stage(**plateau), stage(region="lower-half", **plateau)])
    state = train(recipe, data, tmp_path)
    assert [r.learning_rate for r in state.history] == pytest.approx([0.01] * 4)
    assert load_state(tmp_path / "lower-half.pt").best_accuracy == 0.2


def test_the_best_epoch_of_the_last_phase_is_kept_and_the_first_of_equals(
    data: FerPlus, tmp_path: Path, scripted: list[float]
) -> None:
    scripted += [0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.4, 0.6, 0.6, 0.5]
    one = stage(epochs=10, batch_size=64, dsd={"dense_share": 0.4})
    recipe = tiny_recipe(stages=[one])
    assert [recipe.stages[0].selectable(epoch) for epoch in range(10)] == [False] * 7 + [True] * 3
    scripted[7:] = [0.6, 0.6, 0.5]
    state = train(recipe, data, tmp_path)
    best = load_state(tmp_path / "full-face.pt")
    assert best.best_accuracy == 0.6
    assert best.history[-1].epoch == 7
    assert same_weights(best.network, state.network)


# ---- a training that runs off


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    data: FerPlus, tmp_path: Path
) -> None:
    stages = [stage(), stage(region="lower-half", epochs=2, learning_rate=1e30)]
    with pytest.raises(DataError, match=r"loss became (nan|inf).*epoch 1.*learning rate"):
        train(tiny_recipe(stages=stages), data, tmp_path)
    state = load_state(tmp_path / "last.pt")
    assert (state.stage, state.epoch) == (1, 0)
    network = create_network(state.recipe, mean_gray=state.mean_gray)
    network.load_state_dict(state.network)
    assert all(p.isfinite().all() for p in network.parameters())


def test_a_last_step_into_infinity_is_noticed_before_it_is_kept(
    data: FerPlus, tmp_path: Path
) -> None:
    stages = [stage(epochs=2, batch_size=64, learning_rate=1e30)]
    with pytest.raises(DataError, match="learning rate"):
        train(tiny_recipe(stages=stages), data, tmp_path)
    assert not list(tmp_path.glob("*.pt"))
