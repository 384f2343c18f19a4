"""Lists of picture files and the faces cut out of them, on real files.

Long, as the tests of one module stand in one file.
"""

import io
import logging
import os
import threading
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from training.made_up_pictures import picture_list, scene, write_picture

from vrfer.training.picture_list import PictureList, capped, pixel_numbers, read_faces

ON_DISK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def encoded(pixels: np.ndarray, form: str, **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form, **options)
    return content.getvalue()


def smooth(width: int = 60, height: int = 60) -> np.ndarray:
    """Gray that JPEG and WebP change little."""
    rows, columns = np.mgrid[:height, :width]
    return (40 + rows * 2 + columns).astype(np.uint8)


def read_one(file: Path, face_px: int, box: list[int] | None = None) -> np.ndarray:
    faces, unreadable = read_faces(picture_list([file], None if box is None else [box]), face_px)
    assert unreadable == []
    return faces.faces[0]


# ---- lists


def test_pictures_are_taken_by_mask_and_by_indices() -> None:
    boxes = np.arange(12).reshape(3, 4)
    whole = PictureList((Path("a"), Path("b"), Path("c")), np.array([5, 6, 7]), boxes)
    masked = whole.take(np.array([True, False, True]))
    assert masked.files == (Path("a"), Path("c"))
    assert masked.labels.tolist() == [5, 7]
    assert masked.boxes is not None
    assert masked.boxes.tolist() == [boxes[0].tolist(), boxes[2].tolist()]
    turned = whole.take(np.array([2, 0]))
    assert turned.files == (Path("c"), Path("a"))
    assert turned.labels.tolist() == [7, 5]
    assert len(whole.take(np.zeros(3, dtype=bool))) == 0


def numbered_list(labels: list[int], folder: str = "data") -> PictureList:
    files = tuple(Path(folder) / f"{number}.jpg" for number in range(len(labels)))
    return PictureList(files, np.array(labels, dtype=np.int64), None)


def test_affectnet_is_capped_to_the_papers_size() -> None:
    counts = [74_874, 134_415, 14_090, 25_459, 24_882, 3_803, 6_378, 3_750]  # canonical order
    labels = np.repeat(np.arange(8), counts)
    everything = PictureList((Path("0.jpg"),) * len(labels), labels, None)  # only counts matter
    assert len(everything) == 287_651
    kept = capped(everything, 15_000, seed=0)
    assert len(kept) == 88_021
    expected = [15_000, 15_000, 14_090, 15_000, 15_000, 3_803, 6_378, 3_750]
    assert np.bincount(kept.labels).tolist() == expected


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 7), max_size=60), st.integers(0, 12), st.integers(0, 2**40), st.data()
)
def test_a_draw_keeps_few_of_each_class_whatever_the_order_and_the_folder(
    labels: list[int], per_class: int, seed: int, drawn: st.DataObject
) -> None:
    pictures = numbered_list(labels)
    kept = capped(pictures, per_class, seed)
    before, after = (np.bincount(p.labels, minlength=8) for p in (pictures, kept))
    assert after.tolist() == np.minimum(before, per_class).tolist()
    places = [pictures.files.index(file) for file in kept.files]
    assert places == sorted(places)
    assert kept.labels.tolist() == [labels[place] for place in places]

    order = drawn.draw(st.permutations(range(len(labels))))
    shuffled = capped(pictures.take(np.array(order, dtype=np.int64)), per_class, seed)
    assert set(shuffled.files) == set(kept.files)
    elsewhere = capped(numbered_list(labels, "/mnt/other place"), per_class, seed)
    assert [file.name for file in elsewhere.files] == [file.name for file in kept.files]


def test_another_seed_draws_other_pictures_and_classes_are_drawn_apart() -> None:
    pictures = numbered_list([0, 1] * 100)
    first = set(capped(pictures, 20, seed=1).files)
    assert first == set(capped(pictures, 20, seed=1).files)
    assert first != set(capped(pictures, 20, seed=2).files)
    happy = pictures.take(pictures.labels == 1)
    assert set(capped(happy, 20, seed=1).files) == first & set(happy.files)


