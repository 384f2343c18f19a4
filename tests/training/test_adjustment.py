import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from training.made_up import face_set

from vrfer.training.adjustment import STRENGTHS, best_strength, offsets, shares_of
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


def said(logits: np.ndarray, lifted: np.ndarray) -> np.ndarray:
    return (logits + lifted).argmax(axis=1)


def test_an_expression_that_is_rare_in_training_is_named_again() -> None:
    logits, faces = hesitant(bias=0.3)
    strength = best_strength(logits, faces, SHARES)
    assert 0 < strength <= max(STRENGTHS)
    assert (said(logits, 0)[800:] == FEAR).mean() == 0.5
    assert (said(logits, offsets(SHARES, strength))[800:] == FEAR).all()


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
    np.testing.assert_allclose(offsets(shares, 1), [np.log(2)] * 2 + [0] * 6)


def test_shares_are_those_of_the_votes() -> None:
    found = shares_of(face_set([0, 0, 0, 1]))
    np.testing.assert_allclose(found, [0.75, 0.25, 0, 0, 0, 0, 0, 0])


@given(
    logits=arrays(np.float32, (120, 8), elements=st.floats(-4, 4, width=32)),
    labels=arrays(np.int64, 120, elements=st.integers(0, 1)),
)
def test_the_balance_never_falls_and_accuracy_hardly(
    logits: np.ndarray, labels: np.ndarray
) -> None:
    faces = face_set(labels.tolist())
    lifted = offsets(SHARES, best_strength(logits, faces, SHARES))
    before, after = (logits, (logits + lifted).astype(np.float32))
    accuracies = [(some.argmax(axis=1) == labels).mean() for some in (before, after)]
    assert accuracies[1] >= accuracies[0] - 0.0011
    balances = [macro_f1_common(some, faces) for some in (before, after)]
    assert balances[1] >= balances[0] - 1e-6 or np.isnan(balances[0])
