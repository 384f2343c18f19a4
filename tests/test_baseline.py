import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_network import tiny_contract

from vrfer.baseline import LEAST_S, Baseline, RestingFace, log_ratios
from vrfer.contract import Contract
from vrfer.errors import ModelContractError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Frame, LowerFace, Scores
from vrfer.steady import Steady, SteadySettings

USUAL = np.array([0.72, 0.06, 0.04, 0.09, 0.05, 0.01, 0.02, 0.01])
"""What this network says of resting faces."""
CONTRACT = Contract.model_validate(tiny_contract(resting=log_ratios(USUAL).tolist()))
AT_ONCE = SteadySettings(smoothing_s=0)

shares = st.lists(st.floats(0.01, 1), min_size=8, max_size=8).map(
    lambda values: np.array(values) / sum(values)
)


def scores(probabilities: np.ndarray) -> Scores:
    return Scores(probabilities.astype(np.float32), 0.0)


def baseline_of(probabilities: np.ndarray, seconds: float = 5.0) -> Baseline | None:
    resting = RestingFace(CONTRACT)
    for at_s in np.arange(0, seconds + 1e-9, 0.1):
        resting.add(scores(probabilities), float(at_s))
    return resting.baseline()


def read(baseline: Baseline | None, probabilities: np.ndarray) -> np.ndarray:
    offsets = None if baseline is None else baseline.of(CONTRACT)
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0, 0, 0.0)
    face = LowerFace((1.0, 1.0), (1.0, 2.0), 3.0, 1.0)
    return Steady(AT_ONCE, offsets).update(frame, face, scores(probabilities)).steady


def mixed(**stronger: float) -> np.ndarray:
    """The usual resting face with some expressions stronger."""
    values = USUAL.copy()
    for name, value in stronger.items():
        values[EXPRESSIONS.index(name)] = value
    return values / values.sum()


def test_a_face_that_looks_sad_at_rest_becomes_neutral() -> None:
    sad = mixed(sadness=1.5)
    baseline = baseline_of(sad)
    assert EXPRESSIONS[int(read(None, sad).argmax())] == "sadness"
    assert EXPRESSIONS[int(read(baseline, sad).argmax())] == "neutral"


def test_a_bystander_who_was_seen_first_has_no_part_in_it() -> None:
    resting = RestingFace(CONTRACT)
    for number in range(80):
        resting.add(scores(mixed(sadness=40.0)), number / 10, person=0)
    assert resting.seconds == pytest.approx(7.9)
    for number in range(80, 131):
        resting.add(scores(mixed(happiness=3.0)), number / 10, person=1)
    assert resting.seconds == pytest.approx(5.0)
    assert resting.baseline() == baseline_of(mixed(happiness=3.0))


def test_its_smile_stays_a_smile_and_its_deeper_sadness_sadness() -> None:
    baseline = baseline_of(mixed(sadness=1.5))
    smile = read(baseline, mixed(sadness=0.5, happiness=8.0))
    assert EXPRESSIONS[int(smile.argmax())] == "happiness"
    sadder = read(baseline, mixed(sadness=40.0))
    assert EXPRESSIONS[int(sadder.argmax())] == "sadness"


def test_a_face_like_others_needs_nothing() -> None:
    baseline = baseline_of(USUAL)
    assert baseline is not None
    assert np.abs(baseline.offsets).max() < 1e-5


@pytest.mark.parametrize(
    "rest",
    [
        mixed(neutral=30.0),
        np.array([0.93, 0.064, 0.001, 0.001, 0.001, 0.001, 0.001, 0.001]),
        np.array([0.98, 0.002, 0.002, 0.012, 0.001, 0.001, 0.001, 0.001]),
    ],
)
def test_a_clearly_neutral_face_changes_nothing(rest: np.ndarray) -> None:
    """Also where some of the expressions that it does not show are weaker than usual."""
    baseline = baseline_of(rest)
    smile = np.array([0.3, 0.6, 0.02, 0.02, 0.02, 0.01, 0.02, 0.01])
    assert read(baseline, smile) == pytest.approx(read(None, smile), abs=0.01)


@settings(deadline=None)
@given(shares, shares)
def test_neutral_never_loses(rest: np.ndarray, later: np.ndarray) -> None:
    baseline = baseline_of(rest)
    assert baseline is not None
    offsets = np.array(baseline.offsets)
    assert offsets[0] == 0
    assert (offsets >= 0).all()
    assert read(baseline, later)[0] >= read(None, later)[0] - 1e-5


@settings(deadline=None)
@given(shares)
def test_the_longer_it_was_seen_the_more_is_believed(rest: np.ndarray) -> None:
    short, long = baseline_of(rest, 2.0), baseline_of(rest, 20.0)
    assert short is not None
    assert long is not None
    assert np.abs(short.offsets).sum() <= np.abs(long.offsets).sum() + 1e-9


def test_too_short_a_look_is_none() -> None:
    assert baseline_of(USUAL, LEAST_S - 0.15) is None
    assert baseline_of(USUAL, LEAST_S + 0.01) is not None


def test_gaps_do_not_count() -> None:
    resting = RestingFace(CONTRACT)
    for at_s in (0.0, 0.1, 60.0, 60.1, 0.5):
        resting.add(scores(USUAL), at_s)
    assert resting.seconds == pytest.approx(0.2)


def test_a_swallowed_word_does_not_count() -> None:
    resting = RestingFace(CONTRACT)
    for i in range(50):
        resting.add(scores(mixed(surprise=9.0) if 20 <= i < 35 else USUAL), i / 10)
    baseline = resting.baseline()
    assert baseline is not None
    assert np.abs(baseline.offsets).max() < 1e-5


def test_another_network_is_refused() -> None:
    baseline = baseline_of(USUAL)
    assert baseline is not None
    other = CONTRACT.model_copy(update={"name": "other"})
    with pytest.raises(ModelContractError, match="made with the network tiny, not with this other"):
        baseline.of(other)


def test_the_same_name_after_another_training_is_refused_too() -> None:
    baseline = baseline_of(USUAL)
    assert baseline is not None
    resting = (*CONTRACT.resting[:7], CONTRACT.resting[7] + 0.1) if CONTRACT.resting else None
    again = CONTRACT.model_copy(update={"resting": resting})
    with pytest.raises(ModelContractError, match="another network tiny"):
        baseline.of(again)


def test_a_network_of_before_has_no_baselines() -> None:
    with pytest.raises(ModelContractError, match="does not say how it reads resting faces"):
        RestingFace(Contract.model_validate(tiny_contract()))


def test_log_ratios_are_centred_and_finite() -> None:
    found = log_ratios(np.array([[1, 0, 0, 0, 0, 0, 0, 0], [0.125] * 8]))
    assert found.sum(axis=1) == pytest.approx(0)
    assert np.isfinite(found).all()
    assert found[0, 0] - found[0, 1] == pytest.approx(math.log(1e4))
