"""The container: its elements, read by the rules of RFC 8794 alone."""

import itertools
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.outputs.matroska import MOST_INDEXED, Ending, Index, cluster, head

MASTERS = {"18538067", "114D9B74", "4DBB", "1549A966", "1654AE6B", "AE", "E0", "1F43B675"}
MASTERS |= {"1C53BB6B", "BB", "B7"}
BEGAN_NS = 1_700_000_000_123_456_789


def elements(data: bytes, at: int = 0, end: int | None = None) -> Iterator[tuple[str, int, bytes]]:
    """Yield every element with its identity, its place and its content, outer ones first."""
    end = len(data) if end is None else end
    while at < end:
        begin = at
        identity, at = _variable(data, at, keep_marker=True)
        size, at = _variable(data, at)
        known = size != (1 << 56) - 1
        inner_end = at + size if known else end
        assert inner_end <= end
        name = f"{identity:X}"
        yield name, begin, data[at:inner_end]
        if name in MASTERS:
            yield from elements(data, at, inner_end)
        at = inner_end


def _variable(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int, int]:
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_marker else value & ((1 << 7 * length) - 1), at + length


def number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def test_the_head_says_what_comes() -> None:
    found = {name: content for name, _, content in elements(head(640, 480, BEGAN_NS))}
    assert found["86"] == b"V_MJPEG"
    assert (number(found["B0"]), number(found["BA"])) == (640, 480)
    assert number(found["2AD7B1"]) == 1_000_000
    since_2001_ns = int.from_bytes(found["4461"], "big", signed=True)
    assert since_2001_ns + 978_307_200 * 10**9 == BEGAN_NS
    assert not {"114D9B74", "4489"} & set(found)


@given(st.integers(1, 60_000), st.integers(0, 2**62), st.floats(0, 1e12), st.integers(1000, 2**55))
def test_the_head_keeps_its_length_when_it_is_written_anew(
    width: int, began_ns: int, duration_ms: float, index_at: int
) -> None:
    growing = head(width, 480, began_ns)
    ended = head(width, 480, began_ns, Ending(duration_ms, index_at))
    assert len(growing) == len(ended)
    found = {name: (at, content) for name, at, content in elements(ended)}
    assert struct.unpack(">d", found["4489"][1]) == (duration_ms,)
    assert found["53AB"][1].hex().upper() == "1C53BB6B"
    segment_at = found["18538067"][0] + 12
    assert number(found["53AC"][1]) + segment_at == index_at


@given(st.binary(max_size=300), st.integers(0, 2**40))
def test_a_cluster_is_one_picture_with_its_time(jpeg: bytes, position_ms: int) -> None:
    (_, _, _), (time_id, _, time), (block_id, _, block) = elements(cluster(jpeg, position_ms))
    assert (time_id, number(time)) == ("E7", position_ms)
    assert (block_id, block) == ("A3", b"\x81\0\0\x80" + jpeg)


@pytest.mark.parametrize("count", [0, 1, MOST_INDEXED, MOST_INDEXED + 1, 20_000])
def test_an_index_points_at_clusters_and_stays_small(count: int) -> None:
    film, index, places = bytearray(head(64, 48, BEGAN_NS)), Index(), {}
    for picture in range(count):
        places[40 * picture] = len(film)
        index.note(40 * picture, len(film))
        film += cluster(b"jpeg", 40 * picture)
    index_at = len(film)
    film += index.as_bytes()
    found = list(elements(bytes(film)))
    segment_at = next(at for name, at, _ in found if name == "18538067") + 12
    times = [number(content) for name, _, content in found if name == "B3"]
    ats = [segment_at + number(content) for name, _, content in found if name == "F1"]
    assert [at for name, at, _ in found if name == "1C53BB6B"] == [index_at]
    assert ats == [places[moment] for moment in times]
    assert len(times) <= MOST_INDEXED
    assert times[:1] == [0][:count]
    steps = {later - earlier for earlier, later in itertools.pairwise(times)}
    assert len(steps) <= 1
    if count > MOST_INDEXED:
        assert len(times) > MOST_INDEXED // 3
