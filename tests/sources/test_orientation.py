"""Pictures are turned and mirrored on their way out of every kind of source."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mjpeg_server import MjpegServer
from numpy.typing import NDArray
from sources.fake_camera import V4l2Camera

from vrfer.sources import CameraSettings, Orientation, open_source

ROTATIONS = (0, 90, 180, 270)
TURNED = CameraSettings(mirrored=True, rotation_deg=90)


def corner(width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Return a black picture with a white block at the top left."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 4] = 255
    return image


def expected(image: NDArray[np.uint8], mirrored: bool, rotation_deg: int) -> NDArray[np.uint8]:
    """Turn and mirror with numpy, whose quarter turns go the other way round."""
    turned = np.rot90(image, -rotation_deg // 90)
    return turned[:, ::-1] if mirrored else turned


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.booleans(),
    st.sampled_from(ROTATIONS),
    st.integers(0, 2**32 - 1),
)
def test_pictures_are_turned_clockwise_and_then_mirrored_without_loss(
    size: tuple[int, int], mirrored: bool, rotation_deg: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    before = image.copy()
    turned = Orientation(mirrored, rotation_deg).apply(image)
    assert np.array_equal(turned, expected(image, mirrored, rotation_deg))
    assert turned.dtype == np.uint8
    assert turned.flags.c_contiguous
    assert np.array_equal(image, before)


@pytest.fixture
def stream() -> Iterator[str]:
    with MjpegServer([cv2.imencode(".jpg", corner())[1].tobytes()], fps=100) as server:
        yield server.url


def check_turned(spec: str) -> None:
    with open_source(spec, as_fast_as_possible=True, camera=TURNED) as source:
        frame = source.read(10)
    assert frame is not None
    difference = frame.image.astype(int) - expected(corner(), True, 90)
    assert np.abs(difference).mean() < 12  # lossy coding blurs the block's edges
    assert frame.image.flags.c_contiguous


def test_stream(stream: str) -> None:
    check_turned(stream)


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "mp4v"), ("clip.avi", "MJPG")])
def test_video(tmp_path: Path, name: str, codec: str) -> None:
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(tmp_path / name), fourcc, 25.0, (160, 120))
    writer.write(corner())
    writer.release()
    check_turned(str(tmp_path / name))


def test_picture_and_folder(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), corner())
    check_turned(str(tmp_path / "a.png"))
    check_turned(str(tmp_path))


def test_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: V4l2Camera())
    with open_source("0", camera=TURNED) as source:
        frame = source.read(10)
    assert frame is not None
    assert frame.image.shape == (640, 480, 3)


def test_orientation_may_change_while_a_source_runs(stream: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), corner())
    for spec in (stream, str(tmp_path / "a.png")):
        with open_source(spec, loop=True) as source:
            assert source.read(10).image.shape == (120, 160, 3)
            source.orientation = Orientation(rotation_deg=270)
            assert source.read(10).image.shape == (160, 120, 3)
