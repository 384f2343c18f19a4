import hashlib
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from training.made_up import write_folder

from vrfer.errors import DataError
from vrfer.training.ferplus import (
    FACES_SHA256,
    ROWS,
    FaceSet,
    FerPlus,
    Split,
    load_ferplus,
    majority_label,
    soft_label,
)

FILES = [
    "fer2013_faces.zip",
    "fer2013_labels.csv",
    "fer2013new.csv",
    "ferplus/FER2013Train/label.csv",
    "ferplus/FER2013Valid/label.csv",
    "ferplus/FER2013Test/label.csv",
]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def counts(**votes: int) -> np.ndarray:
    names = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"]
    names += ["contempt", "unknown", "no_face"]
    assert set(votes) <= set(names)
    return np.array([votes.get(name, 0) for name in names])


# ---- the real data: the paper's figures


def test_the_pixels_are_fer2013s(ferplus: FerPlus) -> None:
    assert ferplus.faces.shape == (ROWS, 48, 48)
    assert hashlib.sha256(ferplus.faces).hexdigest() == FACES_SHA256
    assert len(np.unique(ferplus.face_ids)) == 34_034


@pytest.mark.parametrize(
    ("votes", "labels", "expected"),
    [
        ("official", "majority", [25_045, 3_191, 3_137]),
        ("official", "soft", [27_947, 3_508, 3_507]),
        ("fer2013new", "majority", [25_060, 3_199, 3_153]),
    ],
)
def test_the_splits_have_the_papers_sizes(
    ferplus: FerPlus, votes: str, labels: str, expected: list[int]
) -> None:
    found = [len(ferplus.split(split, votes=votes, labels=labels)) for split in SPLITS]
    assert found == expected


def test_the_classes_have_their_sizes(ferplus: FerPlus) -> None:
    train = ferplus.split("train", labels="majority").labels
    test = ferplus.split("test", labels="majority").labels
    assert np.bincount(train).tolist() == [8733, 7284, 3136, 3022, 2098, 116, 536, 120]
    assert np.bincount(test).tolist() == [1083, 892, 394, 382, 269, 16, 86, 15]


def test_the_official_splits_leak_and_the_cleaned_lists_do_not(ferplus: FerPlus) -> None:
    train, validation, test = (ferplus.split(split, labels="majority") for split in SPLITS)
    in_train, in_validation = (np.isin(test.face_ids, s.face_ids) for s in (train, validation))
    assert in_train.sum() == 232
    assert in_validation.sum() == 35
    assert np.isin(validation.face_ids, train.face_ids).sum() == 231

    clean = ferplus.leak_free(train)
    assert 0 < len(clean) < len(train)
    assert not np.isin(clean.face_ids, test.face_ids).any()
    assert not np.isin(clean.face_ids, validation.face_ids).any()
    alone = ferplus.deduplicated_test(test)
    assert len(alone) <= 3137 - (in_train | in_validation).sum()
    assert not np.isin(alone.face_ids, train.face_ids).any()
    assert not np.isin(alone.face_ids, validation.face_ids).any()
    # Equal numbers do mean equal pixels.
    twin = int(np.flatnonzero(in_train)[0])
    original = int(np.flatnonzero(train.face_ids == test.face_ids[twin])[0])
    assert np.array_equal(test.faces[twin], train.faces[original])


def test_the_votes_entropy_is_the_papers(ferplus: FerPlus) -> None:
    crowd = ferplus.split("test", labels="majority").crowd.astype(np.float64)
    entropy = -(crowd * np.log(np.where(crowd > 0, crowd, 1))).sum(axis=1)
    assert entropy.mean() == pytest.approx(0.4375, abs=5e-5)


