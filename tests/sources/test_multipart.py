import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sources.grays import jpeg

from vrfer.sources import multipart
from vrfer.sources.multipart import ChunkDecoder, MalformedError, MultipartParser, boundary_of

JPEGS = [jpeg(number) for number in range(4)]


def with_thumbnail() -> bytes:
    """A JPEG that carries another one, with its own end marker, in its first segment."""
    thumbnail = jpeg(3, 32, 24)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    return JPEGS[0][:2] + segment + JPEGS[0][2:]


def body(
    pictures: list[bytes],
    *,
    delimiter: bytes = b"--frame",
    with_length: bool = True,
    with_type: bool = True,
    preamble: bytes = b"",
    newline: bytes = b"\r\n",
) -> bytes:
    data = preamble
    for picture in pictures:
        data += delimiter + newline
        if with_type:
            data += b"Content-Type: image/jpeg" + newline
        if with_length:
            data += b"content-length:" + str(len(picture)).encode() + newline
        data += newline + picture + newline
    return data


def in_pieces(parser: MultipartParser, data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [p for a, b in itertools.pairwise(edges) for p in parser.feed(data[a:b])]


@given(
    cuts=st.lists(st.integers(0, 10**6), max_size=12),
    with_length=st.booleans(),
    with_type=st.booleans(),
    preamble=st.sampled_from([b"", b"\r\n", b"This is a preamble.\r\n\r\n--no frame\r\n"]),
    newline=st.sampled_from([b"\r\n", b"\n"]),
    extra_dashes=st.booleans(),
)
@settings(deadline=None)
def test_pictures_survive_any_cutting(
    cuts: list[int],
    with_length: bool,
    with_type: bool,
    preamble: bytes,
    newline: bytes,
    extra_dashes: bool,
) -> None:
    data = body(
        [*JPEGS, with_thumbnail()],
        delimiter=b"----frame" if extra_dashes else b"--frame",
        with_length=with_length,
        with_type=with_type,
        preamble=preamble.replace(b"--no frame", b"--no-frame"),
        newline=newline,
    )
    found = in_pieces(MultipartParser(b"frame"), data, cuts)
    if with_length:
        assert found == [*JPEGS, with_thumbnail()]
    else:
        assert [f.rstrip(b"\r\n-") for f in found] == [*JPEGS, with_thumbnail()]


@pytest.mark.parametrize("with_length", [True, False])
def test_picture_is_there_with_its_last_byte(with_length: bool) -> None:
    data = body(JPEGS[:1], with_length=with_length).removesuffix(b"\r\n")
    parser = MultipartParser(b"frame")
    assert parser.feed(data[:-1]) == []
    assert parser.feed(data[-1:]) == JPEGS[:1]


def test_thumbnail_does_not_end_its_picture() -> None:
    whole = with_thumbnail()
    first_end = whole.index(b"\xff\xd9") + 2
    data = body([whole], with_length=False)
    cut = data.index(whole) + first_end
    parser = MultipartParser(b"frame")
    assert parser.feed(data[:cut]) == []
    assert parser.feed(data[cut:]) == [whole]


def test_damaged_picture_without_length_ends_at_the_boundary() -> None:
    data = body([JPEGS[0], JPEGS[1][:200], JPEGS[2]], with_length=False)
    found = MultipartParser(b"frame").feed(data)
    assert [f.rstrip(b"\r\n") for f in found] == [JPEGS[0], JPEGS[1][:200], JPEGS[2]]


def test_boundary_may_be_cut_anywhere() -> None:
    damaged = JPEGS[1][:200]
    data = body([damaged, JPEGS[2]], with_length=False, preamble=b"preamble\r\n")
    for cut in range(len(data)):
        parser = MultipartParser(b"frame")
        found = parser.feed(data[:cut]) + parser.feed(data[cut:])
        assert [f.rstrip(b"\r\n") for f in found] == [damaged, JPEGS[2]], cut


def test_parts_of_another_kind_are_ignored() -> None:
    note = b"--frame\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n"
    found = MultipartParser(b"frame").feed(body(JPEGS[:1]) + note + body(JPEGS[1:2]))
    assert found == JPEGS[:2]


def test_part_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "LARGEST_PART", 5000)
    parser = MultipartParser(b"frame")
    assert parser.feed(b"--frame\r\n\r\n" + bytes(6000)) == []
    assert parser.oversized == 1
    assert parser.feed(body(JPEGS[:1])) == JPEGS[:1]


def test_head_without_end_is_given_up() -> None:
    parser = MultipartParser(b"frame")
    assert parser.feed(b"--frame\r\n" + b"x" * 20_000) == []
    parser.feed(b"y")
    assert parser.feed(body(JPEGS[:1])) == JPEGS[:1]


@given(
    contents=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    cuts=st.lists(st.integers(0, 10**6), max_size=8),
    extension=st.sampled_from([b"", b";name=value", b" "]),
)
def test_chunks_survive_any_cutting(
    contents: list[bytes], cuts: list[int], extension: bytes
) -> None:
    data = b"".join(b"%X%s\r\n%s\r\n" % (len(c), extension, c) for c in contents) + b"0\r\n\r\n"
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    decoder = ChunkDecoder()
    pieces = [decoder.feed(data[a:b]) for a, b in itertools.pairwise(edges)]
    assert b"".join(pieces) == b"".join(contents)


def test_chunk_without_size_is_malformed() -> None:
    with pytest.raises(MalformedError):
        ChunkDecoder().feed(b"hello\r\n")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/x-mixed-replace; boundary=frame", b"frame"),
        ('multipart/x-mixed-replace;boundary="my frame"', b"my frame"),
        ("Multipart/X-Mixed-Replace; Boundary=--frame", b"frame"),
        ("multipart/x-mixed-replace", b""),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_boundary(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


def test_thumbnail_picture_is_a_real_one() -> None:
    decoded = cv2.imdecode(np.frombuffer(with_thumbnail(), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (120, 160, 3)
