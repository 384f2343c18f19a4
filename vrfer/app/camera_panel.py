"""Which camera, stream or file is read, and how."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QSignalBlocker, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QIcon, QPixmap
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QInputDialog,
    QLabel,
    QPushButton,
    QWidget,
)

from vrfer.app.form import Panel, choose, fill, narrow
from vrfer.app.pictures import from_bgr
from vrfer.settings import CameraPart
from vrfer.shipped import shipped
from vrfer.sources.camera_list import CameraInfo, find_again
from vrfer.sources.opening import without_credentials

SIZES = ((320, 240), (640, 480), (800, 600), (1280, 720), (1920, 1080))
_ICON_SIZE = QSize(64, 48)
RATES = (15.0, 24.0, 30.0, 60.0)
_FILE, _ADDRESS = "\0file", "\0address"
"""Entries that ask; no source is called so."""


class CameraPanel(Panel):
    """Shows and changes the camera's part of the settings."""

    changed = pyqtSignal(object)
    """The new `CameraPart`."""
    search_wanted = pyqtSignal()
    """The user wants the cameras looked for, with pictures."""

    def __init__(self, part: CameraPart, parent: QWidget | None = None) -> None:
        """Show a part."""
        super().__init__(parent)
        self._part = part
        self._cameras: list[CameraInfo] = []
        self._pictures: dict[int, QIcon] = {}
        self.source = QComboBox()
        narrow(self.source, 12)
        self.search = QPushButton()
        self.size_box = QComboBox()
        self.rate = QComboBox()
        self.compressed = QCheckBox()
        self.exposure_auto = QCheckBox()
        self.exposure = QDoubleSpinBox()
        self.exposure.setRange(0.01, 10_000)
        self.exposure.setKeyboardTracking(False)
        self.exposure.setSuffix(" ms")
        self.exposure.setValue(10)
        self.mirrored = QCheckBox()
        self.rotation = QComboBox()
        self.loop = QCheckBox()
        self.region = QLabel()
        self.everywhere = QPushButton()
        for field in (
            self.source, self.search, self.size_box, self.rate, self.compressed, self.exposure_auto,
            self.exposure, self.mirrored, self.rotation, self.loop, self.region, self.everywhere,
        ):  # fmt: skip
            self.add(field)
        self.widen(self.source)
        self.retranslate()
        self.source.activated.connect(self._source_chosen)
        self.search.clicked.connect(self.search_wanted)
        self.size_box.activated.connect(self._size_chosen)
        self.rate.activated.connect(lambda: self._change(fps=self.rate.currentData()))
        self.compressed.clicked.connect(lambda on: self._change(compressed=on))
        self.exposure_auto.clicked.connect(self._exposure_chosen)
        self.exposure.valueChanged.connect(self._exposure_chosen)
        self.mirrored.clicked.connect(lambda on: self._change(mirrored=on, region=None))
        self.rotation.activated.connect(
            lambda: self._change(rotation_deg=self.rotation.currentData(), region=None)
        )
        self.loop.clicked.connect(lambda on: self._change(loop=on))
        self.everywhere.clicked.connect(lambda: self._change(region=None))

    def retranslate(self) -> None:
        """Say everything in the language that is set."""
        self.name(self.source, self.tr("&Camera"), self.tr("Camera, stream or file that is read"))
        self.search.setText(self.tr("Look for cameras"))
        tip = self.tr("Switches each camera on for a moment to show a small picture of it")
        self.name(self.search, "", tip)
        self.search.setAccessibleName(self.search.text())
        self.name(self.size_box, self.tr("&Resolution"), self.tr("What the camera is asked for"))
        self.name(self.rate, self.tr("&Frame rate"), self.tr("What the camera is asked for"))
        self.compressed.setText(self.tr("Compressed (MJPEG)"))
        tip = self.tr("Raw pictures give few frames a second on many cameras")
        self.name(self.compressed, self.tr("Transfer"), tip)
        self.exposure_auto.setText(self.tr("Automatic"))
        self.name(self.exposure_auto, self.tr("Exposure"))
        self.name(self.exposure, self.tr("Exposure time"), self.tr("Where the driver allows it"))
        self.mirrored.setText(self.tr("Mirror left and right"))
        self.name(self.mirrored, self.tr("Picture"))
        self.name(self.rotation, self.tr("Turn"), self.tr("For cameras that hang on their side"))
        self.loop.setText(self.tr("Begin again at the end"))
        self.name(self.loop, self.tr("Files"))
        tip = self.tr("Drag in the picture to look for the face in a part of it only")
        self.name(self.region, self.tr("Looks in"), tip)
        self.everywhere.setText(self.tr("Look everywhere"))
        self.name(self.everywhere, "")
        self.everywhere.setAccessibleName(self.everywhere.text())
        self.show_part(self._part)

    def show_part(self, part: CameraPart) -> None:
        """Show a part; nothing is told."""
        self._part = part
        self._fill_sources()
        sizes = sorted({*SIZES, (part.width, part.height)})
        entries: list[tuple[str, object]] = [(f"{w} x {h}", (w, h)) for w, h in sizes]
        fill(self.size_box, entries, (part.width, part.height))
        rates = sorted({*RATES, part.fps})
        fill(self.rate, [(f"{rate:g}", rate) for rate in rates], part.fps)
        self.compressed.setChecked(part.compressed)
        self.exposure_auto.setChecked(part.exposure_ms is None)
        self.exposure.setEnabled(part.exposure_ms is not None)
        if part.exposure_ms is not None:
            with QSignalBlocker(self.exposure):
                self.exposure.setValue(part.exposure_ms)
        self.mirrored.setChecked(part.mirrored)
        fill(self.rotation, [(f"{deg}°", deg) for deg in (0, 90, 180, 270)], part.rotation_deg)
        self.loop.setChecked(part.loop)
        everywhere = part.region is None
        self.region.setText(
            self.tr("the whole picture")
            if part.region is None
            else "{:.0f}, {:.0f} to {:.0f}, {:.0f}".format(*part.region)
        )
        self.everywhere.setEnabled(not everywhere)

    def show_cameras(self, cameras: list[CameraInfo]) -> None:
        """Offer the cameras that were found; small pictures stay with those that kept their place.

        Another camera may have got a number since.
        """
        self._pictures = {
            camera.index: self._pictures[camera.index]
            for camera in cameras
            if camera in self._cameras and camera.index in self._pictures
        }
        self._cameras = cameras
        self._fill_sources()

    def show_picture(self, index: int, picture: NDArray[np.uint8]) -> None:
        """Show a small picture beside a camera's name."""
        self._pictures[index] = QIcon(QPixmap.fromImage(from_bgr(picture)))
        self._fill_sources()

    def _fill_sources(self) -> None:
        part = self._part
        entries: list[tuple[str, object]] = [(self.tr("None"), "")]
        entries += [
            (f"{camera.index}: {camera.name}", str(camera.index)) for camera in self._cameras
        ]
        entries.append((self.tr("Built-in clip"), str(shipped("assets") / "demo.mp4")))
        current = self._current_source()
        if current and current not in {value for _, value in entries}:
            entries.append((part.name or without_credentials(part.source), current))
        entries.append((self.tr("Video or picture …"), _FILE))
        entries.append((self.tr("Address of a network camera …"), _ADDRESS))
        fill(self.source, entries, current)
        self.source.setIconSize(_ICON_SIZE if self._pictures else QSize(16, 16))
        for index in range(self.source.count()):
            self.source.setItemData(index, self.source.itemText(index), Qt.ItemDataRole.ToolTipRole)
            value = str(self.source.itemData(index))
            if value.isdecimal() and int(value) in self._pictures:
                self.source.setItemIcon(index, self._pictures[int(value)])

    def _current_source(self) -> str:
        """Return the source as the list has it: a camera's number may be another one by now."""
        part, wanted = self._part, self._part.camera()
        if wanted is None:
            return part.source
        found = find_again(wanted, self._cameras)
        if found is not None:
            return str(found.index)
        taken = wanted.index in {camera.index for camera in self._cameras}
        return part.name if taken else part.source

    def _source_chosen(self) -> None:
        value = str(self.source.currentData())
        if value == _FILE:
            value, _ = QFileDialog.getOpenFileName(self, self.tr("Choose a video or a picture"))
        elif value == _ADDRESS:
            value, _ = QInputDialog.getText(
                self,
                self.tr("Network camera"),
                self.tr("Its address, for example http://192.168.1.20:8080/video"),
            )
        value = value.strip()
        unanswered = not value and self.source.currentData() != ""
        current = self._current_source()
        if unanswered or value == current:
            choose(self.source, current)
            return
        names = {str(camera.index): camera.name for camera in self._cameras}
        self._change(source=value, name=names.get(value, ""), region=None)

    def _size_chosen(self) -> None:
        width, height = self.size_box.currentData()
        self._change(width=width, height=height, region=None)

    def _exposure_chosen(self) -> None:
        automatic = self.exposure_auto.isChecked()
        self._change(exposure_ms=None if automatic else self.exposure.value())

    def _change(self, **fields: Any) -> None:
        part = self._part.model_copy(update=fields)
        if part != self._part:
            self.show_part(part)
            self.changed.emit(part)