# ---- labels


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        (counts(neutral=10), 0),
        (counts(contempt=6, neutral=4), 7),
        (counts(neutral=5, anger=5), None),  # half is no majority
        (counts(neutral=5, anger=4, fear=1), 0),  # the single vote does not count
        (counts(neutral=4, anger=3, fear=2), None),
        (counts(neutral=1, happiness=1, fear=1), None),
        (counts(unknown=6, neutral=4), None),
        (counts(no_face=10), None),
        (counts(neutral=6, unknown=4), 0),
        (counts(neutral=5, unknown=5), None),
        (counts(), None),
    ],
)
def test_a_majority_is_more_than_half_of_the_votes_that_count(
    votes: np.ndarray, expected: int | None
) -> None:
    found = majority_label(votes)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.tolist() == np.eye(8)[expected].tolist()


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        (counts(neutral=10), {0: 1.0}),
        (counts(neutral=8, anger=2), {0: 1.0}),  # three quarters are reached
        (counts(neutral=6, anger=4), {0: 0.6, 4: 0.4}),
        (counts(neutral=5, anger=5), {0: 0.5, 4: 0.5}),  # ties go together
        (counts(neutral=6, anger=3, fear=1), {0: 6 / 9, 4: 3 / 9}),
        (counts(neutral=7, anger=1, fear=1, sadness=1), {0: 1.0}),
        (counts(neutral=4, anger=3, fear=3), {0: 0.4, 4: 0.3, 6: 0.3}),
        (counts(neutral=3, anger=3, fear=2, sadness=2), None),  # four are too many
        (counts(neutral=6, unknown=4), {0: 1.0}),  # ended by "unknown", above one half
        (counts(neutral=5, unknown=5), None),
        (counts(neutral=4, unknown=6), None),
        (counts(no_face=10), None),
        (counts(neutral=1, happiness=1, fear=1, anger=1), None),
        (counts(), None),
    ],
)
def test_soft_labels_are_the_strongest_few(
    votes: np.ndarray, expected: dict[int, float] | None
) -> None:
    found = soft_label(votes)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert {i: float(p) for i, p in enumerate(found) if p} == pytest.approx(expected)


@given(arrays(np.int64, 10, elements=st.integers(0, 10)))
def test_labels_are_none_or_a_distribution(votes: np.ndarray) -> None:
    before = votes.copy()
    hard, soft = majority_label(votes), soft_label(votes)
    assert np.array_equal(votes, before)
    for found in (hard, soft):
        if found is not None:
            assert found.shape == (8,)
            assert found.dtype == np.float32
            assert found.min() >= 0
            assert found.sum() == pytest.approx(1)
            assert not found[votes[:8] <= 1].any()
            assert votes[:8][found.argmax()] == votes.max()
    if hard is not None:
        assert 2 * votes[hard.argmax()] > votes[votes > 1].sum()
        assert soft is not None
        assert soft.argmax() == hard.argmax()


# ---- reading


def equal(found: FerPlus, expected: FerPlus) -> None:
    assert np.array_equal(found.faces, expected.faces)
    same = expected.face_ids[:, None] == expected.face_ids
    assert np.array_equal(found.face_ids[:, None] == found.face_ids, same)
    for votes in ("official", "fer2013new"):
        for split in SPLITS:
            order = found.rows[votes, split].argsort()
            assert np.array_equal(found.rows[votes, split][order], expected.rows[votes, split])
            assert np.array_equal(found.votes[votes, split][order], expected.votes[votes, split])


@pytest.mark.usefixtures("taken_for_fer2013")
@pytest.mark.parametrize("kaggle", [False, True])
def test_both_layouts_are_read(data: FerPlus, tmp_path: Path, kaggle: bool) -> None:
    write_folder(tmp_path / "fer2013", data, kaggle=kaggle)
    equal(load_ferplus(tmp_path / "fer2013"), data)


