"""The last minute: what is kept, where it is drawn, and the markers."""

import numpy as np
import pyqtgraph
import pytest
from app.by_hand import LEFT
from app.looks import pixels, rgb, shows
from app.made_up import reading, sure_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.app.timeline import SHOWN_S, Timeline
from vrfer.expressions import EXPRESSIONS

STEADY = [0.5, 0.25, 0.125, 0.125, 0, 0, 0, 0]


@pytest.fixture
def timeline(qtbot: QtBot) -> Timeline:
    timeline = Timeline(DARK)
    qtbot.addWidget(timeline)
    timeline.resize(700, 200)
    timeline.grab()  # it lays itself out
    return timeline


def plot(timeline: Timeline) -> pyqtgraph.PlotWidget:
    found = timeline.findChild(pyqtgraph.PlotWidget)
    assert found is not None
    return found


def curve(timeline: Timeline, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return an expression's times and values as they are drawn."""
    times, values = plot(timeline).listDataItems()[index].getOriginalDataset()
    empty = np.zeros(0)
    return (empty, empty) if times is None else (times, values)


def marker_places(timeline: Timeline) -> list[float]:
    items = plot(timeline).getPlotItem().items
    return [item.value() for item in items if isinstance(item, pyqtgraph.InfiniteLine)]


def test_readings_are_drawn_at_their_age(timeline: Timeline) -> None:
    for at_s in (100.0, 100.5, 101.0):
        timeline.add(reading(STEADY, at_s=at_s))
    assert len(curve(timeline, 0)[0]) == 0
    timeline.redraw(103.0)
    for index, share in enumerate(STEADY):
        times, values = curve(timeline, index)
        assert times == pytest.approx([-3.0, -2.5, -2.0])
        assert values == pytest.approx([share] * 3)
    timeline.redraw(104.0)
    assert curve(timeline, 0)[0] == pytest.approx([-4.0, -3.5, -3.0])


def test_no_more_points_than_a_screen_shows(timeline: Timeline) -> None:
    for number in range(600):
        timeline.add(reading(STEADY, at_s=50 + number / 60))
    timeline.redraw(60.0)
    times, _ = curve(timeline, 0)
    assert 80 <= len(times) <= 101
    assert np.diff(times).min() >= 0.099


def test_what_is_older_than_a_minute_is_forgotten(timeline: Timeline) -> None:
    for number in range(1000):
        timeline.add(reading(STEADY, at_s=number / 5))
        if number % 10 == 9:
            timeline.redraw(number / 5)
    times, _ = curve(timeline, 0)
    assert -SHOWN_S - 1.1 <= times.min() <= -SHOWN_S
    assert times.max() == 0
    assert len(times) <= 5 * (SHOWN_S + 2)


def test_lines_are_broken_where_nothing_was_read(timeline: Timeline) -> None:
    timeline.add(reading(STEADY, at_s=10.0))
    timeline.add(reading(STEADY, at_s=14.0))
    timeline.redraw(15.0)
    times, values = curve(timeline, 0)
    assert values[[0, -1]] == pytest.approx([0.5, 0.5])
    assert np.isnan(values[1:-1]).all()
    assert len(values) == 3
    assert times[1] == pytest.approx(-4.9)


def test_lines_are_broken_where_no_face_was_seen(timeline: Timeline) -> None:
    for at_s, steady in ((10.0, STEADY), (10.5, None), (11.0, STEADY)):
        timeline.add(reading(steady, at_s=at_s))
    timeline.redraw(12.0)
    assert np.isnan(curve(timeline, 0)[1]).tolist() == [False, True, False]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=["dark", "light"])
def test_each_expression_has_its_colour_and_its_height(timeline: Timeline, theme: Theme) -> None:
    timeline.set_theme(theme)
    for number in range(100):
        timeline.add(reading(sure_of(4), at_s=number / 5))
    timeline.redraw(20.0)
    image = pixels(timeline)
    height, width = image.shape[:2]
    near = (np.abs(image - rgb(theme.expressions[4])) < 30).all(axis=2)
    rows, columns = np.nonzero(near)
    assert len(rows) > 100
    assert rows.mean() < height / 3
    # The last 20 of 60 seconds lie in the right part of the picture.
    assert columns.min() > width / 2
    assert shows(timeline, theme.panel)


def test_a_marker_moves_with_time_and_goes_away(timeline: Timeline) -> None:
    timeline.redraw(100.0)
    timeline.mark(98.0, "spider")
    timeline.mark(100.0, "")
    assert marker_places(timeline) == pytest.approx([-2.0, 0.0])
    timeline.redraw(110.0)
    assert marker_places(timeline) == pytest.approx([-12.0, -10.0])
    assert timeline.marker_texts == ["spider", ""]
    timeline.redraw(159.0)
    assert marker_places(timeline) == pytest.approx([-59.0])
    assert timeline.marker_texts == [""]


