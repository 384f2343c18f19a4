"""What the network sees: the patch in gray, and the evidence for the label in colour."""

import numpy as np
import pytest
from app.looks import pixels, rgb
from app.made_up import reading, seen, sure_of
from pytestqt.qtbot import QtBot

from vrfer.app.network_view import NetworkView
from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.expressions import EXPRESSIONS

COUNT = len(EXPRESSIONS)
both_themes = pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])


@pytest.fixture
def view(qtbot: QtBot) -> NetworkView:
    view = NetworkView(DARK)
    qtbot.addWidget(view)
    view.resize(300, 240)
    return view


def evidence_in_a_corner(index: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """Return eight maps of which one has evidence, at the upper left."""
    maps = np.zeros((COUNT, 4, 6), np.float32)
    maps[index, 0, 0] = 3.0
    return maps


@both_themes
def test_the_patch_is_shown_as_it_is(view: NetworkView, colors: Theme) -> None:
    view.set_theme(colors)
    given = seen(reading(sure_of(1)))
    assert given.look.patch is not None
    given.look.patch[:, 48:] = 200
    view.show_seen(given)
    image = pixels(view)
    assert image[90, 60].tolist() == [90, 90, 90]
    assert image[90, 240].tolist() == [200, 200, 200]
    assert image[1, 150].tolist() == rgb(colors.panel)


def test_evidence_of_the_label_lies_over_the_patch(view: NetworkView) -> None:
    view.show_seen(seen(reading(sure_of(1)), evidence=evidence_in_a_corner(1)))
    image = pixels(view)
    warm = image[:, :, 0] - image[:, :, 2] > 40
    rows, columns = np.nonzero(warm)
    assert len(rows) > 100
    assert rows.mean() < 80
    assert columns.mean() < 100
    assert image[150, 250].tolist() == [90, 90, 90]


def test_evidence_of_other_expressions_does_not(view: NetworkView) -> None:
    view.show_seen(seen(reading(sure_of(1)), evidence=evidence_in_a_corner(4)))
    image = pixels(view)[20:180]
    middle = image[:, 20:280]
    assert (middle[:, :, 0] == middle[:, :, 2]).all()


def test_it_says_what_the_evidence_is_for(view: NetworkView) -> None:
    view.show_seen(seen(reading(sure_of(1))))
    without = pixels(view)
    view.show_seen(seen(reading(sure_of(1)), evidence=evidence_in_a_corner(1)))
    first = pixels(view)
    view.show_seen(seen(reading(sure_of(6)), evidence=evidence_in_a_corner(6)))
    second = pixels(view)
    caption = slice(215, 240)
    assert (first[caption] != without[caption]).any()
    assert (first[caption] != second[caption]).any()
    assert (first[:200] == second[:200]).all()


@both_themes
def test_without_a_face_there_is_no_patch(view: NetworkView, colors: Theme) -> None:
    view.set_theme(colors)
    view.show_seen(seen(reading(None)))
    empty = pixels(view)
    assert empty[60, 60].tolist() == rgb(colors.panel)
    assert (empty[110:130] != rgb(colors.panel)).any()  # words
    view.show_seen(seen(reading(sure_of(1)), evidence=evidence_in_a_corner(1)))
    assert (pixels(view) != empty).any()
    view.clear()
    assert np.array_equal(pixels(view), empty)


def test_screen_readers_find_a_name(view: NetworkView) -> None:
    assert view.accessibleName() == "What the network sees"
