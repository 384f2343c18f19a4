import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from training.made_up import CLASSES, made_up_faces

from vrfer.errors import DataError, RecipeError
from vrfer.training.bag_of_words import (
    BAG_OF_WORDS_FILE,
    BagOfWords,
    fit_bag_of_words,
    load_bag_of_words,
)
from vrfer.training.bag_of_words_recipe import BagOfWordsRecipe
from vrfer.training.ferplus import FaceSet, FerPlus

Fitted = tuple[Path, BagOfWords]


def small_recipe(**changes: Any) -> BagOfWordsRecipe:
    """Vocabularies that are clustered in a moment."""
    fields: dict[str, Any] = {
        "task": "bag-of-words",
        "name": "small",
        "seed": 3,
        "side": 48,
        "patches": [8, 12],
        "words": [40, 20, 10],
        "vocabulary_faces": 40,
        "vocabulary_patches": 1000,
        "neighbours": 30,
    }
    return BagOfWordsRecipe.model_validate({**fields, **changes})


def labelled(faces: NDArray[np.uint8], labels: list[int]) -> FaceSet:
    votes = np.eye(CLASSES, dtype=np.float32)[labels]
    return FaceSet(faces, votes, votes, np.arange(len(labels)))


def spotted(*places: tuple[int, int]) -> NDArray[np.uint8]:
    """A gray face with small bright spots, far enough apart that no patch sees two."""
    face = np.full((96, 96), 90, np.uint8)
    for row, column in places:
        face[row : row + 2, column : column + 3] = 220
    return face


