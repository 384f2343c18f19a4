"""The window among other programs: commands by UDP, OSCQuery, LSL, programs found, videos."""

import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from app.by_hand import click, enter, tick
from loopback import hears_others
from oscquery.playing import VRChat
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from pythonosc.osc_message_builder import OscMessageBuilder

from vrfer.app import language, program_search
from vrfer.app.controller import Controller
from vrfer.app.program_search import ProgramSearch
from vrfer.app.prompts import Prompts, PromptSettings
from vrfer.app.window import Window
from vrfer.listen import Listener
from vrfer.live.status import Event, Happening, Phase
from vrfer.outputs import lsl
from vrfer.outputs.film import film_files
from vrfer.people import People
from vrfer.settings import (
    CameraPart,
    OffersPart,
    ReceiverPart,
    RecordingPart,
    RemotePart,
    Settings,
    SettingsFile,
    WindowPart,
    read_settings,
    write_settings,
)
from vrfer.shipped import default_model, shipped

CLIP = str(shipped("assets") / "demo.mp4")
PATIENCE_MS = 60_000
SEND, RECORD, PROGRAM = 1, 3, 5


class Told:
    """What the window said aloud, and what happened."""

    def __init__(self, window: Window, prompts: Prompts) -> None:
        self.aloud: list[str] = []
        self.happened: list[Happening] = []
        prompts.prompted.connect(lambda _, text: self.aloud.append(text))
        window.controller.bridge.happened.connect(self._add)

    def _add(self, event: Event) -> None:
        self.happened.append(event.happening)


class Room:
    """A window, and another program that sends it commands."""

    def __init__(self, window: Window, prompts: Prompts) -> None:
        self.window, self.controller = window, window.controller
        self.told = Told(window, prompts)

    def send(self, address: str, *arguments: object) -> None:
        message = OscMessageBuilder(f"/vrfer/control/{address}")
        for argument in arguments:
            message.add_arg(argument)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            to = ("127.0.0.1", self.controller.settings.remote.port)
            other.sendto(message.build().dgram, to)


MakeRoom = Callable[..., Room]


