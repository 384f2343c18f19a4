"""Take pictures of every view of the window, in both themes, with a real session behind it.

    python scripts/window_screenshots.py --out FOLDER [--readme docs/pictures]

The session plays the built-in clip, sends to a receiver on this computer and records; settings,
people and recordings lie in a temporary folder. Runs on any platform of Qt's, QT_SCALE_FACTOR
included: `xvfb-run` or QT_QPA_PLATFORM=offscreen will do where there is no screen. The README's two
pictures need Pillow.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

import cv2
import typer
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog, QScrollArea, QWidget

from vrfer.app import language
from vrfer.app.controller import Controller
from vrfer.app.guide import Step
from vrfer.app.program_search import AvatarFit
from vrfer.app.prompts import Prompts, PromptSettings
from vrfer.app.window import Window
from vrfer.listen import Listener
from vrfer.live.status import Phase
from vrfer.oscquery.programs import Program
from vrfer.outputs.osc import PROFILES
from vrfer.people import People
from vrfer.rules import Rule
from vrfer.settings import (
    CameraPart,
    ReceiverPart,
    RecordingPart,
    RemotePart,
    Settings,
    SettingsFile,
    WindowPart,
)
from vrfer.shipped import default_model, shipped

THEMES = ("dark", "light")
CLIP = shipped("assets") / "demo.mp4"
BARE_S, HEADSET_S = 2.3, 10.2
"""Moments of the clip at which the face smiles, without and with a headset."""
PANELS = ("camera", "receivers", "expression", "record", "rules", "program")
"""In the order of their tabs."""
SIZE, SMALL = (1240, 800), (900, 600)
PATIENCE_S = 60.0
COMMANDS_PORT = 19_010
MADE_UP = (
    Program("Spider laboratory", "127.0.0.1", 7000, "OSC", "generic", "127.0.0.1", 1),
    Program("VRChat-Client-6F1A20", "127.0.0.1", 9000, "VRChat", "vrchat", "127.0.0.1", 2),
    Program("VRCFT-9C01E2", "127.0.0.1", 9020, "VRCFaceTracking", "", "127.0.0.1", 3),
)
"""Programs that a search could find."""
README_COLORS = 256
"""A picture of the README must be small."""


class Photographer:
    """Steers a window and takes its pictures."""

    def __init__(self, window: Window, out: Path) -> None:
        """Begin; pictures go to a folder that exists."""
        self.window, self.out = window, out

    def until(self, condition: Callable[[], object]) -> None:
        """Let the window run until something is so.

        Raises:
            TimeoutError: It did not become so.
        """
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"still not so after {PATIENCE_S:.0f} s")
            QTest.qWait(5)

    def play(self, seconds: float) -> None:
        """Let the window run for a while."""
        end_s = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end_s)

    def play_at(self, position_s: float) -> None:
        """Let the clip go on at a moment and wait until its expression is steady."""
        controller = self.window.controller
        controller.seek(position_s)
        self.until(
            lambda: (
                controller.status.face
                and abs((controller.status.position_s or 0) - position_s - 0.8) < 0.2
            )
        )

    def change(self, **fields: object) -> None:
        """Change the window's part of the settings as its panel does."""
        program = self.window.program
        part = self.window.controller.settings.window.model_copy(update=fields)
        program.show_part(part)
        program.changed.emit(part)

    def take(self, name: str, widget: QWidget | None = None) -> None:
        """Take the picture of the window, or of another widget, in both themes."""
        for theme in THEMES:
            self.change(theme=theme)
            self.play(0.1)
            path = self.out / f"{name}-{theme}.png"
            if not (widget or self.window).grab().save(str(path)):
                raise OSError(f"{path} cannot be written")
            typer.echo(path)


