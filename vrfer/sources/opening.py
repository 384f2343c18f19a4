"""Decides what a source is: the one place that reads `--source`."""

import functools
import os
import re
import threading
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from vrfer.errors import SourceError
from vrfer.sources import camera_list, cameras, capturing, mjpeg, pictures
from vrfer.sources.base import Source
from vrfer.sources.files import open_folder, open_picture
from vrfer.sources.live import Device, LiveSource, check_cancelled
from vrfer.sources.multipart import boundary_of
from vrfer.sources.opencv import prepare_opencv
from vrfer.sources.settings import DEFAULT_CAMERA, CameraSettings
from vrfer.sources.video import VideoSource

STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "udp", "tcp", "srt"})
SNIFFED = 4096
"""So many bytes tell a picture from a video from a text."""
LIKE_A_PATH = re.compile(r"[/\\]|\.[A-Za-z][A-Za-z0-9]{1,4}$")
"""A folder or a suffix: no camera is called that ("USB2.0 Camera" has none)."""
CHECK_SPELLING = "Check its spelling and its folder."
CHECK_ADDRESS = "It should look like http://192.168.1.20:8080/video."


def open_source(
    spec: str,
    *,
    as_fast_as_possible: bool = False,
    camera: CameraSettings = DEFAULT_CAMERA,
    cancel: threading.Event | None = None,
    loop: bool = False,
    camera_name: str = "",
) -> Source:
    """Open a camera, stream, video, picture or folder of pictures.

    Args:
        spec: A camera's number ("0"), a URL, a path, or a camera's name or a part of it; tried in
            this order. A file whose name is a number is given as "./0".
        as_fast_as_possible: Whether files ignore their own times.
        camera: What a camera is asked for. How pictures are mirrored and rotated holds for every
            source.
        cancel: When another thread sets it, waiting for a camera or stream ends at once.
        loop: Whether files begin again after their last frame: `source_s` goes back to 0, the
            frame's index goes on, and the source is never exhausted.
        camera_name: Name of the camera that a number in `spec` once stood for: the camera of this
            name is opened, whatever its number is now.

    Raises:
        SourceError: It does not exist, cannot be reached, is not what it says, or was cancelled.
    """
    source = _open(spec.strip(), as_fast_as_possible, camera, cancel, loop, camera_name)
    source.orientation = camera.orientation
    return source


def _open(
    spec: str,
    as_fast_as_possible: bool,
    camera: CameraSettings,
    cancel: threading.Event | None,
    loop: bool,
    camera_name: str,
) -> Source:
    if not spec:
        raise SourceError(
            "no source is given", "Give a camera's number or name, a URL, or a file's name."
        )
    if re.fullmatch(r"[0-9]{1,4}", spec):
        return cameras.open_camera(int(spec), camera, cancel, camera_name)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", spec):
        return _open_url(spec, cancel)
    path = Path(os.path.expanduser(spec))
    try:
        there = path.exists()
    except OSError as err:
        raise _unreadable(path, err) from err
    if there:
        check_cancelled(path.name, cancel)
        return _open_path(path, as_fast_as_possible, loop)
    if LIKE_A_PATH.search(spec):
        raise SourceError(f"there is no file or folder {spec}", CHECK_SPELLING)
    found = camera_list.find_camera(spec, camera_list.list_cameras(with_modes=False))
    return cameras.open_camera(found.index, camera, cancel, found.name)


def without_credentials(spec: str) -> str:
    """Return a source as it may be shown and logged: of URLs no user, password or query."""
    if "://" not in spec:
        return spec
    try:
        parts = urlsplit(spec)
    except ValueError:  # such as a bracket that does not close
        return f"{spec.partition('://')[0]}://..."
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "..." if parts.query else "", ""))


def _open_path(path: Path, as_fast_as_possible: bool, loop: bool) -> Source:
    if path.is_dir():
        return open_folder(path, as_fast_as_possible, loop)
    try:
        with path.open("rb") as file:
            start = file.read(SNIFFED)
    except OSError as err:
        raise _unreadable(path, err) from err
    if not start:
        raise SourceError(f"{path} is empty (0 bytes)", "Copy or record it anew.")
    if pictures.is_picture(start) and path.suffix.lower() not in pictures.FILMS:
        return open_picture(path, as_fast_as_possible, loop)
    if path.suffix.lower() in pictures.SUFFIXES:
        raise SourceError(f"{path} is not a picture, whatever its name says", "Check the file.")
    if _is_text(start):  # FFmpeg would "play" it, letter by letter
        raise SourceError(f"{path} is a text, not a video or picture", "Give a video or picture.")
    return VideoSource(path, as_fast_as_possible, loop)


def _unreadable(path: Path, err: OSError) -> SourceError:
    return SourceError(f"{path} cannot be read ({err.strerror})", "Check its name and permissions.")


def _is_text(start: bytes) -> bool:
    if b"\0" in start:
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as err:
        return err.start > len(start) - 4 and len(start) == SNIFFED  # cut within a character
    return True


def _open_url(url: str, cancel: threading.Event | None) -> Source:
    try:
        parts = urlsplit(url)
        complete = (bool(parts.hostname) or _listens(parts)) and parts.port != 0
    except ValueError as err:
        raise SourceError(f"the address given is not valid ({err})", CHECK_ADDRESS) from err
    if not complete:
        raise SourceError("the address given names no computer", CHECK_ADDRESS)
    name, scheme = without_credentials(url), parts.scheme.lower()
    if scheme not in {"http", "https"} | STREAM_SCHEMES:
        known = ", ".join(["http", "https", *sorted(STREAM_SCHEMES)])
        raise SourceError(f"{name} has an unknown kind of address", f"Known kinds: {known}.")
    prepare_opencv()
    if scheme in STREAM_SCHEMES:
        return LiveSource(name, capturing.stream_opener(url, name), cancel=cancel)
    return LiveSource(name, functools.partial(_open_http, url, name), cancel=cancel)


def _listens(parts: SplitResult) -> bool:
    """Say whether an address means a port here, to which somebody sends: `udp://@:1234`."""
    asked = parts.scheme.lower() == "udp" or "listen" in parts.query
    return asked and parts.port is not None


def _open_http(url: str, name: str, stop: threading.Event) -> Device:
    """Look at what a server offers, and read it accordingly."""
    answer = mjpeg.request(url, name)
    kind = answer.headers.get_content_type()
    boundary = boundary_of(answer.headers.get("Content-Type", ""))
    if answer.status == 200 and boundary:
        try:
            return mjpeg.MjpegDevice(name, answer, boundary)
        except BaseException:
            answer.connection.close()
            raise
    answer.connection.close()
    challenge = answer.headers.get("WWW-Authenticate", "").lower()
    if answer.status == 401 and not (challenge.startswith("digest") and urlsplit(url).username):
        raise SourceError(
            f"{name} wants a user name and password, or refuses those given",
            "Give them in the address: http://USER:PASSWORD@...",
        )
    if answer.status not in {200, 401}:
        raise SourceError(f"{name} answers with error {answer.status}", "Check the address.")
    if kind.startswith(("text/", "image/")):
        what = "a web page" if kind.startswith("text/") else "a single picture"
        raise SourceError(
            f"{name} is {what}, not a video stream",
            "Give the address of the stream itself; many cameras have it at /video or /stream.",
        )
    if kind.startswith("video/") and "Content-Length" in answer.headers:
        raise SourceError(
            f"{name} is a film, not a camera's stream",
            "Download it, and give the file: it then plays at its own speed.",
        )
    return capturing.open_stream(url, name, stop)
