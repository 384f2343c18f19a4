import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from mjpeg_server import MjpegServer
from sources.grays import write_video

from vrfer.errors import SourceError
from vrfer.sources import open_source, opening
from vrfer.sources.opening import without_credentials


def noise_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", noise)[1].tobytes()


BAD_FILES = {
    "text.mp4": (b"this is a text\n" * 40, "is a text"),
    "text.txt": (b"this is a text\n" * 40, "is a text"),
    "text.jpg": (b"this is a text\n" * 40, "is not a picture"),
    "zero.mp4": (b"", "is empty"),
    "zero.jpg": (b"", "is empty"),
    "half.jpg": (noise_jpeg()[:4000], "is damaged"),
    "nearly.jpg": (noise_jpeg()[:-3], "is damaged"),
    "noise.mp4": (bytes(range(256)) * 20, "is damaged or not a video"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_one_clear_line(tmp_path: Path, name: str) -> None:
    content, complaint = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as caught:
        open_source(str(tmp_path / name))
    assert name in caught.value.message
    assert "\n" not in str(caught.value)
    assert caught.value.remedy.endswith(".")


def test_truncated_mp4_is_an_error_and_ffmpeg_keeps_quiet(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", "mp4v")
    path.write_bytes(path.read_bytes()[:-600])
    # In a program of its own, since FFmpeg's log level is set once, before its first use.
    code = (
        "import sys\nfrom vrfer.errors import SourceError\nfrom vrfer.sources import open_source\n"
        "try:\n    open_source(sys.argv[1])\nexcept SourceError as err:\n    print(err.message)"
    )
    hidden = {"OPENCV_FFMPEG_LOGLEVEL", "OPENCV_LOG_LEVEL"}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(opening.__file__).parents[2],
        env={name: value for name, value in os.environ.items() if name not in hidden},
    )
    assert ended.stdout.strip() == f"{path} is damaged or not a video"
    assert ended.stderr == ""


@pytest.mark.parametrize("name", ["nowhere/clip.mp4", "clip.mp4", "nowhere/"])
def test_missing_file_is_named(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=f"no file or folder|called .{name}"):
        open_source(name if name == "clip.mp4" else str(tmp_path / name))


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no pictures"):
        open_source(str(tmp_path))


def test_no_source() -> None:
    with pytest.raises(SourceError, match="no source is given"):
        open_source(" ")


def test_contents_decide_not_names(tmp_path: Path) -> None:
    (tmp_path / "really a picture.mp4").write_bytes(noise_jpeg())
    with open_source(str(tmp_path / "really a picture.mp4")) as source:
        assert source.read(0) is not None
        assert source.exhausted


def test_unreachable_url_hides_its_password(server: MjpegServer) -> None:
    server.stop()
    url = server.url.replace("http://", "http://ann:secret@") + "video?pwd=secret"
    with pytest.raises(SourceError, match="cannot be reached") as caught:
        open_source(url)
    assert "secret" not in str(caught.value)
    assert f"127.0.0.1:{server.port}/video" in caught.value.message


def test_unreachable_rtsp() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SourceError, match="cannot be opened as a video stream"):
        open_source(f"rtsp://127.0.0.1:{port}/stream")


@pytest.mark.parametrize("url", ["udp://@:{port}", "udp://:{port}", "srt://:{port}?mode=listener"])
def test_streams_that_somebody_sends_may_be_waited_for(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    asked: list[str] = []
    closed = cv2.VideoCapture()

    def open_capture(asked_for: str, *_: object) -> cv2.VideoCapture:
        asked.append(asked_for)
        return closed

    monkeypatch.setattr("vrfer.sources.capturing.cv2.VideoCapture", open_capture)
    url = url.format(port=1234)
    with pytest.raises(SourceError, match="cannot be opened as a video stream"):
        open_source(url)
    assert asked == [url]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://ann:secret@cam:99999/", "not valid"),
        ("http://ann:secret@[cam/", "not valid"),
        ("http:///video", "names no computer"),
        ("rtsp://@:8554/x", "names no computer"),
        ("udp://@", "names no computer"),
        ("udp://@:0", "names no computer"),
    ],
)
def test_invalid_address(url: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint) as caught:
        open_source(url)
    assert "secret" not in str(caught.value)


def test_name_too_long_for_a_file() -> None:
    with pytest.raises(SourceError, match=r"cannot be read|no camera called"):
        open_source("x" * 5000)


def test_unknown_kind_of_address() -> None:
    with pytest.raises(SourceError, match="unknown kind of address"):
        open_source("gopher://127.0.0.1/")


@pytest.mark.parametrize(
    ("content_type", "complaint"),
    [
        ("text/html", "is a web page"),
        ("image/jpeg", "is a single picture"),
        ("video/mp4", "is a film"),
    ],
)
def test_url_that_is_no_stream(server: MjpegServer, content_type: str, complaint: str) -> None:
    server.content_type, server.body = content_type, noise_jpeg()
    with pytest.raises(SourceError, match=complaint):
        open_source(server.url)


def test_url_of_something_else_that_is_no_video(server: MjpegServer) -> None:
    server.content_type, server.body = "application/octet-stream", bytes(range(256)) * 20
    with pytest.raises(SourceError, match="cannot be opened as a video stream"):
        open_source(server.url)


def test_server_that_does_not_speak_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(SourceError, match="does not speak http"):
            open_source(url)
        thread.join()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://ann:secret@cam:8080/v?pwd=secret#x", "http://cam:8080/v?..."),
        ("rtsp://cam/stream1", "rtsp://cam/stream1"),
        ("http://ann@[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_credentials_are_not_shown(url: str, shown: str) -> None:
    assert without_credentials(url) == shown
