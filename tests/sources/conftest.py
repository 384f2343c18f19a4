"""Small real videos and streams; and a check that no source leaves its thread behind."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mjpeg_server import MjpegServer
from sources.grays import COUNT, jpeg, write_video


@pytest.fixture(params=["mp4v", "MJPG"])
def video(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A video of the test frames."""
    suffix = {"mp4v": ".mp4", "MJPG": ".avi"}[request.param]
    return write_video(tmp_path / f"clip{suffix}", request.param)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    """A running MJPEG server that sends the test frames again and again."""
    with MjpegServer([jpeg(number) for number in range(COUNT)], fps=200) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    left = [t for t in threading.enumerate() if t not in before and t.name.startswith("vrfer")]
    assert not left


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is true; fails after a time that only a hanging program needs."""

    def wait(condition: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(2000):
            if condition():
                return
            pause.wait(0.005)
        pytest.fail("waited in vain")

    return wait
