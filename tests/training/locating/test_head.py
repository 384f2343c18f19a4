import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.locating.made_up_photographs import SHAPE, SITTERS

from vrfer.training.locating.head import (
    MESH,
    MIRRORED,
    Pose,
    fit_poses,
    fit_shape,
    mesh_index,
    mirrored_points,
    rotations,
)

ANGLE = st.floats(-60, 60)


def pose(yaw: float = 0, pitch: float = 0, roll: float = 0, width: float = 80) -> Pose:
    """A pose by its angles in degrees; roll is counter-clockwise, as in the labels."""
    angles = np.radians([[yaw], [pitch], [roll]])
    return Pose(rotations(*angles)[0], width, np.array([100.0, 90.0]))


@given(ANGLE, ANGLE, st.floats(-170, 170), st.floats(20, 300))
def test_a_pose_is_found_from_the_landmarks(
    yaw: float, pitch: float, roll: float, width: float
) -> None:
    true = pose(yaw, pitch, roll, width)
    found = fit_poses(SHAPE, true.project(SHAPE)[None])[0]
    assert found.rotation == pytest.approx(true.rotation, abs=1e-6)
    assert found.width_px == pytest.approx(width)
    assert found.origin == pytest.approx(true.origin)
    assert math.degrees(found.yaw_rad) == pytest.approx(yaw, abs=1e-4)
    assert math.degrees(found.pitch_rad) == pytest.approx(pitch, abs=1e-4)


def test_the_shape_is_found_from_many_heads_with_angles_labelled_too_small() -> None:
    poses = [sitter.pose for sitter in SITTERS]
    angles = np.radians([(s.yaw_deg, s.pitch_deg, s.roll_deg) for s in SITTERS])
    labelled = rotations(*(angles * [0.9, 1.0, 1.0]).T)
    shape = fit_shape(np.stack([one.project(SHAPE) for one in poses]), labelled)
    assert shape[:, :2] == pytest.approx(SHAPE[:, :2], abs=0.02)
    assert shape == pytest.approx(SHAPE, abs=0.1)
    assert mirrored_points(shape) * [-1, 1, 1] == pytest.approx(shape)
    left, right = mesh_index(234, 454)
    assert np.linalg.norm(shape[left] - shape[right]) == pytest.approx(1)
    assert shape.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)


@pytest.mark.parametrize(
    ("turned", "axis", "sign"),
    [
        (pose(yaw=20), 0, 1),
        (pose(yaw=-20), 0, -1),
        (pose(pitch=20), 1, -1),
        (pose(pitch=-20), 1, 1),
    ],
    ids=["nose right", "nose left", "nose up", "nose down"],
)
def test_positive_angles_point_the_nose_right_and_up(turned: Pose, axis: int, sign: int) -> None:
    nose = turned.project(np.array([0.0, 0.0, 0.4])) - turned.origin
    assert np.sign(nose[axis]) == sign
    value = turned.yaw_rad if axis == 0 else -turned.pitch_rad
    assert math.degrees(value) == pytest.approx(20 * sign)


def test_tilt_is_clockwise_as_seen() -> None:
    leaning = pose(roll=-15)
    crown = leaning.project(np.array([0.0, 0.7, 0.0])) - leaning.origin
    assert math.degrees(leaning.tilt_rad) == pytest.approx(15)
    assert crown[0] > 0 > crown[1]


@given(ANGLE, ANGLE, st.floats(-40, 40), st.floats(-30, 30))
def test_turning_adds_to_the_yaw_of_an_upright_head(
    yaw: float, roll: float, more: float, nod: float
) -> None:
    turned = pose(yaw).turned(math.radians(more), math.radians(nod))
    assert math.degrees(turned.yaw_rad) == pytest.approx(yaw + more, abs=1e-6)
    assert math.degrees(turned.pitch_rad) == pytest.approx(nod, abs=1e-6)


def test_facing_is_one_towards_the_camera() -> None:
    forward = np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0]])
    assert pose().facing(forward) == pytest.approx([1, -1, 0])
    assert pose(yaw=-90).facing(forward) == pytest.approx([0, 0, 1], abs=1e-9)


def test_mirroring_exchanges_the_pairs_and_nothing_else() -> None:
    numbers = np.array(MESH, float)[:, None]
    swapped = mirrored_points(numbers)[:, 0]
    pairs = dict(MIRRORED) | {right: left for left, right in MIRRORED}
    assert swapped.tolist() == [pairs.get(number, number) for number in MESH]
