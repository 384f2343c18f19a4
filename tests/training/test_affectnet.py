import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from training.made_up_pictures import (
    BOX,
    LIST_HEADER,
    scene,
    write_affectnet_lists,
    write_affectnet_sets,
)

from vrfer.errors import DataError
from vrfer.expressions import EXPRESSIONS
from vrfer.training.affectnet import list_affectnet
from vrfer.training.picture_list import read_faces

ALL_CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 6, 0]
IN_OUR_ORDER = [
    *("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
    *("anger", "neutral"),
]


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    splits = {"training": ALL_CLASSES, "validation": [7, 4]}
    return write_affectnet_lists(tmp_path / "AffectNet", splits)


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    splits = {"train_set": ALL_CLASSES, "val_set": [7, 4]}
    return write_affectnet_sets(tmp_path / "AffectNet", splits)


def table(folder: Path, name: str = "training") -> Path:
    return folder / "Manually_Annotated_file_lists" / f"{name}.csv"


def rewrite(file: Path, change: Callable[[str], str]) -> None:
    before = file.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    file.write_text(after, encoding="utf-8")


def named(labels: np.ndarray) -> list[str]:
    return [EXPRESSIONS[label] for label in labels]


# ---- tables


def test_tables_give_labels_in_our_order_and_boxes(lists: Path) -> None:
    pictures = list_affectnet(lists, "train")
    assert named(pictures.labels) == IN_OUR_ORDER
    assert pictures.labels.dtype == np.int64
    assert pictures.boxes is not None
    assert pictures.boxes.dtype == np.int64
    assert pictures.boxes.tolist() == [list(BOX)] * 10
    images = lists / "Manually_Annotated_Images"
    assert pictures.files[0] == images / "0" / "training0.jpg"
    assert pictures.files[8] == images / "2" / "training11.jpg"
    assert all(file.is_file() for file in pictures.files)


def test_each_split_has_its_table(lists: Path) -> None:
    assert named(list_affectnet(lists, "validation").labels) == ["contempt", "fear"]


def test_faces_are_cut_by_their_boxes(lists: Path) -> None:
    faces, unreadable = read_faces(list_affectnet(lists, "train"), 24)
    assert unreadable == []
    # 20 x 24 at (6, 4) grows to 24 x 24 at (4, 4).
    numbers = [*range(8), 11, 12]
    for face, number in zip(faces.faces, numbers, strict=True):
        assert np.array_equal(face, scene(number)[4:28, 4:28])


def test_columns_are_found_by_name_and_others_passed_over(lists: Path) -> None:
    lines = ["\ufeffexpression,face_height,more,face_width,face_y,face_x,subDirectory_filePath"]
    lines += ["6,4,x,3,2,1,0/a.jpg", "", "8,NULL,,,,,none.jpg", '3,-8,"x,y",7,-6,5,"b,c.jpg"']
    table(lists).write_text("\n".join(lines), encoding="utf-8")
    pictures = list_affectnet(lists, "train")
    assert [file.name for file in pictures.files] == ["a.jpg", "b,c.jpg"]
    assert named(pictures.labels) == ["anger", "surprise"]
    assert pictures.boxes is not None
    assert pictures.boxes.tolist() == [[1, 2, 3, 4], [5, -6, 7, -8]]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("face_width,", "face_w,", "line 1 of {table} lacks face_width"),
        (LIST_HEADER, "", "line 1 of {table} lacks subDirectory_filePath, face_x"),
        ("0/training3.jpg,6,", "0/training3.jpg,six,", "line 5 of {table} has the face_x 'six'"),
        ("0/training3.jpg,6,", "0/training3.jpg,,", "line 5 of {table} has the face_x ''"),
        ("0/training3.jpg,6,", "0/training3.jpg,2.5,", "line 5 of {table} has the face_x '2.5'"),
        ("0/training3.jpg,6,", f"0/training3.jpg,{10**20},", "line 5 of {table} has the face_x"),
        ("0/training3.jpg,6,", f"0/training3.jpg,{'9' * 5000},", "line 5 of {table} has the fa"),
        ("0/training3.jpg", "", "line 5 of {table} names no picture"),
        ("0/training3.jpg,", "", "line 5 of {table} has 8 fields, not 9"),
        ("4.5,3,", "4.5,11,", "line 5 of {table} has the expression 11"),
        ("4.5,3,", "4.5,-1,", "line 5 of {table} has the expression -1"),
        ("4.5,3,", "4.5,joy,", "line 5 of {table} has the expression 'joy'"),
    ],
)
def test_a_damaged_table_is_named_with_the_line(
    lists: Path, old: str, new: str, words: str
) -> None:
    rewrite(table(lists), lambda text: text.replace(old, new))
    with pytest.raises(DataError) as caught:
        list_affectnet(lists, "train")
    assert words.format(table=table(lists)) in caught.value.message
    assert "Manually_Annotated_Images" in caught.value.remedy
    assert len(caught.value.message) < 400
    assert len(list_affectnet(lists, "validation")) == 2  # the other table is whole


