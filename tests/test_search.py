"""Searching whole pictures: what the coarse search covers, and that doubles are joined."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from portrait import MOUTH, WIDTH, expect, portrait

from vrfer.search import TILES, Search, coarse_rounds, coarse_squares, same_face, tiles
from vrfer.square import FACE_WIDTHS, Square

MODELS = Path(__file__).parents[1] / "models"
RIGHT = Square(MOUTH[0], MOUTH[1], FACE_WIDTHS * WIDTH)
sizes = st.builds(
    lambda height, aspect: (height, round(aspect * height)),
    st.integers(240, 1200),
    st.floats(0.5, 2),
)


@pytest.fixture(scope="module")
def search() -> Iterator[Search]:
    opened = Search(MODELS)
    yield opened
    opened.close()


@given(sizes, st.floats(0, 1), st.floats(0, 1))
def test_the_coarse_search_comes_near_every_place(
    size: tuple[int, int], across: float, down: float
) -> None:
    height, width = size
    squares = coarse_squares((height, width, 3))
    for side in {square.side for square in squares}:
        off = min(
            max(abs(s.x - across * width), abs(s.y - down * height))
            for s in squares
            if s.side == side
        )
        assert off <= 0.5 * side / FACE_WIDTHS


@given(sizes)
def test_its_rounds_cover_all_squares_once_before_they_begin_anew(size: tuple[int, int]) -> None:
    wanted = coarse_squares((*size, 3))
    seen: list[Square] = []
    for squares in coarse_rounds((*size, 3)):
        seen += squares
        if len(seen) >= len(wanted):
            break
    assert sorted(seen, key=repr) == sorted(wanted, key=repr)


@pytest.mark.parametrize("shape", [(20, 30000, 3), (3000, 20, 3), (4000, 6000, 3)])
def test_the_coarse_search_ends_on_any_picture(shape: tuple[int, int, int]) -> None:
    assert 0 < len(coarse_squares(shape)) <= 600


@pytest.mark.parametrize("shape", [(480, 640, 3), (640, 480, 3)])
def test_the_closer_views_cover_the_longer_side(shape: tuple[int, int, int]) -> None:
    views = list(islice(tiles(shape), TILES))
    along = [(v.x, v.x + v.width) if shape[1] > shape[0] else (v.y, v.y + v.height) for v in views]
    assert min(start for start, _ in along) <= 0
    assert max(end for _, end in along) >= max(shape)
    assert list(islice(tiles(shape), TILES, 2 * TILES)) == views


def test_one_face_is_one_answer_however_often_it_is_asked_about(search: Search) -> None:
    around = [Square(RIGHT.x + x, RIGHT.y + y, RIGHT.side) for x in (-20, 0, 20) for y in (-9, 9)]
    found = [one for one in search.judge(portrait(), around) if one.visible > 0.5]
    assert len(found) == 1
    expect(found[0].face())


def test_two_faces_are_two_answers(search: Search) -> None:
    both = np.ascontiguousarray(np.hstack([portrait(), portrait()]))
    found = [one for one in search.look(both) if one.visible > 0.5]
    assert len(found) == 2
    assert abs(found[0].square.x - found[1].square.x) == pytest.approx(512, abs=12)


def test_a_face_is_combed_out_without_any_detector(search: Search) -> None:
    picture = portrait(headset=True)
    found = search.comb(picture, coarse_squares(picture.shape))
    expect(max(found, key=lambda one: one.visible).face())
    assert search.comb(picture, []) == []


def test_another_look_never_makes_an_answer_less_sure(search: Search) -> None:
    (first,) = search.locator.judge(portrait(), [Square(RIGHT.x + 25, RIGHT.y, RIGHT.side * 1.3)])
    again = search.look_again(portrait(), first)
    assert again.visible >= first.visible
    expect(again.face())


def test_the_same_face_is_near_and_alike_in_size() -> None:
    assert same_face(RIGHT, Square(RIGHT.x + 10, RIGHT.y - 10, RIGHT.side * 1.2))
    assert not same_face(RIGHT, Square(RIGHT.x + RIGHT.side, RIGHT.y, RIGHT.side))
    assert not same_face(RIGHT, Square(RIGHT.x, RIGHT.y, RIGHT.side * 3))


def test_nothing_is_found_in_nothing(search: Search) -> None:
    black = np.zeros((480, 640, 3), np.uint8)
    assert all(one.visible < 0.4 for one in search.look(black))
    assert search.judge(black, []) == []
