"""One training on several processes, in parts, and with batches made ahead."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
import torch
from training.made_up import stage, tiny_recipe, without_dropout

from vrfer.training.checkpoint import RunState, load_state
from vrfer.training.epoch import made_ahead
from vrfer.training.ferplus import FerPlus
from vrfer.training.loop import Watcher, fit

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def alone(data: FerPlus, tmp_path_factory: pytest.TempPathFactory) -> RunState:
    """The run in one process, whole batches at once."""
    return fit(without_dropout(), data, tmp_path_factory.mktemp("alone"), accelerator="cpu")


def in_two_processes(folder: Path, *arguments: str) -> None:
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    script = TESTS / "training" / "shared_run.py"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    ended = subprocess.run(
        [*torchrun, str(script), str(folder), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def alike(one: RunState, other: RunState) -> None:
    assert [(r.stage, r.epoch, r.phase) for r in one.history] == [
        (r.stage, r.epoch, r.phase) for r in other.history
    ]
    losses, others = ([r.loss for r in run.history] for run in (one, other))
    assert losses == pytest.approx(others, rel=2e-4)
    for name, weights in one.network.items():
        torch.testing.assert_close(weights, other.network[name], rtol=1e-2, atol=1e-3)


def test_two_processes_train_as_one(alone: RunState, tmp_path: Path) -> None:
    in_two_processes(tmp_path)
    shared = load_state(tmp_path / "last.pt")
    assert shared.stage == 2
    alike(shared, alone)


def test_a_run_goes_on_with_another_number_of_processes(
    alone: RunState, data: FerPlus, tmp_path: Path
) -> None:
    in_two_processes(tmp_path, "4")
    assert len(load_state(tmp_path / "last.pt").history) == 4
    alike(fit(without_dropout(), data, tmp_path, accelerator="cpu"), alone)


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_a_batch_in_parts_is_the_same_step(
    alone: RunState, data: FerPlus, tmp_path: Path, at_once: int
) -> None:
    first = without_dropout()
    recipe = first.model_copy(update={"stages": first.stages[:1]})
    parts = fit(recipe, data, tmp_path, accelerator="cpu", at_once=at_once)
    assert [r.loss for r in parts.history] == pytest.approx(
        [r.loss for r in alone.history[:2]], rel=1e-4
    )


# ---- batches made ahead


def test_items_come_in_order_and_end() -> None:
    assert list(made_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]
    assert list(made_ahead(iter([]))) == []


def test_the_next_item_is_made_while_one_is_in_use() -> None:
    made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    ahead = made_ahead(items())
    assert next(ahead) == 1
    assert made.wait(10)
    assert next(ahead) == 2
    ahead.close()


def test_a_failure_while_making_reaches_the_user_of_the_item_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    ahead = made_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="gone"):
        next(ahead)


def test_who_stops_early_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    ahead = made_ahead(count())
    assert list(islice(ahead, 3)) == [0, 1, 2]
    ahead.close()
    assert set(threading.enumerate()) == before


def test_the_wait_is_a_share(data: FerPlus, tmp_path: Path) -> None:
    waits: list[float] = []
    fit(
        tiny_recipe(stages=[stage(epochs=3)]),
        data,
        tmp_path,
        accelerator="cpu",
        watcher=Watcher(on_timing=waits.append),
    )
    assert len(waits) == 3
    assert all(0 <= wait <= 1 for wait in waits)


# ---- other losses


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"labels": "probability"}},
        {"data": {"labels": "multi-target"}},
        {"stages": [stage(epochs=12, learning_rate=0.02, balanced=True)]},
    ],
)
def test_each_kind_of_loss_is_learned(
    data: FerPlus, tmp_path: Path, changes: dict[str, Any]
) -> None:
    plain = {"stages": [stage(epochs=12, learning_rate=0.02)], "augmentation": {}}
    state = fit(tiny_recipe(**{**plain, **changes}), data, tmp_path, accelerator="cpu")
    assert state.history[-1].loss < 0.8 * state.history[0].loss
    assert max(r.validation_accuracy for r in state.history) > 0.5
