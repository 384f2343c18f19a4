"""Batches from other processes: the same as without them, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training.locating.tiny_run import tiny_locator_recipe

from vrfer.errors import DataError
from vrfer.square import Square
from vrfer.training.locating.batch_makers import BatchMakers
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.samples import Mined, make_batch
from vrfer.training.locating.scenes import SceneKey

ROOT = Path(__file__).parents[3]

MAKERS = """
import sys, time
from pathlib import Path
from training.locating.tiny_run import tiny_locator_recipe
from vrfer.training.locating.batch_makers import BatchMakers
if __name__ == "__main__":
    with BatchMakers(Path(sys.argv[1]), Path(sys.argv[2]), 1) as makers:
        list(makers.batches(tiny_locator_recipe(), 0, []))
        print("torch" in sys.modules, *makers._pool._processes, flush=True)
        time.sleep(600)
"""


def test_batches_come_in_order_and_are_those_made_here(
    photographs: LocatorData, photographs_folder: Path, cache_folder: Path
) -> None:
    recipe = tiny_locator_recipe(batches=15, batch_size=8)
    mined = [Mined(SceneKey("room", 1, 2), Square(50, 50, 40))]
    with BatchMakers(photographs_folder, cache_folder, 2) as makers:
        made = list(makers.batches(recipe, 4, mined))
    assert len(made) == 15
    for number, batch in enumerate(made):
        here = make_batch(photographs, recipe.seed, 4, number, recipe.batch_size, mined)
        assert np.array_equal(batch.squares, here.squares)
        assert np.array_equal(batch.points, here.points)


def test_unreadable_photographs_are_named(tmp_path: Path) -> None:
    with (
        BatchMakers(tmp_path / "gone", tmp_path, 1) as makers,
        pytest.raises(DataError, match="gone"),
    ):
        list(makers.batches(tiny_locator_recipe(), 0, []))


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_a_killed_training_leaves_no_process_behind(
    photographs_folder: Path, cache_folder: Path
) -> None:
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    with subprocess.Popen(
        [sys.executable, "-c", MAKERS, str(photographs_folder), str(cache_folder)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as running:
        assert running.stdout is not None
        loads_torch, *workers = running.stdout.readline().split()
        assert workers
        assert loads_torch == "False"
        for worker in map(int, workers):
            os.kill(worker, signal.SIGINT)
            os.kill(worker, signal.SIGTERM)
        time.sleep(0.2)
        assert all(is_alive(int(worker)) for worker in workers)
        running.kill()
    for _ in range(100):
        if not any(is_alive(int(worker)) for worker in workers):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the workers outlive their killed parent")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")  # an orphan waits as zombie until init collects it
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
