import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.made_up import CLASSES, face_set

from vrfer.expressions import EXPRESSIONS
from vrfer.training.measure import best_temperature, measure, unsure_threshold, wilson_interval


def sure(classes: list[int], confidence: float = 1.0) -> np.ndarray:
    """Predictions of these classes, the rest shared evenly."""
    rest = (1 - confidence) / (CLASSES - 1)
    found = np.full((len(classes), CLASSES), rest, np.float32)
    found[np.arange(len(classes)), classes] = confidence
    return found


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (50, 100, 0.4038, 0.5962),
        (81, 100, 0.7222, 0.8749),
        (2581, 3137, 0.8090, 0.8357),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilsons_interval(right: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share(counts: tuple[int, int]) -> None:
    low, high = wilson_interval(*counts)
    assert 0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1


def test_the_counts_are_the_confusion() -> None:
    labels, predicted = [0, 0, 0, 0, 1, 1, 2, 7], [0, 0, 0, 1, 1, 0, 2, 6]
    found = measure(sure(predicted, 0.9), face_set(labels), "test")
    assert found.split == "test"
    assert found.pictures == 8
    assert found.accuracy == 5 / 8
    assert (found.accuracy_low, found.accuracy_high) == wilson_interval(5, 8)
    assert found.recall == {"neutral": 3 / 4, "happiness": 1 / 2, "surprise": 1, "contempt": 0}
    assert list(found.class_pictures) == list(EXPRESSIONS)
    assert list(found.class_pictures.values()) == [4, 2, 1, 0, 0, 0, 0, 1]
    confusion = np.zeros((8, 8), int)
    np.add.at(confusion, (labels, predicted), 1)
    assert np.array_equal(found.confusion, confusion)
    # F1: neutral 3/4, happiness 1/2, surprise 1, fear and contempt 0; the others never occur.
    assert found.macro_f1 == pytest.approx((0.75 + 0.5 + 1 + 0 + 0) / 5)


def test_ece_is_zero_for_a_calibrated_network() -> None:
    labels = [0] * 80 + [1] * 20
    found = measure(sure([0] * 100, 0.8), face_set(labels), "test")
    assert found.accuracy == 0.8
    assert found.ece == pytest.approx(0, abs=1e-5)


def test_ece_is_the_overconfidence() -> None:
    labels = [0] * 60 + [1] * 40
    assert measure(sure([0] * 100, 0.9), face_set(labels), "test").ece == pytest.approx(
        0.3, abs=1e-5
    )
    # Two bins, one over- and one underconfident: the gaps add up, they do not cancel.
    probabilities = np.concatenate([sure([0] * 50, 0.9), sure([0] * 50, 0.5)])
    labels = [0] * 35 + [1] * 15 + [0] * 45 + [1] * 5
    found = measure(probabilities, face_set(labels), "test")
    assert found.ece == pytest.approx((0.2 + 0.4) / 2, abs=1e-5)


def test_kl_is_zero_where_the_prediction_is_the_crowd() -> None:
    crowd = np.random.default_rng(0).dirichlet(np.ones(8), 20).astype(np.float32)
    crowd[0] = np.eye(8)[3]
    faces = face_set([0] * 20, crowd)
    assert measure(crowd, faces, "test").kl_nats == pytest.approx(0, abs=1e-6)
    uniform = measure(np.full((20, 8), 1 / 8, np.float32), faces, "test").kl_nats
    entropy = -(crowd * np.log(np.where(crowd > 0, crowd, 1))).sum(axis=1).mean()
    assert uniform == pytest.approx(np.log(8) - entropy, rel=1e-5)


def test_kl_stays_finite_where_the_network_rules_out_what_people_see() -> None:
    found = measure(sure([1]), face_set([0]), "test")
    assert found.kl_nats == pytest.approx(-np.log(1e-7))


def graded(count: int, right: list[bool]) -> tuple[np.ndarray, list[int]]:
    """Predictions of rising confidence from 0.2 to 0.9, and labels that make them right or not."""
    assert len(right) == count
    confidence = np.linspace(0.2, 0.9, count)
    probabilities = np.concatenate([sure([0], c) for c in confidence])
    return probabilities, [0 if yes else 1 for yes in right]


def test_a_network_that_is_always_right_is_never_unsure() -> None:
    probabilities, labels = graded(200, [True] * 200)
    assert unsure_threshold(probabilities, face_set(labels)) == 0


def test_a_network_that_is_always_wrong_is_unsure_to_the_end() -> None:
    probabilities, labels = graded(200, [False] * 200)
    assert unsure_threshold(probabilities, face_set(labels)) == pytest.approx(0.9)


def test_the_threshold_lies_where_right_answers_begin() -> None:
    probabilities, labels = graded(200, [False] * 50 + [True] * 150)
    expected = np.linspace(0.2, 0.9, 200)[49]
    assert unsure_threshold(probabilities, face_set(labels)) == pytest.approx(expected)
    shuffled = np.random.default_rng(1).permutation(200)
    again = unsure_threshold(probabilities[shuffled], face_set(np.array(labels)[shuffled].tolist()))
    assert again == pytest.approx(expected)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_below_the_threshold_wrong_answers_prevail_and_above_it_right_ones(
    right: list[bool],
) -> None:
    probabilities, labels = graded(len(right), right)
    threshold = unsure_threshold(probabilities, face_set(labels))
    assert 0 <= threshold <= 1
    below = probabilities.max(axis=1) <= threshold
    yes = np.array(right)
    if below.any():
        assert (~yes[below]).sum() > yes[below].sum()
    assert yes[~below].sum() >= (~yes[~below]).sum() or not (~below).any()


@pytest.mark.parametrize("true", [0.25, 1.0, 3.0])
def test_the_temperature_is_recovered(true: float) -> None:
    generator = np.random.default_rng(2)
    scores = generator.normal(0, 2, (20_000, CLASSES))
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    drawn = (probabilities.cumsum(axis=1) < generator.random((20_000, 1))).sum(axis=1)
    labels = np.minimum(drawn, CLASSES - 1).tolist()
    found = best_temperature((scores * true).astype(np.float32), face_set(labels))
    assert found == pytest.approx(true, rel=0.05)


def test_rare_expressions_do_not_count_as_common() -> None:
    labels = [0] * 60 + [1] * 51 + [5] * 50
    predicted = [0] * 60 + [1] * 51 + [0] * 50
    found = measure(sure(predicted), face_set(labels), "test")
    assert found.macro_f1_common == pytest.approx((120 / 170 + 1) / 2)
    assert found.macro_f1 < found.macro_f1_common


def test_the_most_confident_are_counted_first() -> None:
    labels, predicted = [0] * 10, [0] * 5 + [1] * 5
    guesses = np.concatenate([sure(predicted[:5], 0.9), sure(predicted[5:], 0.5)])
    found = measure(guesses, face_set(labels), "test")
    assert found.coverage["50%"] == 1
    assert found.coverage["100%"] == found.accuracy == 0.5
    assert found.coverage["80%"] == 5 / 8