def test_faces_of_one_file_are_told_apart_by_their_boxes() -> None:
    boxes = [[x, 0, 5, 5] for x in range(40)]
    group = picture_list([Path("group.jpg")] * 40, boxes)
    kept = capped(group, 10, seed=3)
    turned = capped(group.take(np.arange(40)[::-1].copy()), 10, seed=3)
    assert kept.boxes is not None
    assert turned.boxes is not None
    assert sorted(turned.boxes.tolist()) == kept.boxes.tolist()


# ---- cutting


@ON_DISK
@given(
    st.tuples(st.integers(-25, 39), st.integers(-25, 31), st.integers(1, 70), st.integers(1, 70)),
)
def test_a_box_is_cut_as_a_square_whose_outside_repeats_the_edge(
    tmp_path: Path, box: tuple[int, int, int, int]
) -> None:
    x, y, width, height = box
    pixels = scene(7)  # 40 x 32
    file = write_picture(tmp_path / "scene.png", pixels)
    side = max(width, height)
    faces, unreadable = read_faces(picture_list([file], [box]), side)
    if x + width <= 0 or y + height <= 0:
        assert len(faces) == 0
        assert unreadable == [f"{file}: its box {list(box)} lies outside the picture (40 x 32)"]
        return
    margin = 100
    around = cv2.copyMakeBorder(pixels, *[margin] * 4, cv2.BORDER_REPLICATE)
    left, top = x - (side - width) // 2 + margin, y - (side - height) // 2 + margin
    assert np.array_equal(faces.faces[0], around[top : top + side, left : left + side])


def test_a_whole_picture_is_made_square_by_its_edges(tmp_path: Path) -> None:
    pixels = scene(3, 20, 30)
    face = read_one(write_picture(tmp_path / "tall.png", pixels), 30)
    assert np.array_equal(face[:, 5:25], pixels)
    assert np.array_equal(face[:, :5], np.repeat(pixels[:, :1], 5, axis=1))
    assert np.array_equal(face[:, 25:], np.repeat(pixels[:, -1:], 5, axis=1))


def test_smaller_faces_average_and_larger_ones_interpolate(tmp_path: Path) -> None:
    stripes = np.zeros((48, 48), dtype=np.uint8)
    stripes[:, ::4] = 200  # a quarter, which sampling at few places would miss
    file = write_picture(tmp_path / "stripes.png", stripes)
    assert np.unique(read_one(file, 12)).tolist() == [50]
    step = np.repeat([[10, 250]], 2, axis=0).astype(np.uint8)
    grown = read_one(write_picture(tmp_path / "step.png", step), 8)
    assert grown.shape == (8, 8)
    assert (np.diff(grown[0].astype(int)) >= 0).all()
    assert len(np.unique(grown[0])) > 3


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "WEBP", "GIF", "TIFF"])
def test_formats_are_known_by_content_and_come_out_gray(tmp_path: Path, form: str) -> None:
    pixels = smooth()
    coloured = np.dstack([pixels] * 3)
    (tmp_path / "any name").write_bytes(encoded(coloured, form))
    face = read_one(tmp_path / "any name", 60)
    assert face.dtype == np.uint8
    assert np.abs(face.astype(int) - pixels).max() <= 6


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_colours_count_as_bright_as_they_look(tmp_path: Path, form: str) -> None:
    green = np.zeros((20, 20, 3), dtype=np.uint8)
    green[:, :, 1] = 200
    (tmp_path / "green").write_bytes(encoded(green, form))
    assert read_one(tmp_path / "green", 20) == pytest.approx(0.587 * 200, abs=2)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    deep = (scene(1).astype(np.uint16) << 8) + 77
    Image.fromarray(deep).save(tmp_path / "deep.png")
    face = read_one(tmp_path / "deep.png", 32, [0, 0, 32, 32])
    assert np.array_equal(face, scene(1)[:, :32])


def test_transparent_and_paletted_pictures_are_read(tmp_path: Path) -> None:
    see_through = np.dstack([smooth()] * 3 + [np.full((60, 60), 9, np.uint8)])
    (tmp_path / "rgba").write_bytes(encoded(see_through, "PNG"))
    assert np.array_equal(read_one(tmp_path / "rgba", 60), smooth())
    palette = Image.fromarray(smooth()).convert("P")
    palette.save(tmp_path / "p", "PNG", transparency=bytes(range(256)))
    assert np.array_equal(read_one(tmp_path / "p", 60), smooth())


