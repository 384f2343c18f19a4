"""The video beside a recording: what stands in it, what is refused, and what accidents cost.

Long, as the tests of one module stand in one file.
"""

import csv
import itertools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from vrfer.errors import OutputError
from vrfer.frames import Frame
from vrfer.outputs import film as film_module
from vrfer.outputs import matroska
from vrfer.outputs.film import Film
from vrfer.outputs.growing import Growing
from vrfer.outputs.reel import fitted

UNIX_NS = 1_700_000_000_123_456_789
BITS, SIDE = 10, 96
NEEDS_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not do this")


def numbered(number: int, side: int = SIDE) -> NDArray[np.uint8]:
    """Return a picture that shows its number as ten stripes."""
    stripes = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8) * 255
    return np.repeat(cv2.resize(stripes[None], (side, side), interpolation=0)[..., None], 3, axis=2)


def number_in(image: NDArray[np.uint8]) -> int:
    height, width = image.shape[:2]
    middles = ((np.arange(BITS) + 0.5) * width / BITS).astype(int)
    return sum(int(value > 127) << bit for bit, value in enumerate(image[height // 2, middles, 0]))


def frame(number: int, *, side: int = SIDE, source_s: float | None = None) -> Frame:
    after_ns = 50_000_000 * number
    return Frame(numbered(number, side), number, 10**9 + after_ns, UNIX_NS + after_ns, source_s)


def settled(film: Film, count: int) -> None:
    """Wait until so many pictures were written or lost."""
    give_up_s = time.monotonic() + 60
    while film.pictures + film.lost < count:
        assert time.monotonic() < give_up_s, (film.pictures, film.lost, film.error)
        time.sleep(0.001)


def film_of(path: Path, frames: Sequence[Frame]) -> Film:
    """Film these pictures, no faster than the encoder takes them."""
    with Film(path) as film:
        for count, given_frame in enumerate(frames, 1):
            film.write(given_frame)
            settled(film, count)
    return film


def seen(path: Path) -> tuple[list[int], list[float]]:
    """Return the numbers in a video's pictures, and their positions in seconds."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    numbers, positions_s = [], []
    while True:
        there, image = capture.read()
        if not there:
            capture.release()
            return numbers, positions_s
        numbers.append(number_in(image))
        positions_s.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)


def table(path: Path) -> list[dict[str, str]]:
    with path.with_suffix(".video.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_table_is_right(path: Path, numbers: list[int]) -> None:
    """Each row of the table names the picture that stands in the video at its place."""
    for row in table(path):
        assert numbers[int(row["video_frame"])] == int(row["frame"])


def test_each_picture_is_there_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "day.1.csv"
    film = film_of(path, [frame(number) for number in range(5, 45)])
    assert film.path == tmp_path / "day.1.video.mkv"
    assert (film.pictures, film.lost, film.error, film.failed_syncs) == (40, 0, "", 0)
    assert {file.name for file in tmp_path.iterdir()} == {"day.1.video.mkv", "day.1.video.csv"}
    numbers, positions_s = seen(film.path)
    assert numbers == list(range(5, 45))
    assert_allclose(positions_s, np.arange(40) / 20, atol=1e-9)
    rows = table(path)
    assert list(rows[0]) == ["video_frame", "frame", "captured_at", "monotonic_s"]
    assert [int(row["video_frame"]) for row in rows] == list(range(40))
    assert_table_is_right(path, numbers)
    assert rows[3]["monotonic_s"] == "1.400000"
    moment = datetime.fromisoformat(rows[3]["captured_at"])
    assert moment.utcoffset() is not None
    assert abs(moment.timestamp() - (UNIX_NS / 1e9 + 0.4)) < 2e-6


def test_pictures_look_as_they_were(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (320, 240))
    film = film_of(tmp_path / "x.csv", [Frame(image, 0, 0, UNIX_NS)])
    capture = cv2.VideoCapture(str(film.path), cv2.CAP_FFMPEG)
    there, shown = capture.read()
    capture.release()
    assert there
    assert np.abs(shown.astype(int) - image).mean() < 3


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs FFmpeg's programs")
def test_other_players_read_it_know_its_length_and_jump_in_it(tmp_path: Path) -> None:
    film = film_of(tmp_path / "x.csv", [frame(number) for number in range(40)])
    asked = (
        "stream=codec_name,width,height,avg_frame_rate:format=duration:format_tags=creation_time"
    )
    told = _ffprobe(film.path, "-show_entries", asked)
    stream = told["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("mjpeg", SIDE, SIDE)
    assert stream["avg_frame_rate"] == "20/1"
    assert abs(float(told["format"]["duration"]) - 2) < 0.1
    assert told["format"]["tags"]["creation_time"].startswith("2023-11-14T22:13:20.12345")
    jumped = _ffprobe(film.path, "-read_intervals", "1.5%+#1", "-show_entries", "packet=pts_time")
    assert [float(packet["pts_time"]) for packet in jumped["packets"]] == [1.5]


def _ffprobe(path: Path, *options: str) -> dict[str, list[dict[str, str]]]:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", *options, str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("times_s", "source_s", "expected"),
    [
        ([5, 5.02, 5.5, 700.5], None, [0, 0.02, 0.5, 695.5]),  # a camera that was away
        ([5, 5.0001, 5.0001, 5.1], None, [0, 0.001, 0.033, 0.133]),  # a clock that stands still
        ([5, 5.1, 5.2], [3.0, 3.4, 3.8], [0, 0.4, 0.8]),  # a file, as fast as possible
        ([5, 5.1, 5.2], [3.0, 0.0, 0.04], [0, 0.033, 0.073]),  # a file that began anew
        ([5, 5.1, 5.2], [3.0, 900.0, 900.1], [0, 0.033, 0.133]),  # sought in a file
        ([5, 5.1, 5.2], [3.0, None, None], [0, 0.033, 0.133]),  # another source was opened
    ],
)
def test_positions_are_those_of_capture_or_of_the_file(
    tmp_path: Path,
    times_s: list[float],
    source_s: list[float | None] | None,
    expected: list[float],
) -> None:
    frames = [
        Frame(numbered(number), number, round(at_s * 1e9), UNIX_NS, within_s)
        for number, (at_s, within_s) in enumerate(
            zip(times_s, source_s or itertools.repeat(None), strict=False)
        )
    ]
    film = film_of(tmp_path / "x.csv", frames)
    numbers, positions_s = seen(film.path)
    assert numbers == list(range(len(frames)))
    assert_allclose(positions_s, expected, atol=0.0011)


@given(st.lists(st.none() | st.floats(0, 1e5), max_size=20), st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
def test_whatever_the_times_every_picture_is_played(
    tmp_path: Path, sources_s: list[float | None], data: st.DataObject
) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    moments = st.integers(0, 10**15)
    frames = [
        Frame(numbered(number), number, data.draw(moments), data.draw(moments), source_s)
        for number, source_s in enumerate(sources_s)
    ]
    film = film_of(tmp_path / "x.csv", frames)
    assert (film.pictures, film.lost) == (len(frames), 0)
    numbers, positions_s = seen(film.path) if frames else ([], [])
    assert numbers == list(range(len(frames)))
    assert (np.diff(positions_s) > 0).all()


@pytest.mark.parametrize("name", ["x.video.mkv", "x.video.csv"])
def test_what_exists_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"{name} exists already"):
        Film(tmp_path / "x.csv")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["x", "x.txt", ".csv", "", "..", "x.mkv"])
def test_other_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match=r"must be named \*\.csv"):
        Film(Path(name))
    assert not list(tmp_path.iterdir())


def test_folders_that_take_no_file_are_output_errors(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be created: No such file"):
        Film(tmp_path / "missing" / "x.csv")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be created"):
        Film(tmp_path / "file" / "x.csv")


@NEEDS_POSIX
@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_an_output_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be created: Permission denied"):
        Film(tmp_path / "x.csv")
    tmp_path.chmod(0o700)


@NEEDS_POSIX
def test_nothing_half_made_is_left_where_a_file_cannot_be_made(tmp_path: Path) -> None:
    # An open file that is forgotten would be a ResourceWarning, and so an error here.
    (tmp_path / "x.video.csv").symlink_to(tmp_path / "missing" / "x")
    with pytest.raises(OutputError, match="cannot be created"):
        Film(tmp_path / "x.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["x.video.csv"]


def test_a_drive_with_little_room_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_module, "KEEP_FREE_BYTES", 1 << 62)
    with pytest.raises(OutputError, match="too full for a video"):
        Film(tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


def test_a_film_without_a_picture_is_removed(tmp_path: Path) -> None:
    with Film(tmp_path / "x.csv") as film:
        pass
    film.close()
    assert not list(tmp_path.iterdir())


def test_after_closing_pictures_are_lost_and_nothing_is_raised(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    film = film_of(tmp_path / "x.csv", [frame(0)])
    for number in range(1, 4):
        film.write(frame(number))
    assert (film.pictures, film.lost, film.error) == (1, 3, "it is closed")
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert str(film.path) in record.getMessage()


def test_pictures_of_another_size_are_fitted_into_the_first(tmp_path: Path) -> None:
    wide = np.full((60, 240, 3), 200, np.uint8)
    film = film_of(tmp_path / "x.csv", [frame(0), Frame(wide, 1, 2 * 10**9, UNIX_NS), frame(7)])
    assert film.pictures == 3
    capture = cv2.VideoCapture(str(film.path), cv2.CAP_FFMPEG)
    images = [capture.read()[1] for _ in range(3)]
    capture.release()
    assert {image.shape for image in images} == {(SIDE, SIDE, 3)}
    assert number_in(images[2]) == 7
    # 240 x 60 becomes 96 x 24, in the middle.
    assert images[1][40:56, 4:-4].mean() > 190
    assert images[1][:32].mean() < 8
    assert images[1][-32:].mean() < 8


@given(*[st.integers(1, 300)] * 4)
@settings(deadline=None)
def test_fitted_pictures_are_whole_and_in_the_middle(
    width: int, height: int, new_width: int, new_height: int
) -> None:
    image = np.full((height, width, 3), 255, np.uint8)
    result = fitted(image, (new_width, new_height))
    assert result.shape == (new_height, new_width, 3)
    rows, columns = np.flatnonzero(result.any(axis=(1, 2))), np.flatnonzero(result.any(axis=(0, 2)))
    assert len(columns) == new_width or len(rows) == new_height
    for found, whole in ((columns, new_width), (rows, new_height)):
        assert abs(found[0] - (whole - 1 - found[-1])) <= 1
    assert (result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 255).all()


def test_turned_and_mirrored_views_are_written(tmp_path: Path) -> None:
    image = frame(300).image
    mirrored = np.ascontiguousarray(image[:, ::-1])[:, ::-1]
    assert not mirrored.flags.c_contiguous
    film = film_of(tmp_path / "x.csv", [Frame(mirrored, 0, 0, UNIX_NS)])
    assert seen(film.path)[0] == [300]


def test_a_picture_that_is_no_jpeg_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    empty = Frame(np.zeros((0, 0, 3), np.uint8), 1, 0, UNIX_NS)
    wide = Frame(np.zeros((1, 70_000, 3), np.uint8), 1, 0, UNIX_NS)  # JPEGs end at 65,535
    with Film(tmp_path / "x.csv") as film:
        for number, given_frame in enumerate((empty, wide, frame(5), empty, frame(6)), 1):
            film.write(given_frame)
            settled(film, number)
    assert (film.pictures, film.lost) == (2, 3)
    assert "cannot be turned into a JPEG" in film.error
    assert len(caplog.records) == 1
    numbers, _ = seen(film.path)
    assert numbers == [5, 6]
    assert_table_is_right(tmp_path / "x.csv", numbers)


def hold_encoder(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Make the encoder wait; return what says that it does, and what lets it go on."""
    waits, goes_on = threading.Event(), threading.Event()
    encode = cv2.imencode

    def held(*arguments: object) -> object:
        waits.set()
        assert goes_on.wait(60)
        return encode(*arguments)

    monkeypatch.setattr(cv2, "imencode", held)
    return waits, goes_on


def test_a_slow_encoder_holds_up_nothing_and_what_is_left_out_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits, goes_on = hold_encoder(monkeypatch)
    with Film(tmp_path / "x.csv") as film:
        film.write(frame(0))
        assert waits.wait(60)
        for number in range(1, 501):
            film.write(frame(number))
        assert film.lost == 500 - film_module.MOST_WAITING
        assert "too slow" in film.error
        goes_on.set()
        settled(film, 501)
        film.write(frame(700))
    assert film.lost == 500 - film_module.MOST_WAITING
    assert len(caplog.records) == 1
    numbers, _ = seen(film.path)
    assert numbers == [*range(film_module.MOST_WAITING + 1), 700]
    assert len(table(tmp_path / "x.csv")) == film.pictures == len(numbers)
    assert_table_is_right(tmp_path / "x.csv", numbers)


def test_waiting_pictures_take_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, goes_on = hold_encoder(monkeypatch)
    large = frame(1, side=160)
    monkeypatch.setattr(film_module, "MOST_WAITING_BYTES", 3 * large.image.nbytes)
    with Film(tmp_path / "x.csv") as film:
        film.write(large)
        assert waits.wait(60)
        for _ in range(10):
            film.write(large)
        assert film.lost == 7
        goes_on.set()
        settled(film, 11)
        # One that is larger than all that may wait is taken when nothing waits.
        film.write(frame(2, side=320))
        settled(film, 12)
    assert (film.pictures, film.lost) == (5, 7)


FULL_DISK = """
import json, logging, resource, signal, sys
from pathlib import Path
from test_film import frame, settled, table
from vrfer.outputs.film import Film

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing raises OSError
logging.basicConfig(level=logging.WARNING)
path, most = Path(sys.argv[1]), resource.getrlimit(resource.RLIMIT_FSIZE)
first, room, last = 3, int(sys.argv[2]), 60
with Film(path) as film:
    for number in range(first):
        film.write(frame(number))
    settled(film, first)
    limit = film.path.stat().st_size + room
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most[1]))
    for number in range(first, last):
        film.write(frame(number))
        settled(film, number + 1)
    full = [film.pictures, film.lost, film.error, film.path.stat().st_size, limit]
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    for number in range(last, last + 3):
        film.write(frame(number))
    settled(film, last + 3)
print(json.dumps([*full, film.pictures, film.lost]))
"""


@NEEDS_POSIX
@pytest.mark.parametrize("room_bytes", [0, 20, 700])
def test_a_full_disk_loses_pictures_says_so_once_and_tears_none(
    tmp_path: Path, room_bytes: int
) -> None:
    path = tmp_path / "x.csv"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), str(room_bytes)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    pictures_full, lost_full, error, size, limit, pictures, lost = json.loads(done.stdout)
    assert (pictures_full, lost_full) == (3, 57)
    assert "large" in error  # the system's words for this kind of full disk
    assert size == limit - room_bytes
    assert (pictures, lost) == (6, 57)
    assert len(done.stderr.splitlines()) == 1
    numbers, _ = seen(tmp_path / "x.video.mkv")
    assert numbers == [0, 1, 2, 60, 61, 62]
    assert len(table(path)) == 6
    assert_table_is_right(path, numbers)


def test_a_picture_whose_row_is_lost_shifts_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = Growing.append

    def refuses(growing: Growing, piece: bytes) -> None:
        if piece.startswith(b"1,"):
            raise OSError(28, "No space left on device")
        append(growing, piece)

    monkeypatch.setattr(Growing, "append", refuses)
    film = film_of(tmp_path / "x.csv", [frame(number) for number in range(4)])
    assert (film.pictures, film.lost, film.error) == (3, 1, "No space left on device")
    numbers, _ = seen(film.path)
    assert numbers == [0, 1, 2, 3]
    assert [row["frame"] for row in table(tmp_path / "x.csv")] == ["0", "2", "3"]
    assert_table_is_right(tmp_path / "x.csv", numbers)


FULL_FROM_THE_BEGINNING = """
import logging, resource, signal, sys
from pathlib import Path
from test_film import frame, settled
from vrfer.outputs.film import Film

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
most = resource.getrlimit(resource.RLIMIT_FSIZE)
with Film(Path(sys.argv[1])) as film:
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, most[1]))
    film.write(frame(0, side=32))
    settled(film, 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    film.write(frame(1))
    settled(film, 2)
    at_the_end = film.path.stat().st_size + 5
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_the_end, most[1]))
"""


@NEEDS_POSIX
def test_a_disk_that_is_full_at_first_and_at_the_end_costs_a_picture_and_the_index(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.csv"
    done = subprocess.run(
        [sys.executable, "-c", FULL_FROM_THE_BEGINNING, str(path)],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert "gets no index" in done.stderr
    numbers, _ = seen(tmp_path / "x.video.mkv")
    assert numbers == [1]
    assert_table_is_right(path, numbers)


def test_a_drive_that_fills_up_is_left_to_the_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_module, "SYNC_EVERY_S", 0.001)
    with Film(tmp_path / "x.csv") as film:
        film.write(frame(0))
        settled(film, 1)
        monkeypatch.setattr(film_module, "KEEP_FREE_BYTES", 1 << 62)
        given_count = until_error(film, "nearly full", 1)
        monkeypatch.setattr(film_module, "KEEP_FREE_BYTES", 0)
        pictures, give_up_s = film.pictures, time.monotonic() + 60
        while film.pictures == pictures:
            assert time.monotonic() < give_up_s
            film.write(frame(given_count % 1024))
            given_count += 1
            settled(film, given_count)
    assert film.lost == given_count - film.pictures >= 1
    numbers, _ = seen(film.path)
    assert len(numbers) == film.pictures == len(table(tmp_path / "x.csv"))
    assert_table_is_right(tmp_path / "x.csv", numbers)


def until_error(film: Film, words: str, given_count: int) -> int:
    """Write pictures until the film says this; return how many were given by then."""
    give_up_s = time.monotonic() + 60
    while words not in film.error:
        assert time.monotonic() < give_up_s
        film.write(frame(given_count % 1024))
        given_count += 1
        settled(film, given_count)
    return given_count


@NEEDS_POSIX
def test_a_removed_folder_is_said_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(film_module, "SYNC_EVERY_S", 0.001)
    folder = tmp_path / "stick"
    folder.mkdir()
    with Film(folder / "x.csv") as film:
        film.write(frame(0))
        settled(film, 1)
        shutil.rmtree(folder)
        until_error(film, "it was removed", 1)
    assert film.lost >= 1
    assert caplog.text.count("it was removed") == 1


@NEEDS_POSIX
def test_a_folder_that_is_renamed_keeps_its_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_module, "SYNC_EVERY_S", 0.001)
    folder = tmp_path / "before"
    folder.mkdir()
    looked = threading.Event()
    with Film(folder / "x.csv") as film:
        folder.rename(tmp_path / "after")
        sync = os.fsync
        monkeypatch.setattr(os, "fsync", lambda number: (sync(number), looked.set()))
        for number in range(20):
            looked.clear()
            film.write(frame(number))
            assert looked.wait(60)
    assert film.lost == 0
    assert seen(tmp_path / "after" / "x.video.mkv")[0] == list(range(20))


WRITES_FOR_EVER = """
import itertools, sys
from pathlib import Path
from test_film import frame, settled
from vrfer.outputs.film import Film

film = Film(Path(sys.argv[1]))
for number in itertools.count():
    film.write(frame(number % 1024))
    settled(film, number + 1)
    print(film.pictures, flush=True)
"""


def test_a_killed_program_loses_nothing_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_FOR_EVER, str(path)],
        stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 50:
                break
        process.kill()
        said = [int(line) for line in process.stdout if line.endswith("\n")]
    if sys.platform != "win32":
        assert process.returncode == -signal.SIGKILL
    written = max([50, *said])
    numbers, _ = seen(tmp_path / "x.video.mkv")
    assert len(numbers) in (written, written + 1)
    assert numbers == [number % 1024 for number in range(len(numbers))]
    rows = table(path)
    assert len(rows) in (len(numbers) - 1, len(numbers))
    assert_table_is_right(path, numbers)
    if shutil.which("ffprobe") is not None:
        counted = _ffprobe(
            tmp_path / "x.video.mkv", "-count_frames", "-show_entries", "stream=nb_read_frames"
        )
        assert int(counted["streams"][0]["nb_read_frames"]) == len(numbers)


@pytest.mark.parametrize("ended", [True, False])
def test_a_film_cut_at_any_byte_gives_its_whole_pictures(tmp_path: Path, ended: bool) -> None:
    path, count = tmp_path / "x.csv", 4
    with Film(path) as film:
        ends = []
        for number in range(count):
            film.write(frame(number))
            settled(film, number + 1)
            ends.append(film.path.stat().st_size)
        content = film.path.read_bytes()
    if ended:
        content = film.path.read_bytes()
        assert len(content) > ends[-1]
    cut = tmp_path / "cut.mkv"
    # Around every end of a picture each byte, between them some.
    sizes = {end + near for end in ends for near in range(-25, 60)} | {*range(0, ends[-1], 311)}
    for size in sorted(size for size in sizes if size <= len(content)):
        cut.write_bytes(content[:size])
        numbers, _ = seen(cut)
        assert numbers == list(range(sum(end <= size for end in ends))), size


def test_pictures_are_put_on_the_disk_while_filming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_module, "SYNC_EVERY_S", 0.001)
    sync, synced, sizes = os.fsync, threading.Event(), []

    def noted(number: int) -> None:
        sync(number)
        if threading.current_thread().name == "vrfer-film-disk":
            sizes.append(os.fstat(number).st_size)
            synced.set()

    monkeypatch.setattr(os, "fsync", noted)
    with Film(tmp_path / "x.csv") as film:
        for number in range(3):
            film.write(frame(number))
            settled(film, number + 1)
            for file in (film.path, tmp_path / "x.video.csv"):
                size = file.stat().st_size
                while size not in sizes:
                    assert synced.wait(60)
                    synced.clear()