def first_start(camera: Photographer, port: int) -> None:
    """Go through the guide."""
    window = camera.window
    window.show_guide()
    camera.take("first-start-1-consent")
    window.guide.show_step(Step.CAMERA)
    camera.until(lambda: window.controller.status.face)
    camera.play_at(BARE_S)
    camera.take("first-start-2-camera")
    camera.play_at(HEADSET_S)
    window.guide.show_step(Step.HEADSET)
    camera.until(lambda: window.guide.progress.value() > 40)
    camera.take("first-start-3-headset")
    camera.until(lambda: window.guide.step is Step.REST and window.guide.progress.value() > 40)
    camera.take("first-start-4-rest")
    camera.until(lambda: window.guide.step is Step.SEND)
    window.guide.port.setValue(port)
    camera.take("first-start-5-send")
    window.guide.next.click()


def main_view(camera: Photographer, seconds: float) -> None:
    """Show the main view while the clip plays, with a minute behind it."""
    window = camera.window
    for text in ("spider appears", "spider gone"):
        camera.play(seconds / 3)
        window.controller.mark(text)
    camera.play(seconds / 3)
    camera.play_at(BARE_S)
    camera.take("main-bare")
    camera.play_at(HEADSET_S)
    camera.take("main-headset")
    for code in ("de", "ro"):
        camera.change(language=code)
        camera.play_at(HEADSET_S)
        camera.take(f"main-headset-{code}")
        for number, name in enumerate(PANELS):
            window.show_tab(number)
            camera.take(f"panel-{name}-{code}", window.tabs)
    camera.change(language="en")
    window.show_tab(0)
    window.resize(*SMALL)
    camera.take("main-small")
    window.resize(*SIZE)
    window.settings_button.setChecked(False)
    camera.take("main-alone")
    window.settings_button.setChecked(True)


def panels(camera: Photographer) -> None:
    """Show each panel beside the main view, then what grows out of them."""
    window = camera.window
    parts = window.controller.settings.receivers
    more = (ReceiverPart(host="headset.invalid"), ReceiverPart(host="10.0.0.7", on=False))
    window.controller.change_receivers((*parts, *more))
    window.sending.show_parts((*parts, *more))
    camera.until(lambda: any(line.error for line in window.controller.status.receivers))
    for number, name in enumerate(PANELS):
        window.show_tab(number)
        camera.play_at(HEADSET_S)
        camera.take(f"panel-{name}")
    window.show_tab(2)
    bar = window.expression.verticalScrollBar()
    if bar is not None:
        bar.setValue(bar.maximum())
    camera.take("panel-expression-below")
    window.expression.card.click()
    for dialog in window.findChildren(QDialog):
        camera.take("card", dialog)
        dialog.close()
    window.controller.change_receivers(parts)
    window.sending.show_parts(parts)


def other_programs(camera: Photographer) -> None:
    """Show programs that were found, and what is offered; the programs are made up."""
    window = camera.window
    parts = window.controller.settings.receivers
    window.show_tab(1)
    window.sending.programs.show_search()
    window.sending.show_search_end("")
    camera.take("panel-receivers-nothing-found")
    window.sending.avatar_wanted.disconnect()  # nobody would answer
    window.sending.show_programs(MADE_UP)
    window.sending.programs.cards[1].send.click()
    camera.until(lambda: window.sending.programs.cards[1].send.isHidden())
    window.sending.show_fit(MADE_UP[1], AvatarFit("vrchat", 8, 8))
    camera.take("panel-receivers-found")
    window.controller.change_remote(RemotePart(port=COMMANDS_PORT))
    window.sending.offers.lsl.click()
    window.sending.offers.oscquery.click()
    camera.until(lambda: window.controller.status.oscquery is not None)
    area = window.sending.findChild(QScrollArea)
    bar = None if area is None else area.verticalScrollBar()
    if bar is not None:
        bar.setValue(bar.maximum())
    camera.play(1.0)
    camera.take("panel-receivers-offers")
    window.sending.offers.lsl.click()
    window.sending.offers.oscquery.click()
    window.sending.programs.hide()
    window.controller.change_receivers(parts)
    window.sending.show_parts(parts)


