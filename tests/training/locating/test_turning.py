import math

import numpy as np
import pytest
from training.locating.made_up_photographs import (
    HEIGHT,
    LIPS_BGR,
    NOSE_BGR,
    SHAPE,
    SITTERS,
    WIDTH,
    Sitter,
    draw,
)

from vrfer.training.locating.head import Pose, fit_poses, mesh_index
from vrfer.training.locating.turning import LEAST_YAW, random_turn, turn

SIDEWAYS = [sitter for sitter in SITTERS if abs(math.radians(sitter.yaw_deg)) > LEAST_YAW]
CORNERS = mesh_index(61, 291)


@pytest.mark.parametrize("sitter", SIDEWAYS, ids=lambda sitter: sitter.file)
def test_heads_turn_further_to_their_own_side(sitter: Sitter) -> None:
    pose = sitter.pose
    turns = [random_turn(pose, np.random.default_rng(seed)) for seed in range(60)]
    side = np.sign(pose.yaw_rad)
    yaws = np.degrees([side * after.yaw_rad for after in turns])
    assert (yaws > 0).all()
    turned = yaws > math.degrees(abs(pose.yaw_rad)) + 5
    assert turned.mean() > 0.5
    assert yaws[turned].min() > 30
    assert yaws.max() < 100


def test_heads_seen_from_the_front_only_nod() -> None:
    pose = SITTERS[0].pose
    turns = [random_turn(pose, np.random.default_rng(seed)) for seed in range(60)]
    assert all(abs(after.yaw_rad) < 1e-6 for after in turns)
    nods = np.degrees([after.pitch_rad for after in turns])
    assert nods.max() > 20
    assert nods.min() < -8


@pytest.mark.parametrize("sitter", SIDEWAYS, ids=lambda sitter: sitter.file)
def test_landmarks_and_picture_follow_the_turn(sitter: Sitter) -> None:
    pose: Pose = sitter.pose
    picture = draw(sitter)
    side = float(np.sign(pose.yaw_rad))
    after = pose.turned(side * math.radians(25))
    turned, points = turn(picture, pose.project(SHAPE), pose, SHAPE, after)
    assert turned.shape == picture.shape
    assert math.degrees(fit_poses(SHAPE, points[None])[0].yaw_rad) == pytest.approx(
        math.degrees(after.yaw_rad), abs=1
    )
    assert (points > 0).all()
    assert (points < [WIDTH, HEIGHT]).all()
    before = pose.project(SHAPE)[CORNERS].mean(axis=0)
    assert side * (points[CORNERS].mean(axis=0) - before)[0] > 0.02 * pose.width_px
    # The drawn marks lie where the landmarks say that they went; along the outline, where the far
    # side is pressed together, a pixel may come from beside them.
    for numbers, color in (((0, 17), LIPS_BGR), ((4,), NOSE_BGR)):
        x, y = points[mesh_index(*numbers)].mean(axis=0).round().astype(int)
        around = turned[y - 2 : y + 3, x - 2 : x + 3].astype(int)
        assert np.abs(around - color).max(axis=2).min() < 25


def test_the_border_of_the_picture_stays() -> None:
    sitter = SITTERS[1]
    picture = draw(sitter)
    after = sitter.pose.turned(math.radians(50))
    turned, _ = turn(picture, sitter.pose.project(SHAPE), sitter.pose, SHAPE, after)
    difference = np.abs(turned.astype(int) - picture)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert difference[edge].max() <= 4
    assert difference.max() > 30


def test_no_turn_changes_nothing() -> None:
    sitter = SITTERS[3]
    picture = draw(sitter)
    pose = sitter.pose
    same, points = turn(picture, pose.project(SHAPE), pose, SHAPE, pose)
    assert points == pytest.approx(pose.project(SHAPE))
    assert np.abs(same.astype(int) - picture).mean() < 1
