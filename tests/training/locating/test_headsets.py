import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from training.locating.made_up_photographs import SHAPE

from vrfer.training.locating.hands import draw_hands
from vrfer.training.locating.head import Pose, mesh_index, rotations
from vrfer.training.locating.headsets import put_on, random_style

SEEDS = range(30)


def noise() -> NDArray[np.uint8]:
    """A picture whose every spot is unlike the next."""
    return np.random.default_rng(5).integers(60, 196, (400, 500, 3), dtype=np.uint8)


def pose(yaw: float = 0, pitch: float = 0, roll: float = 0, width: float = 80) -> Pose:
    angles = np.radians([[yaw], [pitch], [roll]])
    return Pose(rotations(*angles)[0], width, np.array([250.0, 200.0]))


def worn(seed: int, where: Pose) -> NDArray[np.uint8]:
    picture = noise()
    rng = np.random.default_rng(seed)
    put_on(picture, where, random_style(rng), rng)
    return picture


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.float64]) -> float:
    """Correlation of two pictures in a spot of 9 x 9 pixels; 1 is shaded at most."""
    x, y = np.round(where).astype(int)
    spots = [
        picture[y - 4 : y + 5, x - 4 : x + 5].ravel().astype(float) for picture in (one, other)
    ]
    if min(spot.std() for spot in spots) < 1e-6:
        return 0.0
    return float(np.corrcoef(*spots)[0, 1])


@pytest.mark.parametrize("yaw", [-30, 0, 30])
def test_a_headset_covers_the_eyes_and_leaves_mouth_and_chin(yaw: float) -> None:
    where = pose(yaw)
    points = where.project(SHAPE)
    eyes = points[mesh_index(133, 362)].mean(axis=0)
    pictures = [worn(seed, where) for seed in SEEDS]
    # Some are worn so high that the eyes can just be seen below.
    assert np.mean([likeness(noise(), picture, eyes) < 0.5 for picture in pictures]) > 0.9
    for number in (17, 152):
        spot = points[mesh_index(number)][0]
        kept = [likeness(noise(), picture, spot) > 0.9 for picture in pictures]
        assert np.mean(kept) > 0.9


def test_the_same_seed_draws_the_same_headset_and_another_another() -> None:
    assert np.array_equal(worn(1, pose()), worn(1, pose()))
    assert not np.array_equal(worn(1, pose()), worn(2, pose()))


def test_what_is_far_from_the_head_stays() -> None:
    y, x = np.mgrid[:400, :500]
    far = np.hypot(x - 250, y - 200) > 2.2 * 60
    for seed in SEEDS:
        picture = worn(seed, pose(yaw=25, width=60))
        assert np.array_equal(picture[far], noise()[far])
        assert not np.array_equal(picture, noise())


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-math.pi, math.pi),
    st.floats(-math.pi, math.pi),
    st.floats(-math.pi, math.pi),
    st.floats(3, 900),
    st.tuples(st.floats(-300, 500), st.floats(-300, 500)),
    st.integers(0, 2**32),
)
def test_any_head_can_be_drawn_on(
    yaw: float, pitch: float, roll: float, width: float, at: tuple[float, float], seed: int
) -> None:
    angles = np.array([[yaw], [pitch], [roll]])
    where = Pose(rotations(*angles)[0], width, np.array(at))
    picture = np.full((120, 160, 3), 120, np.uint8)
    rng = np.random.default_rng(seed)
    style = random_style(rng)
    put_on(picture, where, style, rng)
    covered = draw_hands(picture, where, style if seed % 2 else None, rng)
    assert 0 <= covered <= 1


def test_what_hands_cover_is_the_share_of_the_mouth_that_changed() -> None:
    where = pose()
    lips = where.project(SHAPE[mesh_index(13)])[0].astype(int)
    shares = []
    for seed in range(60):
        picture = np.full((400, 500, 3), 128, np.uint8)
        shares.append(draw_hands(picture, where, None, np.random.default_rng(seed)))
        changed = bool(np.abs(picture[lips[1], lips[0]].astype(int) - 128).max() > 8)
        if shares[-1] == 0:
            assert not changed
        if shares[-1] > 0.95:
            assert changed
    assert min(shares) == 0
    assert max(shares) > 0.9


def test_a_hand_has_the_colour_of_the_skin() -> None:
    for skin in ((90, 130, 200), (40, 60, 90)):
        picture = np.full((400, 500, 3), skin, np.uint8)
        before = picture.copy()
        draw_hands(picture, pose(), None, np.random.default_rng(3))
        hand = picture[(picture != before).any(axis=2)].astype(float)
        ratio = cv2.norm(np.median(hand, axis=0)) / cv2.norm(np.array(skin, float))
        assert 0.6 < ratio < 1.4
