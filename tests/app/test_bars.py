"""The bars: their lengths in a picture of them follow the probabilities."""

import numpy as np
import pytest
from app.looks import pixels, rgb
from app.made_up import reading, sure_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vrfer.app.bars import ExpressionBars
from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading

COUNT = len(EXPRESSIONS)
both_themes = pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])


def bars_of(qtbot: QtBot, colors: Theme) -> ExpressionBars:
    bars = ExpressionBars(colors)
    qtbot.addWidget(bars)
    bars.resize(480, COUNT * 30)
    return bars


def rows(bars: ExpressionBars) -> NDArray[np.int16]:
    """Return one line of pixels through the middle of each bar: 8 x W x 3."""
    height = bars.height() // COUNT
    # Just below the middle: the numbers and names are drawn there too, but not as wide.
    return pixels(bars)[height // 2 :: height]


def longest(line: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], line, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def lengths(bars: ExpressionBars, read: Reading) -> list[int]:
    """Return how long each bar is, in pixels: where it differs from that of no face."""
    bars.show_reading(None)
    empty = rows(bars)
    bars.show_reading(read)
    return [longest(line) for line in (rows(bars) != empty).any(axis=2)]


@both_themes
def test_each_bar_is_as_long_as_its_probability(qtbot: QtBot, colors: Theme) -> None:
    bars = bars_of(qtbot, colors)
    [room, *others] = lengths(bars, reading(sure_of(0), raw=np.zeros(COUNT)))
    assert room > 250
    assert max(others) <= 20
    steady = [0.4, 0.2, 0.15, 0.1, 0.15, 0, 0, 0]
    found = lengths(bars, reading(steady, raw=np.zeros(COUNT)))
    wanted = [room * share for share in steady[:5]]
    assert found[:5] == pytest.approx(wanted, abs=2)
    assert max(found[5:]) <= 20


@given(st.lists(st.floats(0, 1), min_size=COUNT, max_size=COUNT).filter(lambda v: sum(v) > 0.1))
def test_all_eight_follow(qapp: QApplication, values: list[float]) -> None:
    steady = np.array(values) / sum(values)
    bars = ExpressionBars(LIGHT)
    bars.resize(480, COUNT * 30)
    none = np.zeros(COUNT)
    room = lengths(bars, reading(sure_of(0), raw=none))[0]
    for length, share in zip(lengths(bars, reading(steady, raw=none)), steady, strict=True):
        if share > 0.1:  # shorter ones could be taken for a letter
            assert length == pytest.approx(room * share, abs=2)
    bars.deleteLater()


@both_themes
def test_the_label_has_the_full_colour_and_the_others_do_not(qtbot: QtBot, colors: Theme) -> None:
    bars = bars_of(qtbot, colors)
    bars.show_reading(reading([0.3, 0.4, 0.3, 0, 0, 0, 0, 0]))
    lines = rows(bars)
    assert rgb(colors.expressions[1]) in lines[1].tolist()
    for index in (0, 2):
        assert rgb(colors.expressions[index]) not in lines[index].tolist()


@both_themes
def test_a_thin_line_shows_this_frame_alone(qtbot: QtBot, colors: Theme) -> None:
    bars = bars_of(qtbot, colors)
    bars.show_reading(reading(sure_of(3), raw=sure_of(3)))
    before = rows(bars)
    raw = np.array([0, 0, 0, 0.5, 0, 0, 0.5, 0])
    bars.show_reading(reading(sure_of(3), raw=raw))
    room = lengths(bars, reading(sure_of(3), raw=np.zeros(COUNT)))[3]
    bars.show_reading(reading(sure_of(3), raw=raw))
    changed = (rows(bars) != before).any(axis=2)
    places = np.flatnonzero(changed[6])
    middle = places[-1]
    assert rows(bars)[6, middle - 1 : middle + 1].tolist().count(rgb(colors.text)) >= 1
    start = places[0]
    assert middle - start == pytest.approx(room / 2, abs=3)


@both_themes
def test_no_face_has_no_bars(qtbot: QtBot, colors: Theme) -> None:
    bars = bars_of(qtbot, colors)
    assert max(lengths(bars, reading(None))) == 0
    assert bars.accessibleDescription() == "No face"


def test_a_theme_changes_the_colours(qtbot: QtBot) -> None:
    bars = bars_of(qtbot, DARK)
    bars.show_reading(reading(sure_of(1)))
    assert rgb(DARK.expressions[1]) in rows(bars)[1].tolist()
    bars.set_theme(LIGHT)
    assert rgb(LIGHT.expressions[1]) in rows(bars)[1].tolist()
    assert rgb(DARK.expressions[1]) not in rows(bars)[1].tolist()


def test_screen_readers_hear_the_numbers(qtbot: QtBot) -> None:
    bars = bars_of(qtbot, LIGHT)
    assert bars.accessibleName() == "Probabilities of the eight expressions"
    bars.show_reading(reading([0.25, 0.5, 0.25, 0, 0, 0, 0, 0]))
    assert bars.accessibleDescription().startswith("Neutral 25%, Happiness 50%, Surprise 25%")
    assert bars.accessibleDescription().count(",") == COUNT - 1
