"""The types between the stations: what they refuse, and what they derive."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.expressions import EXPRESSIONS, NO_FACE_ID, NO_FACE_LABEL
from vrfer.frames import Frame, LowerFace, Point, Reading


def reading(steady: list[float], label_id: int) -> Reading:
    return Reading(0, 0, 0, None, None, None, np.array(steady, np.float32), label_id, unsure=False)


def test_the_order_of_the_expressions_is_the_one_of_ferplus() -> None:
    assert ",".join(EXPRESSIONS) == "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt"
    assert NO_FACE_LABEL not in EXPRESSIONS


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 1), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((2, 4, 6, 3), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        np.zeros((4, 6, 3), np.int8),
    ],
)
def test_a_frame_takes_uint8_colour_pictures_alone(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a uint8 picture"):
        Frame(picture, 0, 0, 0)


def test_filters_run_on_the_clock_of_the_file_where_there_is_one() -> None:
    picture = np.zeros((4, 6, 3), np.uint8)
    assert Frame(picture, 0, 2_500_000_000, 0).timeline_s == 2.5
    assert Frame(picture, 0, 2_500_000_000, 0, source_s=0.0).timeline_s == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(6))
def test_a_lower_face_has_finite_geometry(place: int, value: float) -> None:
    numbers = [10.0, 10.0, 10.0, 20.0, 30.0, 0.5]
    numbers[place] = value
    with pytest.raises(ValueError, match="finite"):
        LowerFace((numbers[0], numbers[1]), (numbers[2], numbers[3]), numbers[4], numbers[5])


@pytest.mark.parametrize("width", [0.0, -1.0])
def test_a_lower_face_has_a_width(width: float) -> None:
    with pytest.raises(ValueError, match="positive width"):
        LowerFace((0, 0), (0, 1), width, 0.5)


@pytest.mark.parametrize(
    ("chin", "degrees"),
    [((0, 1), 0), ((-1, 1), 45), ((1, 1), -45), ((-1, 0), 90), ((1, 0), -90)],
)
def test_roll_is_positive_where_the_head_tilts_clockwise(chin: Point, degrees: float) -> None:
    face = LowerFace((0, 0), chin, 1, 0.5)
    assert math.degrees(face.roll_rad) == pytest.approx(degrees)


@given(st.floats(-179, 179), st.floats(0.1, 1000))
def test_roll_is_the_angle_by_which_an_upright_face_was_turned(degrees: float, px: float) -> None:
    angle = math.radians(degrees)
    chin = (-px * math.sin(angle), px * math.cos(angle))
    assert LowerFace((0, 0), chin, 1, 0.5).roll_rad == pytest.approx(angle, abs=1e-9)


@pytest.mark.parametrize("label_id", range(8))
def test_a_reading_names_its_label_and_how_probable_it_is(label_id: int) -> None:
    steady = [0.0625] * 8
    steady[label_id] = 0.5625
    assert reading(steady, label_id).label == EXPRESSIONS[label_id]
    assert reading(steady, label_id).confidence == 0.5625
    assert type(reading(steady, label_id).confidence) is float


def test_a_reading_without_a_face_is_called_none_and_has_no_confidence() -> None:
    nothing = reading([0.0] * 8, NO_FACE_ID)
    assert (nothing.label, nothing.confidence) == ("none", 0.0)
