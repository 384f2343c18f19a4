"""The Matroska container, as far as a film of JPEG pictures needs it.

A film is a head, then one cluster a picture, then, where it was ended, an index. Each part is
whole in itself and only ever appended, so a film that was cut anywhere is a film of the pictures
before. At the end the head is written anew, of the same length, to name duration and index.

OpenCV's own writer keeps up to seconds of film in memory, and a full disk is no error to it.

Specification: RFC 9559 (Matroska), RFC 8794 (EBML).
"""

import struct
from dataclasses import dataclass
from typing import Final

MOST_INDEXED: Final = 2048
"""So many places an index holds at most; in long films they lie further apart."""

_APP = "vrfer"
_NS_TO_2001: Final = 978_307_200 * 10**9
"""From the Unix epoch to Matroska's, the year 2001, nanoseconds."""
_UNKNOWN_SIZE: Final = b"\x01" + b"\xff" * 7
_KEYFRAME: Final = b"\x80"
_TRACK: Final = 1

_EBML, _EBML_VERSION, _EBML_READ_VERSION = "1A45DFA3", "4286", "42F7"
_EBML_MAX_ID_LENGTH, _EBML_MAX_SIZE_LENGTH = "42F2", "42F3"
_DOC_TYPE, _DOC_TYPE_VERSION, _DOC_TYPE_READ_VERSION = "4282", "4287", "4285"
_SEGMENT, _VOID = "18538067", "EC"
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = "114D9B74", "4DBB", "53AB", "53AC"
_INFO, _TIMESTAMP_SCALE, _DURATION, _DATE = "1549A966", "2AD7B1", "4489", "4461"
_MUXING_APP, _WRITING_APP = "4D80", "5741"
_TRACKS, _TRACK_ENTRY, _TRACK_NUMBER, _TRACK_UID, _TRACK_TYPE = "1654AE6B", "AE", "D7", "73C5", "83"
_FLAG_LACING, _CODEC_ID = "9C", "86"
_VIDEO, _PIXEL_WIDTH, _PIXEL_HEIGHT = "E0", "B0", "BA"
_CLUSTER, _TIMESTAMP, _SIMPLE_BLOCK = "1F43B675", "E7", "A3"
_CUES, _CUE_POINT, _CUE_TIME = "1C53BB6B", "BB", "B3"
_CUE_TRACK_POSITIONS, _CUE_TRACK, _CUE_CLUSTER_POSITION = "B7", "F7", "F1"


@dataclass(frozen=True, slots=True)
class Ending:
    """What the head says only once the film is ended."""

    duration_ms: float
    index_at: int
    """Where the index begins, bytes from the beginning of the file."""


def head(width: int, height: int, began_unix_ns: int, ending: Ending | None = None) -> bytes:
    """Return what a film begins with; its length does not depend on `ending`.

    It names no frame rate: each picture has its own time, and programs that are told a rate which
    the camera did not keep leave pictures out.

    Args:
        width: Of every picture, pixels.
        height: Likewise.
        began_unix_ns: When the first picture was captured, nanoseconds since the Unix epoch.
        ending: None while the film grows.
    """
    seek, duration = _seek_head(0), _float(_DURATION, 0.0)
    if ending is None:
        seek, duration = _nothing(len(seek)), _nothing(len(duration))
    else:
        seek = _seek_head(ending.index_at - len(_start()))
        duration = _float(_DURATION, ending.duration_ms)
    date = _element(_DATE, (began_unix_ns - _NS_TO_2001).to_bytes(8, "big", signed=True))
    apps = _text(_MUXING_APP, _APP) + _text(_WRITING_APP, _APP)
    info = _element(_INFO, _number(_TIMESTAMP_SCALE, 1_000_000) + duration + date + apps)
    video = _element(_VIDEO, _number(_PIXEL_WIDTH, width) + _number(_PIXEL_HEIGHT, height))
    track = (
        _number(_TRACK_NUMBER, _TRACK)
        + _number(_TRACK_UID, _TRACK)
        + _number(_TRACK_TYPE, 1)  # video
        + _number(_FLAG_LACING, 0)
        + _text(_CODEC_ID, "V_MJPEG")
        + video
    )
    return _start() + seek + info + _element(_TRACKS, _element(_TRACK_ENTRY, track))


def cluster(jpeg: bytes, position_ms: int) -> bytes:
    """Return one picture with its position in the film, milliseconds."""
    block = bytes([0x80 | _TRACK, 0, 0]) + _KEYFRAME + jpeg
    return _element(_CLUSTER, _number(_TIMESTAMP, position_ms) + _element(_SIMPLE_BLOCK, block))


class Index:
    """Where in the file pictures lie, so that players can jump; it does not grow for ever."""

    def __init__(self) -> None:
        """Begin empty."""
        self._places: list[tuple[int, int]] = []
        self._every = 1
        self._passed = 0

    def note(self, position_ms: int, at: int) -> None:
        """Note one picture.

        Args:
            position_ms: Its position in the film; positions rise.
            at: Where its cluster begins, bytes from the beginning of the file.
        """
        if self._passed % self._every == 0:
            self._places.append((position_ms, at))
        self._passed += 1
        if len(self._places) > MOST_INDEXED:
            self._places = self._places[::2]
            self._every *= 2

    def as_bytes(self) -> bytes:
        """Return what stands at the end of a film."""
        points = (
            _element(
                _CUE_POINT,
                _number(_CUE_TIME, position_ms)
                + _element(
                    _CUE_TRACK_POSITIONS,
                    _number(_CUE_TRACK, _TRACK)
                    + _number(_CUE_CLUSTER_POSITION, at - len(_start())),
                ),
            )
            for position_ms, at in self._places
        )
        return _element(_CUES, b"".join(points))


def _start() -> bytes:
    """Return everything before the segment's contents, from where its positions count."""
    versions = (
        _number(_EBML_VERSION, 1)
        + _number(_EBML_READ_VERSION, 1)
        + _number(_EBML_MAX_ID_LENGTH, 4)
        + _number(_EBML_MAX_SIZE_LENGTH, 8)
        + _text(_DOC_TYPE, "matroska")
        + _number(_DOC_TYPE_VERSION, 2)  # simple blocks came with 2
        + _number(_DOC_TYPE_READ_VERSION, 2)
    )
    return _element(_EBML, versions) + bytes.fromhex(_SEGMENT) + _UNKNOWN_SIZE


def _seek_head(index_position: int) -> bytes:
    seek = _element(_SEEK_ID, bytes.fromhex(_CUES)) + _number(_SEEK_POSITION, index_position)
    return _element(_SEEK_HEAD, _element(_SEEK, seek))


def _nothing(length: int) -> bytes:
    """Return an element of this length, nine bytes or more, that says nothing."""
    return _element(_VOID, bytes(length - 9))


def _element(identity: str, content: bytes) -> bytes:
    """Return an element, its size in eight bytes whatever it is."""
    return bytes.fromhex(identity) + (1 << 56 | len(content)).to_bytes(8, "big") + content


def _number(identity: str, value: int) -> bytes:
    return _element(identity, value.to_bytes(8, "big"))


def _float(identity: str, value: float) -> bytes:
    return _element(identity, struct.pack(">d", value))


def _text(identity: str, value: str) -> bytes:
    return _element(identity, value.encode("ascii"))
