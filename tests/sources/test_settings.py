import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.sources import CameraSettings, Orientation


def test_defaults_are_what_webcams_do_best() -> None:
    settings = CameraSettings()
    assert (settings.width, settings.height, settings.fps) == (640, 480, 30.0)
    assert settings.compressed is True
    assert settings.exposure is None
    assert settings.orientation == Orientation()


@given(
    width=st.integers(16, 16384),
    height=st.integers(16, 16384),
    fps=st.floats(0.1, 1000),
    exposure=st.none() | st.floats(0.001, 10_000),
    mirrored=st.booleans(),
    rotation_deg=st.sampled_from([0, 90, 180, 270]),
)
def test_everything_in_range_is_kept(**given: object) -> None:
    settings = CameraSettings(**given)
    assert {name: getattr(settings, name) for name in given} == given
    assert settings.orientation == Orientation(settings.mirrored, settings.rotation_deg)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 15),
        ("width", 16385),
        ("width", 640.5),
        ("width", math.nan),
        ("height", 0),
        ("height", 16385),
        ("fps", 0.0),
        ("fps", -30.0),
        ("fps", math.nan),
        ("fps", math.inf),
        ("fps", 1001.0),
        ("exposure", 0.0),
        ("exposure", -6.0),
        ("exposure", math.nan),
        ("exposure", 10_001.0),
    ],
)
def test_what_is_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} must be .* not {value}"):
        CameraSettings(**{name: value})


@pytest.mark.parametrize("degrees", [-90, 45, 360])
def test_only_quarter_turns(degrees: int) -> None:
    with pytest.raises(ValueError, match=f"not by {degrees}"):
        CameraSettings(rotation_deg=degrees)
