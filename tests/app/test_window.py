"""The whole window on the built-in clip: a real session, real files, real key presses.

Long, as the tests of one module stand in one file.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from app.by_hand import Told, tick
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QShortcut
from PyQt6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot
from pythonosc.osc_message_builder import OscMessageBuilder

from vrfer.app import guide, language, theme
from vrfer.app import window as window_module
from vrfer.app.controller import Controller
from vrfer.app.guide import Step
from vrfer.app.prompts import Prompts, PromptSettings
from vrfer.app.window import Window
from vrfer.listen import Listener
from vrfer.live.status import Event, Happening, Phase
from vrfer.people import People
from vrfer.recording import load_session
from vrfer.rules import Rule
from vrfer.settings import (
    CameraPart,
    NetworkPart,
    ReceiverPart,
    RecordingPart,
    RemotePart,
    Settings,
    SettingsFile,
    WindowPart,
    read_settings,
)
from vrfer.shipped import default_model, shipped

ROOT = Path(__file__).resolve().parent.parent.parent
CLIP = str(shipped("assets") / "demo.mp4")
PATIENCE_MS = 30_000

MakeWindow = Callable[..., Window]


@pytest.fixture
def make_window(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[MakeWindow]:
    """Make a window that touches nothing of the user's own."""
    made: list[Window] = []

    def make(settings: Settings | None = None, raw: bytes | None = None) -> Window:
        file = SettingsFile(tmp_path / "config" / "settings.toml")
        file.path.parent.mkdir(exist_ok=True)
        if raw is not None:
            file.path.write_bytes(raw)
        else:
            quiet = settings or Settings(
                camera=CameraPart(source=CLIP, loop=True),
                receivers=(),
                recording=RecordingPart(folder=tmp_path / "recordings"),
                remote=RemotePart(on=False),
                window=WindowPart(language="en", welcomed=True),
            )
            file.save(quiet)
        prompts = Prompts(PromptSettings(sounds=False, speech=False))
        controller = Controller(file, People(tmp_path / "people"), prompts)
        language.install(qapp, "en")
        window = Window(controller, prompts, [default_model()], ["generic"])
        window.show()
        made.append(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    language.install(qapp, "en")


def free_port() -> int:
    """Return a UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reading(qtbot: QtBot, window: Window) -> None:
    """Start, and wait until an expression is shown."""
    qtbot.mouseClick(window.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: (
            window.controller.status.face
            and "No face" not in window.view.label.accessibleDescription()
        ),
        timeout=PATIENCE_MS,
    )


def record(qtbot: QtBot, window: Window) -> None:
    """Begin a recording by its key, and wait for its first rows."""
    qtbot.keyClick(window, Qt.Key.Key_F9)
    qtbot.waitUntil(
        lambda: (r := window.controller.status.recording) is not None and r.rows > 3,
        timeout=PATIENCE_MS,
    )


def test_it_reads_the_clip_and_shows_everything(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    reading(qtbot, window)
    qtbot.waitUntil(lambda: "fps" in window.view.state.text("speed"), timeout=PATIENCE_MS)
    assert "demo.mp4" in window.view.state.text("camera")
    assert "lower-face" in window.view.state.text("network")
    assert window.start_button.text() == "Stop (F5)"
    assert window.view.playback.isVisible()
    assert "%" in window.view.bars.accessibleDescription()


def test_start_and_stop_by_key(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.controller.status.phase is Phase.RUNNING, timeout=PATIENCE_MS)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.controller.status.phase is Phase.IDLE, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: window.start_button.text() == "Start (F5)", timeout=PATIENCE_MS)


def test_start_without_a_camera_says_what_to_do(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window(
        Settings(remote=RemotePart(on=False), window=WindowPart(language="en", welcomed=True))
    )
    qtbot.keyClick(window, Qt.Key.Key_F5)
    assert "Choose a camera" in window.notice.text()


def test_a_camera_that_cannot_be_read_is_said_in_words(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    window = make_window()
    window.controller.open_once("/no/such/file.mp4")
    qtbot.waitUntil(lambda: "file.mp4" in window.notice.text(), timeout=PATIENCE_MS)
    qtbot.waitUntil(
        lambda: "cannot be read" in window.view.state.text("camera"), timeout=PATIENCE_MS
    )


def test_neutral_is_held_by_key_and_button(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    reading(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_F7)
    qtbot.waitUntil(
        lambda: "held by you" in window.view.label.accessibleDescription(), timeout=PATIENCE_MS
    )
    assert window.neutral_button.isChecked()
    qtbot.mouseClick(window.neutral_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(
        lambda: "held by you" not in window.view.label.accessibleDescription(),
        timeout=PATIENCE_MS,
    )
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_N, both)  # where F7 is a media key
    qtbot.waitUntil(
        lambda: "held by you" in window.view.label.accessibleDescription(), timeout=PATIENCE_MS
    )


def test_markers_are_recorded_and_shown(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    reading(qtbot, window)
    record(qtbot, window)
    qtbot.waitUntil(lambda: "Recording" in window.recording.light.text(), timeout=PATIENCE_MS)
    window.show_tab(3)
    qtbot.keyClicks(window.recording.marker_text, "spider appears")
    qtbot.keyClick(window.recording.marker_text, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: window.view.timeline.marker_texts == ["spider appears"], timeout=PATIENCE_MS
    )
    qtbot.keyClick(window, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: "Not recording" in window.recording.light.text(), timeout=PATIENCE_MS)
    (path,) = (tmp_path / "recordings").glob("*[0-9].csv")
    qtbot.waitUntil(lambda: load_session(path).ended is not None, timeout=PATIENCE_MS)
    assert [marker.text for marker in load_session(path).markers] == ["spider appears"]


def test_a_key_that_is_held_counts_once(make_window: MakeWindow) -> None:
    window = make_window()
    keys = {
        shortcut.key().toString(): shortcut.autoRepeat()
        for shortcut in window.findChildren(QShortcut)
    }
    assert not any(keys[key] for key in ("F5", "F7", "F8", "F9"))


def test_closing_while_recording_loses_nothing(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    reading(qtbot, window)
    record(qtbot, window)
    window.close()
    (path,) = (tmp_path / "recordings").glob("*[0-9].csv")
    recording = load_session(path)
    assert recording.ended is not None
    assert recording.ended.rows == len(recording.rows) > 3


def test_a_new_receiver_hears_at_once_and_says_so(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    reading(qtbot, window)
    with Listener(0) as heard:
        window.sending.show_parts([ReceiverPart(port=heard.port)])
        window.controller.change_receivers((ReceiverPart(port=heard.port),))
        assert heard.packet(PATIENCE_MS / 1000)
        qtbot.waitUntil(lambda: "sent" in window.sending.rows[0].state.text(), timeout=PATIENCE_MS)
        assert "1 of 1" in window.view.state.text("receivers")


def test_a_baseline_is_made_and_deleted(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    reading(qtbot, window)
    qtbot.keyClicks(window.expression.new_person, "Ada")
    qtbot.mouseClick(window.expression.learn, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.controller.status.person == "Ada", timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: window.expression.person.currentText() == "Ada", timeout=PATIENCE_MS)
    assert (tmp_path / "people" / "Ada.json").exists()
    assert window.controller.settings.expression.person == "Ada"
    qtbot.mouseClick(window.expression.delete, Qt.MouseButton.LeftButton)
    assert not (tmp_path / "people" / "Ada.json").exists()
    assert window.expression.person.currentText() == "Nobody"


def test_nothing_is_drawn_while_hidden_and_reading_goes_on(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    window = make_window()
    reading(qtbot, window)
    window.hide()
    with qtbot.assertNotEmitted(window.controller.bridge.seen, wait=700):
        frames = window.controller.status.frames
    qtbot.waitUntil(lambda: window.controller.status.frames > frames, timeout=PATIENCE_MS)
    with qtbot.waitSignal(window.controller.bridge.seen, timeout=PATIENCE_MS):
        window.show()


def test_the_strip_takes_the_windows_place_and_gives_it_back(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    window = make_window()
    reading(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.strip.isVisible()
    assert not window.isVisible()
    qtbot.waitUntil(
        lambda: "No face" not in window.strip.label.accessibleDescription(), timeout=PATIENCE_MS
    )
    qtbot.mouseClick(window.strip.large, Qt.MouseButton.LeftButton)
    assert window.isVisible()
    assert not window.strip.isVisible()


@pytest.mark.parametrize(("key", "guided"), [(Qt.Key.Key_F11, False), (Qt.Key.Key_F1, True)])
def test_keys_lead_out_of_the_strip(
    qtbot: QtBot, make_window: MakeWindow, key: Qt.Key, guided: bool
) -> None:
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    window.strip.activateWindow()
    qtbot.waitUntil(window.strip.isActiveWindow, timeout=PATIENCE_MS)
    qtbot.keyClick(window.strip, key)
    assert window.isVisible()
    assert not window.strip.isVisible()
    assert window.guide.isVisible() == guided
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.strip.isVisible()


def test_every_text_follows_the_language(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    english = window.tabs.tabText(0), window.settings_button.text()
    window.program.changed.emit(WindowPart(language="de", welcomed=True))
    assert english == ("Camera", "Settings")
    qtbot.waitUntil(lambda: window.tabs.tabText(0) == "Kamera", timeout=PATIENCE_MS)
    assert window.settings_button.text() == "Einstellungen"
    assert window.controller.settings.window.language == "de"
    assert window._prompts.settings.locale == "de"


def test_the_theme_changes_at_once(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    for name, colors in (("dark", theme.DARK), ("light", theme.LIGHT)):
        window.program.changed.emit(WindowPart(theme=name, language="en", welcomed=True))
        middle = window.grab().toImage().pixelColor(window.width() // 2, 12)
        assert middle.name() == colors.background


def test_a_broken_settings_file_is_said_and_kept(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window(raw=b"[camera\n")
    assert "settings.broken-1.toml" in window.notice.text()
    assert (tmp_path / "config" / "settings.broken-1.toml").read_bytes() == b"[camera\n"


def test_settings_are_remembered(qtbot: QtBot, make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    tick(qtbot, window.camera.mirrored)
    window.close()
    assert read_settings(tmp_path / "config" / "settings.toml").camera.mirrored


def test_settings_travel_as_a_file(qtbot: QtBot, make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    exported = tmp_path / "mine.toml"
    window.program.export_wanted.emit(exported)
    changed = read_settings(exported).model_copy(
        update={"camera": CameraPart(), "window": WindowPart(volume=0.11, language="en")}
    )
    exported.write_text(
        f'receivers = []\n[window]\nvolume = {changed.window.volume}\nlanguage = "en"\n',
        encoding="utf-8",
    )
    window.program.import_wanted.emit(exported)
    assert window.controller.settings.window.volume == 0.11
    assert window.program.volume.value() == 11
    exported.write_text("broken", encoding="utf-8")
    window.program.import_wanted.emit(exported)
    assert "mine.toml" in window.notice.text()
    assert window.controller.settings.window.volume == 0.11


def test_a_region_that_was_drawn_is_looked_in(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    reading(qtbot, window)
    window.view.region_chosen.emit((0.0, 0.0, 60.0, 60.0))
    qtbot.waitUntil(lambda: not window.controller.status.face, timeout=PATIENCE_MS)
    assert window.controller.settings.camera.region == (0.0, 0.0, 60.0, 60.0)
    assert window.camera.everywhere.isEnabled()
    window.show_tab(0)
    qtbot.mouseClick(window.camera.everywhere, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.controller.status.face, timeout=PATIENCE_MS)


def test_a_remembered_region_is_shown_and_can_be_lifted(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    camera = CameraPart(source=CLIP, loop=True, region=(0.0, 0.0, 60.0, 60.0))
    window = make_window(
        Settings(
            camera=camera,
            remote=RemotePart(on=False),
            window=WindowPart(language="en", welcomed=True),
        )
    )
    window.view.picture.setFocus()
    qtbot.keyClick(window.view.picture, Qt.Key.Key_Escape)
    assert window.controller.settings.camera.region is None


def test_a_source_that_is_not_remembered_leaves_the_settings_alone(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window(
        Settings(
            camera=CameraPart(source="7"),
            remote=RemotePart(on=False),
            window=WindowPart(language="en", welcomed=True),
        )
    )
    before = window.controller.settings.camera

    def runs() -> bool:
        return window.controller.status.phase is Phase.RUNNING

    window.controller.open_once(CLIP)
    qtbot.waitUntil(runs, timeout=PATIENCE_MS)
    window.view.region_chosen.emit((0.0, 0.0, 60.0, 60.0))
    window.show_tab(0)
    tick(qtbot, window.camera.mirrored)
    assert window.camera.mirrored.isChecked()
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: not runs(), timeout=PATIENCE_MS)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(runs, timeout=PATIENCE_MS)
    assert window.controller.status.source == "demo.mp4"
    assert window.controller.settings.camera == before
    window.close()
    assert read_settings(tmp_path / "config" / "settings.toml").camera == before


def test_what_a_recording_lost_is_the_line_that_stays(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    reading(qtbot, window)
    record(qtbot, window)
    (path,) = (tmp_path / "recordings").glob("*[0-9].csv")
    path.unlink()
    said = Told(window.controller.said)
    qtbot.keyClick(window, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: "The recording is saved." in said, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: "a problem" in window.notice.text(), timeout=PATIENCE_MS)
    window.say("I see your face.", False)
    assert "a problem" in window.notice.text()
    window.say("Another problem.", True)
    assert window.notice.text() == "Another problem."


def test_what_is_wrong_comes_back_until_it_is_closed(
    qtbot: QtBot, make_window: MakeWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_module, "_HELD_MS", 0)
    monkeypatch.setattr(window_module, "_SAID_MS", 10)
    window = make_window()
    window.say("The drive is full.", True)

    def said() -> bool:  # not as long as the other one is held
        window.say("I see your face.", False)
        return window.notice.text() == "I see your face."

    qtbot.waitUntil(said, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: window.notice.text() == "The drive is full.", timeout=PATIENCE_MS)
    qtbot.mouseClick(window.dismiss, Qt.MouseButton.LeftButton)
    assert not window.notice.isVisible()
    window.say("I see your face.", False)
    qtbot.waitUntil(lambda: not window.notice.isVisible(), timeout=PATIENCE_MS)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no open files")
def test_what_the_last_recording_lost_is_read_though_the_window_closes(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make_window()
    reading(qtbot, window)
    record(qtbot, window)
    (path,) = (tmp_path / "recordings").glob("*[0-9].csv")
    path.unlink()
    told: list[str] = []
    monkeypatch.setattr(QMessageBox, "warning", lambda _owner, _title, text: told.append(text))
    window.close()
    assert len(told) == 1
    assert "was deleted" in told[0]


def test_a_camera_that_was_stopped_stays_off_when_it_is_set_otherwise(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    window = make_window()
    reading(qtbot, window)
    qtbot.keyClick(window, Qt.Key.Key_F5)
    qtbot.waitUntil(lambda: window.controller.status.phase is Phase.IDLE, timeout=PATIENCE_MS)
    opened = Told(window.controller.bridge.happened)
    part = window.controller.settings.camera
    window.controller.change_camera(part.model_copy(update={"fps": 15.0}))
    qtbot.wait(300)
    assert [event.happening for event in opened] == []
    part = part.model_copy(update={"source": "nothing-here.mp4"})
    for changed in (part, part.model_copy(update={"loop": False})):  # what failed is tried again
        window.controller.change_camera(changed)
        qtbot.waitUntil(
            lambda: [event.happening for event in opened] == [Happening.SOURCE_FAILED],
            timeout=PATIENCE_MS,
        )
        opened.clear()


def test_a_baseline_that_was_made_after_all_is_not_said_to_have_failed(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    window = make_window()
    tell = window.controller.bridge.tell
    tell(Event(Happening.BASELINE_FAILED, "the face was seen for 1.0 s only"))
    qtbot.waitUntil(lambda: "1.0 s only" in window.notice.text(), timeout=PATIENCE_MS)
    tell(Event(Happening.BASELINE_MADE, "Ada"))
    qtbot.waitUntil(lambda: "1.0 s only" not in window.notice.text(), timeout=PATIENCE_MS)


def test_a_network_that_cannot_be_used_does_not_stay_chosen(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    reading(qtbot, window)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    window.expression.network_changed.emit(NetworkPart(model=broken))
    assert window.controller.settings.network.model == broken
    qtbot.waitUntil(
        lambda: window.controller.settings.network == NetworkPart(), timeout=PATIENCE_MS
    )
    assert "broken.onnx" in window.notice.text()
    assert window.expression.model.currentData() is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Settings().receivers, (ReceiverPart(host="192.0.2.7"),)),
        ((), (ReceiverPart(host="192.0.2.7"),)),
        (
            (ReceiverPart(host="192.0.2.7", profile="unity", on=False),),
            (ReceiverPart(host="192.0.2.7", profile="unity"),),
        ),
        (
            (ReceiverPart(port=9005),),
            (ReceiverPart(port=9005), ReceiverPart(host="192.0.2.7")),
        ),
    ],
    ids=["untouched", "none", "switched off", "another"],
)
def test_the_guides_answer_is_where_it_sends(
    make_window: MakeWindow,
    before: tuple[ReceiverPart, ...],
    after: tuple[ReceiverPart, ...],
) -> None:
    window = make_window()
    window.controller.change_receivers(before)
    window.guide.receiver_chosen.emit(ReceiverPart(host="192.0.2.7"))
    assert window.controller.settings.receivers == after
    assert tuple(row.part for row in window.sending.rows) == after


def test_it_fits_the_screen_whatever_size_it_once_had(make_window: MakeWindow) -> None:
    window = make_window(
        Settings(
            receivers=(),
            remote=RemotePart(on=False),
            window=WindowPart(language="en", welcomed=True, size=(1200, 9000)),
        )
    )
    screen = window.screen()
    assert screen is not None
    assert window.height() < screen.availableSize().height()


def test_what_is_wrong_with_the_camera_is_seen_in_the_guide_and_gone_once_it_works(
    qtbot: QtBot, make_window: MakeWindow
) -> None:
    window = make_window()
    window.show_guide()
    window.controller.open_once("/no/such/file.mp4")
    qtbot.waitUntil(lambda: "file.mp4" in window.notice.text(), timeout=PATIENCE_MS)
    assert window.guide.isVisible()
    assert window.notice.isVisible()
    window.controller.open_once(CLIP)
    qtbot.waitUntil(lambda: "file.mp4" not in window.notice.text(), timeout=PATIENCE_MS)


def test_imported_settings_bring_their_language_and_no_camera(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path
) -> None:
    window = make_window()
    reading(qtbot, window)
    file = tmp_path / "hers.toml"
    file.write_text('[window]\nlanguage = "de"\n', encoding="utf-8")
    window.program.import_wanted.emit(file)
    qtbot.waitUntil(lambda: window.tabs.tabText(0) == "Kamera", timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: window.controller.status.phase is Phase.IDLE, timeout=PATIENCE_MS)


def test_the_guide_leads_to_a_baseline_and_a_receiver(
    qtbot: QtBot, make_window: MakeWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guide, "_ANYHOW_S", 1.0)  # nobody wears a headset in the clip
    window = make_window()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert window.guide.isVisible()
    assert "no medical device" in window.guide.text.text()
    qtbot.mouseClick(window.guide.next, Qt.MouseButton.LeftButton)
    assert window.guide.step is Step.CAMERA

    def went_on() -> bool:  # as soon as it shows a picture
        qtbot.mouseClick(window.guide.next, Qt.MouseButton.LeftButton)
        return window.guide.step is not Step.CAMERA

    qtbot.waitUntil(went_on, timeout=PATIENCE_MS)
    # From here on it goes by itself: the wearer sees nothing.
    qtbot.waitUntil(lambda: window.guide.step is Step.SEND, timeout=2 * PATIENCE_MS)
    assert (tmp_path / "people" / "me.json").exists()
    window.guide.port.setValue(9123)
    qtbot.mouseClick(window.guide.next, Qt.MouseButton.LeftButton)
    assert not window.guide.isVisible()
    assert 9123 in [part.port for part in window.controller.settings.receivers]
    assert window.controller.settings.window.welcomed


def started(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `vrfer-app` as a process of its own, with settings of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from vrfer.cli import main; main()", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_opens_the_window_and_keeps_its_picture(tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    result = started(
        "--source", CLIP, "--seconds", "4", "--screenshot", str(picture),
        XDG_CONFIG_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape[0] >= 600
    assert image.std() > 20


def test_a_picture_that_cannot_be_written_ends_with_2(tmp_path: Path) -> None:
    result = started(
        "--seconds", "0.5", "--screenshot", str(tmp_path / "missing" / "window.png"),
        XDG_CONFIG_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path),
    )  # fmt: skip
    assert result.returncode == 2
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal for processes")
def test_ctrl_c_closes_it_properly_and_ends_with_130(tmp_path: Path) -> None:
    with Listener(0) as heard:
        file = SettingsFile(tmp_path / "vrfer" / "settings.toml")
        file.save(Settings(receivers=(ReceiverPart(port=heard.port),), remote=RemotePart(on=False)))
        process = subprocess.Popen(
            [sys.executable, "-c", "from vrfer.cli import main; main()", "--source", CLIP],
            env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert heard.packet(PATIENCE_MS / 1000)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_without_a_screen_it_says_what_to_do() -> None:
    result = started(QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert result.returncode == 2
    assert "--headless" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Debian's xvfb")
def test_it_opens_on_a_real_x_server(tmp_path: Path) -> None:
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1400x900x24"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        display = f":{server.stdout.readline().strip()}"
        picture = tmp_path / "window.png"
        result = started(
            "--source", CLIP, "--seconds", "4", "--screenshot", str(picture),
            DISPLAY=display, QT_QPA_PLATFORM="xcb",
            XDG_CONFIG_HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path),
        )  # fmt: skip
    finally:
        server.terminate()
        server.communicate()
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert cv2.imread(str(picture)).std() > 20


def test_another_program_steers_it(qtbot: QtBot, make_window: MakeWindow, tmp_path: Path) -> None:
    window = make_window()
    controller = window.controller
    controller.change_remote(RemotePart(port=free_port()))
    reading(qtbot, window)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:

        def send(address: str, *arguments: object) -> None:
            message = OscMessageBuilder(f"/vrfer/control/{address}")
            for argument in arguments:
                message.add_arg(argument)
            port = controller.settings.remote.port
            other.sendto(message.build().dgram, ("127.0.0.1", port))

        send("neutral", 1)
        qtbot.waitUntil(lambda: controller.status.neutral_held, timeout=PATIENCE_MS)
        send("neutral", 0)
        qtbot.waitUntil(lambda: not controller.status.neutral_held, timeout=PATIENCE_MS)
        send("pause", 1)
        qtbot.waitUntil(lambda: controller.status.phase is Phase.PAUSED, timeout=PATIENCE_MS)
        send("pause")
        qtbot.waitUntil(lambda: controller.status.phase is Phase.RUNNING, timeout=PATIENCE_MS)
        controller.change_recording(RecordingPart(folder=tmp_path / "recordings"))
        controller.toggle_recording()
        send("marker", "door")
        qtbot.waitUntil(lambda: window.view.timeline.marker_texts == ["door"], timeout=PATIENCE_MS)
        send("recalibrate", "Ada")
        qtbot.waitUntil(lambda: controller.status.person == "Ada", timeout=PATIENCE_MS)
        send("stop")
        qtbot.waitUntil(lambda: controller.status.phase is Phase.IDLE, timeout=PATIENCE_MS)
        send("start")
        qtbot.waitUntil(lambda: controller.status.phase is Phase.RUNNING, timeout=PATIENCE_MS)


def test_a_port_of_commands_that_is_taken_is_said(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    with Listener(0) as other:
        window.controller.change_remote(RemotePart(port=other.port))
    assert str(other.port) in window.notice.text()


def test_a_rule_of_the_panel_fires_into_the_scene(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    rule = Rule(name="smile", expression="happiness", above=0.5, for_s=0, below=0.4, back_s=0)
    with Listener(0) as heard:
        window.controller.change_receivers((ReceiverPart(port=heard.port),))
        window.rules.changed.emit((rule,))
        assert window.controller.settings.rules == (rule,)
        reading(qtbot, window)
        qtbot.waitUntil(lambda: window.controller.status.active_rules == ("smile",), timeout=60_000)
        addresses = {m.address for _ in range(600) for m in heard.packet(0.0) or []}
    assert "/vrfer/event/smile" in addresses


def test_the_test_button_shows_each_expression(qtbot: QtBot, make_window: MakeWindow) -> None:
    window = make_window()
    with Listener(0) as heard:
        window.controller.change_receivers((ReceiverPart(port=heard.port),))
        qtbot.waitUntil(
            lambda: [line.ready for line in window.controller.status.receivers] == [True],
            timeout=PATIENCE_MS,
        )
        qtbot.mouseClick(window.sending.test_button, Qt.MouseButton.LeftButton)
        messages = heard.packet(PATIENCE_MS / 1000)
    assert messages is not None
    assert {m.address: m.arguments[0] for m in messages}["/vrfer/label"] == "happiness"
