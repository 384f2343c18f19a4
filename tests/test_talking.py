import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.talking import STILL, TALKING, Restlessness

OPEN, CLOSED = np.zeros(8), np.zeros(8)
OPEN[2], CLOSED[0] = 3.0, 3.0

ratios = st.lists(st.floats(-8, 8), min_size=8, max_size=8).map(np.array)


def follow(shown: list[np.ndarray], rate_hz: float) -> list[float]:
    mouth = Restlessness()
    return [mouth.talking(one, 1 / rate_hz if i else 0.0) for i, one in enumerate(shown)]


def test_a_still_face_does_not_talk() -> None:
    assert set(follow([CLOSED] * 100, 30)) == {0.0}


@pytest.mark.parametrize("target", [OPEN, 3 * OPEN])
def test_one_change_that_lasts_is_no_talk(target: np.ndarray) -> None:
    """However far it goes: what travels straight arrives."""
    assert set(follow([CLOSED] * 30 + [target] * 100, 30)) == {0.0}


@pytest.mark.parametrize("rate_hz", [15, 30, 60])
def test_a_mouth_that_opens_and_closes_talks(rate_hz: int) -> None:
    seconds = np.arange(0, 4, 1 / rate_hz)
    found = follow([OPEN if (4 * at) % 1 < 0.5 else CLOSED for at in seconds], rate_hz)
    assert min(found[2 * rate_hz :]) > 0.9
    assert found[0] == 0


def test_it_ends_within_two_seconds_of_silence() -> None:
    words = [OPEN if i % 8 < 4 else CLOSED for i in range(120)]
    found = follow(words + [CLOSED] * 60, 30)
    assert found[119] > 0.9
    assert found[-1] == 0


def test_small_noise_is_no_talk() -> None:
    rng = np.random.default_rng(0)
    noisy = [CLOSED + rng.normal(0, 0.2, 8) for _ in range(300)]
    assert max(follow(noisy, 30)) == 0


@given(st.lists(ratios, min_size=2, max_size=8), st.integers(2, 5))
def test_what_holds_between_frames_may_be_seen_more_often(
    shown: list[np.ndarray], times: int
) -> None:
    rarely = follow(shown, 10)
    often = follow([shown[0], *(one for one in shown[1:] for _ in range(times))], 10 * times)
    assert rarely == pytest.approx(often[::times], abs=1e-6)


def test_the_bounds_are_in_order() -> None:
    assert 0 < STILL < TALKING
