"""The one-Euro filter against its own definition: calm when still, quick when moving."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vrfer.smoothing import OneEuro


def run(values: list[float], *, step_s: float = 1 / 30, **settings: float) -> list[float]:
    smooth = OneEuro(**({"still_hz": 1.0, "speed_hz": 5.0} | settings))
    return [float(smooth(np.array([value]), step_s)[0]) for value in values]


def test_the_first_value_passes_unchanged() -> None:
    assert run([3.5]) == [3.5]


def test_noise_about_a_still_value_shrinks() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 300)
    assert np.std(run(list(noise))[30:]) < 0.5 * np.std(noise[30:])


def test_a_move_is_followed_quickly_and_more_so_with_more_speed() -> None:
    step = [0.0] * 30 + [1.0] * 10
    lazy, eager = run(step, speed_hz=0.0)[35], run(step, speed_hz=5.0)[35]
    assert lazy < 0.75
    assert eager > 0.9


def test_a_bad_first_value_does_not_linger() -> None:
    assert abs(run([1.0] + [0.0] * 4, speed_hz=0.0)[-1]) < 0.25


def test_more_time_between_values_means_less_smoothing() -> None:
    step = [0.0] * 30 + [1.0]
    assert run(step, step_s=0.2, speed_hz=0)[-1] > run(step, step_s=0.02, speed_hz=0)[-1] + 0.3


def test_after_a_reset_nothing_is_remembered() -> None:
    smooth = OneEuro(still_hz=1.0, speed_hz=0.0)
    for _ in range(10):
        smooth(np.array([1.0, 2.0]), 0.1)
    smooth.reset()
    assert smooth(np.array([5.0, 6.0]), 0.1).tolist() == [5.0, 6.0]


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40),
    st.floats(0, 2),
)
def test_the_output_stays_within_what_was_seen(values: list[float], step_s: float) -> None:
    smooth = run(values, step_s=step_s)
    assert min(values) - 1e-6 <= min(smooth) <= max(smooth) <= max(values) + 1e-6
