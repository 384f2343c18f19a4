from pathlib import Path

import numpy as np
import pytest

from vrfer.training.checkpoint import RunState
from vrfer.training.compare import Comparison, compare, comparison_table, mcnemar
from vrfer.training.evaluate import faces_of, open_network, run_network
from vrfer.training.export import export
from vrfer.training.ferplus import FerPlus


@pytest.fixture(scope="module")
def networks(
    finished: tuple[Path, RunState], data: FerPlus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("two")
    paths = folder / "full.onnx", folder / "lower.onnx"
    for path, region in zip(paths, ("full-face", "lower-half"), strict=True):
        export(finished[0] / f"{region}.pt", data, path, splits=["validation"])
    return paths


def test_pictures_are_compared_one_by_one(networks: tuple[Path, Path], data: FerPlus) -> None:
    (found,) = compare(*networks, data, ["test"])
    faces = faces_of(data, "test")
    right = [
        run_network(*open_network(path), faces.faces, "logits").argmax(axis=1) == faces.labels
        for path in networks
    ]
    assert found.pictures == len(faces)
    assert (found.first, found.second) == (right[0].mean(), right[1].mean())
    assert found.only_first == np.sum(right[0] & ~right[1])
    assert found.only_second == np.sum(right[1] & ~right[0])
    assert found.first - found.second == pytest.approx(
        (found.only_first - found.only_second) / found.pictures
    )


def test_a_network_does_not_differ_from_itself(networks: tuple[Path, Path], data: FerPlus) -> None:
    (found,) = compare(networks[0], networks[0], data, ["validation"])
    assert (found.only_first, found.only_second, found.p) == (0, 0, 1.0)


def test_p_is_mcnemars() -> None:
    """15 against 5 of 20: twice the tail of a fair coin, 2 * sum(C(20, k), k <= 5) / 2**20."""
    assert mcnemar(15, 5) == pytest.approx(0.0414, abs=1e-4)
    assert mcnemar(5, 15) == mcnemar(15, 5)
    assert mcnemar(0, 0) == 1


def test_the_table_names_both() -> None:
    (_, _, row) = comparison_table("a", "b", [Comparison("test", 100, 0.8, 0.7, 15, 5, 0.041)])
    assert row == "| test | 100 | 80.00% | 70.00% | 15 | 5 | 0.041 |"
