import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import f1_score
from training.made_up import face_set

from vrfer.training.adjustment import (
    STRENGTHS,
    TOLERATED,
    best_fear_lift,
    best_lifts,
    best_strength,
    lifts,
    shares_of,
)
from vrfer.training.ferplus import FaceSet
from vrfer.training.measure import macro_f1_common

FEAR = 6
SHARES = np.array([0.5, 0.3, 0.1, 0.05, 0.02, 0.01, 0.015, 0.005])


def hesitant(bias: float) -> tuple[np.ndarray, FaceSet]:
    """800 pictures of neutral and 100 of fear; of every other of fear the network is not sure."""
    labels = [0] * 800 + [FEAR] * 100
    logits = np.full((900, 8), -20, np.float32)
    logits[:, 0] = 0
    logits[:800, FEAR] = -4
    logits[800::2, FEAR] = 4
    logits[801::2, FEAR] = -bias
    return logits, face_set(labels)


def said(logits: np.ndarray, lifted: np.ndarray | float) -> np.ndarray:
    return (logits + lifted).argmax(axis=1)


def test_an_expression_that_is_rare_in_training_is_named_again() -> None:
    logits, faces = hesitant(bias=0.3)
    strength = best_strength(logits, faces, SHARES)
    assert 0 < strength <= max(STRENGTHS)
    assert (said(logits, 0)[800:] == FEAR).mean() == 0.5
    assert (said(logits, lifts(SHARES, strength))[800:] == FEAR).all()


def test_what_costs_accuracy_is_not_done() -> None:
    logits, faces = hesitant(bias=0.3)
    logits[:80, FEAR] = -0.1  # more neutral faces would be called fear than fear is found
    assert best_strength(logits, faces, SHARES) == 0


def test_nothing_is_lifted_where_all_expressions_are_few() -> None:
    logits, faces = hesitant(bias=0.3)
    few = faces.take(np.arange(len(faces)) % 25 == 1)
    assert np.isnan(macro_f1_common(logits[1::25], few))
    assert best_strength(logits[1::25], few, SHARES) == 0


def test_nothing_is_lifted_that_was_never_shown() -> None:
    shares = np.array([0.5, 0.5, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(lifts(shares, 1), [np.log(2)] * 2 + [0] * 6)
    logits, faces = hesitant(bias=0.3)
    assert best_lifts(logits, faces, shares)[FEAR] == 0


def test_fear_alone_is_lifted_just_far_enough() -> None:
    logits, faces = hesitant(bias=0.33)
    lift = best_fear_lift(logits, faces)
    assert 0.33 < lift < 0.4
    even = np.full(8, 1 / 8)  # which lifts no expression above another
    added = best_lifts(logits, faces, even)
    np.testing.assert_allclose(added - added[0], np.eye(8)[FEAR] * lift, atol=1e-9)


def test_fear_is_not_lifted_at_the_others_cost() -> None:
    logits, faces = hesitant(bias=0.33)
    logits[:80, FEAR] = -0.1
    assert best_fear_lift(logits, faces) == 0
    few = faces.take(np.arange(len(faces)) % 25 == 1)
    assert best_fear_lift(hesitant(bias=0.33)[0][1::25], few) == 0


def test_finding_more_fear_does_not_pay_for_more_false_alarms() -> None:
    logits, faces = hesitant(bias=0.5)
    logits[803::4, FEAR] = -0.9
    # Of these pictures of surprise none is lost, for they were read wrongly all along.
    surprised = face_set([2] * 40)
    mistaken = np.tile(logits[:1], (40, 1))
    mistaken[:, FEAR] = -0.7
    more = face_set(faces.labels.tolist() + surprised.labels.tolist())
    lift = best_fear_lift(np.vstack([logits, mistaken]), more)
    assert 0.5 < lift < 0.7


def test_shares_are_those_of_the_votes() -> None:
    found = shares_of(face_set([0, 0, 0, 1]))
    np.testing.assert_allclose(found, [0.75, 0.25, 0, 0, 0, 0, 0, 0])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), hesitation=st.floats(0, 3))
def test_the_balance_never_falls_and_accuracy_hardly(seed: int, hesitation: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 1, FEAR], 400, p=[0.5, 0.3, 0.2])
    logits = rng.normal(size=(400, 8)).astype(np.float32)
    logits[np.arange(400), labels] += 2
    logits[:, FEAR] -= hesitation
    faces = face_set(labels.tolist())
    one_number = lifts(SHARES, best_strength(logits, faces, SHARES))
    further = best_lifts(logits, faces, SHARES)
    steps = [
        softmax(logits + added, axis=1).astype(np.float32) for added in (0, one_number, further)
    ]
    accuracies = [(some.argmax(axis=1) == labels).mean() for some in steps]
    balances = [macro_f1_common(some, faces) for some in steps]
    for before, after in ((0, 1), (1, 2)):
        assert accuracies[after] >= accuracies[before] - TOLERATED - 1e-9
        assert balances[after] >= balances[before]
    assert balances[1] > balances[0] or not one_number.any()
    plainly, lifted = (
        f1_score(labels == FEAR, some.argmax(axis=1) == FEAR, zero_division=0) for some in steps[1:]
    )
    assert lifted > plainly or further[FEAR] == one_number[FEAR]
