"""The filter over time and the label, as properties: of any input, at any rate."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vrfer.baseline import LEAST_PROBABILITY
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Frame, LowerFace, Reading, Scores
from vrfer.steady import Steady, SteadySettings, remaining_share

FACE = LowerFace((0, 0), (0, 1), 1, 0.5)
PICTURE = np.zeros((1, 1, 3), np.uint8)
AT_ONCE = SteadySettings(smoothing_s=0, hold_s=0, lead=0, talking_nats=0)
NEUTRAL, HAPPINESS, SURPRISE, SADNESS = range(4)

Distribution = NDArray[np.float32]


def show(steady: Steady, time_s: float, probabilities: Distribution | None) -> Reading:
    frame = Frame(PICTURE, 0, 0, 0, source_s=time_s)
    if probabilities is None:
        return steady.update(frame, None, None)
    return steady.update(frame, FACE, Scores(probabilities, 1.0))


def mostly(label_id: int, share: float = 0.9) -> Distribution:
    distribution = np.full(8, (1 - share) / 7, np.float32)
    distribution[label_id] = share
    return distribution


def two(first: int, share: float, second: int) -> Distribution:
    distribution = np.zeros(8, np.float32)
    distribution[first], distribution[second] = share, 1 - share
    return distribution


def normalised(weights: list[float]) -> Distribution:
    array = np.array(weights)
    return (array / array.sum()).astype(np.float32)


weights = st.lists(st.floats(0, 1), min_size=8, max_size=8)
distributions = weights.filter(lambda w: sum(w) > 1e-3).map(normalised) | st.integers(0, 7).map(
    lambda label_id: mostly(label_id, 1.0)
)
settings = st.builds(
    SteadySettings,
    smoothing_s=st.floats(0, 10),
    quickness=st.floats(0, 10),
    hold_s=st.floats(0, 3),
    lead=st.floats(0, 0.5),
    unsure_below=st.floats(0, 1),
)
intervals = st.just(0.0) | st.floats(1e-9, 1e-3) | st.floats(1e-3, 1) | st.floats(1, 1e5)


@given(settings, st.lists(st.tuples(intervals, st.none() | distributions), min_size=1))
def test_probabilities_stay_a_distribution(
    settings: SteadySettings, shown: list[tuple[float, Distribution | None]]
) -> None:
    steady, now_s = Steady(settings), 0.0
    for interval_s, probabilities in shown:
        now_s += interval_s
        reading = show(steady, now_s, probabilities)
        assert np.isfinite(reading.steady).all()
        assert (reading.steady >= 0).all()
        assert reading.steady.sum() == pytest.approx(float(probabilities is not None), abs=1e-5)
        assert (reading.label_id == -1) == (probabilities is None)
        assert reading.raw is probabilities


@given(settings, distributions, st.lists(intervals, max_size=10))
def test_what_stays_the_same_passes_unchanged_but_for_the_clip(
    settings: SteadySettings, probabilities: Distribution, gaps: list[float]
) -> None:
    steady, now_s = Steady(settings), 0.0
    clipped = np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY)
    clipped /= clipped.sum()
    assert np.abs(clipped - probabilities).max() < 8 * LEAST_PROBABILITY
    for gap_s in [0.0, *gaps]:
        now_s += gap_s
        assert show(steady, now_s, probabilities).steady == pytest.approx(clipped, abs=1e-6)


@given(
    st.builds(
        SteadySettings,
        smoothing_s=st.floats(0.01, 3),
        quickness=st.floats(0, 5),
        talking_nats=st.just(0.0),
    ),
    st.lists(st.tuples(st.integers(1, 12), distributions), min_size=2, max_size=6),
)
def test_steps_give_the_same_state_at_30_and_at_60_hz(
    settings: SteadySettings, steps: list[tuple[int, Distribution]]
) -> None:
    # A sample counts from the one before it on; so a step changes just after a common time.
    signal = [probabilities for ticks, probabilities in steps for _ in range(ticks)]
    slow, fast = Steady(settings), Steady(settings)
    show(fast, 0.0, signal[0])
    for tick, probabilities in enumerate(signal):
        if tick:
            show(fast, (2 * tick - 1) / 60, probabilities)
        slowly = show(slow, tick / 30, probabilities)
        quickly = show(fast, 2 * tick / 60, probabilities)
        assert slowly.steady == pytest.approx(quickly.steady, abs=1e-5)


SMOOTH_TOLERANCE = 0.006
"""In probability. A sample counts from the one before it on, so each rate sees the signal half an
interval early: 1/60 s at 30 Hz, 1/120 s at 60 Hz. The difference times the steepest slope of the
sine below, 0.63 a second, is 0.0052."""


@pytest.mark.parametrize("quickness", [0.0, 0.35, 2.0])
@pytest.mark.parametrize("smoothing_s", [0.1, 0.3, 1.0])
def test_a_slow_sine_gives_nearly_the_same_at_30_and_at_60_hz(
    smoothing_s: float, quickness: float
) -> None:
    settings = SteadySettings(smoothing_s=smoothing_s, quickness=quickness)

    def follow(rate_hz: int) -> list[Distribution]:
        steady, states = Steady(settings), []
        for number in range(8 * rate_hz + 1):
            share = 0.5 + 0.4 * math.sin(2 * math.pi * number / rate_hz / 4)
            states.append(show(steady, number / rate_hz, two(HAPPINESS, share, SADNESS)).steady)
        return states

    slow, fast = np.array(follow(30)), np.array(follow(60)[::2])
    assert np.ptp(slow[60:, HAPPINESS]) > 0.2  # else there is nothing to compare
    assert np.abs(slow - fast).max() < SMOOTH_TOLERANCE


@given(
    settings.filter(lambda s: s.smoothing_s >= 1e-3),
    st.floats(0, 30),
    st.lists(st.floats(0, 3), min_size=1, max_size=8),
)
def test_the_share_left_does_not_depend_on_how_time_is_cut(
    settings: SteadySettings, distance: float, parts: list[float]
) -> None:
    left = 1.0
    for part_s in parts:
        left *= remaining_share(distance * left, part_s, settings)
    at_once = remaining_share(distance, sum(parts), settings)
    assert left == pytest.approx(at_once, rel=1e-9, abs=1e-12)
    assert 0 <= at_once <= 1


@given(st.floats(0, 20), st.floats(0, 2), st.floats(0.001, 1))
def test_less_is_left_the_longer_and_the_larger(
    distance: float, interval_s: float, more: float
) -> None:
    settings = SteadySettings()
    left = remaining_share(distance, interval_s, settings)
    assert remaining_share(distance, interval_s + more, settings) < left
    assert remaining_share(distance + more, interval_s, settings) <= left


@pytest.mark.parametrize("quickness", [0.0, 0.35, 2.0])
@pytest.mark.parametrize("distance", [0.1, 1.0, 8.0])
def test_the_share_left_solves_the_documented_equation(distance: float, quickness: float) -> None:
    # de/dt = -(e / smoothing_s) * (1 + quickness * e), in small steps (Heun's method).
    settings, step_s, error = SteadySettings(smoothing_s=0.3, quickness=quickness), 1e-4, distance

    def slope(e: float) -> float:
        return -e / 0.3 * (1 + quickness * e)

    for _ in range(2000):
        ahead = error + step_s * slope(error)
        error += step_s * (slope(error) + slope(ahead)) / 2
    assert remaining_share(distance, 0.2, settings) == pytest.approx(error / distance, rel=1e-4)


def test_without_quickness_it_is_the_plain_exponential() -> None:
    settings = SteadySettings(smoothing_s=0.5, quickness=0)
    assert remaining_share(3.0, 0.5, settings) == pytest.approx(math.exp(-1))


@given(distributions, distributions)
def test_without_smoothing_the_input_passes_through(
    first: Distribution, second: Distribution
) -> None:
    steady = Steady(AT_ONCE)
    show(steady, 0.0, first)
    for time_s in (0.0, 0.001):  # also twice at the same moment
        reading = show(steady, time_s, second)
        assert reading.steady == pytest.approx(second, abs=8 * LEAST_PROBABILITY)


def test_flicker_is_smoothed_and_a_lasting_change_passes() -> None:
    steady = Steady(SteadySettings())
    show(steady, 0.0, mostly(NEUTRAL))
    flicker = show(steady, 0.033, mostly(HAPPINESS))
    assert flicker.label == "neutral"
    assert flicker.steady[HAPPINESS] < 0.3
    for number in range(2, 31):
        lasting = show(steady, number * 0.033, mostly(HAPPINESS))
    assert lasting.label == "happiness"
    assert lasting.steady[HAPPINESS] > 0.8


@pytest.mark.parametrize("before", [None, HAPPINESS])
def test_without_a_face_the_reading_says_so_at_once(before: int | None) -> None:
    steady = Steady(SteadySettings(unsure_below=0.99))
    if before is not None:
        show(steady, 0.0, mostly(before))
    reading = show(steady, 0.033, None)
    assert (reading.label, reading.label_id, reading.confidence) == ("none", -1, 0.0)
    assert reading.steady.tolist() == [0.0] * 8
    assert reading.raw is None
    assert reading.face is None
    assert not reading.unsure


def test_the_frames_times_travel_with_the_reading() -> None:
    frame = Frame(PICTURE, 7, 11, 13, source_s=17.0)
    for reading in (
        Steady(AT_ONCE).update(frame, None, None),
        Steady(AT_ONCE).update(frame, FACE, Scores(mostly(NEUTRAL), 1.0)),
    ):
        times = (reading.frame, reading.captured_ns, reading.captured_unix_ns, reading.source_s)
        assert times == (7, 11, 13, 17.0)


def test_back_after_a_short_gap_a_part_of_the_old_is_kept_after_a_long_one_nothing() -> None:
    def back_after(gap_s: float) -> Reading:
        steady = Steady(SteadySettings())
        show(steady, 0.0, mostly(HAPPINESS))
        for share in (0.2, 0.5, 0.8):
            show(steady, share * gap_s, None)
        return show(steady, gap_s, mostly(SADNESS))

    short, long = back_after(0.1), back_after(10.0)
    assert short.steady[HAPPINESS] > 0.2
    assert long.label == "sadness"
    assert long.steady == pytest.approx(mostly(SADNESS), abs=1e-3)


def test_a_live_source_is_filtered_on_the_capture_clock() -> None:
    readings = []
    for gap_ns in (10**6, 10**10):
        steady = Steady(SteadySettings())
        steady.update(Frame(PICTURE, 0, 10**9, 0), FACE, Scores(mostly(HAPPINESS), 1.0))
        later = Frame(PICTURE, 1, 10**9 + gap_ns, 0)
        readings.append(steady.update(later, FACE, Scores(mostly(SADNESS), 1.0)))
    assert [reading.label for reading in readings] == ["happiness", "sadness"]


@given(
    st.builds(replace, st.just(AT_ONCE), hold_s=st.floats(0, 2), lead=st.floats(0, 0.5)),
    st.lists(st.tuples(st.floats(0, 1), distributions), min_size=2),
)
def test_a_label_changes_only_after_its_time_and_to_one_that_leads(
    settings: SteadySettings, shown: list[tuple[float, Distribution]]
) -> None:
    steady, now_s = Steady(settings), 0.0
    label_id, since_s = -1, 0.0
    for interval_s, probabilities in shown:
        now_s += interval_s
        reading = show(steady, now_s, probabilities)
        old, new = label_id, reading.label_id
        lead = float(reading.steady.max()) - float(reading.steady[old]) if old >= 0 else 1.0
        due = old < 0 or now_s - since_s >= settings.hold_s
        if new != old:
            assert due
            assert lead >= settings.lead - 1e-6
            assert reading.steady[new] == reading.steady.max()
            # The first label is a guess that is not held.
            label_id, since_s = new, -math.inf if old < 0 else now_s
        else:
            assert not due or lead <= settings.lead + 1e-6


def test_a_lead_that_is_too_small_never_flips_the_label() -> None:
    steady = Steady(replace(AT_ONCE, lead=0.08))
    assert show(steady, 0.0, two(HAPPINESS, 0.6, SADNESS)).label == "happiness"
    for number in range(1, 100):
        assert show(steady, number, two(HAPPINESS, 0.47, SADNESS)).label == "happiness"
    assert show(steady, 100, two(HAPPINESS, 0.45, SADNESS)).label == "sadness"


def test_a_label_is_held_for_its_least_time() -> None:
    steady = Steady(replace(AT_ONCE, hold_s=0.35))
    labels = [show(steady, 0.0, mostly(NEUTRAL)).label]  # as a hand leaves the mouth
    labels += [show(steady, 0.03, mostly(HAPPINESS)).label]
    labels += [show(steady, time_s, mostly(SADNESS)).label for time_s in (0.1, 0.37, 0.39)]
    labels += [show(steady, time_s, mostly(SURPRISE)).label for time_s in (0.5, 0.73, 0.75)]
    assert labels == [
        "neutral", "happiness", "happiness", "happiness", "sadness", "sadness", "sadness",
        "surprise",
    ]  # fmt: skip


def test_while_unsure_the_label_holds() -> None:
    steady = Steady(replace(AT_ONCE, unsure_below=0.5))
    sure = show(steady, 0.0, mostly(HAPPINESS))
    unsure = show(steady, 1.0, mostly(SADNESS, 0.45))
    again = show(steady, 2.0, mostly(SADNESS, 0.55))
    assert [r.unsure for r in (sure, unsure, again)] == [False, True, False]
    assert [r.label for r in (sure, unsure, again)] == ["happiness", "happiness", "sadness"]
    assert unsure.confidence == pytest.approx(0.55 / 7, abs=1e-3)


def test_the_first_reading_has_a_label_even_if_unsure() -> None:
    reading = show(Steady(replace(AT_ONCE, unsure_below=0.5)), 0.0, mostly(SADNESS, 0.3))
    assert reading.unsure
    assert reading.label == "sadness"


@pytest.mark.parametrize(
    ("without_face_s", "anew_s"),
    [([], 4.99), ([9.0], 5.01), ([9.0, 0.0], 5.01), ([5.005, 5.0], 5.01)],
)
def test_a_file_played_anew_starts_over(without_face_s: list[float], anew_s: float) -> None:
    steady = Steady(SteadySettings())
    show(steady, 5.0, mostly(HAPPINESS))
    for time_s in without_face_s:
        show(steady, time_s, None)
    anew = show(steady, anew_s, mostly(SADNESS))
    assert anew.label == "sadness"
    assert anew.steady == pytest.approx(mostly(SADNESS), abs=1e-6)


def test_reset_forgets_everything() -> None:
    steady = Steady(SteadySettings())
    show(steady, 0.0, mostly(HAPPINESS))
    steady.reset()
    anew = show(steady, 0.01, mostly(SADNESS))
    assert anew.label == "sadness"
    assert anew.steady == pytest.approx(mostly(SADNESS), abs=1e-6)


@pytest.mark.parametrize("value", [-0.001, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["smoothing_s", "quickness", "hold_s", "lead", "unsure_below"])
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        SteadySettings(**{name: value})


def test_a_threshold_above_one_is_refused() -> None:
    assert SteadySettings(unsure_below=1.0).unsure_below == 1
    with pytest.raises(ValueError, match="unsure_below"):
        SteadySettings(unsure_below=1.01)


def test_there_are_as_many_probabilities_as_expressions() -> None:
    assert len(show(Steady(AT_ONCE), 0.0, None).steady) == len(EXPRESSIONS)


def test_after_a_long_absence_the_old_label_does_not_hold() -> None:
    steady = Steady(SteadySettings(lead=0.9, hold_s=0, forget_s=2))
    assert show(steady, 0.0, mostly(1)).label_id == 1
    assert show(steady, 1.5, mostly(3, 0.5)).label_id == 1
    assert show(steady, 4.0, mostly(3, 0.5)).label_id == 3


def talk(steady: Steady, seconds: float = 6.0) -> list[str]:
    """Show a mouth that opens and closes twice a second; return the labels."""
    labels = []
    for number in range(round(30 * seconds)):
        opened = number % 16 < 8
        shown = two(EXPRESSIONS.index("surprise"), 0.85 if opened else 0.03, NEUTRAL)
        labels.append(show(steady, number / 30, shown).label)
    return labels


def test_a_talking_mouth_is_not_surprised() -> None:
    calm, jumpy = Steady(SteadySettings()), Steady(SteadySettings(talking_nats=0))
    surprised = [talk(steady)[45:].count("surprise") for steady in (calm, jumpy)]
    assert surprised[1] > 30
    assert surprised[0] < surprised[1] / 3


def test_after_talking_a_smile_is_seen_soon() -> None:
    steady = Steady(SteadySettings())
    talk(steady)
    smile = two(HAPPINESS, 0.95, NEUTRAL)
    labels = [show(steady, 6 + number / 30, smile).label for number in range(45)]
    assert labels.index("happiness") < 30
    assert set(labels[30:]) == {"happiness"}


@given(distributions, st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_sensitivity_is_added_to_the_log_probabilities(
    probabilities: Distribution, gains: list[float]
) -> None:
    plain = show(Steady(AT_ONCE), 0, probabilities)
    raised = show(Steady(replace(AT_ONCE, sensitivity=tuple(gains))), 0, probabilities)
    expected = plain.steady.astype(np.float64) * np.exp(gains)
    assert raised.steady == pytest.approx(expected / expected.sum(), abs=1e-4)


def test_neutral_is_held_while_asked_for_and_then_everything_starts_anew() -> None:
    steady = Steady(SteadySettings())
    assert show(steady, 0.0, mostly(HAPPINESS)).label == "happiness"
    steady.neutral_held = True
    held = show(steady, 0.1, mostly(HAPPINESS))
    assert held.label == "neutral"
    assert held.confidence == 1.0
    assert held.raw is not None
    assert held.raw[HAPPINESS] == pytest.approx(0.9)
    assert show(steady, 0.2, None).label == "none"
    steady.neutral_held = False
    # Nothing is left of the face of before.
    assert show(steady, 0.3, mostly(SADNESS)).label == "sadness"


def test_another_wearers_baseline_starts_anew() -> None:
    steady = Steady(SteadySettings())
    show(steady, 0.0, mostly(HAPPINESS, 0.6))
    offsets = np.zeros(8)
    offsets[HAPPINESS] = 5.0
    steady.use_offsets(offsets)
    assert show(steady, 0.03, two(HAPPINESS, 0.6, NEUTRAL)).label == "neutral"
    steady.use_offsets(None)
    assert show(steady, 0.06, two(HAPPINESS, 0.6, NEUTRAL)).label == "happiness"


@pytest.mark.parametrize("sensitivity", [(0.0,) * 7, (math.nan,) * 8, (math.inf, *(0.0,) * 7)])
def test_sensitivity_is_eight_numbers(sensitivity: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="eight numbers"):
        SteadySettings(sensitivity=sensitivity)
