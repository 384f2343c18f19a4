"""The live picture: what is drawn where, and the region that the mouse draws."""

from dataclasses import replace

import numpy as np
import pytest
from app.by_hand import LEFT, Shown, Told
from app.looks import pixels, rgb
from app.made_up import FACE, frame
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from vrfer.app.picture_view import PictureView
from vrfer.app.theme import DARK, LIGHT, Theme
from vrfer.finder import lower_face_box

RIGHT = Qt.MouseButton.RightButton
both_themes = pytest.mark.parametrize("colors", [DARK, LIGHT], ids=["dark", "light"])


@pytest.fixture
def view(shown: Shown[PictureView], theme: Theme) -> PictureView:
    """A picture of 320 x 240 that is drawn twice as large, 80 pixels from the left."""
    view = shown(PictureView(theme))
    view.resize(800, 480)
    view.show_frame(frame(), None)
    view.clearFocus()  # its frame would lie over the picture's edge
    return view


def drag(widget: QWidget, start: QPoint, end: QPoint) -> None:
    QTest.mousePress(widget, LEFT, pos=start)
    QTest.mouseMove(widget, (start + end) / 2)
    QTest.mouseMove(widget, end)
    QTest.mouseRelease(widget, LEFT, pos=end)


@pytest.mark.parametrize(
    ("start", "end"),
    [((280, 100), (520, 340)), ((520, 340), (280, 100)), ((280, 340), (520, 100))],
    ids=["down right", "up left", "up right"],
)
def test_a_region_comes_out_in_pixels_of_the_picture(
    view: PictureView, start: tuple[int, int], end: tuple[int, int]
) -> None:
    told = Told(view.region_chosen)
    drag(view, QPoint(*start), QPoint(*end))
    assert told == [(100.0, 50.0, 220.0, 170.0)]


def test_a_region_ends_at_the_pictures_edge(view: PictureView) -> None:
    told = Told(view.region_chosen)
    drag(view, QPoint(4, 400), QPoint(799, 479))
    assert told == [(0.0, 200.0, 320.0, pytest.approx(239.5))]


@given(
    view_size=st.tuples(st.integers(240, 1200), st.integers(160, 900)),
    picture_size=st.tuples(st.integers(60, 1000), st.integers(60, 1000)),
    corners=st.tuples(*[st.floats(0, 1)] * 4),
)
@example((800, 480), (320, 240), (0.25, 0.25, 0.75, 0.75))
def test_any_region_in_any_picture(
    qapp: QApplication,
    view_size: tuple[int, int],
    picture_size: tuple[int, int],
    corners: tuple[float, float, float, float],
) -> None:
    width, height = picture_size
    scale = min(view_size[0] / width, view_size[1] / height)
    left, top = (view_size[0] - width * scale) / 2, (view_size[1] - height * scale) / 2
    x0, x1 = sorted((corners[0] * width, corners[2] * width))
    y0, y1 = sorted((corners[1] * height, corners[3] * height))
    least = 20 + 2 / scale
    assume(x1 - x0 > least and y1 - y0 > least)
    view = PictureView(DARK)
    view.resize(*view_size)
    view.show_frame(frame(width, height), None)
    told = Told(view.region_chosen)
    drag(
        view,
        QPoint(max(1, round(left + x0 * scale)), round(top + y0 * scale)),  # 0, 0 is the middle
        QPoint(round(left + x1 * scale), round(top + y1 * scale)),
    )
    assert len(told) == 1
    assert told[0] == pytest.approx((x0, y0, x1, y1), abs=1.01 / scale)
    assert 0 <= told[0][0] < told[0][2] <= width
    assert 0 <= told[0][1] < told[0][3] <= height
    view.deleteLater()


@pytest.mark.parametrize("trembles", [0, 6, 38])
def test_a_click_is_no_region(view: PictureView, trembles: int) -> None:
    told = Told(view.region_chosen)
    drag(view, QPoint(400, 200), QPoint(400 + trembles, 200 + trembles))
    drag(view, QPoint(400, 200), QPoint(600, 200 + trembles))
    assert told == []


def test_other_buttons_draw_nothing(view: PictureView) -> None:
    told = Told(view.region_chosen)
    QTest.mousePress(view, RIGHT, pos=QPoint(280, 100))
    QTest.mouseMove(view, QPoint(520, 340))
    QTest.mouseRelease(view, RIGHT, pos=QPoint(520, 340))
    assert told == []


def test_without_a_picture_nothing_is_drawn(qtbot: QtBot, view: PictureView) -> None:
    view.show_text("The camera is gone")
    told = Told(view.region_chosen)
    drag(view, QPoint(280, 100), QPoint(520, 340))
    assert told == []


def test_a_picture_that_goes_away_ends_the_drag(view: PictureView) -> None:
    told = Told(view.region_chosen)
    QTest.mousePress(view, LEFT, pos=QPoint(280, 100))
    QTest.mouseMove(view, QPoint(520, 340))
    view.show_text("The camera is gone")
    QTest.mouseRelease(view, LEFT, pos=QPoint(520, 340))
    assert told == []


