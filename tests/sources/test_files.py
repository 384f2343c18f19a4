import itertools
import logging
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources.grays import number_of, picture, write_video

from vrfer.errors import SourceError
from vrfer.frames import Frame
from vrfer.sources import Source, open_source
from vrfer.sources.files import PICTURES_PER_S
from vrfer.sources.video import next_time_s


def everything(source: Source) -> list[Frame]:
    frames = []
    while not source.exhausted:
        frame = source.read(10.0)
        if frame is not None:
            frames.append(frame)
    return frames


def test_video_delivers_every_frame_in_order_with_its_own_times(video: Path) -> None:
    with open_source(str(video), as_fast_as_possible=True) as source:
        frames = everything(source)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.source_s for frame in frames] == pytest.approx([n / 25 for n in range(12)])
    assert not source.live
    assert source.name == video.name
    assert (source.skipped, source.missing, source.corrupt) == (0, False, 0)


def test_video_is_exhausted_as_soon_as_its_last_frame_is_out(video: Path) -> None:
    with open_source(str(video), as_fast_as_possible=True) as source:
        for _ in range(11):
            assert source.read(0) is not None
            assert not source.exhausted
        assert source.read(0) is not None
        assert source.exhausted
        assert source.read(0) is None


def test_video_frames_are_not_released_before_their_time(video: Path) -> None:
    with open_source(str(video)) as source:
        begin_ns = time.perf_counter_ns()
        frames = everything(source)
    assert len(frames) == 12
    assert all(frame.captured_ns >= begin_ns + frame.source_s * 1e9 for frame in frames)


def test_fast_video_does_not_wait(video: Path) -> None:
    with open_source(str(video), as_fast_as_possible=True) as source:
        assert all(source.read(0) is not None for _ in range(12))


def test_read_returns_none_when_no_frame_is_due_yet(video: Path) -> None:
    with open_source(str(video)) as source:
        assert source.read(0) is not None
        assert source.read(0) is None
        assert not source.exhausted
        late = source.read(10.0)
        assert late is not None
        assert late.index == 1


def test_capture_times_are_those_of_the_release(video: Path) -> None:
    with open_source(str(video), as_fast_as_possible=True) as source:
        before, before_unix = time.perf_counter_ns(), time.time_ns()
        frame = source.read(0)
        after, after_unix = time.perf_counter_ns(), time.time_ns()
    assert frame is not None
    assert before <= frame.captured_ns <= after
    assert before_unix <= frame.captured_unix_ns <= after_unix


def test_close_wakes_a_waiting_reader(tmp_path: Path) -> None:
    slow = write_video(tmp_path / "slow.avi", "MJPG", fps=0.01, count=2)
    source = open_source(str(slow))
    assert source.read(0) is not None
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read(90.0)))
    reader.start()
    source.close()
    reader.join(20)
    assert got == [None]
    assert source.exhausted
    source.close()
    assert source.read(0) is None


def test_damaged_video_frame_is_stepped_over_and_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", "MJPG")
    data = bytearray(path.read_bytes())
    position = -1
    for _ in range(7):  # the first one is in the head
        position = data.index(b"00dc", position + 1)
    size = int.from_bytes(data[position + 4 : position + 8], "little")
    data[position + 8 : position + 8 + size] = bytes(size)
    path.write_bytes(data)
    with open_source(str(path), as_fast_as_possible=True) as source:
        frames = everything(source)
        assert source.corrupt == 1
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    assert frames[5].source_s == pytest.approx(6 / 25)


