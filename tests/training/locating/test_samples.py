import math
from collections.abc import Iterator
from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray
from training.locating.made_up_photographs import LIPS_BGR, write_photographs

from vrfer.locator import MIRRORED
from vrfer.square import FACE_WIDTHS, Square
from vrfer.training.locating.head import mesh_index
from vrfer.training.locating.photographs import LocatorData, load_photographs
from vrfer.training.locating.samples import LocatorBatch, Mined, is_far, make_batch
from vrfer.training.locating.scenes import POINTS, SceneKey, make_scene, square_of

LEFT, RIGHT, CHIN, NOSE = (POINTS.index(number) for number in (61, 291, 152, 4))
SIDE = 96


@pytest.fixture(scope="module")
def dotted(tmp_path_factory: pytest.TempPathFactory) -> LocatorData:
    """Heads that are gray but for their landmarks: white on the left, black on the right."""
    folder = tmp_path_factory.mktemp("dotted")
    return load_photographs(write_photographs(folder / "faces", dots=True), folder / "cache")


@pytest.fixture(scope="module")
def batches(dotted: LocatorData) -> list[LocatorBatch]:
    return [make_batch(dotted, 1, 0, number, 48, []) for number in range(4)]


def rows(batches: list[LocatorBatch], name: str) -> NDArray[np.float32]:
    return np.concatenate([getattr(batch, name) for batch in batches])


def same(one: LocatorBatch, other: LocatorBatch) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.__slots__)


def test_a_batch_depends_on_seed_epoch_number_and_nothing_else(photographs: LocatorData) -> None:
    first = make_batch(photographs, 1, 2, 3, 16, [])
    np.random.default_rng(0).random()
    assert same(first, make_batch(photographs, 1, 2, 3, 16, []))
    for other in ((9, 2, 3), (1, 9, 3), (1, 2, 9)):
        assert not same(first, make_batch(photographs, *other, 16, []))


def test_a_batch_has_the_shapes_that_it_says(photographs: LocatorData) -> None:
    batch = make_batch(photographs, 1, 0, 0, 20, [])
    assert (batch.squares.shape, batch.squares.dtype) == ((20, 96, 96, 3), np.uint8)
    assert batch.points.shape == (20, 11, 2)
    assert batch.angles.shape == batch.weights.shape == (20, 3)
    for part in (batch.points, batch.width, batch.angles, batch.visible, batch.headset):
        assert part.dtype == np.float32
        assert np.isfinite(part).all()


def contrasts(batches: list[LocatorBatch], point: int) -> Iterator[float]:
    """How much brighter than its surroundings each shown face is at a point."""
    for batch in batches:
        for square, points, weights in zip(batch.squares, batch.points, batch.weights, strict=True):
            x, y = ((points[point] + 0.5) * SIDE - 0.5).round().astype(int)
            if not weights[0] or not (8 < x < SIDE - 8 and 8 < y < SIDE - 8):
                yield 0.0
                continue
            gray = square.astype(float).mean(axis=2)
            inside = gray[y - 1 : y + 2, x - 1 : x + 2].mean()
            yield float(inside - np.median(gray[y - 8 : y + 9, x - 8 : x + 9]))


def test_points_lie_on_their_marks_mirrored_or_not(batches: list[LocatorBatch]) -> None:
    left, right = (np.array(list(contrasts(batches, point))) for point in (LEFT, RIGHT))
    shown = rows(batches, "weights")[:, 0] > 0
    upright = shown & (np.abs(rows(batches, "angles")[:, 0]) < math.radians(30))
    marked = upright & (np.abs(left) > 10) & (np.abs(right) > 10)
    assert upright.sum() > 40
    assert marked.sum() > 0.6 * upright.sum()  # hands and blur hide the others
    assert (np.sign(left) == -np.sign(right))[marked].mean() > 0.95
    straight = left[marked] > 0
    assert 0.3 < straight.mean() < 0.7
    points = rows(batches, "points")
    assert (points[upright, LEFT, 0] < points[upright, RIGHT, 0]).mean() > 0.95


def test_angles_agree_with_the_points(batches: list[LocatorBatch]) -> None:
    shown = rows(batches, "weights")[:, 0] > 0
    points, angles = rows(batches, "points")[shown], rows(batches, "angles")[shown]
    down = points[:, CHIN] - points[:, [LEFT, RIGHT]].mean(axis=1)
    tilt = np.arctan2(-down[:, 0], down[:, 1])
    straight = np.abs(angles[:, 0]) < math.radians(15)
    assert np.abs(tilt - angles[:, 2])[straight].mean() < 0.12
    across = np.stack([np.cos(angles[:, 2]), np.sin(angles[:, 2])], 1)
    cheeks = points[:, [POINTS.index(234), POINTS.index(454)]].mean(axis=1)
    nose = ((points[:, NOSE] - cheeks) * across).sum(axis=1)
    turned = np.abs(angles[:, 0]) > math.radians(15)
    assert (np.sign(nose) == np.sign(angles[:, 0]))[turned].all()
    assert {-1.0, 1.0} == set(np.sign(angles[turned, 0]))