def test_a_disk_that_does_not_answer_holds_up_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_module, "SYNC_EVERY_S", 0.001)
    asked, answer = threading.Event(), threading.Event()

    def slow(number: int) -> None:
        asked.set()
        assert answer.wait(60)

    with Film(tmp_path / "x.csv") as film:
        monkeypatch.setattr(os, "fsync", slow)
        film.write(frame(0))
        assert asked.wait(60)
        for number in range(1, 300):
            film.write(frame(number))
            settled(film, number + 1)
        assert (film.pictures, film.lost) == (300, 0)
        assert len(table(tmp_path / "x.csv")) == 300
        answer.set()


@pytest.mark.parametrize("hangs", ["fsync", "encoder"])
def test_closing_does_not_wait_for_ever(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    hangs: str,
) -> None:
    monkeypatch.setattr(film_module, "_PATIENCE_S", 0.05)
    waits, answer = hold_encoder(monkeypatch)
    if hangs == "fsync":
        answer.set()
        answer = threading.Event()
        monkeypatch.setattr(os, "fsync", lambda _: answer.wait(60))
    film = Film(tmp_path / "x.csv")
    film.write(frame(0))
    assert waits.wait(60)
    if hangs == "encoder":
        film.write(frame(1))
        film.write(frame(2))
    film.close()
    assert "does not answer" in caplog.text
    assert film.lost == (2 if hangs == "encoder" else 0)
    film.write(frame(3))
    assert film.error == "it is closed"
    answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("vrfer-film"):
            thread.join()
    assert seen(film.path)[0] == [0]


def test_a_disk_that_refuses_is_said_once_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(number: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(film_module, "SYNC_EVERY_S", 0.001)
    with Film(tmp_path / "x.csv") as film:
        monkeypatch.setattr(os, "fsync", broken)
        given_count = until_error(film, "Input/output error", 0)
        until_error(film, "Input/output error", given_count)
        monkeypatch.undo()
    assert film.failed_syncs >= 1
    assert caplog.text.count("the disk refuses it: Input/output error") == 1


def test_long_films_cost_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matroska, "MOST_INDEXED", 64)
    parts, in_part = 30, 400
    blocks = []
    picture = frame(1, side=16)
    with Film(tmp_path / "x.csv") as film:
        for part in range(1, parts + 1):
            for _ in range(in_part // 50):
                for _ in range(50):
                    film.write(picture)
                settled(film, film.pictures + film.lost + 1)
            settled(film, part * in_part)
            blocks.append(sys.getallocatedblocks())
    assert film.pictures + film.lost == parts * in_part
    assert blocks[-1] - blocks[2] < 500
