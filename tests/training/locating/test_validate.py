import math
from dataclasses import astuple

import numpy as np
import pytest
from training.locating.oracle import WIDTH_PX, coded_checks, coded_scene, oracle, read_place

from vrfer.square import Square
from vrfer.training.locating.calibrate import calibrated
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.locating.validate import check_set, judged_faces, validate, verdicts_beside

CHECKS = coded_checks()


def test_the_oracle_knows_where_it_looks() -> None:
    for square in (Square(60, 55, 41), Square(20, 100, 60, 0.4), Square(70, 50, 20, -0.2)):
        found = read_place(coded_scene(0, headset=True).picture, square)
        assert astuple(found) == pytest.approx(astuple(square), abs=0.3)


def test_a_perfect_locator_has_no_errors() -> None:
    found = validate(oracle(CHECKS), CHECKS)
    assert found.bare_error < 0.01
    assert found.headset_error < 0.01
    assert found.crop_shift < 0.01
    assert found.crop_scale < 0.01
    assert (found.recall, found.false_share, found.headset_told) == (1, 0, 1)


def test_an_error_of_the_points_is_measured_in_face_widths() -> None:
    found = validate(oracle(CHECKS, off=0.1), CHECKS)
    assert found.bare_error == pytest.approx(0.1, abs=0.01)
    assert found.headset_error == pytest.approx(0.1, abs=0.01)
    assert found.crop_shift < 0.01


def test_what_a_headset_does_to_the_width_is_measured() -> None:
    found = validate(oracle(CHECKS, wider=1.2), CHECKS)
    assert found.crop_scale == pytest.approx(math.log(1.2), abs=0.02)


def test_doubted_faces_and_believed_walls_are_counted() -> None:
    found = validate(oracle(CHECKS, verdict=lambda number, near: float(number == 0)), CHECKS)
    assert found.recall == pytest.approx(1 / 4)
    assert found.false_share == pytest.approx(1 / 4)


def test_squares_that_are_led_back_to_the_face_are_no_false_finds() -> None:
    right = CHECKS.worn[0].truth
    assert right is not None
    checks = coded_checks()
    checks.beside.append((0, Square(right.square.x + 0.4 * WIDTH_PX, right.square.y, 41.6)))
    assert len(verdicts_beside(oracle(checks), checks)) == len(checks.beside) - 1
    assert validate(oracle(checks), checks).false_share == 0


def test_judging_gives_pixels_of_the_picture() -> None:
    bare, worn = judged_faces(oracle(CHECKS), CHECKS)
    for judged, scenes in ((bare, CHECKS.bare), (worn, CHECKS.worn)):
        for index, scene in enumerate(scenes):
            assert scene.truth is not None
            assert judged.points[index] == pytest.approx(scene.truth.points, abs=0.4)
            assert judged.width_px[index] == pytest.approx(WIDTH_PX, rel=0.01)
            assert judged.angles[index] == pytest.approx([0.1, -0.05, 0.2], abs=0.02)


def test_the_check_set_is_drawn_the_same_again(photographs: LocatorData) -> None:
    one, two, other = (check_set(photographs.validation, seed=seed) for seed in (1, 1, 2))
    assert (one.starts, one.beside) == (two.starts, two.beside)
    assert one.starts != other.starts
    for bare, worn, again in zip(one.bare, one.worn, two.worn, strict=True):
        assert bare.truth is not None
        assert worn.truth is not None
        assert (bare.truth.headset, worn.truth.headset) == (False, True)
        assert np.array_equal(worn.picture, again.picture)
        assert np.array_equal(bare.truth.points, worn.truth.points)


# ---- calibration


def chance(logit_of: float, slope: float, offset: float) -> float:
    logit = math.log(logit_of / (1 - logit_of))
    return 1 / (1 + math.exp(-(slope * logit + offset)))


def test_calibration_gives_the_chances_that_were_counted() -> None:
    """0.9 about every face and about one in four others means 1 / (1 + 1/4)."""
    ask = oracle(CHECKS, verdict=lambda number, near: 0.9 if near or number == 0 else 0.1)
    found = calibrated(ask, CHECKS)
    assert chance(0.9, found.slope, found.offset) == pytest.approx(0.8, abs=0.02)
    assert chance(0.1, found.slope, found.offset) < 0.02


def test_calibration_believes_what_separates_well() -> None:
    ask = oracle(CHECKS, verdict=lambda number, near: 0.6 if near else 0.4)
    found = calibrated(ask, CHECKS)
    assert chance(0.6, found.slope, found.offset) > 0.95
    assert chance(0.4, found.slope, found.offset) < 0.05