def test_widths_agree_with_the_points(batches: list[LocatorBatch]) -> None:
    weights, angles = rows(batches, "weights"), rows(batches, "angles")
    front = (weights[:, 0] > 0) & (np.abs(angles[:, 0]) < 0.2)
    points = rows(batches, "points")[front]
    cheeks = np.linalg.norm(points[:, POINTS.index(234)] - points[:, POINTS.index(454)], axis=1)
    assert cheeks / rows(batches, "width")[front] == pytest.approx(np.ones(front.sum()), abs=0.06)


def test_squares_without_a_face_teach_the_verdict_alone(batches: list[LocatorBatch]) -> None:
    weights, visible = rows(batches, "weights"), rows(batches, "visible")
    shown, judged, told = weights.T
    nothing = (shown == 0) & (judged == 1)
    assert nothing.sum() > 20
    assert not visible[nothing].any()
    assert not told[nothing].any()
    assert (told <= judged).all()
    assert (visible[told > 0] == 1).all()
    assert (visible[judged > 0] == 1).sum() > 40


def test_about_three_in_four_wear_a_headset(batches: list[LocatorBatch]) -> None:
    told = rows(batches, "weights")[:, 2] > 0
    assert 0.5 < rows(batches, "headset")[told].mean() < 0.9


def test_mined_squares_come_first_and_are_negative(photographs: LocatorData) -> None:
    mined = [Mined(SceneKey("room", 0, 1), Square(80, 60, 50))]
    batch = make_batch(photographs, 1, 0, 0, 18, mined)
    assert batch.weights[:3].tolist() == [[0, 1, 0]] * 3
    assert not batch.visible[:3].any()
    assert not same(batch, make_batch(photographs, 1, 0, 0, 18, []))


def test_the_same_key_draws_the_same_scene(photographs: LocatorData) -> None:
    for kind in ("face", "turned", "room"):
        one, two, other = (make_scene(photographs, SceneKey(kind, 1, seed)) for seed in (5, 5, 6))
        assert np.array_equal(one.picture, two.picture)
        assert (one.truth is None) == (kind == "room")
        if one.truth is not None and two.truth is not None and other.truth is not None:
            assert astuple(one.truth)[1:] == astuple(two.truth)[1:]
            assert not np.array_equal(one.picture, other.picture)


def test_headsets_are_worn_as_asked(photographs: LocatorData) -> None:
    bare = make_scene(photographs, SceneKey("face", 0, 3), headset=False)
    worn = make_scene(photographs, SceneKey("face", 0, 3), headset=True)
    assert bare.truth is not None
    assert worn.truth is not None
    assert (bare.truth.headset, worn.truth.headset) == (False, True)
    assert worn.truth.points == pytest.approx(bare.truth.points)
    assert (bare.picture != worn.picture).any(axis=2).mean() > 0.05


def test_a_scenes_points_lie_on_its_mouth(photographs: LocatorData) -> None:
    faces = photographs.train
    for index in range(len(faces)):
        # A seed without coloured light, hence with the drawn colours.
        for seed in range(4):
            scene = make_scene(photographs, SceneKey("face", index, seed), headset=False)
            assert scene.truth is not None
            lips = scene.truth.points[[POINTS.index(0), POINTS.index(17)]].mean(axis=0)
            x, y = lips.round().astype(int)
            if np.abs(scene.picture[y, x].astype(int) - LIPS_BGR).max() < 30:
                break
        else:
            pytest.fail(f"no lips in photograph {index}")


def test_squares_are_far_from_half_a_face_width_on(photographs: LocatorData) -> None:
    truth = make_scene(photographs, SceneKey("face", 0, 1), headset=False).truth
    assert truth is not None
    right, width = truth.square, truth.width_px
    assert right.side == pytest.approx(FACE_WIDTHS * width)
    assert right == square_of(truth.points, width, truth.tilt_rad)
    assert not is_far(right, truth)
    assert not is_far(Square(right.x + 0.45 * width, right.y, right.side), truth)
    assert is_far(Square(right.x, right.y - 0.55 * width, right.side), truth)
    assert is_far(Square(right.x, right.y, 2 * right.side), truth)
    assert is_far(Square(right.x, right.y, right.side / 2), truth)


def test_mirroring_is_its_own_inverse_and_follows_the_mesh() -> None:
    assert [MIRRORED[MIRRORED[i]] for i in range(len(POINTS))] == list(range(len(POINTS)))
    assert mesh_index(*POINTS) == [mesh_index(number)[0] for number in POINTS]
    assert (POINTS[MIRRORED[LEFT]], POINTS[MIRRORED[CHIN]]) == (291, 152)