def test_esc_looks_everywhere(qtbot: QtBot, view: PictureView) -> None:
    told = Told(view.region_chosen)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert told == []
    view.show_region((10.0, 10.0, 200.0, 200.0))
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert told == [None]


def test_esc_gives_a_drag_up(qtbot: QtBot, view: PictureView) -> None:
    told = Told(view.region_chosen)
    view.setFocus()
    before = pixels(view)
    QTest.mousePress(view, LEFT, pos=QPoint(280, 100))
    QTest.mouseMove(view, QPoint(520, 340))
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert np.array_equal(pixels(view), before)
    QTest.mouseRelease(view, LEFT, pos=QPoint(520, 340))
    assert told == []


def test_a_click_lets_keys_come_here(qtbot: QtBot, view: PictureView) -> None:
    view.clearFocus()
    qtbot.mouseClick(view, LEFT)
    assert view.focusPolicy() & Qt.FocusPolicy.ClickFocus
    assert view.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_the_region_is_seen_while_it_is_drawn(view: PictureView, theme: Theme) -> None:
    view.setFocus()
    before = pixels(view)
    QTest.mousePress(view, LEFT, pos=QPoint(280, 100))
    QTest.mouseMove(view, QPoint(520, 340))
    changed = np.argwhere((pixels(view) != before).any(axis=2))
    assert changed.min(axis=0) == pytest.approx([100, 280], abs=2)
    assert changed.max(axis=0) == pytest.approx([340, 520], abs=2)
    assert rgb(theme.accent) in pixels(view)[100, 280:520].tolist()


@both_themes
def test_what_is_not_looked_at_is_dark(view: PictureView, colors: Theme) -> None:
    view.set_theme(colors)
    view.show_frame(frame(bgr=(200, 200, 200)), None)
    view.show_region((100.0, 50.0, 220.0, 170.0))
    now = pixels(view)
    assert (now[110:330, 290:510] == 200).all()
    for outside in (now[20:90, 90:700], now[350:470, 90:700], now[120:320, 90:270]):
        assert (outside < 130).all()
    assert rgb(colors.accent) in now[220, 276:284].tolist()
    view.show_region(None)
    assert (pixels(view)[:, 80:720] == 200).all()


@both_themes
def test_the_face_is_drawn_where_it_is(view: PictureView, colors: Theme) -> None:
    view.set_theme(colors)
    before = pixels(view)
    view.show_frame(frame(), FACE)
    changed = np.argwhere((pixels(view) != before).any(axis=2))
    x0, y0, x1, y1 = (2 * value for value in lower_face_box(FACE))
    assert changed.min(axis=0) == pytest.approx([y0, 80 + x0], abs=3)
    assert changed.max(axis=0) == pytest.approx([y1, 80 + x1], abs=3)
    for x, y in (FACE.mouth, FACE.chin):
        assert pixels(view)[round(2 * y), round(80 + 2 * x)].tolist() == rgb(colors.good)
    assert pixels(view)[round((y0 + y1) / 2), round(80 + x0 + 20)].tolist() == [40, 40, 40]


def test_the_frame_follows_the_face(view: PictureView) -> None:
    view.show_frame(frame(), FACE)
    before = pixels(view)
    view.show_frame(frame(), replace(FACE, mouth=(60.0, 60.0), chin=(60.0, 110.0)))
    assert not np.array_equal(pixels(view), before)
    view.show_frame(frame(), None)
    assert (pixels(view)[:, 80:720] == 40).all()


def test_colours_are_those_of_the_camera(view: PictureView) -> None:
    view.show_frame(frame(bgr=(10, 120, 250)), None)
    assert pixels(view)[240, 400].tolist() == [250, 120, 10]


def test_a_frame_of_odd_width_is_not_skewed(view: PictureView) -> None:
    odd = frame(321, 240)
    odd.image[:, 160] = 255
    view.show_frame(odd, None)
    bright = np.argwhere(pixels(view)[:, :, 0] > 150)[:, 1]
    assert np.ptp(bright) <= 4


@both_themes
def test_a_text_takes_the_place_of_the_picture(view: PictureView, colors: Theme) -> None:
    view.set_theme(colors)
    view.show_frame(frame(bgr=(10, 120, 250)), FACE)
    view.show_text("The camera is gone")
    now = pixels(view)
    assert now[0, 0].tolist() == now[479, 799].tolist() == now[240, 90].tolist()
    assert now[0, 0].tolist() == rgb(colors.panel)
    written = np.argwhere((now != now[0, 0]).any(axis=2))
    assert len(written) > 50
    assert written.mean(axis=0) == pytest.approx([240, 400], abs=20)
    view.show_frame(frame(bgr=(10, 120, 250)), None)
    assert pixels(view)[240, 400].tolist() == [250, 120, 10]


def test_screen_readers_find_a_name(view: PictureView) -> None:
    assert view.accessibleName() == "Camera picture"
    assert "Esc" in view.toolTip()
