from pathlib import Path

import numpy as np
import pytest
from training.made_up_pictures import scene, write_class_folders, write_picture

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.class_folders import list_class_folders
from vrfer.training.picture_list import read_faces


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two happy, one neutral and one angry picture to train on; two of fear, to validate."""
    splits = {
        "train": {
            "happiness": [scene(1), scene(2)],
            "neutral": [scene(3)],
            "anger": [scene(4)],
        },
        "validation": {"fear": [scene(5), scene(6)]},
    }
    return write_class_folders(tmp_path / "own", splits)


def test_folders_give_labels_sorted_by_class_and_name(folder: Path) -> None:
    pictures = list_class_folders(folder, "train")
    names = ["neutral/0.png", "happiness/0.png", "happiness/1.png", "anger/0.png"]
    assert pictures.files == tuple(folder / "train" / name for name in names)
    assert [EXPRESSIONS[label] for label in pictures.labels] == [
        *("neutral", "happiness", "happiness", "anger")
    ]
    assert pictures.labels.dtype == np.int64
    assert pictures.boxes is None
    assert list_class_folders(folder, "validation").labels.tolist() == [6, 6]
    faces, unreadable = read_faces(pictures, 40)
    assert unreadable == []
    expected = [scene(seed) for seed in (3, 1, 2, 4)]
    assert np.array_equal(faces.faces[:, 4:36], expected)  # 40 x 32, made square


def test_all_eight_expressions_have_their_number(tmp_path: Path) -> None:
    classes = {name: [scene(1)] for name in reversed(EXPRESSIONS)}
    write_class_folders(tmp_path, {"test": classes})
    pictures = list_class_folders(tmp_path, "test")
    assert [file.parent.name for file in pictures.files] == list(EXPRESSIONS)
    assert pictures.labels.tolist() == list(range(8))


def test_pictures_are_known_by_their_endings(folder: Path) -> None:
    place = folder / "train" / "disgust"
    for name in ("b.JPG", "a.jpeg", "d.WebP", "c.bmp", "._a.jpeg", "notes.txt", "png"):
        write_picture(place / name, scene(9))
    write_picture(place / "inner" / "e.png", scene(9))
    (place / "folder.png").mkdir()
    pictures = list_class_folders(folder, "train").files
    disgust = [file.name for file in pictures if file.parent == place]
    assert disgust == ["a.jpeg", "b.JPG", "c.bmp", "d.WebP"]
    assert len(pictures) == 8


def test_files_and_hidden_folders_beside_the_classes_are_passed_over(folder: Path) -> None:
    (folder / "train" / "README.md").write_text("mine", encoding="utf-8")
    (folder / "train" / ".thumbnails").mkdir()
    assert len(list_class_folders(folder, "train")) == 4


@pytest.mark.parametrize("name", ["joy", "Happiness2", "0"])
def test_a_folder_that_is_no_expression_is_named_with_the_eight(folder: Path, name: str) -> None:
    (folder / "train" / name).mkdir()
    with pytest.raises(DataError) as caught:
        list_class_folders(folder, "train")
    assert str(folder / "train" / name) in caught.value.message
    for expression in EXPRESSIONS:
        assert expression in caught.value.remedy


def test_a_missing_folder_or_split_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list_class_folders(tmp_path / "nowhere", "test")
    assert str(tmp_path / "nowhere") in caught.value.message
    (folder / "validation").rename(folder / "valid")
    with pytest.raises(DataError) as caught:
        list_class_folders(folder, "validation")
    assert str(folder / "validation") in caught.value.message


@pytest.mark.parametrize("split", ["train", "validation"])
def test_an_empty_split_is_refused(tmp_path: Path, split: str) -> None:
    (tmp_path / split / "neutral").mkdir(parents=True)
    (tmp_path / split / "neutral" / "list.csv").write_text("a", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list_class_folders(tmp_path, split)  # type: ignore[arg-type]
    assert str(tmp_path / split) in caught.value.message


def test_the_test_split_may_be_missing_or_empty(folder: Path) -> None:
    assert len(list_class_folders(folder, "test")) == 0
    (folder / "test").mkdir()
    assert len(list_class_folders(folder, "test")) == 0
    (folder / "test" / "joy").mkdir()
    with pytest.raises(DataError, match="joy"):
        list_class_folders(folder, "test")
