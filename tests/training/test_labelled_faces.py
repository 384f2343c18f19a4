import inspect
from pathlib import Path

import numpy as np
import pytest
from training.made_up_pictures import (
    scene,
    write_affectnet_lists,
    write_affectnet_sets,
    write_class_folders,
    write_picture,
)

from vrfer.errors import DataError
from vrfer.training.ferplus import FaceSet, FerPlus
from vrfer.training.labelled_faces import LabelledFaces, load_affectnet, load_class_folders


def holds(faces: FaceSet, seeds: list[int]) -> bool:
    """Whether these are the faces of these scenes, in this order."""
    expected = [scene(seed, 16, 16) for seed in seeds]
    return len(faces) == len(seeds) and all(map(np.array_equal, faces.faces, expected))


def own_pictures(folder: Path, **splits: list[int]) -> Path:
    """Scenes of the splits: the first of each is neutral, the others are happy."""
    classes = {
        split: {
            "neutral": [scene(seed, 16, 16) for seed in seeds[:1]],
            "happiness": [scene(seed, 16, 16) for seed in seeds[1:]],
        }
        for split, seeds in splits.items()
    }
    return write_class_folders(folder, classes)


@pytest.fixture
def leaking(tmp_path: Path) -> LabelledFaces:
    """Scene 2 stands in all splits, 3 in training and validation, 4 in training and test."""
    folder = own_pictures(
        tmp_path / "own", train=[1, 2, 3, 4, 1], validation=[5, 3, 2], test=[6, 4, 2, 5, 6]
    )
    return load_class_folders(folder, face_px=16)


# ---- what trainings and evaluations ask


@pytest.mark.parametrize("name", ["split", "leak_free", "deduplicated_test"])
def test_it_is_asked_like_ferplus(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(kind, name)) for kind in (LabelledFaces, FerPlus))
    assert ours == theirs


def test_splits_are_whole_whatever_votes_and_labels(leaking: LabelledFaces) -> None:
    assert holds(leaking.split("train", labels="majority"), [1, 2, 3, 4, 1])
    assert holds(leaking.split("validation", votes="fer2013new", labels="soft"), [5, 3, 2])
    assert holds(leaking.split("test", labels="soft"), [6, 4, 2, 5, 6])
    assert leaking.split("test", labels="majority").labels.tolist() == [0, 1, 1, 1, 1]


def test_face_numbers_are_comparable_across_splits(leaking: LabelledFaces) -> None:
    ids = np.concatenate([s.face_ids for s in (leaking.train, leaking.validation, leaking.test)])
    scenes = np.array([1, 2, 3, 4, 1, 5, 3, 2, 6, 4, 2, 5, 6])
    assert np.array_equal(np.equal.outer(ids, ids), np.equal.outer(scenes, scenes))


def test_leaks_are_dropped_from_the_training_list(leaking: LabelledFaces) -> None:
    clean = leaking.leak_free(leaking.split("train", labels="majority"))
    assert holds(clean, [1, 1])
    assert clean.labels.tolist() == [0, 1]


def test_the_deduplicated_test_is_alone(leaking: LabelledFaces) -> None:
    assert holds(leaking.deduplicated_test(leaking.test), [6, 6])


# ---- people's own pictures


def test_without_a_test_folder_the_test_split_is_empty(tmp_path: Path) -> None:
    own = load_class_folders(own_pictures(tmp_path, train=[1, 2], validation=[2, 3]), face_px=16)
    assert own.test.faces.shape == (0, 16, 16)
    assert own.unreadable == ()
    assert holds(own.leak_free(own.train), [1])
    assert len(own.deduplicated_test(own.test)) == 0


