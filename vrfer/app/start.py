"""Starts the window: `vrfer-app` without a command."""

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import cv2  # noqa: F401  # it sets a variable that leads Qt to OpenCV's own plugins: see below
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QIcon
from PyQt6.QtWidgets import QApplication
from pyqtgraph.util.garbage_collector import GarbageCollector

from vrfer.app import language
from vrfer.app.controller import Controller
from vrfer.app.prompts import Prompts
from vrfer.app.unexpected import logged_to, survived
from vrfer.app.window import Window
from vrfer.command_line import STOPPED, ending_signals
from vrfer.errors import OutputError, VrferError
from vrfer.outputs.profiles import known_profiles
from vrfer.people import People
from vrfer.settings import SettingsFile, default_log_file, default_settings_file
from vrfer.shipped import DEFAULT_MODEL, shipped
from vrfer.sources.camera_list import can_be_asked

logger = logging.getLogger(__name__)

_SIGNALS_EVERY_MS = 200


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What the command line asks of the window."""

    source: str | None = None
    """Opened at once, in place of the last one; not remembered."""
    seconds: float | None = None
    """The window closes by itself after this time."""
    screenshot: Path | None = None
    """Before it closes, its picture is written here."""


def run_window(options: StartOptions) -> int:
    """Show the window until it is closed.

    Returns:
        The exit code.

    Raises:
        OutputError: There is no screen, or the picture cannot be written.
    """
    _check_screen()
    os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
    application = QApplication(sys.argv[:1])
    application.setApplicationName("vrfer")
    application.setDesktopFileName("vrfer")
    application.setWindowIcon(QIcon(str(shipped("assets") / "icon.png")))
    with logged_to(default_log_file()), _collected_in_this_thread():
        try:
            return _run(application, options)
        except VrferError:
            raise
        except Exception:
            logger.exception("vrfer ends, for something unforeseen went wrong")
            raise


def _run(application: QApplication, options: StartOptions) -> int:
    file = SettingsFile(default_settings_file())
    prompts = Prompts()
    controller = Controller(file, People.of_this_user(), prompts, application)
    spoken = language.install(application, controller.settings.window.language)
    prompts.use(replace(prompts.settings, locale=spoken))
    window = Window(controller, prompts, _models(), known_profiles())
    with survived(controller.say_unforeseen):
        return _used(application, options, controller, prompts, window)


def _used(
    application: QApplication,
    options: StartOptions,
    controller: Controller,
    prompts: Prompts,
    window: Window,
) -> int:
    """Show the window until it is closed; return the exit code."""
    window.show()
    if can_be_asked() or not controller.settings.camera.source.isdecimal():
        # Cameras that are tried one by one would disturb the one that is to be opened.
        window.look_for_cameras(with_pictures=False)
    failed: list[OutputError] = []
    if options.source is not None:
        controller.open_once(options.source)
    elif not controller.settings.window.welcomed:
        window.show_guide()
    elif controller.settings.camera.source:
        controller.start()
    if options.seconds is not None:
        QTimer.singleShot(
            round(options.seconds * 1000), lambda: _finish(window, options.screenshot, failed)
        )
    once = Qt.ConnectionType.SingleShotConnection
    controller.bridge.seen.connect(_keep_what_is_loaded, once)  # type: ignore[call-arg] # the stubs
    with _closed_by_signals(window) as stopped:
        code = application.exec()
    controller.close()
    prompts.close()
    if failed:
        raise failed[0]
    return STOPPED if stopped.is_set() else code


def _finish(window: Window, screenshot: Path | None, failed: list[OutputError]) -> None:
    if screenshot is not None and not window.grab().save(str(screenshot)):
        failed.append(
            OutputError(
                f"the picture {screenshot} cannot be written",
                "Name a .png file in a folder that exists and can be written.",
            )
        )
    window.attended = False
    window.close()


@contextmanager
def _collected_in_this_thread() -> Iterator[None]:
    """Have Python look for reference cycles in this thread alone, between two events of Qt's.

    It does so in whichever thread makes many objects, the session's among them; widgets of a cycle
    would then be deleted there while Qt draws them here. That crashed the tests once. pyqtgraph's
    remedy is that of others too: pydev.blogspot.com/2014/03/should-python-garbage-collector-be.html
    """
    collector = GarbageCollector()
    try:
        yield
    finally:
        collector.timer.stop()
        gc.unfreeze()
        gc.enable()


def _keep_what_is_loaded() -> None:
    """Spare the collector what is there with the first picture, and stays.

    Looking through all of it takes up to 0.3 s, in which no thread can read a picture.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def _closed_by_signals(window: Window) -> Iterator[threading.Event]:
    """Close the window on Ctrl-C and on the system's request, as its own button does."""
    stopped = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stopped.set()
        window.attended = False
        window.close()

    before = {number: signal.signal(number, on_signal) for number in ending_signals()}
    # Python's handlers run only when Python does, and Qt's event loop may sleep for long.
    awake = QTimer()
    awake.timeout.connect(lambda: None)
    awake.start(_SIGNALS_EVERY_MS)
    try:
        yield stopped
    finally:
        awake.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _models() -> list[Path]:
    """Return the shipped networks that read expressions, the default first."""
    found = sorted(path for path in shipped("models").glob("*.onnx") if "locator" not in path.stem)
    return sorted(found, key=lambda path: path.name != DEFAULT_MODEL)


def _check_screen() -> None:
    """Refuse to start where Qt would abort the process.

    Raises:
        OutputError: There is no screen.
    """
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise OutputError(
            "there is no screen for the window",
            "Start it in a desktop session, or use vrfer-app run --headless.",
        )
