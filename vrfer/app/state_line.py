"""One line that says how everything does: camera, face, network, receivers, speed, load."""

from PyQt6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from vrfer.app.theme import Theme
from vrfer.live.status import Phase, Status


class StateLine(QWidget):
    """Shows a status; each part has its own label, which screen readers find."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Begin with nothing known."""
        super().__init__(parent)
        self._theme = theme
        self._status = Status()
        self._cpu_share = 0.0
        self._parts = {
            name: QLabel(self)
            for name in ("camera", "face", "network", "receivers", "speed", "cpu")
        }
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 10, 4)
        layout.setSpacing(18)
        for name, label in self._parts.items():
            label.setObjectName(f"state-{name}")
            if name in ("camera", "network"):
                label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            layout.addWidget(label, 1 if name in ("camera", "network") else 0)
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
        self._say("face", face if running else "-", status.face)
        self._say("network", status.network or self.tr("network not loaded yet"), True)
        ready = sum(line.ready and not line.error for line in status.receivers)
        total = len(status.receivers)
        receivers = self.tr("{ready} of {total} receivers").format(ready=ready, total=total)
        self._say("receivers", receivers, ready == total > 0, bad=ready < total)
        speed = self.tr("{fps:.0f} fps · {p50:.0f} / {p95:.0f} ms").format(
            fps=status.fps, p50=status.latency_p50_ms, p95=status.latency_p95_ms
        )
        self._say("speed", speed if running else "-", running)
        self._say("cpu", self.tr("CPU {share:.0%}").format(share=cpu_share), True)

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
        color = self._theme.bad if bad else self._theme.text if good else self._theme.warning
        label.setText(text)
        label.setStyleSheet(f"color: {color};")
