"""What stays readable when room is short: state line, label, the names of the lines."""

from itertools import pairwise

import pyqtgraph
import pytest
from app.looks import pixels, rgb
from app.made_up import reading, sure_of
from PyQt6.QtWidgets import QComboBox, QLabel
from pytestqt.qtbot import QtBot

from vrfer.app.camera_panel import CameraPanel
from vrfer.app.gallery import running
from vrfer.app.label_view import LabelView
from vrfer.app.names import expression_names
from vrfer.app.state_line import ElidedLabel, StateLine
from vrfer.app.theme import Theme
from vrfer.app.timeline import Timeline
from vrfer.settings import CameraPart
from vrfer.sources.camera_list import CameraInfo


def line_ends(timeline: Timeline) -> dict[str, float]:
    """Return the names that are written at the lines' ends, and their heights."""
    plot = timeline.findChild(pyqtgraph.PlotWidget)
    assert plot is not None
    items = [item for item in plot.getPlotItem().items if isinstance(item, pyqtgraph.TextItem)]
    return {item.toPlainText(): item.pos().y() for item in items if item.isVisible()}


@pytest.fixture
def timeline(qtbot: QtBot, theme: Theme) -> Timeline:
    timeline = Timeline(theme)
    qtbot.addWidget(timeline)
    timeline.resize(700, 160)
    with qtbot.waitExposed(timeline):
        timeline.show()
    return timeline


def test_likely_lines_are_named_where_they_end(timeline: Timeline) -> None:
    timeline.add(reading([0.6, 0.3, 0.05, 0.05, 0, 0, 0, 0], at_s=100.0))
    timeline.redraw(100.1)
    neutral, happiness = expression_names()[:2]
    assert line_ends(timeline) == pytest.approx({neutral: 0.6, happiness: 0.3})


def test_names_of_lines_do_not_cover_one_another(timeline: Timeline) -> None:
    timeline.add(reading([0.26, 0.25, 0.25, 0.24, 0, 0, 0, 0], at_s=100.0))
    timeline.redraw(100.1)
    heights = sorted(line_ends(timeline).values())
    assert len(heights) == 4
    assert min(b - a for a, b in pairwise(heights)) > 0.15


def test_lines_that_have_ended_have_no_names(timeline: Timeline) -> None:
    timeline.add(reading(sure_of(1), at_s=100.0))
    timeline.redraw(100.1)
    assert line_ends(timeline)
    timeline.redraw(103.0)
    assert not line_ends(timeline)
    timeline.redraw(100.1)
    timeline.end()
    assert not line_ends(timeline)


def test_braces_in_a_marker_are_only_text(timeline: Timeline) -> None:
    timeline.mark(100.0, "{value} {")
    timeline.redraw(101.0)
    assert timeline.marker_texts == ["{value} {"]
    assert "{value} {" in marker_labels(timeline)


def marker_labels(timeline: Timeline) -> list[str]:
    plot = timeline.findChild(pyqtgraph.PlotWidget)
    assert plot is not None
    lines = [i for i in plot.getPlotItem().items if isinstance(i, pyqtgraph.InfiniteLine)]
    return [line.label.toPlainText() for line in lines]


def test_the_state_line_takes_two_rows_where_it_is_narrow(qtbot: QtBot, theme: Theme) -> None:
    line = StateLine(theme)
    qtbot.addWidget(line)
    line.show_status(running(), 0.5)
    tops = []
    for width in (1200, 480):
        line.resize(width, 60)
        line.grab()
        tops.append(len({label.y() for label in line.findChildren(QLabel)}))
    assert tops == [1, 2]
    assert line.minimumSizeHint().width() < 480


def test_what_is_too_long_ends_with_dots_and_has_a_tip(qtbot: QtBot, theme: Theme) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.setText("Logitech HD Pro Webcam C920")
    label.resize(70, 24)
    short = pixels(label)
    label.setText("Logitech HD Pro Webcam C921")
    assert (pixels(label) == short).all()
    assert label.toolTip() == "Logitech HD Pro Webcam C921"
    assert label.minimumSizeHint().width() < 70


def test_that_it_is_unsure_fits_below_the_label(qtbot: QtBot, theme: Theme) -> None:
    view = LabelView(theme)
    qtbot.addWidget(view)
    view.resize(260, 120)
    view.show_reading(reading(sure_of(2), unsure=True))
    below = pixels(view)[90:]
    used = (abs(below - rgb(theme.background)).sum(axis=2) > 60).any(axis=0)
    assert used.any()
    assert not used[:2].any()
    assert not used[-2:].any()


def test_a_camera_with_a_long_name_leaves_its_box_narrow(qtbot: QtBot, theme: Theme) -> None:
    panel = CameraPanel(CameraPart(source="0"))
    qtbot.addWidget(panel)
    before = panel.source.minimumSizeHint().width()
    panel.show_cameras([CameraInfo(0, "A camera whose driver tells its whole story " * 3)])
    assert panel.source.minimumSizeHint().width() == before < 300
    policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    assert panel.source.sizeAdjustPolicy() is policy
