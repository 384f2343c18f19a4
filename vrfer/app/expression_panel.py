"""How expressions are read: calm or quick, sensitivities, the wearer's baseline, the network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PyQt6.QtCore import QLocale, QSignalBlocker, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QWidget,
)

from vrfer.app.form import Panel, choose, fill, narrow
from vrfer.app.names import expression_names
from vrfer.classifier import Device
from vrfer.expressions import EXPRESSIONS
from vrfer.live.status import Status
from vrfer.settings import PRESETS, ExpressionPart, NetworkPart

RESTING_S = 5.0
"""How long a resting face is watched for a baseline."""
_STEPS_A_NAT = 10
_MOST_NATS = 5
_FILE = "\0file"


class ExpressionPanel(Panel):
    """Shows and changes the expression's and the network's parts of the settings."""

    changed = pyqtSignal(object)
    """The new `ExpressionPart`."""
    network_changed = pyqtSignal(object)
    """The new `NetworkPart`."""
    learning_wanted = pyqtSignal(str)
    """A baseline is to be made for this person."""
    learning_stopped = pyqtSignal()
    deletion_wanted = pyqtSignal(str)
    """This person's baseline is to be deleted."""

    def __init__(
        self,
        part: ExpressionPart,
        network: NetworkPart,
        models: Sequence[Path],
        parent: QWidget | None = None,
    ) -> None:
        """Show both parts.

        Args:
            part: How expressions are read.
            network: Which network reads them.
            models: The shipped networks, the default first.
            parent: Owner of this widget.
        """
        super().__init__(parent)
        self._part, self._network, self._models = part, network, list(models)
        self._people: list[str] = []
        self._learning = False
        self.preset = QComboBox()
        self.smoothing = QDoubleSpinBox()
        self.hold = QDoubleSpinBox()
        for box, most in ((self.smoothing, 5.0), (self.hold, 10.0)):
            box.setRange(0, most)
            box.setSingleStep(0.05)
            box.setSuffix(" s")
            box.setKeyboardTracking(False)
        self.sliders = tuple(QSlider(Qt.Orientation.Horizontal) for _ in EXPRESSIONS)
        self._slider_names = tuple(QLabel() for _ in EXPRESSIONS)
        self._slider_values = tuple(QLabel() for _ in EXPRESSIONS)
        self.own_threshold = QCheckBox()
        self.unsure = QSlider(Qt.Orientation.Horizontal)
        self.unsure.setRange(0, 100)
        self.person = QComboBox()
        self.unused = QLabel()
        self.unused.setWordWrap(True)
        self.new_person = QLineEdit()
        self.learn = QPushButton()
        self.progress = QProgressBar()
        self.progress.setRange(0, round(RESTING_S * 10))
        self.progress.setTextVisible(False)
        self.delete = QPushButton()
        self.model = QComboBox()
        self.device = QComboBox()
        self.card = QPushButton()
        making = QWidget()
        row = QHBoxLayout(making)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.new_person, 1)
        row.addWidget(self.learn)
        self._making = making
        self._sensitivity = self._grid()
        for field in (
            self.preset, self.smoothing, self.hold, self._sensitivity, self.own_threshold,
            self.unsure, self.person, self.unused, self._making, self.progress, self.delete,
            self.model, self.device, self.card,
        ):  # fmt: skip
            self.add(field)
        self.widen(self._sensitivity)
        self.form.setRowVisible(self.unused, False)
        for long in (self.person, self.model):
            narrow(long, 12)
        self.retranslate()
        self.preset.activated.connect(self._preset_chosen)
        self.smoothing.valueChanged.connect(lambda value: self._change(smoothing_s=value))
        self.hold.valueChanged.connect(lambda value: self._change(hold_s=value))
        for name, slider in zip(EXPRESSIONS, self.sliders, strict=True):
            slider.valueChanged.connect(lambda value, n=name: self._sensitivity_chosen(n, value))
        self.own_threshold.clicked.connect(self._threshold_chosen)
        self.unsure.valueChanged.connect(self._threshold_chosen)
        self.person.activated.connect(lambda: self._change(person=self.person.currentData()))
        self.learn.clicked.connect(self._learn_clicked)
        self.new_person.returnPressed.connect(self._learn_clicked)
        self.delete.clicked.connect(self._delete_clicked)
        self.model.activated.connect(self._model_chosen)
        self.device.activated.connect(
            lambda: self._change_network(device=self.device.currentData())
        )

    def _grid(self) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        for index, slider in enumerate(self.sliders):
            slider.setRange(-_MOST_NATS * _STEPS_A_NAT, _MOST_NATS * _STEPS_A_NAT)
            slider.setPageStep(_STEPS_A_NAT // 2)
            grid.addWidget(self._slider_names[index], index, 0)
            grid.addWidget(slider, index, 1)
            grid.addWidget(self._slider_values[index], index, 2)
        grid.setColumnStretch(1, 1)
        grid.setColumnMinimumWidth(2, 40)
        return box

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.name(self.preset, self.tr("&Reading"), self.tr("How calm or quick readings are"))
        tip = self.tr("Seconds over which flicker is smoothed")
        self.name(self.smoothing, self.tr("Smoothing"), tip)
        tip = self.tr("An expression stays at least this long")
        self.name(self.hold, self.tr("Holds for"), tip)
        tip = self.tr(
            "To the right: this expression is read more easily. The middle changes nothing"
        )
        self.name(self._sensitivity, self.tr("Sensitivity"), tip)
        for label, slider, text in zip(
            self._slider_names, self.sliders, expression_names(), strict=True
        ):
            label.setText(text)
            slider.setAccessibleName(self.tr("Sensitivity: {expression}").format(expression=text))
            slider.setToolTip(tip)
        self.own_threshold.setText(self.tr("As the network suggests"))
        tip = self.tr("Below this probability the last clear expression is kept")
        self.name(self.own_threshold, self.tr("Unsure below"), tip)
        self.name(self.unsure, "", tip)
        self.unsure.setAccessibleName(self.tr("Unsure below"))
        tip = self.tr("Whose resting face counts as neutral")
        self.name(self.person, self.tr("&Baseline of"), tip)
        self.unused.setText(self.tr("Not in use: it does not fit this network. Make it anew."))
        self.name(self.unused, "")
        self.new_person.setPlaceholderText(self.tr("Name"))
        self.new_person.setAccessibleName(self.tr("Name of the new baseline"))
        self.name(self._making, self.tr("New baseline"), self.tr("Rest your face, mouth closed"))
        self.name(self.progress, "")
        self.progress.setAccessibleName(self.tr("How long the resting face was seen"))
        self.delete.setText(self.tr("Delete this baseline"))
        self.name(self.delete, "")
        self.delete.setAccessibleName(self.delete.text())
        self.name(self.model, self.tr("&Network"), self.tr("Which network reads the expression"))
        tip = self.tr("The GPU belongs to the VR scene; automatic uses it only if need be")
        self.name(self.device, self.tr("Runs on"), tip)
        self.card.setText(self.tr("About this network …"))
        self.name(self.card, "")
        self.card.setAccessibleName(self.card.text())
        self.show_parts(self._part, self._network)
        self.show_learning(None)

    def show_parts(self, part: ExpressionPart, network: NetworkPart) -> None:
        """Show both parts; nothing is told."""
        if part.person != self._part.person:
            self.new_person.clear()  # whose name is typed there is another one
        self._part, self._network = part, network
        presets: list[tuple[str, object]] = [
            (self.tr("Calm"), "calm"),
            (self.tr("Balanced"), "balanced"),
            (self.tr("Quick"), "quick"),
        ]
        if part.preset is None:
            presets.append((self.tr("My own"), None))
        fill(self.preset, presets, part.preset)
        for box, seconds in ((self.smoothing, part.smoothing_s), (self.hold, part.hold_s)):
            with QSignalBlocker(box):
                box.setValue(seconds)
        for index, slider in enumerate(self.sliders):
            nats = part.sensitivity.get(EXPRESSIONS[index], 0.0)
            _set_silently(slider, round(nats * _STEPS_A_NAT))
            self._slider_values[index].setText(QLocale().toString(nats, "f", 1))
        self.own_threshold.setChecked(part.unsure_below is None)
        self.unsure.setEnabled(part.unsure_below is not None)
        if part.unsure_below is not None:
            _set_silently(self.unsure, round(part.unsure_below * 100))
        self._fill_people()
        models: list[tuple[str, object]] = [
            (path.stem, None if index == 0 else path) for index, path in enumerate(self._models)
        ]
        if network.model is not None and network.model not in self._models:
            models.append((network.model.name, network.model))
        models.append((self.tr("Another file …"), _FILE))
        fill(self.model, models, network.model)
        devices = [
            (self.tr("Automatic"), Device.AUTO),
            (self.tr("Processor (CPU)"), Device.CPU),
            (self.tr("NVIDIA GPU (CUDA)"), Device.CUDA),
        ]
        fill(self.device, devices, network.device)

    def show_people(self, people: Sequence[str]) -> None:
        """Offer the people who have a baseline."""
        self._people = list(people)
        self._fill_people()

    def show_learning(self, seen_s: float | None) -> None:
        """Show how long a resting face was seen; None: no baseline is being made."""
        self._learning = seen_s is not None
        self.learn.setText(self.tr("Stop") if self._learning else self.tr("Make"))
        self.progress.setValue(0 if seen_s is None else round(seen_s * 10))

    def show_status(self, status: Status) -> None:
        """Show what the session says."""
        self.show_learning(status.resting_s)
        wanted = self._part.person
        unused = bool(status.network) and wanted is not None and status.person != wanted
        self.form.setRowVisible(self.unused, unused)
        if self._part.unsure_below is None:
            _set_silently(self.unsure, round(status.unsure_below * 100))

    def _fill_people(self) -> None:
        person = self._part.person
        entries: list[tuple[str, object]] = [(self.tr("Nobody"), None)]
        names = dict.fromkeys([*self._people, *([person] if person else [])])
        fill(self.person, [*entries, *((name, name) for name in names)], person)
        self.delete.setEnabled(person is not None)

    def _preset_chosen(self) -> None:
        preset = PRESETS.get(str(self.preset.currentData()))
        if preset is not None:
            self._change(smoothing_s=preset.smoothing_s, hold_s=preset.hold_s)

    def _sensitivity_chosen(self, name: str, value: int) -> None:
        sensitivity = {**self._part.sensitivity, name: value / _STEPS_A_NAT}
        self._change(sensitivity={key: nats for key, nats in sensitivity.items() if nats})

    def _threshold_chosen(self) -> None:
        own = self.own_threshold.isChecked()
        self._change(unsure_below=None if own else self.unsure.value() / 100)

    def _learn_clicked(self) -> None:
        if self._learning:
            self.learning_stopped.emit()
            return
        name = self.new_person.text().strip() or self._part.person
        if name:
            self.learning_wanted.emit(name)
        else:
            self.new_person.setFocus()

    def _delete_clicked(self) -> None:
        if self._part.person is not None:
            self.deletion_wanted.emit(self._part.person)

    def _model_chosen(self) -> None:
        model = self.model.currentData()
        if model == _FILE:
            name, _ = QFileDialog.getOpenFileName(
                self, self.tr("Choose a network"), "", self.tr("Networks (*.onnx)")
            )
            if not name:
                choose(self.model, self._network.model)
                return
            model = Path(name)
        self._change_network(model=model)
        choose(self.model, self._network.model)

    def _change(self, **fields: Any) -> None:
        part = self._part.model_copy(update=fields)
        if part != self._part:
            self.show_parts(part, self._network)
            self.changed.emit(part)

    def _change_network(self, **fields: Any) -> None:
        network = self._network.model_copy(update=fields)
        if network != self._network:
            self.show_parts(self._part, network)
            self.network_changed.emit(network)


def _set_silently(slider: QSlider, value: int) -> None:
    before = slider.blockSignals(True)
    slider.setValue(value)
    slider.blockSignals(before)
