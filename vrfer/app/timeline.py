"""The last minute of the eight expressions as a running plot, with the markers that were set."""

from collections import deque

import numpy as np
import pyqtgraph
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QResizeEvent
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from vrfer.app.names import expression_names
from vrfer.app.theme import Theme
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading

SHOWN_S = 60.0
_STEP_S = 0.1
"""Readings closer together than this are one point: a screen shows no more."""
_GAP_S = 1.0
"""After so long without a reading the lines are broken."""
_MOST_MARKERS = 100
_LIKELY = 0.15
"""Lines of less probable expressions go without their names."""
_LINE_SPACE = 0.16
"""Height of a name, in the plot's own unit."""
_PLACES = (0.62, 0.38)
"""Heights of the markers' texts by turns, so that neighbours stay readable."""
_MARGIN_PX, _AXIS_PX = 16, 44
_LONGEST_TEXT = 24


class Timeline(QWidget):
    """Keeps the last minute and draws it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self._points: deque[tuple[float, np.ndarray[tuple[int], np.dtype[np.float32]]]] = deque()
        self._markers: deque[tuple[float, str, pyqtgraph.InfiniteLine]] = deque()
        self._now_s = 0.0
        self._plot = pyqtgraph.PlotWidget(self)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        for part in (self._plot, self._plot.viewport()):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setYRange(0, 1, padding=0.08)
        self._plot.getAxis("left").setTicks([[(0.0, "0"), (0.5, "0.5"), (1.0, "1")]])
        self._plot.getAxis("bottom").setTicks([[(s, f"{s} s") for s in range(-60, 1, 10)]])
        self._curves = [self._plot.plot() for _ in EXPRESSIONS]
        self._names = [pyqtgraph.TextItem(anchor=(0, 0.5)) for _ in EXPRESSIONS]
        for name in self._names:
            self._plot.addItem(name, ignoreBounds=True)
            name.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setMinimumHeight(100)
        self.set_theme(theme)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.setAccessibleName(self.tr("The last minute"))
        self.setToolTip(
            self.tr("Steady probabilities of the last minute; vertical lines are your markers")
        )
        for name, text in zip(self._names, expression_names(), strict=True):
            name.setText(text)
        self._make_room()

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self._plot.setBackground(QColor(theme.panel))
        for side in ("bottom", "left"):
            self._plot.getAxis(side).setPen(QColor(theme.muted))
            self._plot.getAxis(side).setTextPen(QColor(theme.muted))
        for curve, color in zip(self._curves, theme.expressions, strict=True):
            curve.setPen(pyqtgraph.mkPen(QColor(color), width=2))
        for name, color in zip(self._names, theme.expressions, strict=True):
            name.setColor(QColor(color))
        for _, _, line in self._markers:
            line.setPen(pyqtgraph.mkPen(QColor(theme.accent), width=2))
            line.label.setColor(QColor(theme.text))
            line.label.fill = pyqtgraph.mkBrush(QColor(theme.panel))

    def add(self, reading: Reading) -> None:
        """Take in a reading; nothing is drawn before `redraw`."""
        at_s = reading.captured_ns / 1e9
        if self._points:
            last_s = self._points[-1][0]
            if at_s - last_s > _GAP_S:
                nothing = np.full(len(EXPRESSIONS), np.nan, np.float32)
                self._points.append((last_s + _STEP_S, nothing))
            elif at_s - last_s < _STEP_S:
                return
        seen = reading.face is not None
        values = reading.steady if seen else np.full(len(EXPRESSIONS), np.nan, np.float32)
        self._points.append((at_s, values))
        self._forget_points(at_s)

    def mark(self, at_s: float, text: str) -> None:
        """Set a marker at a moment of the steady clock, in seconds."""
        self._forget_markers(at_s)
        if len(self._markers) == _MOST_MARKERS:
            self._plot.removeItem(self._markers.popleft()[2])
        line = pyqtgraph.InfiniteLine(
            angle=90,
            pen=pyqtgraph.mkPen(QColor(self._theme.accent), width=2),
            # The label would take braces for places to fill in.
            label=text[:_LONGEST_TEXT].replace("{", "{{").replace("}", "}}"),
            labelOpts={
                "position": _PLACES[len(self._markers) % len(_PLACES)],
                "color": QColor(self._theme.text),
                "fill": QColor(self._theme.panel),
            },
        )
        line.setValue(at_s - self._now_s)
        self._plot.addItem(line)
        self._markers.append((at_s, text[:_LONGEST_TEXT], line))

    @property
    def marker_texts(self) -> list[str]:
        """The texts of the markers that are shown, the oldest first."""
        return [text for _, text, _ in self._markers]

    def end(self) -> None:
        """Say that no reading is the newest any more: the lines lose their names."""
        for name in self._names:
            name.hide()

    def clear(self) -> None:
        """Forget everything."""
        self._points.clear()
        while self._markers:
            self._plot.removeItem(self._markers.popleft()[2])
        self.redraw(self._now_s)

    def redraw(self, now_s: float) -> None:
        """Draw what was taken in, up to a moment of the steady clock in seconds."""
        self._now_s = now_s
        self._forget_points(now_s)
        self._forget_markers(now_s)
        for at_s, _, line in self._markers:
            line.setValue(at_s - now_s)
        times = np.array([at_s - now_s for at_s, _ in self._points])
        values = np.array([value for _, value in self._points]).reshape(-1, len(EXPRESSIONS))
        for index, curve in enumerate(self._curves):
            curve.setData(times, values[:, index], connect="finite")
        fresh = len(times) > 0 and times[-1] > -_GAP_S
        self._name_the_likely(values[-1] if fresh else np.full(len(EXPRESSIONS), np.nan))

    # Nothing is redrawn while the window is hidden or small, which may last for hours.

    def _forget_points(self, now_s: float) -> None:
        while self._points and self._points[0][0] < now_s - SHOWN_S - _GAP_S:
            self._points.popleft()

    def _forget_markers(self, now_s: float) -> None:
        while self._markers and self._markers[0][0] < now_s - SHOWN_S:
            self._plot.removeItem(self._markers.popleft()[2])

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the names at the right readable."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Leave the right of the plot to the names of the lines."""
        widest = max(self.fontMetrics().horizontalAdvance(name) for name in expression_names())
        names_px = widest + _MARGIN_PX
        lines_px = max(1, self.width() - names_px - _AXIS_PX)
        self._plot.setXRange(-SHOWN_S, SHOWN_S * names_px / lines_px, padding=0)

    def _name_the_likely(self, values: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        """Write the names of the likely expressions at the ends of their lines."""
        below = 2.0
        for index in np.argsort(-values):
            name, value = self._names[index], values[index]
            # False for a missing value, too.
            name.setVisible(bool(value >= _LIKELY))
            below = min(float(value), below - _LINE_SPACE, 1 - _LINE_SPACE / 2)
            if name.isVisible():
                name.setPos(0.0, below)
