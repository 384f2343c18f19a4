"""Files that are paused, positioned and played in a loop, by another thread than the reader's.

Long, as the tests of one module stand in one file.
"""

import logging
import math
import random
import sys
import threading
import time
from pathlib import Path

import cv2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mjpeg_server import MjpegServer
from sources.grays import number_of, picture, write_video
from sources.numbered import FPS, number_in, write_numbered

from vrfer.errors import SourceError
from vrfer.frames import Frame
from vrfer.sources import Source, files, open_source
from vrfer.sources.files import PICTURES_PER_S, PictureSource, Still
from vrfer.sources.video import VideoSource

COUNT = 100
WAIT_S = 20


@pytest.fixture(scope="module", params=["clip.mp4", "clip.avi"])
def numbered_video(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("videos") / request.param
    return write_numbered(path, "mp4v" if path.suffix == ".mp4" else "MJPG", COUNT)


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A video with 100 seconds from one frame to the next."""
    return write_video(tmp_path / "slow.avi", "MJPG", fps=0.01, count=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    return tmp_path


def fast(path: Path, loop: bool = False) -> Source:
    return open_source(str(path), as_fast_as_possible=True, loop=loop)


def take(source: Source, timeout_s: float = 10.0) -> Frame:
    frame = source.read(timeout_s)
    assert frame is not None
    return frame


def take_number(source: Source) -> int:
    """Return the number in the next frame, whose time must fit to it."""
    frame = take(source)
    number = number_in(frame.image)
    assert frame.source_s == pytest.approx(number / FPS, abs=1e-3)
    assert source.position_s == frame.source_s
    return number


# Positions


def test_duration_and_position_of_a_video(numbered_video: Path) -> None:
    with fast(numbered_video) as source:
        assert source.duration_s == pytest.approx(COUNT / FPS)
        assert source.position_s == 0.0
        assert [take_number(source) for _ in range(5)] == [0, 1, 2, 3, 4]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-1.0, (COUNT - 1) / FPS), min_size=1, max_size=4))
def test_seek_goes_on_from_there(numbered_video: Path, positions: list[float]) -> None:
    with fast(numbered_video) as source:
        for index, position_s in enumerate(positions):
            source.seek(position_s)
            assert source.position_s == max(0.0, position_s)
            number = take_number(source)
            assert abs(number - max(0.0, position_s) * FPS) <= 0.501
            if number + 1 < COUNT:
                assert take_number(source) == number + 1
            if number + 2 < COUNT:
                assert take(source).index >= index  # counts deliveries, whatever the position


def test_frame_index_counts_on_through_seeks(numbered_video: Path) -> None:
    with fast(numbered_video) as source:
        indexes = []
        for position_s in (2.0, 1.0, 3.0):
            source.seek(position_s)
            indexes += [take(source).index, take(source).index]
    assert indexes == [0, 1, 2, 3, 4, 5]


def test_seek_beyond_the_end_gives_the_last_frame(numbered_video: Path) -> None:
    with fast(numbered_video) as source:
        source.seek(1e9)
        assert take_number(source) == COUNT - 1
        assert source.exhausted


def test_file_without_times_and_index_is_positioned_too(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "bare.mjpeg", "MJPG", COUNT)
    with VideoSource(path, as_fast_as_possible=True) as source:
        assert source.duration_s is None
        for number in (60, 20, COUNT - 2, 0):
            source.seek(number / FPS)
            assert [take_number(source), take_number(source)] == [number, number + 1]


def test_seek_after_the_end_revives(numbered_video: Path) -> None:
    with fast(numbered_video) as source:
        while not source.exhausted:
            source.read(10)
        source.seek(1.0)
        assert not source.exhausted
        assert take_number(source) == 25


@pytest.mark.parametrize("position_s", [math.nan, math.inf])
def test_position_must_be_a_number(folder: Path, position_s: float) -> None:
    with fast(folder) as source, pytest.raises(ValueError, match="finite"):
        source.seek(position_s)


def test_seek_in_a_folder(folder: Path) -> None:
    (folder / "2.png").write_bytes(b"no picture")
    with fast(folder) as source:
        assert source.duration_s == 6 / PICTURES_PER_S
        for wanted, found in ((4, 4), (0, 0), (2, 3), (99, 5)):
            source.seek(wanted / PICTURES_PER_S)
            frame = take(source)
            assert number_of(frame.image) == found
            assert frame.source_s == found / PICTURES_PER_S
        assert source.exhausted


def test_one_picture_has_no_duration(folder: Path) -> None:
    with fast(folder / "3.png") as source:
        assert source.duration_s is None
        assert number_of(take(source).image) == 3
        source.seek(5.0)
        assert number_of(take(source).image) == 3


def test_after_a_seek_the_clock_starts_there(numbered_video: Path) -> None:
    with open_source(str(numbered_video)) as source:
        take(source)
        source.seek(3.0)
        first, second = take(source), take(source)
        assert number_in(first.image) == 75
        passed_s = (second.captured_ns - first.captured_ns) / 1e9
    assert passed_s >= second.source_s - first.source_s - 0.005


def test_seek_wakes_a_reader_that_waits(slow: Path) -> None:
    with open_source(str(slow)) as source:
        take(source)
        got: list[Frame | None] = []
        reader = threading.Thread(target=lambda: got.append(source.read(90.0)))
        reader.start()
        source.seek(200.0)
        reader.join(WAIT_S)
        assert number_of(got[0].image) == 2


# Pauses


@pytest.mark.parametrize("as_fast_as_possible", [True, False])
def test_paused_file_gives_nothing(numbered_video: Path, as_fast_as_possible: bool) -> None:
    with open_source(str(numbered_video), as_fast_as_possible=as_fast_as_possible) as source:
        assert not source.paused
        assert take_number(source) == 0
        source.pause()
        source.pause()
        assert source.paused
        assert source.read(0.1) is None
        assert source.read(0) is None
        assert not source.exhausted
        source.resume()
        source.resume()
        assert not source.paused
        assert take_number(source) == 1


def test_clock_stands_still_in_a_pause(numbered_video: Path) -> None:
    with open_source(str(numbered_video)) as source:
        first = take(source)
        source.pause()
        begin_s = time.monotonic()
        assert source.read(0.3) is None
        paused_s = time.monotonic() - begin_s
        source.resume()
        later = [take(source) for _ in range(3)]
    for frame in later:
        passed_s = (frame.captured_ns - first.captured_ns) / 1e9
        assert passed_s >= frame.source_s + paused_s - 0.005


def test_seek_in_a_pause_shows_one_frame(numbered_video: Path) -> None:
    with open_source(str(numbered_video)) as source:
        assert take_number(source) == 0
        source.pause()
        for position_s, number in ((2.0, 50), (1.0, 25)):
            source.seek(position_s)
            assert take_number(source) == number
            assert source.read(0.05) is None
        source.resume()
        assert take_number(source) == 26


def test_resume_wakes_a_reader_that_waits(numbered_video: Path) -> None:
    with open_source(str(numbered_video)) as source:
        source.pause()
        got: list[Frame | None] = []
        reader = threading.Thread(target=lambda: got.append(source.read(90.0)))
        reader.start()
        source.resume()
        reader.join(WAIT_S)
        assert number_in(got[0].image) == 0


def test_close_wakes_a_reader_of_a_paused_file(numbered_video: Path) -> None:
    source = open_source(str(numbered_video))
    source.pause()
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read(90.0)))
    reader.start()
    source.close()
    reader.join(WAIT_S)
    assert got == [None]
    source.seek(1.0)
    source.resume()
    assert source.read(0) is None
    assert source.exhausted


def test_live_sources_have_no_position_and_go_on_while_paused(server: MjpegServer) -> None:
    with open_source(server.url, loop=True) as source:
        source.pause()
        source.seek(3.0)
        assert source.paused
        assert (source.duration_s, source.position_s, source.current_mode) == (None, None, None)
        assert take(source).source_s is None
        source.resume()


# Loops


def test_loop_starts_again_at_zero(video: Path) -> None:
    with fast(video, loop=True) as source:
        frames = [take(source) for _ in range(30)]
        assert not source.exhausted
    assert [number_of(frame.image) for frame in frames] == [n % 12 for n in range(30)]
    assert [frame.index for frame in frames] == list(range(30))
    times = [frame.source_s for frame in frames]
    assert times == pytest.approx([n % 12 / 25 for n in range(30)])


def test_loop_is_paced_across_its_seam(video: Path) -> None:
    with open_source(str(video), loop=True) as source:
        frames = [take(source) for _ in range(15)]
    for number, frame in enumerate(frames):
        passed_s = (frame.captured_ns - frames[0].captured_ns) / 1e9
        assert passed_s >= number / 25 - 0.005


def test_loop_goes_on_after_a_seek(numbered_video: Path) -> None:
    with fast(numbered_video, loop=True) as source:
        source.seek((COUNT - 2) / FPS)
        assert [take_number(source) for _ in range(4)] == [COUNT - 2, COUNT - 1, 0, 1]


def test_loop_of_a_folder_and_of_a_picture(folder: Path) -> None:
    with fast(folder, loop=True) as source:
        assert [number_of(take(source).image) for _ in range(8)] == [0, 1, 2, 3, 4, 5, 0, 1]
    with fast(folder / "4.png", loop=True) as source:
        frames = [take(source) for _ in range(3)]
        assert [number_of(frame.image) for frame in frames] == [4, 4, 4]
        # Smoothing, rules and rates go by it.
        assert [frame.source_s for frame in frames] == [n / PICTURES_PER_S for n in range(3)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not delete files in use")
def test_loop_of_a_file_that_has_gone(video: Path, caplog: pytest.LogCaptureFixture) -> None:
    with fast(video, loop=True) as source:
        video.unlink()
        while not source.exhausted:
            source.read(10)
    assert [r.getMessage() for r in caplog.records] == [f"{video.name} cannot be played again"]


@pytest.fixture
def short_video(tmp_path: Path) -> Path:
    """A video that announces 12 frames and holds fewer."""
    path = write_video(tmp_path / "clip.avi", "MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"00dc", 0, len(data) * 2 // 3)])
    return path


def test_loop_of_a_short_video_warns_once(
    short_video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with fast(short_video, loop=True) as source:
        for _ in range(40):
            take(source)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_short_video_is_counted_anew_from_its_beginning(
    short_video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    count = 0
    with fast(short_video) as source:
        take(source)
        source.seek(0.0)
        while not source.exhausted:
            take(source)
            count += 1
    assert f"ends early: {count} of 12" in caplog.text


def test_folder_without_pictures_does_not_loop_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="no picture that can be read"):
        fast(tmp_path, loop=True)
    assert len(caplog.records) == 1  # about the picture


# All at once


def test_seek_while_a_frame_is_decoded_drops_it(folder: Path) -> None:
    class Interrupted(PictureSource):
        interrupted = False

        def _next_still(self) -> Still | None:
            still = super()._next_still()
            if not self.interrupted:
                self.interrupted = True
                self.seek(4 / PICTURES_PER_S)
            return still

    paths = sorted(folder.glob("*.png"))
    with Interrupted("pictures", paths, as_fast_as_possible=True) as source:
        assert [number_of(take(source).image) for _ in range(2)] == [4, 5]
        assert source.exhausted


def test_another_thread_may_do_as_it_likes(numbered_video: Path) -> None:
    """Whatever a second thread does, frames keep their own times and their index counts on."""
    with fast(numbered_video, loop=True) as source:
        done = threading.Event()

        def fiddle() -> None:
            chance = random.Random(0)
            while not done.is_set():
                source.seek(chance.uniform(-1, COUNT / FPS))
                chance.choice([source.pause, source.resume, source.resume])()
                assert source.position_s >= 0
                assert not source.exhausted
                done.wait(chance.uniform(0, 0.01))
            source.resume()

        fiddler = threading.Thread(target=fiddle)
        fiddler.start()
        try:
            for index in range(150):
                frame = take(source)
                assert frame.index == index
                number = number_in(frame.image)
                assert frame.source_s == pytest.approx(number / FPS, abs=1e-3)
        finally:
            done.set()
            fiddler.join()


class Clock:
    """Stands for `time`, whose clock jumps as it does over a computer's sleep."""

    monotonic = staticmethod(time.monotonic)
    time_ns = staticmethod(time.time_ns)

    def __init__(self) -> None:
        self.slept_s = 0.0

    def perf_counter(self) -> float:
        return time.perf_counter() + self.slept_s

    def perf_counter_ns(self) -> int:
        return time.perf_counter_ns() + round(self.slept_s * 1e9)


def test_after_a_standstill_a_film_is_not_raced_through(
    numbered_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(files, "time", clock)
    with open_source(str(numbered_video)) as source:
        assert source.read(WAIT_S) is not None
        clock.slept_s = 3600
        begun_s = time.perf_counter()
        for _ in range(10):
            assert source.read(WAIT_S) is not None
        assert time.perf_counter() - begun_s > 8 / FPS
