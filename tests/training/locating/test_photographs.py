import csv
import hashlib
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from training.locating.made_up_photographs import SHAPE, SITTERS, draw, room_names

from vrfer.errors import DataError
from vrfer.training.locating.photographs import LocatorData, is_held_out, load_photographs
from vrfer.training.locating.turning import LEAST_YAW


@pytest.fixture
def own_folder(photographs_folder: Path, tmp_path: Path) -> Path:
    """The made-up photographs, to be damaged."""
    return Path(shutil.copytree(photographs_folder, tmp_path / "faces"))


def test_faces_are_split_as_labelled_and_rooms_by_their_names(photographs: LocatorData) -> None:
    assert len(photographs.train) == sum(sitter.split == "train" for sitter in SITTERS)
    assert len(photographs.validation) == sum(sitter.split == "val" for sitter in SITTERS)
    apart = [int(hashlib.sha256(n.encode()).hexdigest(), 16) % 5 == 0 for n in room_names()]
    assert len(photographs.held_out_rooms) == sum(apart) > 0
    assert len(photographs.rooms) == len(apart) - sum(apart) > 0
    assert [is_held_out(name) for name in room_names()] == apart


def test_pictures_points_and_poses_belong_together(photographs: LocatorData) -> None:
    train = [sitter for sitter in SITTERS if sitter.split == "train"]
    for index, sitter in enumerate(train):
        faces = photographs.train
        assert np.array_equal(faces.pictures[index], draw(sitter))
        assert faces.points[index] == pytest.approx(sitter.pose.project(SHAPE))
        assert faces.alone[index] == (sitter.faces == 1)
        assert np.degrees(faces.poses[index].yaw_rad) == pytest.approx(sitter.yaw_deg, abs=4)
        assert faces.poses[index].width_px == pytest.approx(sitter.width_px, rel=0.05)


def test_a_picture_is_a_copy(photographs: LocatorData) -> None:
    photographs.train.pictures[0][:] = 0
    assert photographs.train.pictures[0].max() > 0


def test_all_heads_turned_sideways_can_be_turned(photographs: LocatorData) -> None:
    sideways = [i for i, p in enumerate(photographs.train.poses) if abs(p.yaw_rad) > LEAST_YAW]
    assert set(sideways) <= set(photographs.train.turnable.tolist())
    assert len(set(photographs.train.turnable.tolist())) == len(photographs.train.turnable)


def test_pictures_are_decoded_once(own_folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    load_photographs(own_folder, cache)
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    load_photographs(own_folder, cache)
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before


def test_another_archive_with_the_same_names_is_decoded_anew(
    own_folder: Path, tmp_path: Path
) -> None:
    before = load_photographs(own_folder, tmp_path).train.pictures[0]
    archive = own_folder / "faces.zip"
    with zipfile.ZipFile(archive) as old:
        names = old.namelist()
        content = {name: old.read(names[-1 - i]) for i, name in enumerate(names)}
    with zipfile.ZipFile(archive, "w") as new:
        for name, data in content.items():
            new.writestr(name, data)
    after = load_photographs(own_folder, tmp_path).train.pictures[0]
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("damage", ["truncated", "gone"])
def test_a_damaged_cache_is_made_anew(own_folder: Path, tmp_path: Path, damage: str) -> None:
    before = load_photographs(own_folder, tmp_path).train.pictures[3]
    for path in tmp_path.glob("*.pixels.npy"):
        content = path.read_bytes()
        path.unlink()
        if damage == "truncated":
            path.write_bytes(content[: len(content) // 2])
    assert np.array_equal(load_photographs(own_folder, tmp_path).train.pictures[3], before)


@pytest.mark.parametrize(
    ("column", "value"), [("yaw", "left"), ("p61_x", "nan"), ("n_faces", ""), ("split", "test")]
)
def test_a_wrong_entry_is_named_not_a_traceback(
    own_folder: Path, tmp_path: Path, column: str, value: str
) -> None:
    path = own_folder / "faces_labels.csv"
    header, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    for row in rows:
        row[header.index(column)] = value
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    with pytest.raises(DataError, match=r"faces_labels\.csv"):
        load_photographs(own_folder, tmp_path / "cache")


@pytest.mark.parametrize("content", ["", "file,split\n"])
def test_a_table_without_rows_or_columns_is_named(
    own_folder: Path, tmp_path: Path, content: str
) -> None:
    (own_folder / "faces_labels.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"faces_labels\.csv"):
        load_photographs(own_folder, tmp_path / "cache")


@pytest.mark.parametrize("name", ["faces.zip", "faces_labels.csv", "backgrounds.zip"])
@pytest.mark.parametrize("damage", ["missing", "nonsense"])
def test_a_file_that_cannot_be_read_is_named(
    own_folder: Path, tmp_path: Path, name: str, damage: str
) -> None:
    (own_folder / name).unlink()
    if damage == "nonsense":
        (own_folder / name).write_bytes(b"\xff\xfe\x00nonsense")
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        load_photographs(own_folder, tmp_path / "cache")


@pytest.mark.parametrize("held_out", [True, False])
def test_rooms_for_training_alone_or_for_checking_alone_are_too_few(
    own_folder: Path, tmp_path: Path, held_out: bool
) -> None:
    names = [name for name in map("{}.JPEG".format, range(60)) if is_held_out(name) == held_out]
    picture = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    with zipfile.ZipFile(own_folder / "backgrounds.zip", "w") as archive:
        for name in names[: 3 * held_out]:
            archive.writestr(name, picture)
    with pytest.raises(DataError, match=r"backgrounds\.zip lacks pictures"):
        load_photographs(own_folder, tmp_path / "cache")


def test_a_damaged_member_is_named(own_folder: Path, tmp_path: Path) -> None:
    path = own_folder / "backgrounds.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(60):
            archive.writestr(f"{number}.png", bytes(5000))
    content = bytearray(path.read_bytes())
    start = content.index(b"0.png") + len("0.png")
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"backgrounds\.zip cannot be read"):
        load_photographs(own_folder, tmp_path / "cache")


def test_what_is_no_picture_is_named(own_folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(own_folder / "backgrounds.zip", "a") as archive:
        archive.writestr("text.png", "hello")
    with pytest.raises(DataError, match=r"text\.png"):
        load_photographs(own_folder, tmp_path / "cache")


def test_a_labelled_picture_that_is_not_there_is_an_error(own_folder: Path, tmp_path: Path) -> None:
    path = own_folder / "faces_labels.csv"
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    rows[1][0] = "gone.png"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(DataError, match=r"gone\.png"):
        load_photographs(own_folder, tmp_path / "cache")
