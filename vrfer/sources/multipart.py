"""The bytes of an MJPEG stream: HTTP chunks and multipart/x-mixed-replace, parsed piece by piece.

Both parsers take whatever pieces the network delivers and know nothing of sockets. They forgive
what cameras get wrong: boundaries declared with their dashes, missing headers, bare newlines.
"""

import re
from email.message import Message

from vrfer.sources.pictures import END_OF_IMAGE, JPEG, jpeg_scan

LARGEST_PART = 32 * 2**20
"""A part longer than this many bytes is given up as damaged."""
LARGEST_HEAD = 16 * 2**10
END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class MalformedError(Exception):
    """The stream is not what its headers say."""


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary of a multipart stream without leading dashes; None for other types."""
    header = Message()
    header["Content-Type"] = content_type
    if header.get_content_maintype() != "multipart":
        return None
    boundary = header.get_param("boundary", "")
    return boundary.lstrip("-").encode("latin-1", "replace") if isinstance(boundary, str) else b""


class ChunkDecoder:
    """Takes the "Transfer-Encoding: chunked" off a body."""

    def __init__(self) -> None:
        """Begin before the first chunk."""
        self._waiting = bytearray()
        self._left = 0

    def feed(self, piece: bytes) -> bytes:
        """Return the content of the chunks that the piece completes or continues.

        Raises:
            MalformedError: A chunk does not begin with its size.
        """
        self._waiting += piece
        content = bytearray()
        while self._waiting:
            if self._left:
                taken = self._waiting[: self._left]
                del self._waiting[: len(taken)]
                content += taken
                self._left -= len(taken)
                continue
            line, newline, _ = self._waiting.partition(b"\n")
            if not newline and len(line) < LARGEST_HEAD:
                break
            size = line.split(b";")[0].strip()
            if size and not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                raise MalformedError("a chunk without its size")
            self._left = int(size, 16) if size else 0  # the empty line after a chunk
            del self._waiting[: len(line) + len(newline)]
        return bytes(content)


class MultipartParser:
    """Finds the pictures in a multipart/x-mixed-replace body.

    A part without a Content-Length ends where its JPEG ends: waiting for the boundary after it
    would cost one frame of latency, since many servers send it only with the next picture.
    """

    def __init__(self, boundary: bytes) -> None:
        """Begin before the first boundary.

        Args:
            boundary: As `boundary_of` returns it.
        """
        self._delimiter = b"--" + boundary
        self._data = bytearray()
        self._searched = 0
        self._in_part = False
        self._length: int | None = None
        self._is_picture = True
        self.oversized = 0
        """Parts that were given up because they did not end."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the pictures that the piece completes, oldest first."""
        self._data += piece
        pictures: list[bytes] = []
        while True:
            if not self._in_part and not self._enter_part():
                return pictures
            end = self._end_of_part()
            if end < 0:
                if len(self._data) > LARGEST_PART:
                    self._leave_part(len(self._data))
                    self.oversized += 1
                return pictures
            content = bytes(self._data[:end])
            self._leave_part(end)
            if self._is_picture and content.strip():
                pictures.append(content)

    def _enter_part(self) -> bool:
        """Step over the next boundary and its headers; False while they are incomplete."""
        start = self._data.find(self._delimiter)
        if start < 0:
            del self._data[: max(0, len(self._data) - len(self._delimiter))]
            return False
        del self._data[:start]
        line_end = self._data.find(b"\n", len(self._delimiter))
        if line_end < 0:
            return False
        if self._data[line_end + 1 : line_end + 2] == b"\n":
            head, body = b"", line_end + 2
        elif self._data[line_end + 1 : line_end + 3] == b"\r\n":
            head, body = b"", line_end + 3
        else:
            end = END_OF_HEAD.search(self._data, line_end + 1)
            if end is None:
                if len(self._data) > LARGEST_HEAD:  # not a head: look for the next boundary
                    del self._data[: len(self._delimiter)]
                return False
            head, body = bytes(self._data[line_end + 1 : end.start()]), end.end()
        self._read_head(head)
        del self._data[:body]
        self._in_part, self._searched = True, 0
        return True

    def _read_head(self, head: bytes) -> None:
        self._length, self._is_picture = None, True
        for line in head.splitlines():
            name, _, value = line.partition(b":")
            name, value = name.strip().lower(), value.strip().lower()
            if name == b"content-length" and value.isdigit():
                self._length = min(int(value), LARGEST_PART)
            elif name == b"content-type":
                self._is_picture = value.startswith((b"image/", b"application/octet-stream"))

    def _end_of_part(self) -> int:
        """Return the length of the part's content; -1 while it is incomplete."""
        if self._length is not None:
            return self._length if len(self._data) >= self._length else -1
        overlap = len(self._delimiter) + 2
        boundary = self._data.find(self._delimiter, max(0, self._searched - overlap))
        self._searched = len(self._data)
        if boundary >= 0:
            return boundary
        tail = len(self._data.rstrip(b"\r\n"))
        if self._data.startswith(JPEG) and self._data.endswith(END_OF_IMAGE, 0, tail):
            scan = jpeg_scan(self._data)
            if 0 <= scan <= tail - len(END_OF_IMAGE):
                return tail
        return -1

    def _leave_part(self, end: int) -> None:
        del self._data[:end]
        self._in_part = False
