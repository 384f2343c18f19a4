"""How the program looks and sounds, and its settings as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QPushButton, QSlider, QWidget

from vrfer.app.form import Panel, fill
from vrfer.settings import WindowPart


class ProgramPanel(Panel):
    """Shows and changes the window's part of the settings."""

    changed = pyqtSignal(object)
    """The new `WindowPart`."""
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
    ) -> None:
        """Show a part.

        Args:
            part: What is shown.
            languages: Code and own name of each language.
            parent: Owner of this widget.
        """
        super().__init__(parent)
        self._part, self._languages = part, languages
        self.theme = QComboBox()
        self.language = QComboBox()
        self.sounds = QCheckBox()
        self.speech = QCheckBox()
        self.volume = QSlider(Qt.Orientation.Horizontal)
        self.volume.setRange(0, 100)
        self.network_view = QCheckBox()
        self.cpu_share = QSlider(Qt.Orientation.Horizontal)
        self.cpu_share.setRange(2, 100)
        self.guide = QPushButton()
        self.export = QPushButton()
        self.import_ = QPushButton()
        for field in (
            self.theme, self.language, self.sounds, self.speech, self.volume, self.network_view,
            self.cpu_share, self.guide, self.export, self.import_,
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
        self.guide.setText(self.tr("Show the guide again"))
        self.name(self.guide, "")
        self.guide.setAccessibleName(self.guide.text())
        self.export.setText(self.tr("Save all settings to a file …"))
        self.name(self.export, self.tr("Settings"))
        self.import_.setText(self.tr("Take settings from a file …"))
        self.name(self.import_, "")
        self.import_.setAccessibleName(self.import_.text())
        self.show_part(self._part)

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