def free_port() -> int:
    """Return a UDP port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def make_room(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[MakeRoom]:
    made: list[Window] = []

    def make(**parts: object) -> Room:
        file = SettingsFile(tmp_path / "settings.toml")
        usual: dict[str, object] = {
            "camera": CameraPart(source=CLIP, loop=True),
            "receivers": (),
            "recording": RecordingPart(folder=tmp_path / "recordings"),
            "remote": RemotePart(port=free_port()),
            "window": WindowPart(language="en", welcomed=True),
        }
        file.save(Settings.model_validate(usual | parts))
        prompts = Prompts(PromptSettings(sounds=False, speech=False))
        controller = Controller(file, People(tmp_path / "people"), prompts)
        language.install(qapp, "en")
        window = Window(controller, prompts, [default_model()], ["generic", "vrchat"])
        made.append(window)
        window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
        return Room(window, prompts)

    yield make
    for window in made:
        window.close()
        window.deleteLater()
    language.install(qapp, "en")


# Commands.


def test_start_opens_the_camera_and_nothing_more_while_it_runs(
    qtbot: QtBot, make_room: MakeRoom
) -> None:
    room = make_room()
    room.send("start")
    qtbot.waitUntil(lambda: room.controller.status.frames > 3, timeout=PATIENCE_MS)
    frames = room.controller.status.frames
    room.send("start")
    room.send("marker", "after it")
    qtbot.waitUntil(lambda: Happening.NOT_MARKED in room.told.happened, timeout=PATIENCE_MS)
    assert room.told.happened.count(Happening.SOURCE_OPENED) == 1
    assert room.controller.status.frames >= frames
    assert room.controller.status.phase is Phase.RUNNING


@pytest.mark.parametrize("everyone", [False, True])
def test_other_computers_are_heard_where_the_settings_say_so(
    make_room: MakeRoom, everyone: bool
) -> None:
    port = free_port()
    make_room(remote=RemotePart(port=port, everyone=everyone))
    assert hears_others(port) is everyone


def test_start_without_a_camera_says_so(qtbot: QtBot, make_room: MakeRoom) -> None:
    room = make_room(camera=CameraPart())
    room.send("start")
    qtbot.waitUntil(lambda: "Choose a camera" in room.window.notice.text(), timeout=PATIENCE_MS)


def test_recalibrating_is_asked_for_aloud(qtbot: QtBot, make_room: MakeRoom) -> None:
    room = make_room()
    room.send("start")
    qtbot.waitUntil(lambda: room.controller.status.face, timeout=PATIENCE_MS)
    room.send("recalibrate", "Ada")
    qtbot.waitUntil(
        lambda: "Rest your face, with your mouth closed." in room.told.aloud, timeout=PATIENCE_MS
    )
    qtbot.waitUntil(lambda: room.controller.status.resting_s is not None, timeout=PATIENCE_MS)


def test_a_profile_that_is_unknown_is_said_and_changes_nothing(
    qtbot: QtBot, make_room: MakeRoom
) -> None:
    parts = (ReceiverPart(port=free_port(), on=False), ReceiverPart(port=free_port(), on=False))
    room = make_room(receivers=parts)
    room.send("profile", "smoke signals")
    qtbot.waitUntil(lambda: "smoke signals" in room.window.notice.text(), timeout=PATIENCE_MS)
    assert room.controller.settings.receivers == parts
    room.send("profile", "vrchat")
    qtbot.waitUntil(
        lambda: {part.profile for part in room.controller.settings.receivers} == {"vrchat"},
        timeout=PATIENCE_MS,
    )
    assert [row.profile.currentText() for row in room.window.sending.rows] == ["vrchat"] * 2


# Offers.


def host_info(room: Room) -> dict[str, object]:
    """Return what vrfer tells by OSCQuery of where it hears OSC."""
    offer = room.controller.status.oscquery
    assert offer is not None
    # Without the proxy that the environment may name: it would ask another computer.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{offer.address}/?HOST_INFO") as answer:
        told = json.load(answer)
    assert isinstance(told, dict)
    return told


def offered(room: Room) -> str | None:
    """Return the name under which OSCQuery is offered now."""
    offer = room.controller.status.oscquery
    return None if offer is None else offer.name


def test_oscquery_is_offered_and_follows_the_commands_port(
    qtbot: QtBot, make_room: MakeRoom
) -> None:
    room = make_room()
    window = room.window
    window.show_tab(SEND)
    tick(qtbot, window.sending.offers.oscquery)
    state = window.sending.offers.oscquery_state
    qtbot.waitUntil(lambda: offered(room) is not None, timeout=PATIENCE_MS)
    first = offered(room)
    assert host_info(room)["OSC_PORT"] == room.controller.settings.remote.port
    port = free_port()
    window.show_tab(PROGRAM)
    enter(qtbot, window.program.remote_port, str(port))
    qtbot.waitUntil(lambda: offered(room) not in (None, first), timeout=PATIENCE_MS)
    assert host_info(room)["OSC_PORT"] == port
    tick(qtbot, window.program.remote)
    qtbot.waitUntil(lambda: offered(room) is None, timeout=PATIENCE_MS)
    assert "commands over OSC are off" in state.text()
    tick(qtbot, window.program.remote)
    qtbot.waitUntil(lambda: offered(room) is not None, timeout=PATIENCE_MS)
    with Listener(0) as taken:
        enter(qtbot, window.program.remote_port, str(taken.port))
        qtbot.waitUntil(lambda: offered(room) is None, timeout=PATIENCE_MS)
        assert "their port is taken" in state.text()
        assert str(taken.port) in window.notice.text()


def test_offers_are_remembered_and_come_with_settings_of_a_file(
    qtbot: QtBot, make_room: MakeRoom, tmp_path: Path
) -> None:
    room = make_room(offers=OffersPart(oscquery=True))
    qtbot.waitUntil(lambda: offered(room) is not None, timeout=PATIENCE_MS)
    assert room.window.sending.offers.oscquery.isChecked()
    other = tmp_path / "other.toml"
    write_settings(Settings(receivers=(), remote=RemotePart(on=False)), other)
    room.controller.import_settings(other)
    qtbot.waitUntil(lambda: offered(room) is None, timeout=PATIENCE_MS)
    assert not room.window.sending.offers.oscquery.isChecked()
    assert not room.window.program.remote.isChecked()
    tick(qtbot, room.window.sending.offers.oscquery)
    room.window.close()
    assert read_settings(tmp_path / "settings.toml").offers.oscquery


def test_what_lsl_lacks_is_said_where_it_was_asked_for(
    qtbot: QtBot, make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(lsl.importlib, "import_module", missing)
    room = make_room()
    room.window.show_tab(SEND)
    tick(qtbot, room.window.sending.offers.lsl)
    for label in (room.window.notice, room.window.sending.offers.lsl_state):
        qtbot.waitUntil(
            lambda says=label: 'pip install "vrfer[lsl]"' in says.text(), timeout=PATIENCE_MS
        )


def test_readings_are_offered_as_lsl_streams(qtbot: QtBot, make_room: MakeRoom) -> None:
    pylsl = pytest.importorskip("pylsl")
    name = f"vrfer {free_port()}"
    room = make_room(offers=OffersPart(lsl=True, lsl_name=name))
    room.controller.start()
    state = room.window.sending.offers.lsl_state
    qtbot.waitUntil(lambda: state.text() == f"offered as {name}", timeout=PATIENCE_MS)
    found = pylsl.resolve_byprop("name", name, 1, 30)
    assert len(found) == 1
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(30)
    qtbot.waitUntil(lambda: "a program receives it" in state.text(), timeout=PATIENCE_MS)
    sample, _ = inlet.pull_sample(30)
    assert len(sample) == len(lsl.CHANNELS)
    inlet.close_stream()


# Programs.


def test_vrchat_is_found_and_sent_to_with_two_clicks(
    qtbot: QtBot, make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program_search, "SEARCH_S", 600.0)
    with VRChat({"vrfer/happiness": "float", "vrfer/fear": "float"}, "--no-mdns") as vrchat:
        room = make_room()
        window = room.window
        window.program_search._known = [vrchat.at]
        window.show_tab(SEND)
        click(qtbot, window.sending.find_button)
        found = window.sending.programs

        def cards() -> list[str]:
            return [card.program.name for card in found.cards]

        qtbot.waitUntil(lambda: vrchat.name in cards(), timeout=PATIENCE_MS)
        click(qtbot, found.cards[cards().index(vrchat.name)].send)
        part = ReceiverPart(port=vrchat.osc_port, profile="vrchat")
        assert room.controller.settings.receivers == (part,)
        qtbot.waitUntil(
            lambda: any("hears 2 of the 8" in card.says.text() for card in found.cards),
            timeout=PATIENCE_MS,
        )
        room.controller.start()
        qtbot.waitUntil(
            lambda: sum(line.sent for line in room.controller.status.receivers) > 5,
            timeout=PATIENCE_MS,
        )
        window.close()  # while it still looks
        assert vrchat.end()["values"]["vrfer/happiness"]


def test_a_search_that_nobody_waits_for_ends_with_the_window(make_room: MakeRoom) -> None:
    room = make_room()
    assert isinstance(room.window.program_search, ProgramSearch)
    room.window.program_search.start()
    room.window.close()  # the threads that are left would fail the test


# Recording.


def test_pictures_are_recorded_where_they_are_wanted(
    qtbot: QtBot, make_room: MakeRoom, tmp_path: Path
) -> None:
    room = make_room()
    window, controller = room.window, room.controller
    controller.start()
    qtbot.waitUntil(lambda: controller.status.frames > 3, timeout=PATIENCE_MS)
    window.show_tab(RECORD)
    tick(qtbot, window.recording.video)
    click(qtbot, window.recording.toggle)
    qtbot.waitUntil(
        lambda: (r := controller.status.recording) is not None and (r.pictures or 0) > 3,
        timeout=PATIENCE_MS,
    )
    qtbot.waitUntil(lambda: "pictures" in window.recording.says.text(), timeout=PATIENCE_MS)
    tick(qtbot, window.recording.video)
    click(qtbot, window.recording.toggle)
    qtbot.waitUntil(lambda: Happening.RECORDING_STOPPED in room.told.happened, timeout=PATIENCE_MS)
    (path,) = (tmp_path / "recordings").glob("*[0-9].csv")
    assert [file.stat().st_size > 100 for file in film_files(path)] == [True, True]
    assert controller.settings.recording.video is False