def test_video_that_ends_early_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_video(tmp_path / "clip.avi", "MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"00dc", 0, len(data) * 2 // 3)])
    with open_source(str(path), as_fast_as_possible=True) as source:
        frames = everything(source)
    assert 1 < len(frames) < 12
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert f"ends early: {len(frames)} of 12" in caplog.text


@given(
    st.lists(st.one_of(st.floats(-1, 100), st.just(0.0), st.just(float("nan"))), min_size=1),
    st.sampled_from([15.0, 29.97, 60.0]),
)
def test_positions_always_move_on(stamps: list[float], fps: float) -> None:
    positions = [float("-inf")]
    for index, stamp in enumerate(stamps):
        positions.append(next_time_s(stamp, index, fps, positions[-1]))
    assert all(a < b for a, b in itertools.pairwise(positions))


def test_good_stamps_are_kept_and_missing_ones_follow_the_frame_rate() -> None:
    assert next_time_s(1.25, 10, 25.0, 1.0) == 1.25
    assert next_time_s(0.0, 10, 25.0, 0.36) == 0.4
    assert next_time_s(0.5, 1, 25.0, 0.5) == 0.54


def test_picture_is_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "face ü.png"
    path.write_bytes(cv2.imencode(".png", picture(4))[1].tobytes())
    with open_source(str(path)) as source:
        (frame,) = everything(source)
    assert np.array_equal(frame.image, picture(4))
    assert frame.source_s == 0.0


def test_gray_picture_becomes_bgr(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((20, 30), 77, np.uint8))
    with open_source(str(tmp_path / "gray.png")) as source:
        frame = source.read(0)
    assert frame is not None
    assert np.array_equal(frame.image, np.full((20, 30, 3), 77, np.uint8))


def test_folder_delivers_its_pictures_by_name(tmp_path: Path) -> None:
    for name, number in (("b.png", 1), ("c.JPG", 2), ("a.bmp", 0)):
        cv2.imwrite(str(tmp_path / name), picture(number))
    (tmp_path / "notes.txt").write_text("not a picture")
    with open_source(str(tmp_path), as_fast_as_possible=True) as source:
        frames = everything(source)
        assert source.corrupt == 0
    assert [number_of(frame.image) for frame in frames] == [0, 1, 2]
    assert [frame.source_s for frame in frames] == [n / PICTURES_PER_S for n in range(3)]


def test_folder_counts_as_people_do(tmp_path: Path) -> None:
    for name, number in (("shot10.png", 2), ("Shot2.png", 1), ("shot1.png", 0), ("shota.png", 3)):
        cv2.imwrite(str(tmp_path / name), picture(number))
    with open_source(str(tmp_path), as_fast_as_possible=True) as source:
        assert [number_of(frame.image) for frame in everything(source)] == [0, 1, 2, 3]


def test_a_film_of_bare_jpegs_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "film.mjpeg"
    jpegs = [cv2.imencode(".jpg", picture(number))[1].tobytes() for number in range(3)]
    path.write_bytes(b"".join(jpegs))
    with open_source(str(path), as_fast_as_possible=True) as source:
        assert [number_of(frame.image) for frame in everything(source)] == [0, 1, 2]


def test_folder_is_paced(tmp_path: Path) -> None:
    for name in "abc":
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture(0))
    with open_source(str(tmp_path)) as source:
        begin_ns = time.perf_counter_ns()
        frames = everything(source)
    assert frames[2].captured_ns >= begin_ns + 2 / PICTURES_PER_S * 1e9


def test_unreadable_pictures_are_stepped_over_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, number in (("a.png", 0), ("d.png", 1)):
        cv2.imwrite(str(tmp_path / name), picture(number))
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    (tmp_path / "c.jpg").write_bytes(b"")
    (tmp_path / "e.png").write_bytes((tmp_path / "a.png").read_bytes()[:-20])
    with open_source(str(tmp_path), as_fast_as_possible=True) as source:
        frames = everything(source)
        assert source.corrupt == 3
        assert source.exhausted
    assert [number_of(frame.image) for frame in frames] == [0, 1]
    assert [frame.index for frame in frames] == [0, 1]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "b.jpg" in record.getMessage()


def test_folder_without_a_readable_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="no picture that can be read"):
        open_source(str(tmp_path))