@pytest.mark.usefixtures("taken_for_fer2013")
def test_the_cache_serves_without_the_pictures(
    data: FerPlus, made_up_folder: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    equal(load_ferplus(made_up_folder, cache=cache), data)
    archive = made_up_folder / "fer2013_faces.zip"
    stat = archive.stat()
    archive.write_bytes(bytes(stat.st_size))
    os.utime(archive, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    equal(load_ferplus(made_up_folder, cache=cache), data)
    with pytest.raises(DataError):
        load_ferplus(made_up_folder)
    # A changed file makes the cache stale.
    os.utime(archive, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    with pytest.raises(DataError):
        load_ferplus(made_up_folder, cache=cache)


@pytest.mark.usefixtures("taken_for_fer2013")
@pytest.mark.parametrize("damage", ["empty", "short", "text", "flipped", "other"])
def test_a_damaged_cache_is_ignored_with_a_warning(
    data: FerPlus,
    made_up_folder: Path,
    tmp_path: Path,
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = tmp_path / "cache"
    load_ferplus(made_up_folder, cache=cache)
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    content[-7] ^= 1
    file.write_bytes(
        {
            "empty": b"",
            "short": file.read_bytes()[:5000],
            "text": b"hello",
            "flipped": bytes(content),
            "other": b"",
        }[damage]
    )
    if damage == "other":
        np.save(file, np.zeros((2, 2), np.uint8))
    with caplog.at_level(logging.WARNING):
        equal(load_ferplus(made_up_folder, cache=cache), data)
    assert str(file) in caplog.text
    caplog.clear()
    load_ferplus(made_up_folder, cache=cache)
    assert not caplog.records


@pytest.mark.usefixtures("taken_for_fer2013")
def test_a_cache_that_cannot_be_written_only_warns(
    data: FerPlus, made_up_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        equal(load_ferplus(made_up_folder, cache=blocked), data)
    assert str(blocked) in caplog.text


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="VRFER_DATA") as caught:
        load_ferplus(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in caught.value.message


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_a_remedy(made_up_folder: Path, name: str) -> None:
    (made_up_folder / name).unlink()
    with pytest.raises(DataError, match=r"docs/data\.md") as caught:
        load_ferplus(made_up_folder)
    assert str(made_up_folder / name) in caught.value.message


def test_pixels_that_are_not_fer2013s_are_refused(made_up_folder: Path) -> None:
    with pytest.raises(DataError, match="checksum"):
        load_ferplus(made_up_folder)


@pytest.mark.usefixtures("taken_for_fer2013")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_pictures_are_one_clear_error(made_up_folder: Path, drawn: st.DataObject) -> None:
    archive = made_up_folder / "fer2013_faces.zip"
    whole = archive.read_bytes()
    # The directory at the end and the headers matter most.
    places = st.integers(0, 80) | st.integers(len(whole) - 200, len(whole) - 1)
    places |= st.integers(0, len(whole) - 1)
    damaged = bytearray(whole)
    if drawn.draw(st.booleans()):
        del damaged[drawn.draw(places) :]
    else:
        for _ in range(drawn.draw(st.integers(1, 4))):
            damaged[drawn.draw(places)] = drawn.draw(st.integers(0, 255))
    archive.write_bytes(damaged)
    with suppress(DataError):  # some bytes of a zip file mean nothing
        load_ferplus(made_up_folder)
    archive.write_bytes(whole)


@pytest.mark.usefixtures("taken_for_fer2013")
@pytest.mark.parametrize(
    ("kaggle", "old", "new"),
    [
        (False, "0,Training,", "0;Training;"),
        (False, "0,PrivateTest,", "0,PrivateTest,9"),
        (False, "emotion,Usage,face", "a,b,c"),
        (True, "0,", "0,300 "),
        (True, "0,", "0,1 "),
        (True, ",Training", ""),
        (True, "emotion,pixels", "pixels,emotion"),
        (True, ",Training", "\x00"),
    ],
)
def test_a_damaged_csv_of_pictures_is_one_clear_error(
    data: FerPlus, tmp_path: Path, kaggle: bool, old: str, new: str
) -> None:
    folder = tmp_path / "fer2013"
    write_folder(folder, data, kaggle=kaggle)
    path = folder / ("fer2013.csv" if kaggle else "fer2013_labels.csv")
    text = path.read_text(encoding="utf-8")
    assert old in text
    if new:
        path.write_text(text.replace(old, new), encoding="utf-8")
    else:
        path.write_text(text[: text.index(old)].rpartition(",")[0], encoding="utf-8")
    with pytest.raises(DataError, match=r"cannot be read|damaged") as caught:
        load_ferplus(folder)
    assert str(folder) in caught.value.message


@pytest.mark.usefixtures("taken_for_fer2013")
@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize("damage", ["half a line", "empty", "no text", "no number", "huge"])
def test_a_damaged_csv_is_named(made_up_folder: Path, name: str, damage: str) -> None:
    path = made_up_folder / name
    content = path.read_bytes().rstrip()
    path.write_bytes(
        {
            "half a line": content[: content.rindex(b",")],
            "empty": b"",
            "no text": content[:-1] + b"\xff\xfe",
            "no number": content[:-1] + b"x",
            "huge": content[:-1] + b"9" * 200_000,
        }[damage]
    )
    with pytest.raises(DataError) as caught:
        load_ferplus(made_up_folder)
    named = made_up_folder if name == "fer2013_labels.csv" else path
    assert str(named) in caught.value.message


@pytest.mark.usefixtures("taken_for_fer2013")
def test_a_vote_file_with_missing_rows_or_unknown_pictures_is_refused(
    made_up_folder: Path,
) -> None:
    label = made_up_folder / "ferplus" / "FER2013Test" / "label.csv"
    good = label.read_text(encoding="utf-8")
    label.write_text(good.replace("fer0001100", "fer9999999"), encoding="utf-8")
    with pytest.raises(DataError, match="fer9999999"):
        load_ferplus(made_up_folder)
    label.write_text(good, encoding="utf-8")
    new = made_up_folder / "fer2013new.csv"
    lines = new.read_text(encoding="utf-8").splitlines(keepends=True)
    new.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(DataError, match="119 rows, not 120"):
        load_ferplus(made_up_folder)


@pytest.mark.usefixtures("taken_for_fer2013")
def test_of_two_rows_with_one_name_the_first_counts(made_up_folder: Path, data: FerPlus) -> None:
    new = made_up_folder / "fer2013new.csv"
    text = new.read_text(encoding="utf-8")
    first, second = (f"fer{row + 1000:07}.png" for row in data.rows["official", "test"][:2])
    new.write_text(text.replace(second, first), encoding="utf-8")
    label = made_up_folder / "ferplus" / "FER2013Test" / "label.csv"
    lines = label.read_text(encoding="utf-8").splitlines(keepends=True)
    label.write_text("".join(line for line in lines if second not in line), encoding="utf-8")
    found = load_ferplus(made_up_folder)
    rows = data.rows["official", "test"]
    assert sorted(found.rows["official", "test"]) == [rows[0], *rows[2:]]
    assert sorted(found.rows["fer2013new", "test"]) == rows.tolist()


@pytest.mark.usefixtures("taken_for_fer2013")
def test_the_packed_pictures_are_preferred(
    made_up_folder: Path, data: FerPlus, tmp_path: Path
) -> None:
    (made_up_folder / "fer2013.csv").write_text("never read")
    equal(load_ferplus(made_up_folder), data)
    shutil.rmtree(made_up_folder / "ferplus")
    with pytest.raises(DataError, match=r"label\.csv"):
        load_ferplus(made_up_folder)


def test_of_several_right_expressions_the_label_is_what_people_said_most() -> None:
    crowd = np.array([[0.4, 0, 0, 0.6, 0, 0, 0, 0], [0.6, 0, 0, 0.4, 0, 0, 0, 0]], np.float32)
    right = (crowd > 0).astype(np.float32)
    faces = np.zeros((2, 48, 48), np.uint8)
    assert FaceSet(faces, right, crowd, np.arange(2)).labels.tolist() == [3, 0]
