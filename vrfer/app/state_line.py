"""One line that says how everything does: camera, face, network, receivers, speed, load."""

from html import escape

from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QGridLayout, QLabel, QWidget

from vrfer.app.theme import Theme
from vrfer.live.status import Phase, Status

_SPACE_PX = 18
_LEAST_PX = 60
_UNKNOWN = "-"


class ElidedLabel(QLabel):
    """Ends a text that is too long with an ellipsis; the tool tip has all of it."""

    def setText(self, text: str | None) -> None:
        """Show a text as it is; the tool tip, which could take it for HTML, too."""
        super().setText(text)
        text = text or ""
        self.setToolTip(f"<p>{escape(text)}</p>" if "<" in text else text)

    def minimumSizeHint(self) -> QSize:
        """Return how small it may become."""
        hint = super().minimumSizeHint()
        return QSize(min(_LEAST_PX, hint.width()), hint.height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw."""
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter = QPainter(self)
        painter.drawText(self.rect(), int(self.alignment()), text)


class StateLine(QWidget):
    """Shows a status; each part has its own label, which screen readers find."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin with nothing known."""
        super().__init__(parent)
        self._theme = theme
        self._status = Status()
        self._cpu_share = 0.0
        self._parts = {
            name: ElidedLabel(self) if name in ("camera", "network") else QLabel(self)
            for name in ("camera", "face", "network", "receivers", "speed", "cpu")
        }
        self._columns = 0
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(10, 4, 10, 4)
        self._layout.setHorizontalSpacing(_SPACE_PX)
        for name, label in self._parts.items():
            label.setObjectName(f"state-{name}")
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        for name, title in (
            ("camera", self.tr("Camera")),
            ("face", self.tr("Face")),
            ("network", self.tr("Network")),
            ("receivers", self.tr("Receivers")),
            ("speed", self.tr("Speed")),
            ("cpu", self.tr("Load")),
        ):
            self._parts[name].setAccessibleName(title)
        self._parts["speed"].setToolTip(
            self.tr(
                "Pictures a second; time from the camera to the receiver: usual, and worst of 20"
            )
        )
        self._parts["cpu"].setToolTip(self.tr("Share of one processor core that vrfer uses"))
        self.show_status(self._status, self._cpu_share)

    def set_theme(self, theme: Theme) -> None:
        """Take other colours."""
        self._theme = theme
        self.show_status(self._status, self._cpu_share)

    def text(self, part: str) -> str:
        """Return what a part says: camera, face, network, receivers, speed or cpu."""
        return self._parts[part].text()

    def show_status(self, status: Status, cpu_share: float) -> None:
        """Show a status.

        Args:
            status: The session's snapshot.
            cpu_share: What the process uses, in cores.
        """
        self._status, self._cpu_share = status, cpu_share
        running = status.phase in (Phase.RUNNING, Phase.PAUSED)
        self._say("camera", self._camera(status), running, bad=status.phase is Phase.FAILED)
        face = self.tr("face seen") if status.face else self.tr("no face")
        self._say("face", face if running else _UNKNOWN, status.face)
        self._say("network", status.network or self.tr("network not loaded yet"), True)
        ready = sum(line.ready and not line.error for line in status.receivers)
        total = len(status.receivers)
        receivers = self.tr("receivers: {ready} of {total}").format(ready=ready, total=total)
        self._say("receivers", receivers, ready == total > 0, bad=ready < total)
        speed = self.tr("{fps:.0f} fps · {p50:.0f} / {p95:.0f} ms").format(
            fps=status.fps, p50=status.latency_p50_ms, p95=status.latency_p95_ms
        )
        self._say("speed", speed if running else _UNKNOWN, running)
        self._say("cpu", self.tr("CPU {share:.0%}").format(share=cpu_share), True)
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        """Return how small it may become: as narrow as two rows."""
        hints = [label.minimumSizeHint() for label in self._parts.values()]
        widest = max(hint.width() for hint in hints)
        rows = self._layout.totalMinimumSize().height()
        return QSize(len(hints) // 2 * (widest + _SPACE_PX), rows)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Use one row or two."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Put all into one row where there is room, else into two."""
        needed = sum(label.sizeHint().width() + _SPACE_PX for label in self._parts.values())
        columns = len(self._parts) if needed <= self.width() else len(self._parts) // 2
        if columns == self._columns:
            return
        self._columns = columns
        for index, label in enumerate(self._parts.values()):
            self._layout.addWidget(label, index // columns, index % columns)

    def _camera(self, status: Status) -> str:
        names = {
            Phase.IDLE: self.tr("no camera chosen"),
            Phase.OPENING: self.tr("opening {source} …"),
            Phase.RUNNING: "{source}",
            Phase.PAUSED: self.tr("{source}: paused"),
            Phase.AWAY: self.tr("{source} is away; waiting for it"),
            Phase.ENDED: self.tr("{source}: over"),
            Phase.FAILED: self.tr("{source} cannot be read"),
        }
        text = names[status.phase].format(source=status.source)
        return f"{text} ({status.mode})" if status.mode else text

    def _say(self, part: str, text: str, good: bool, *, bad: bool = False) -> None:
        label = self._parts[part]
        theme = self._theme
        color = theme.bad if bad else theme.text if good else theme.warning
        if text == _UNKNOWN:
            color = theme.muted
        label.setText(text)
        label.setStyleSheet(f"color: {color};")