def test_unreadable_pictures_of_all_splits_are_named(tmp_path: Path) -> None:
    folder = own_pictures(tmp_path, train=[1, 2], validation=[3, 4], test=[5, 6])
    bad = [folder / split / "happiness" / "0.png" for split in ("train", "validation", "test")]
    for file in bad:
        file.write_bytes(b"no picture")
    own = load_class_folders(folder, face_px=16)
    assert [line.split(": ")[0] for line in own.unreadable] == list(map(str, bad))
    assert [len(own.train), len(own.validation), len(own.test)] == [1, 1, 1]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_split_of_which_nothing_can_be_read_is_refused(tmp_path: Path, split: str) -> None:
    folder = own_pictures(tmp_path, train=[1, 2], validation=[3, 4], test=[5, 6])
    for file in (folder / split).rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(DataError, match="none of 2 pictures") as caught:
        load_class_folders(folder, face_px=16)
    assert str(folder / split / "neutral" / "0.png") in caught.value.message


def test_progress_runs_over_all_splits(tmp_path: Path) -> None:
    folder = own_pictures(tmp_path / "own", train=[1, 2], validation=[3], test=[4])
    told: list[tuple[int, int]] = []
    cache = tmp_path / "cache"
    for _ in range(2):
        load_class_folders(
            folder, face_px=16, cache=cache, on_picture=lambda *step: told.append(step)
        )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4), (2, 4), (3, 4), (4, 4)]
    assert len(list(cache.iterdir())) == 3


# ---- AffectNet


def test_affectnets_validation_pictures_are_its_test(tmp_path: Path) -> None:
    splits = {"train_set": [0, 6, 8, 3], "val_set": [7, 1]}
    affectnet = load_affectnet(write_affectnet_sets(tmp_path, splits), face_px=32)
    assert affectnet.train.faces.shape == (3, 32, 32)
    assert affectnet.train.labels.tolist() == [0, 4, 2]
    assert affectnet.validation.labels.tolist() == [7, 1]
    assert affectnet.test is affectnet.validation
    assert np.array_equal(affectnet.test.faces[1], scene(501, 32, 32))


def test_affectnets_leaks_count_between_its_two_splits(tmp_path: Path) -> None:
    folder = write_affectnet_sets(tmp_path, {"train_set": [0, 6, 3], "val_set": [7, 1, 1]})
    write_picture(folder / "val_set" / "images" / "1.jpg", scene(1, 32, 32))
    affectnet = load_affectnet(folder, face_px=32)
    assert affectnet.leak_free(affectnet.train).labels.tolist() == [0, 2]
    alone = affectnet.deduplicated_test(affectnet.test)
    assert np.array_equal(alone.faces, [scene(500, 32, 32), scene(502, 32, 32)])


def test_affectnet_is_capped_before_it_is_read_and_boxes_are_applied(tmp_path: Path) -> None:
    splits = {"training": [0] * 9 + [1] * 2, "validation": [0] * 6}
    folder = write_affectnet_lists(tmp_path, splits)
    told: list[tuple[int, int]] = []

    def draw(seed: int) -> LabelledFaces:
        told.clear()
        return load_affectnet(
            folder, face_px=24, per_class=3, seed=seed, on_picture=lambda *step: told.append(step)
        )

    few = draw(4)
    assert few.train.labels.tolist() == [0, 0, 0, 1, 1]
    assert len(few.validation) == 6  # never capped
    assert told[-1] == (11, 11)
    assert np.array_equal(few.train.faces[3], scene(9)[4:28, 4:28])
    assert np.array_equal(draw(4).train.faces, few.train.faces)
    assert not np.array_equal(draw(5).train.faces, few.train.faces)
    everything = load_affectnet(folder, face_px=24)
    assert len(everything.train) == 11


def test_affectnet_is_cached_by_split(tmp_path: Path) -> None:
    folder = write_affectnet_lists(tmp_path / "a", {"training": [0, 1], "validation": [2]})
    cache = tmp_path / "cache"
    first = load_affectnet(folder, face_px=24, cache=cache)
    assert len(list(cache.iterdir())) == 2
    again = load_affectnet(folder, face_px=24, cache=cache)
    assert np.array_equal(again.train.faces, first.train.faces)
    assert again.validation.labels.tolist() == [3]


def test_a_missing_affectnet_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_affectnet(tmp_path / "nowhere", face_px=24)
    assert str(tmp_path / "nowhere") in caught.value.message