@pytest.fixture(scope="module")
def fitted(data: FerPlus, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """The small recipe, fitted to the made-up FER+."""
    path = fit_bag_of_words(
        small_recipe(), data.split("train", labels="majority"), tmp_path_factory.mktemp("bag")
    )
    return path, load_bag_of_words(path)


def test_made_up_expressions_are_learned(fitted: Fitted, data: FerPlus) -> None:
    test = data.split("test", labels="majority")
    scores = fitted[1].scores(test.faces)
    assert (scores.argmax(axis=1) == test.labels).mean() > 0.9


def test_scores_are_shares(fitted: Fitted, data: FerPlus) -> None:
    scores = fitted[1].scores(data.faces[:5])
    assert scores.shape == (5, CLASSES)
    assert scores.dtype == np.float32
    assert scores.min() > 0
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert fitted[1].scores(data.faces[:0]).shape == (0, CLASSES)


def test_a_face_scores_the_same_among_others_and_alone(fitted: Fitted, data: FerPlus) -> None:
    together = fitted[1].scores(data.faces[:20])
    alone = np.concatenate([fitted[1].scores(data.faces[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_same_seed_gives_the_same_file_and_another_seed_another(
    fitted: Fitted, data: FerPlus, tmp_path: Path
) -> None:
    train = data.split("train", labels="majority")
    again = fit_bag_of_words(small_recipe(), train, tmp_path / "again")
    assert again.read_bytes() == fitted[0].read_bytes()
    other = load_bag_of_words(fit_bag_of_words(small_recipe(seed=4), train, tmp_path / "other"))
    assert not np.array_equal(other.scores(data.faces[:4]), fitted[1].scores(data.faces[:4]))


def test_the_file_says_how_it_was_fitted(fitted: Fitted, data: FerPlus) -> None:
    path, bag = fitted
    assert path.name == BAG_OF_WORDS_FILE
    assert bag.recipe == small_recipe()
    np.testing.assert_array_equal(bag.labels, data.split("train", labels="majority").labels)
    assert [len(words) for words in bag.vocabularies] == [40, *[20] * 4, *[10] * 9]
    assert sorted(file.name for file in path.parent.iterdir()) == [BAG_OF_WORDS_FILE]


def test_training_faces_are_fully_alike_to_themselves(fitted: Fitted, data: FerPlus) -> None:
    """What is described anew is what was packed into the file, and no more alike than equal."""
    train = data.split("train", labels="majority")
    kernel = fitted[1].kernel(train.faces)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-6)
    np.testing.assert_allclose(kernel.diagonal(), 1, atol=1e-6)
    assert kernel[~np.eye(len(kernel), dtype=bool)].max() < 0.999


def test_a_word_that_is_there_twice_is_there(tmp_path: Path) -> None:
    once, twice, never = spotted((24, 24)), spotted((24, 24), (72, 72)), spotted()
    noise = np.random.default_rng(1).integers(0, 255, once.shape, dtype=np.uint8)
    train = labelled(np.stack([once, twice, never, noise]), [0, 1, 2, 3])
    recipe = small_recipe(side=96, words=[30, 1, 1])
    kernel = load_bag_of_words(fit_bag_of_words(recipe, train, tmp_path)).kernel(train.faces)
    assert kernel[0, 1] == pytest.approx(1)
    assert kernel[0, 2] < 0.99  # the spot has words of its own


def test_regions_have_vocabularies_of_their_own(tmp_path: Path) -> None:
    """The kernel sums the regions: where a spot is counts from the second level on."""
    places = [spotted((24, 24)), spotted((72, 72))]
    whole, parts = (
        load_bag_of_words(
            fit_bag_of_words(
                small_recipe(side=96, words=words),
                labelled(np.stack(places), [0, 1]),
                tmp_path / str(words[1]),
            )
        ).kernel(np.stack(places))[0, 1]
        for words in ([30, 1, 1], [30, 4, 1])
    )
    assert whole == pytest.approx(1)
    assert parts < 0.95


def test_neighbours_of_one_expression_decide(tmp_path: Path) -> None:
    only = 3
    faces = made_up_faces(np.arange(12) % 3, seed=2)
    train = labelled(faces, [only] * 12)
    bag = load_bag_of_words(fit_bag_of_words(small_recipe(), train, tmp_path))
    scores = bag.scores(faces[:2])
    assert (scores.argmax(axis=1) == only).all()
    assert len(np.unique(np.delete(scores, only, axis=1))) == 1


def test_expressions_that_no_neighbour_has_come_last(tmp_path: Path) -> None:
    labels = [0, 1, 2] * 8
    faces = made_up_faces(np.array(labels), seed=2)
    bag = load_bag_of_words(
        fit_bag_of_words(small_recipe(neighbours=24), labelled(faces, labels), tmp_path)
    )
    scores = bag.scores(made_up_faces(np.array([0, 1, 2]), seed=9))
    assert scores[:, 3:].max() < scores[:, :3].min()
    assert scores.argmax(axis=1).tolist() == [0, 1, 2]


def test_only_the_neighbours_are_learned_from(data: FerPlus, tmp_path: Path) -> None:
    """As many neighbours as an expression has faces: far faces' labels do not matter."""
    train = data.split("train", labels="majority")
    own = load_bag_of_words(fit_bag_of_words(small_recipe(neighbours=4), train, tmp_path / "own"))
    face = data.split("test", labels="majority").faces[2:3]
    near = np.argsort(-own.kernel(face)[0])[:4]
    labels = np.zeros(len(train), np.int64)
    labels[near] = train.labels[near]
    elsewhere = labelled(train.faces, labels.tolist())
    other = load_bag_of_words(
        fit_bag_of_words(small_recipe(neighbours=4), elsewhere, tmp_path / "other")
    )
    np.testing.assert_array_equal(own.scores(face), other.scores(face))


def test_faces_of_another_size_are_brought_to_the_recipes(fitted: Fitted, data: FerPlus) -> None:
    test = data.split("test", labels="majority")
    large = test.faces.repeat(2, axis=1).repeat(2, axis=2)
    assert (fitted[1].scores(large).argmax(axis=1) == test.labels).mean() > 0.9


def test_progress_ends_at_the_total(data: FerPlus, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    asked: list[tuple[int, int]] = []
    train = data.split("train", labels="majority")
    path = fit_bag_of_words(
        small_recipe(), train, tmp_path, lambda done, total: told.append((done, total))
    )
    load_bag_of_words(path).scores(data.faces[:3], lambda done, total: asked.append((done, total)))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1][0] == told[-1][1]
    assert len({total for _, total in told}) == 1
    assert asked == [(1, 3), (2, 3), (3, 3)]


def test_too_few_patches_for_a_vocabulary_are_one_clear_error(
    data: FerPlus, tmp_path: Path
) -> None:
    recipe = small_recipe(words=[2000, 20, 10])
    with pytest.raises(RecipeError, match="2000 words has 1000 patches"):
        fit_bag_of_words(recipe, data.split("train", labels="majority"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_one_clear_error(data: FerPlus, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="could not be written"):
        fit_bag_of_words(
            small_recipe(), data.split("train", labels="majority"), tmp_path / "file" / "below"
        )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / BAG_OF_WORDS_FILE, tmp_path):
        with pytest.raises(RecipeError, match="there is no bag of words") as caught:
            load_bag_of_words(path)
        assert str(path) in caught.value.message


def damaged(path: Path, whole: bytes) -> None:
    path.write_bytes(whole[: len(whole) // 2])


def bent(path: Path, whole: bytes) -> None:
    content = bytearray(whole)
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def no_archive(path: Path, whole: bytes) -> None:
    path.write_bytes(b"just text\n")


def empty(path: Path, whole: bytes) -> None:
    path.write_bytes(b"")


def single_array(path: Path, whole: bytes) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(5))


def other_archive(path: Path, whole: bytes) -> None:
    np.savez(path, something=np.arange(5))


@pytest.mark.parametrize("spoil", [damaged, bent, no_archive, empty, single_array, other_archive])
def test_damaged_and_foreign_files_are_one_clear_error(
    fitted: Fitted, tmp_path: Path, spoil: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / BAG_OF_WORDS_FILE
    spoil(path, fitted[0].read_bytes())
    refused(path)


def refused(path: Path) -> None:
    with pytest.raises(RecipeError, match="no bag of words of vrfer") as caught:
        load_bag_of_words(path)
    assert str(path) in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"words": np.zeros((3, 128), np.float32)},
        {"words": np.full((210, 128), np.nan, np.float32)},
        {"presence": np.zeros((64, 27), np.float32)},
        {"presence": np.zeros((63, 27), np.uint8)},
        {"labels": np.full(64, 8)},
        {"labels": np.full(64, -1)},
        {"labels": np.zeros(64, np.float64)},
        {"labels": np.zeros(0, np.int64), "presence": np.zeros((0, 27), np.uint8)},
        {"recipe": np.array("{}")},
        {"recipe": np.array("no JSON")},
        {"recipe": np.array([None, {}], dtype=object)},
    ],
)
def test_content_that_does_not_fit_is_one_clear_error(
    fitted: Fitted, tmp_path: Path, change: dict[str, NDArray[Any]]
) -> None:
    with np.load(fitted[0]) as content:
        unchanged = {name: content[name] for name in content.files}
    path = tmp_path / BAG_OF_WORDS_FILE
    np.savez(path, **unchanged)
    load_bag_of_words(path)
    np.savez(path, **{**unchanged, **change})
    refused(path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"patches": [8, 64]}, "larger than the face"),
        ({"patches": [32]}, "has no patch"),
        ({"step": 16}, "has no patch"),
        ({"patches": []}, "at least 1"),
        ({"words": [40, 20]}, "Field required"),
        ({"surplus": 1}, "Extra inputs"),
        ({"task": "locate"}, "bag-of-words"),
        ({"data": {"photographs": True}}, "no votes"),
    ],
)
def test_settings_that_cannot_work_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        small_recipe(**change)


def test_a_shortened_recipe_is_the_same_but_for_its_sizes(data: FerPlus, tmp_path: Path) -> None:
    recipe = BagOfWordsRecipe.model_validate_json(
        json.dumps({"task": "bag-of-words", "name": "usual"})
    ).shortened()
    assert recipe.name == "usual"
    path = fit_bag_of_words(recipe, data.split("train", labels="majority"), tmp_path)
    assert load_bag_of_words(path).scores(data.faces[:2]).shape == (2, CLASSES)
