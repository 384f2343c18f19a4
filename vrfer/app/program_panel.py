"""How the program looks and sounds, what it obeys, and its settings as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QPushButton,
    QSlider,
    QSpinBox,
    QWidget,
)

from vrfer.app.form import Panel, fill
from vrfer.settings import RemotePart, WindowPart

_USUAL_REMOTE = RemotePart()


class ProgramPanel(Panel):
    """Shows and changes the window's part of the settings."""

    changed = pyqtSignal(object)
    """The new `WindowPart`."""
    remote_changed = pyqtSignal(object)
    """The new `RemotePart`."""
    export_wanted = pyqtSignal(object)
    """All settings are to be written to this file (`Path`)."""
    import_wanted = pyqtSignal(object)
    """All settings are to be read from this file (`Path`)."""
    guide_wanted = pyqtSignal()
    """The first start's guide is to be shown again."""

    def __init__(
        self,
        part: WindowPart,
        languages: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
        *,
        remote: RemotePart = _USUAL_REMOTE,
    ) -> None:
        """Show a part.

        Args:
            part: What is shown.
            languages: Code and own name of each language.
            parent: Owner of this widget.
            remote: How other programs steer vrfer.
        """
        super().__init__(parent)
        self._part, self._languages, self._remote = part, languages, remote
        self.theme = QComboBox()
        self.language = QComboBox()
        self.sounds = QCheckBox()
        self.speech = QCheckBox()
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(0, 100)
        self.network_view = QCheckBox()
        self.cpu_share = QSlider(Qt.Orientation.Horizontal)
        self.cpu_share.setRange(2, 100)
        self.remote = QCheckBox()
        self.remote_port = QSpinBox()
        self.remote_port.setRange(1, 65535)
        self.remote_port.setGroupSeparatorShown(False)
        self.remote_port.setKeyboardTracking(False)
        self.everyone = QCheckBox()
        self.guide = QPushButton()
        self.export = QPushButton()
        self.import_ = QPushButton()
        for field in (
            self.theme, self.language, self.sounds, self.speech, self.volume, self.network_view,
            self.cpu_share, self.remote, self.remote_port, self.everyone, self.guide, self.export,
            self.import_,
        ):  # fmt: skip
            self.add(field)
        self.widen(self.export)
        self.retranslate()
        self.theme.activated.connect(lambda: self._change(theme=self.theme.currentData()))
        self.language.activated.connect(lambda: self._change(language=self.language.currentData()))
        self.sounds.clicked.connect(lambda on: self._change(sounds=on))
        self.speech.clicked.connect(lambda on: self._change(speech=on))
        self.volume.valueChanged.connect(lambda value: self._change(volume=value / 100))
        self.network_view.clicked.connect(lambda on: self._change(network_view=on))
        self.cpu_share.valueChanged.connect(lambda value: self._change(cpu_share=value / 100))
        self.remote.clicked.connect(lambda on: self._change_remote(on=on))
        self.remote_port.valueChanged.connect(lambda port: self._change_remote(port=port))
        self.everyone.clicked.connect(lambda on: self._change_remote(everyone=on))
        self.guide.clicked.connect(self.guide_wanted)
        self.export.clicked.connect(self._export_clicked)
        self.import_.clicked.connect(self._import_clicked)

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.name(self.theme, self.tr("&Colours"))
        self.name(self.language, self.tr("&Language"))
        self.sounds.setText(self.tr("Play sounds"))
        tip = self.tr("So that the wearer, who cannot see the screen, knows what happens")
        self.name(self.sounds, self.tr("Sound"), tip)
        self.speech.setText(self.tr("Speak"))
        self.name(self.speech, "", tip)
        self.name(self.volume, self.tr("Volume"))
        self.network_view.setText(self.tr("Show what the network sees"))
        tip = self.tr("Costs the processor a little")
        self.name(self.network_view, self.tr("View"), tip)
        tip = self.tr("Drawing slows down beyond this share of one core; reading never does")
        self.name(self.cpu_share, self.tr("Drawing may use"), tip)
        self.remote.setText(self.tr("Obey other programs"))
        tip = self.tr("They start, pause, mark and hold neutral; docs/control.md says how")
        self.name(self.remote, self.tr("Commands over OSC"), tip)
        self.name(self.remote_port, self.tr("Port"), tip)
        self.everyone.setText(self.tr("Other computers"))
        tip = self.tr("Whoever is in the network can then steer vrfer")
        self.name(self.everyone, "", tip)
        self.guide.setText(self.tr("Show the guide again"))
        self.name(self.guide, "")
        self.guide.setAccessibleName(self.guide.text())
        self.export.setText(self.tr("Save all settings to a file …"))
        self.name(self.export, self.tr("Settings"))
        self.import_.setText(self.tr("Take settings from a file …"))
        self.name(self.import_, "")
        self.import_.setAccessibleName(self.import_.text())
        self.show_part(self._part)
        self.show_remote(self._remote)

    def show_remote(self, remote: RemotePart) -> None:
        """Show how other programs steer vrfer; nothing is told."""
        self._remote = remote
        self.remote.setChecked(remote.on)
        self.everyone.setChecked(remote.everyone)
        with QSignalBlocker(self.remote_port):
            self.remote_port.setValue(remote.port)
        for field in (self.remote_port, self.everyone):
            field.setEnabled(remote.on)

    def show_part(self, part: WindowPart) -> None:
        """Show a part; nothing is told."""
        self._part = part
        themes = [
            (self.tr("As the system"), "system"),
            (self.tr("Light"), "light"),
            (self.tr("Dark"), "dark"),
        ]
        fill(self.theme, themes, part.theme)
        system: list[tuple[str, object]] = [(self.tr("As the system"), None)]
        fill(
            self.language, system + [(name, code) for code, name in self._languages], part.language
        )
        for box, on in (
            (self.sounds, part.sounds),
            (self.speech, part.speech),
            (self.network_view, part.network_view),
        ):
            box.setChecked(on)
        for slider, share in ((self.volume, part.volume), (self.cpu_share, part.cpu_share)):
            before = slider.blockSignals(True)
            slider.setValue(round(share * 100))
            slider.blockSignals(before)

    def _export_clicked(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save all settings"), "vrfer.toml", self.tr("Settings (*.toml)")
        )
        if name:
            self.export_wanted.emit(Path(name))

    def _import_clicked(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Take settings from a file"), "", self.tr("Settings (*.toml)")
        )
        if name:
            self.import_wanted.emit(Path(name))

    def _change(self, **fields: Any) -> None:
        part = self._part.model_copy(update=fields)
        if part != self._part:
            self.show_part(part)
            self.changed.emit(part)

    def _change_remote(self, **fields: Any) -> None:
        remote = self._remote.model_copy(update=fields)
        if remote != self._remote:
            self.show_remote(remote)
            self.remote_changed.emit(remote)