def test_pictures_are_turned_as_their_exif_says(tmp_path: Path) -> None:
    upright = smooth(60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown upright after a quarter turn clockwise
    lying = encoded(np.rot90(upright).copy(), "JPEG", exif=exif, quality=98)
    (tmp_path / "lying.jpg").write_bytes(lying)
    face = read_one(tmp_path / "lying.jpg", 30, [10, 5, 30, 30])
    assert np.abs(face.astype(int) - upright[5:35, 10:40]).max() <= 3


def test_a_broken_exif_does_not_cost_the_picture(tmp_path: Path) -> None:
    content = encoded(smooth(), "PNG", exif=b"Exif\0\0no such header")
    (tmp_path / "odd.png").write_bytes(content)
    assert np.array_equal(read_one(tmp_path / "odd.png", 60), smooth())


def test_a_name_in_any_script_is_opened(tmp_path: Path) -> None:
    file = write_picture(tmp_path / "Gesichter äöü 顔" / "лицо.png", scene(2, 24, 24))
    assert np.array_equal(read_one(file, 24), scene(2, 24, 24))


# ---- what comes out


def test_faces_carry_their_labels_and_equal_pixels_equal_numbers(tmp_path: Path) -> None:
    seeds, labels = [1, 2, 1, 3, 2], [4, 0, 7, 4, 1]
    files = [
        write_picture(tmp_path / f"{number}.png", scene(seed, 16, 16))
        for number, seed in enumerate(seeds)
    ]
    faces, unreadable = read_faces(PictureList(tuple(files), np.array(labels), None), 16)
    assert unreadable == []
    assert faces.labels.tolist() == labels
    assert np.array_equal(faces.votes, np.eye(8)[labels])
    assert np.array_equal(faces.crowd, faces.votes)
    assert (faces.votes.dtype, faces.crowd.dtype) == (np.float32, np.float32)
    assert faces.face_ids.dtype == np.int64
    same = np.equal.outer(seeds, seeds)
    assert np.array_equal(np.equal.outer(faces.face_ids, faces.face_ids), same)
    for face, seed in zip(faces.faces, seeds, strict=True):
        assert np.array_equal(face, scene(seed, 16, 16))


def test_an_empty_list_has_no_faces(tmp_path: Path) -> None:
    faces, unreadable = read_faces(picture_list([]), 20, cache=tmp_path)
    assert faces.faces.shape == (0, 20, 20)
    assert faces.votes.shape == faces.crowd.shape == (0, 8)
    assert len(faces.face_ids) == len(unreadable) == 0


def test_numbers_are_comparable_across_arrays() -> None:
    first = np.stack([scene(1), scene(2), scene(1)])
    second = np.stack([scene(3), scene(2)])
    ids = pixel_numbers(first, second, first[:0])
    assert [found.tolist() for found in ids] == [[0, 1, 0], [2, 1], []]


def test_progress_is_told_picture_by_picture(tmp_path: Path) -> None:
    files = [write_picture(tmp_path / f"{n}.png", scene(n, 9, 9)) for n in range(5)]
    told: list[tuple[int, int]] = []
    cache = tmp_path / "cache"
    for _ in range(2):
        read_faces(picture_list(files), 9, cache=cache, on_picture=lambda *step: told.append(step))
    assert told[:5] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert told[5:] == [(5, 5)]  # the cache has them all at once


def test_who_stops_it_leaves_no_thread_and_no_cache(tmp_path: Path) -> None:
    files = [write_picture(tmp_path / f"{n}.png", scene(n, 9, 9)) for n in range(5)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        read_faces(picture_list(files), 9, cache=tmp_path / "cache", on_picture=stop)
    assert not [t for t in threading.enumerate() if t.name.startswith("vrfer")]
    assert caught.tb is not None  # the traceback is still held: nothing waited for its end
    assert not (tmp_path / "cache").exists()


# ---- pictures without a face


def damaged(kind: str) -> bytes:
    pixels = np.dstack([scene(1, 80, 80)] * 3)
    if kind == "no picture":
        return b"once upon a time" * 20
    if kind == "empty":
        return b""
    form, _, how = kind.partition(" ")
    whole = encoded(pixels, form)
    return {"half": whole[: len(whole) // 2], "end": whole[:-40], "head": whole[:20]}[how]


@pytest.mark.parametrize(
    "kind",
    [f"{form} {how}" for form in ("JPEG", "PNG", "BMP", "WEBP") for how in ("half", "end", "head")]
    + ["no picture", "empty"],
)
def test_a_damaged_picture_is_named_quietly(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    good = write_picture(tmp_path / "good.png", scene(1, 12, 12))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(damaged(kind))
    faces, unreadable = read_faces(picture_list([bad, good, bad]), 12)
    assert len(faces) == 1
    assert np.array_equal(faces.faces[0], scene(1, 12, 12))
    assert len(unreadable) == 2
    path, _, reason = unreadable[0].partition(": ")
    assert path == str(bad)
    words = {"empty": "empty", "no picture": "no picture"}
    assert words.get(kind, "") in reason
    assert reason
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@ON_DISK
@given(st.sampled_from(["JPEG", "PNG", "BMP", "WEBP", "GIF"]), st.data())
def test_any_damage_ends_in_a_face_or_a_reason(
    tmp_path: Path, form: str, drawn: st.DataObject
) -> None:
    content = bytearray(encoded(np.dstack([smooth(24, 24)] * 3), form))
    for _ in range(drawn.draw(st.integers(1, 4))):
        place = drawn.draw(st.integers(0, 60) | st.integers(0, len(content) - 1))
        content[min(place, len(content) - 1)] = drawn.draw(st.integers(0, 255))
    file = tmp_path / "damaged"
    file.write_bytes(content)
    faces, unreadable = read_faces(picture_list([file]), 8)
    assert len(faces) + len(unreadable) == 1
    assert all(line.startswith(f"{file}: ") for line in unreadable)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    files = [tmp_path / "gone.jpg", tmp_path / "folder.jpg", tmp_path / "nu\0ll.jpg"]
    faces, unreadable = read_faces(picture_list(files), 12, cache=tmp_path / "cache")
    assert len(faces) == 0
    assert unreadable[0] == f"{files[0]}: there is no such file"
    assert unreadable[1].startswith(f"{files[1]}: it cannot be opened (")
    assert unreadable[2] == f"{files[2]}: there is no such file"


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([0, 0, 0, 20], "no area"),
        ([0, 0, 20, 0], "no area"),
        ([5, 5, -3, 9], "no area"),
        ([40, 0, 9, 9], "outside"),
        ([0, -9, 9, 9], "outside"),
        ([0, 0, 10, 81], "far larger"),
        ([-(2**40), 0, 2**41, 9], "far larger"),
    ],
)
def test_a_box_without_a_face_is_named(tmp_path: Path, box: list[int], words: str) -> None:
    file = write_picture(tmp_path / "scene.png", scene(1))  # 40 x 32
    faces, unreadable = read_faces(picture_list([file, file], [box, [0, 0, 9, 9]]), 9)
    assert np.array_equal(faces.faces, scene(1)[None, :9, :9])
    (line,) = unreadable
    assert line.startswith(f"{file}: its box {box} ")
    assert words in line


def test_a_picture_too_large_for_memory_is_refused(tmp_path: Path) -> None:
    header = bytearray(encoded(np.zeros((4, 4, 3), np.uint8), "BMP"))
    header[18:26] = (30_000).to_bytes(4, "little") * 2
    (tmp_path / "bomb.bmp").write_bytes(header)
    faces, unreadable = read_faces(picture_list([tmp_path / "bomb.bmp"]), 8)
    assert len(faces) == 0
    assert "pixels" in unreadable[0]


# ---- the cache


@pytest.fixture
def three(tmp_path: Path) -> PictureList:
    """A picture, a damaged one, and another picture."""
    files = [write_picture(tmp_path / f"{n}.png", scene(n, 20, 20)) for n in range(3)]
    files[1].write_bytes(b"no picture")
    return PictureList(tuple(files), np.array([3, 4, 5]), np.array([[0, 0, 16, 16]] * 3))


def blanked(file: Path, later_ns: int = 0) -> None:
    """Change a file's content but not its size, and its time by this much."""
    stat = file.stat()
    file.write_bytes(bytes(stat.st_size))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + later_ns))


def test_the_cache_serves_without_the_pictures(three: PictureList, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first, missed = read_faces(three, 16, cache=cache)
    blanked(three.files[0])
    again, still_missed = read_faces(three, 16, cache=cache)
    assert np.array_equal(again.faces, first.faces)
    assert again.labels.tolist() == first.labels.tolist() == [3, 5]
    assert again.face_ids.tolist() == first.face_ids.tolist()
    assert still_missed == missed
    assert len(missed) == 1
    assert missed[0].startswith(f"{three.files[1]}: ")
    assert [file.suffix for file in cache.iterdir()] == [".npz"]
    without, _ = read_faces(three, 16)
    assert len(without) == 1


def test_labels_are_not_cached(three: PictureList, tmp_path: Path) -> None:
    read_faces(three, 16, cache=tmp_path / "cache")
    blanked(three.files[0])
    corrected = PictureList(three.files, np.array([6, 7, 0]), three.boxes)
    faces, _ = read_faces(corrected, 16, cache=tmp_path / "cache")
    assert faces.labels.tolist() == [6, 0]


@pytest.mark.parametrize("change", ["time", "size", "gone", "box", "side", "order", "whole"])
def test_a_change_makes_the_cache_stale(three: PictureList, tmp_path: Path, change: str) -> None:
    read_faces(three, 16, cache=tmp_path / "cache")
    pictures, side = three, 8 if change == "side" else 16
    blanked(three.files[0], later_ns=10**9 if change == "time" else 0)
    if change == "size":
        with three.files[2].open("ab") as out:
            out.write(b"more")
    elif change == "gone":
        three.files[2].unlink()
    elif change == "box":
        pictures = PictureList(three.files, three.labels, np.array([[1, 0, 16, 16]] * 3))
    elif change == "order":
        pictures = three.take(np.array([2, 1, 0]))
    elif change == "whole":
        pictures = PictureList(three.files, three.labels, None)
    _, unreadable = read_faces(pictures, side, cache=tmp_path / "cache")
    assert any(line.startswith(f"{three.files[0]}: ") for line in unreadable)


@pytest.mark.parametrize("damage", ["empty", "short", "text", "flipped", "array", "others"])
def test_a_damaged_cache_is_ignored_with_a_warning(
    three: PictureList, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    expected, _ = read_faces(three, 16, cache=cache)
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    content[300] ^= 1  # a pixel
    array = io.BytesIO()
    np.save(array, expected.faces)
    others = io.BytesIO()
    np.savez(others, faces=expected.faces, kept=np.array([0, 7]), reasons=np.array(["odd"]))
    contents = {
        "empty": b"",
        "short": bytes(content[:400]),
        "text": b"hello",
        "flipped": bytes(content),
        "array": array.getvalue(),
        "others": others.getvalue(),
    }
    file.write_bytes(contents[damage])
    with caplog.at_level(logging.WARNING):
        faces, _ = read_faces(three, 16, cache=cache)
    assert np.array_equal(faces.faces, expected.faces)
    assert str(file) in caplog.text
    caplog.clear()
    read_faces(three, 16, cache=cache)
    assert not caplog.records


def test_a_cache_that_cannot_be_written_only_warns(
    three: PictureList, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        faces, _ = read_faces(three, 16, cache=blocked)
    assert len(faces) == 2
    assert str(blocked) in caplog.text


def test_what_could_not_be_opened_is_tried_again(tmp_path: Path) -> None:
    blocked = tmp_path / "1.png"
    blocked.mkdir()  # stands for a file that another program holds
    _, unreadable = read_faces(picture_list([blocked]), 9, cache=tmp_path / "cache")
    assert len(unreadable) == 1
    assert not (tmp_path / "cache").exists()


def test_draws_do_not_depend_on_the_system() -> None:
    names = [f"b{n % 3}/{n}.jpg" for n in range(30)] + [f"b{n % 3}.{n}/x.jpg" for n in range(30)]
    pictures = picture_list([Path(name) for name in names], label=5)
    kept = [file.as_posix() for file in capped(pictures, 12, seed=11).files]
    by_text = sorted(names)
    chosen = np.random.default_rng([11, 5]).choice(by_text, 12, replace=False)
    assert sorted(kept) == sorted(PurePosixPath(name).as_posix() for name in chosen)