def recording(camera: Photographer) -> None:
    """Show a recording while it runs, in the window and in the strip."""
    window = camera.window
    window.show_tab(3)
    window.recording.video.click()
    window.controller.toggle_recording()
    camera.until(lambda: window.controller.status.recording is not None)
    window.controller.mark("spider appears")
    camera.play(4.0)
    camera.play_at(HEADSET_S)
    camera.take("recording")
    window.show_strip()
    camera.play_at(HEADSET_S)
    camera.take("strip", window.strip)
    window.strip.close()
    window.controller.toggle_recording()
    camera.until(lambda: window.controller.status.recording is None)


def trouble(camera: Photographer) -> None:
    """Show what becomes of a camera that is unplugged, and of one that does not exist."""
    window = camera.window
    window.show_tab(0)
    with NetworkCamera() as address:
        window.controller.open_once(address)
        camera.until(lambda: window.controller.status.live and window.controller.status.face)
    camera.until(lambda: window.controller.status.phase is Phase.AWAY)
    camera.play(0.6)
    camera.take("camera-gone")
    window.controller.open_once("no-such-file.mp4")
    camera.until(lambda: window.controller.status.phase is Phase.FAILED)
    camera.play(0.6)
    camera.take("camera-failed")
    window.controller.stop()
    camera.until(lambda: window.controller.status.phase is Phase.IDLE)


class NetworkCamera:
    """A network camera that shows the clip's first frame, until it is unplugged."""

    def __init__(self) -> None:
        """Switch it on."""
        clip = cv2.VideoCapture(str(CLIP))
        _, image = clip.read()
        clip.release()
        jpeg = cv2.imencode(".jpg", image)[1].tobytes()
        unplugged = self._unplugged = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                while not unplugged.wait(0.05):
                    self.wfile.write(
                        b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n"
                    )

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        """Return its address."""
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *_: object) -> None:
        """Unplug it."""
        self._unplugged.set()
        self._server.shutdown()
        self._server.server_close()


def for_readme(out: Path, folder: Path) -> None:
    """Write the README's two pictures with few colours."""
    from PIL import Image

    for taken, name in (
        ("main-headset-dark", "window-dark"),
        ("first-start-2-camera-light", "window-first-start"),
    ):
        picture = Image.open(out / f"{taken}.png").convert("RGB")
        palette = picture.quantize(README_COLORS, kmeans=4)
        few = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        few.save(folder / f"{name}.png", optimize=True)


def main(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    readme: Annotated[
        Path | None, typer.Option(help="Folder for the two pictures of the README.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long the clip plays first.")] = 45.0,
) -> None:
    """Take all pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, Listener(0) as heard:
        folder = Path(name)
        # What asks the platform for its folders must find none of the user's.
        os.environ |= {"XDG_CONFIG_HOME": name, "XDG_DATA_HOME": name}
        os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)
        application = QApplication(sys.argv[:1])
        file = SettingsFile(folder / "settings.toml")
        file.save(
            Settings(
                camera=CameraPart(source=str(CLIP), loop=True),
                receivers=(),
                recording=RecordingPart(folder=folder / "recordings"),
                rules=(Rule(name="fireworks", expression="happiness", for_s=0.5),),
                window=WindowPart(theme="dark", language="en", size=SIZE),
            )
        )
        prompts = Prompts(PromptSettings(sounds=False, speech=False))
        controller = Controller(file, People(folder / "people"), prompts)
        controller.change_window(
            controller.settings.window.model_copy(update={"sounds": False, "speech": False})
        )
        language.install(application, "en")
        window = Window(controller, prompts, [default_model()], PROFILES)
        window.show()
        camera = Photographer(window, out)
        try:
            first_start(camera, heard.port)
            main_view(camera, seconds)
            panels(camera)
            other_programs(camera)
            recording(camera)
            trouble(camera)
        finally:
            window.close()
    if readme is not None:
        for_readme(out, readme)


if __name__ == "__main__":
    typer.run(main)