def test_a_marker_is_seen(timeline: Timeline) -> None:
    timeline.redraw(100.0)
    before = pixels(timeline)
    timeline.mark(70.0, "")
    changed = np.argwhere((pixels(timeline) != before).any(axis=2))
    assert np.ptp(changed[:, 0]) > 100
    assert np.ptp(changed[:, 1]) <= 4


def test_a_markers_text_is_drawn_beside_it(timeline: Timeline) -> None:
    timeline.redraw(100.0)
    timeline.mark(70.0, "")
    before = pixels(timeline)
    timeline.clear()
    timeline.mark(70.0, "the spider comes")
    changed = np.argwhere((pixels(timeline) != before).any(axis=2))
    assert np.ptp(changed[:, 1]) > 40


TYPED = st.text(max_size=40) | st.sampled_from(["{", "}", "{x}", "{value}", "{0:d}", "}}"])


@given(st.lists(TYPED, max_size=4))
@settings(max_examples=50)
def test_whatever_is_typed_is_drawn_as_it_is(qapp: QApplication, texts: list[str]) -> None:
    timeline = Timeline(LIGHT)
    for number, text in enumerate(texts):
        timeline.mark(float(number), text)
    timeline.redraw(float(len(texts)))
    timeline.grab()
    assert timeline.marker_texts == [text[:24] for text in texts]
    items = plot(timeline).getPlotItem().items
    lines = [item for item in items if isinstance(item, pyqtgraph.InfiniteLine)]
    drawn = [line.label.toPlainText() for line in lines]
    # Qt writes line ends of its own.
    for text, on_screen in zip(texts, drawn, strict=True):
        if text.isprintable():
            assert on_screen == text[:24]
    timeline.deleteLater()


def test_a_theme_changes_lines_and_texts(timeline: Timeline) -> None:
    timeline.redraw(100.0)
    timeline.mark(70.0, "the spider comes")
    assert shows(timeline, DARK.accent)
    timeline.set_theme(LIGHT)
    image = pixels(timeline)
    assert rgb(LIGHT.panel) in image[100].tolist()
    assert not shows(timeline, DARK.accent)
    assert (np.abs(image - rgb(LIGHT.text)) < 30).all(axis=2).any()


def test_clearing_forgets_everything(timeline: Timeline) -> None:
    timeline.add(reading(STEADY, at_s=10.0))
    timeline.redraw(11.0)
    timeline.mark(11.0, "x")
    timeline.clear()
    assert timeline.marker_texts == []
    assert marker_places(timeline) == []
    assert all(len(curve(timeline, index)[0]) == 0 for index in range(len(EXPRESSIONS)))


def test_nothing_moves_the_minute(qtbot: QtBot, timeline: Timeline) -> None:
    before = plot(timeline).viewRange()
    assert before[0][0] == pytest.approx(-SHOWN_S, abs=1)
    assert before[0][1] >= 0
    assert before[1] == pytest.approx([0, 1], abs=0.1)
    timeline.mark(-5000.0, "long ago")
    for at_s in (1.0, 2.0):
        timeline.add(reading(STEADY, at_s=at_s))
    timeline.redraw(2.0)
    area = plot(timeline).viewport()
    assert area is not None
    qtbot.mousePress(area, LEFT, pos=QPoint(300, 80))
    qtbot.mouseMove(area, QPoint(400, 120))
    qtbot.mouseRelease(area, LEFT, pos=QPoint(400, 120))
    qtbot.mouseDClick(area, LEFT, pos=QPoint(300, 80))
    timeline.grab()
    assert plot(timeline).viewRange() == before


def test_screen_readers_find_a_name(timeline: Timeline) -> None:
    assert timeline.accessibleName() == "The last minute"


def test_what_is_not_drawn_for_hours_is_forgotten(timeline: Timeline) -> None:
    for minute in range(10):
        timeline.mark(70.0 * minute, f"mark {minute}")
    assert timeline.marker_texts == ["mark 9"]
    for _ in range(300):
        timeline.mark(700.0, "again")
    assert len(timeline.marker_texts) <= 100
    for second in range(3600):
        timeline.add(reading(STEADY, at_s=1000.0 + second))
    timeline.add(reading(STEADY, at_s=1100.0 + 3600))
    timeline.redraw(1000.0 + 3600)  # as if time had not gone on: what is left is shown
    assert len(curve(timeline, 0)[0]) < 10
