import numpy as np
import pytest
from numpy.typing import NDArray

from vrfer.square import FACE_WIDTHS
from vrfer.training.locating.answering import Ask
from vrfer.training.locating.mining import mine
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.samples import is_far, make_batch
from vrfer.training.locating.scenes import make_scene

pytestmark = pytest.mark.usefixtures("little_mining")


def stubborn(visible: float, asked: list[int] | None = None) -> Ask:
    """Says the same of every square, and that the face fills it rightly."""

    def ask(squares: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        count = len(squares)
        if asked is not None:
            asked.append(count)
        shapes = ((count, 11, 2), (count, 11), (count,), (count, 3), (count,), (count,))
        values = (0.0, 0.01, 1 / FACE_WIDTHS, 0.0, visible, 0.0)
        return [np.full(s, v, np.float32) for s, v in zip(shapes, values, strict=True)]

    return ask


def test_whoever_believes_everything_is_shown_its_false_finds(photographs: LocatorData) -> None:
    asked: list[int] = []
    found = mine(stubborn(1.0, asked), photographs, seed=1)
    assert {one.scene.kind for one in found} >= {"face", "room"}
    assert len(found) < asked[0] == (2 + 2 + 4) * 4
    for one in found:
        truth = make_scene(photographs, one.scene).truth
        assert (truth is None) == (one.scene.kind == "room")
        if truth is not None:
            assert is_far(one.square, truth)
            assert photographs.train.alone[one.scene.index]
    assert sum(one.scene.kind == "room" for one in found) == 4 * 4
    batch = make_batch(photographs, 1, 0, 0, 12, found)
    assert not batch.visible[:2].any()


def test_whoever_believes_nothing_is_shown_nothing(photographs: LocatorData) -> None:
    assert mine(stubborn(0.0), photographs, seed=1) == []


def test_the_same_seed_finds_the_same(photographs: LocatorData) -> None:
    one, two, other = (mine(stubborn(1.0), photographs, seed=seed) for seed in (1, 1, 2))
    assert one == two
    assert one != other
