"""The locator's square: coordinates there and back, and pixels where they belong."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.square import Square, cut_square

places = st.floats(-500, 500)
squares = st.builds(Square, places, places, st.floats(10, 800), st.floats(-math.pi, math.pi))


@given(squares, st.lists(st.tuples(places, places), min_size=1, max_size=5))
def test_coordinates_go_there_and_back(square: Square, points: list[tuple[float, float]]) -> None:
    pixels = np.array(points)
    assert square.to_picture(square.from_picture(pixels)) == pytest.approx(pixels, abs=1e-6)


def test_the_centre_is_the_origin_and_a_side_is_one() -> None:
    square = Square(30, 40, 20)
    corners = square.to_picture(np.array([[0, 0], [0.5, 0.5], [-0.5, 0.5]]))
    assert corners.tolist() == [[30, 40], [40, 50], [20, 50]]


def test_a_positive_tilt_is_clockwise() -> None:
    down = Square(0, 0, 10, math.radians(90)).to_picture(np.array([0.0, 0.5]))
    assert down == pytest.approx([-5, 0])


@pytest.mark.parametrize("tilt", [0.0, 0.4, -1.2])
@pytest.mark.parametrize("side", [48.0, 96.0, 300.0, 1000.0])
def test_a_mark_lands_where_the_coordinates_say(side: float, tilt: float) -> None:
    square = Square(600, 500, side, tilt)
    wanted = np.array([0.2, -0.3])
    x, y = square.to_picture(wanted)
    picture = np.zeros((1000, 1200, 3), np.uint8)
    cv2.circle(picture, (round(x), round(y)), max(2, round(side / 30)), (255, 255, 255), -1)
    patch = cut_square(picture, square)[:, :, 0].astype(float)
    rows, columns = np.indices(patch.shape)
    found = np.array([(columns * patch).sum(), (rows * patch).sum()]) / patch.sum()
    assert (found + 0.5) / 96 - 0.5 == pytest.approx(wanted, abs=0.02)


def test_outside_the_picture_is_black() -> None:
    picture = np.full((50, 50, 3), 200, np.uint8)
    patch = cut_square(picture, Square(50, 25, 40))
    assert (patch[:, :40] == 200).all()
    assert (patch[:, 60:] == 0).all()


def test_a_large_square_is_averaged() -> None:
    picture = np.zeros((960, 960, 3), np.uint8)
    picture[::2] = 200
    patch = cut_square(picture, Square(479.5, 479.5, 960))
    assert patch.std() < 8
    assert patch.mean() == pytest.approx(100, abs=8)


def test_the_result_has_the_asked_size_and_type() -> None:
    patch = cut_square(np.zeros((10, 10, 3), np.uint8), Square(5, 5, 10), 32)
    assert patch.shape == (32, 32, 3)
    assert patch.dtype == np.uint8