@pytest.mark.parametrize("damage", ["no text", "huge", "empty", "no expression"])
def test_a_table_that_is_none_is_named(lists: Path, damage: str) -> None:
    row = "0/a.jpg,1,1,9,9,,9,0,0"
    table(lists).write_bytes(
        {
            "no text": LIST_HEADER.encode() + b"\n\xff\xfe\xff",
            "huge": f"{LIST_HEADER}\n{'9' * 200_000}\n".encode(),
            "empty": b"",
            "no expression": f"{LIST_HEADER}\n{row}\n".encode(),
        }[damage]
    )
    with pytest.raises(DataError) as caught:
        list_affectnet(lists, "train")
    assert str(table(lists)) in caught.value.message


def test_what_is_missing_is_named(lists: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list_affectnet(tmp_path / "nowhere", "train")
    assert str(tmp_path / "nowhere") in caught.value.message
    table(lists, "validation").unlink()
    with pytest.raises(DataError) as caught:
        list_affectnet(lists, "validation")
    assert str(table(lists, "validation")) in caught.value.message
    images = lists / "Manually_Annotated_Images"
    images.rename(lists / "pictures")
    with pytest.raises(DataError) as caught:
        list_affectnet(lists, "train")
    assert str(images) in caught.value.message


# ---- a label file a picture


def test_label_files_give_labels_in_our_order(sets: Path) -> None:
    pictures = list_affectnet(sets, "train")
    assert named(pictures.labels) == IN_OUR_ORDER
    assert pictures.labels.dtype == np.int64
    assert pictures.boxes is None
    numbers = [*range(8), 11, 12]
    assert [file.name for file in pictures.files] == [f"{number}.jpg" for number in numbers]
    faces, unreadable = read_faces(pictures, 32)
    assert unreadable == []
    for face, number in zip(faces.faces, numbers, strict=True):
        assert np.array_equal(face, scene(number, 32, 32))


def test_each_split_has_its_folder(sets: Path) -> None:
    pictures = list_affectnet(sets, "validation")
    assert named(pictures.labels) == ["contempt", "fear"]
    assert pictures.files[0] == sets / "val_set" / "images" / "0.jpg"


@pytest.mark.parametrize(
    "stored",
    [np.array(6), np.array("6"), np.array(b"6"), np.array([6]), np.uint8(6), np.array(["6"])],
)
def test_labels_may_be_numbers_or_texts(sets: Path, stored: np.ndarray) -> None:
    np.save(sets / "val_set" / "annotations" / "0_exp.npy", stored)
    assert named(list_affectnet(sets, "validation").labels) == ["anger", "fear"]


def npy(array: object) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(array))
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"6",
        npy(6)[:-3],
        npy(6).replace(b"()", b"(("),
        npy(6).replace(b"()", b"(99999999999999,)"),
        npy([6, 6]),
        npy([]),
        npy(11),
        npy(-1),
        npy(np.nan),
        npy(6.5),
        npy("anger"),
        npy(b"\xff"),
        npy(np.array({"label": 6}, dtype=object)),
    ],
    ids=range(14),
)
def test_a_damaged_label_file_is_named(sets: Path, content: bytes) -> None:
    file = sets / "val_set" / "annotations" / "1_exp.npy"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list_affectnet(sets, "validation")
    assert str(file) in caught.value.message
    assert "train_set" in caught.value.remedy


def test_a_picture_without_label_is_named_and_one_that_is_missing_left_to_the_reader(
    sets: Path,
) -> None:
    (sets / "val_set" / "images" / "0.jpg").unlink()
    pictures = list_affectnet(sets, "validation")
    _, unreadable = read_faces(pictures, 16)
    assert unreadable == [f"{sets / 'val_set' / 'images' / '0.jpg'}: there is no such file"]
    label = sets / "val_set" / "annotations" / "1_exp.npy"
    label.unlink()
    with pytest.raises(DataError) as caught:
        list_affectnet(sets, "validation")
    assert f"{label} is missing" in caught.value.message


@pytest.mark.parametrize("name", ["val_set", "val_set/images", "val_set/annotations"])
def test_a_missing_folder_is_named(sets: Path, name: str) -> None:
    (sets / name).rename(sets / "elsewhere")
    with pytest.raises(DataError) as caught:
        list_affectnet(sets, "validation")
    assert str(sets / name) in caught.value.message


def test_a_set_without_expressions_is_refused(sets: Path) -> None:
    for number in range(2):
        np.save(sets / "val_set" / "annotations" / f"{number}_exp.npy", np.array(8 + number))
    with pytest.raises(DataError, match="no picture of the eight expressions"):
        list_affectnet(sets, "validation")
