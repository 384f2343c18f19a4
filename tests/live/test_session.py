"""A session steered while it runs: real clip, real sockets, real files.

Long, as the tests of one module stand in one file.
"""

import itertools
import json
import socket
import sys
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import platformdirs
import pytest
from mjpeg_server import MjpegServer
from outputs.made_up import profile
from tiny_network import write_network
from watched import PATIENCE_S, Watched

from vrfer.baseline import Baseline
from vrfer.classifier import Classifier, Device
from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.listen import Listener
from vrfer.live import receivers, repeats
from vrfer.live.obeying import Steered, obey
from vrfer.live.remote import Command, Deed
from vrfer.live.session import Session
from vrfer.live.status import Happening, Phase
from vrfer.live.wishes import NetworkWish, SourceWish, SteadyWish
from vrfer.live.worker import SETTLED_S
from vrfer.outputs.osc import Receiver
from vrfer.people import NOBODY_NAMED, People
from vrfer.recording import load_session
from vrfer.rules import Rule
from vrfer.shipped import default_model
from vrfer.sources import mjpeg
from vrfer.sources.orientation import Orientation

ROOT = Path(__file__).resolve().parent.parent.parent
CLIP = str(ROOT / "assets" / "demo.mp4")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / "people")
    yield watched
    watched.session.close()


def playing(watched: Watched, **wish: object) -> Session:
    watched.session.open(SourceWish(CLIP, loop=True, **wish))  # type: ignore[arg-type]
    watched.wait(Happening.FACE_FOUND)
    return watched.session


def test_it_plays_a_clip_and_shows_what_it_saw(watched: Watched) -> None:
    session = playing(watched)
    session.want_evidence(True)
    watched.until(lambda: session.status().frames > 20)
    seen = session.take_seen()
    assert seen is not None
    assert seen.look.patch is not None
    assert seen.look.frame.image.shape == (480, 640, 3)
    watched.until(
        lambda: (newest := session.take_seen()) is not None and newest.evidence is not None
    )
    readings = session.take_readings()
    assert len(readings) > 20
    assert all(latency_ms > 0 for _, latency_ms in readings)
    status = session.status()
    assert status.phase is Phase.RUNNING
    assert status.face
    assert status.fps > 1
    assert "lower-face" in status.network


def test_evidence_costs_nothing_where_nobody_wants_it(watched: Watched) -> None:
    session = playing(watched)
    watched.until(lambda: session.status().frames > 5)
    seen = session.take_seen()
    assert seen is not None
    assert seen.evidence is None


def test_nothing_new_is_taken_twice(watched: Watched) -> None:
    session = playing(watched)
    watched.until(lambda: bool(session.take_readings()))
    session.pause(True)
    watched.until(lambda: session.status().phase is Phase.PAUSED)
    session.take_readings()
    session.take_seen()
    assert session.take_readings() == []
    assert session.take_seen() is None


def test_receivers_come_and_go_while_frames_run(watched: Watched) -> None:
    session = playing(watched)
    with Listener(0) as first, Listener(0) as second:
        one, two = (Receiver("127.0.0.1", heard.port) for heard in (first, second))
        session.set_receivers([one])
        assert first.packet(PATIENCE_S)
        session.set_receivers([one, two])
        assert second.packet(PATIENCE_S)
        sent = {line.receiver: line.sent for line in session.status().receivers}
        session.set_receivers([two])
        watched.until(lambda: len(session.status().receivers) == 1)
        (line,) = session.status().receivers
        assert line.receiver == two
        assert line.sent >= sent.get(two, 0)  # its sender was kept
        while first.packet(0.0):
            pass
        assert second.packet(PATIENCE_S)
        assert not first.packet(0.3)


@pytest.fixture
def heard(watched: Watched) -> Iterator[Listener]:
    """What a receiver hears of a clip in which an event has begun that does not end by itself."""
    rule = Rule(name="smile", expression="happiness", above=0.5, for_s=0, below=0.01, back_s=60)
    with Listener(0) as heard:
        watched.session.set_receivers([Receiver("127.0.0.1", heard.port)])
        watched.session.set_rules([rule])
        watched.session.open(SourceWish(CLIP, loop=True))
        while next_event(heard) != 1:
            pass
        yield heard


def test_a_receiver_that_is_taken_away_keeps_neither_face_nor_event(
    watched: Watched, heard: Listener
) -> None:
    session = watched.session
    session.set_receivers([])
    watched.until(lambda: not session.status().receivers)
    last: dict[str, object] = {}
    while messages := heard.packet(0.3):
        last |= {message.address: message.arguments[0] for message in messages}
    assert (last["/vrfer/face"], last["/vrfer/event/smile"]) == (0, 0)
    assert session.status().active_rules == ("smile",)  # it goes on for others


def test_a_receiver_that_comes_during_an_event_hears_of_it(
    watched: Watched, heard: Listener
) -> None:
    session = watched.session
    with Listener(0) as late:
        session.set_receivers(
            [
                Receiver("127.0.0.1", heard.port, rate_hz=5),  # changed: a new line to the scene
                Receiver("127.0.0.1", late.port),
            ]
        )
        assert next_event(late) == 1
    assert [next_event(heard) for _ in range(2)] == [0, 1]


def next_event(listener: Listener) -> object:
    while True:
        messages = listener.packet(PATIENCE_S)
        assert messages is not None
        for message in messages:
            if message.address == "/vrfer/event/smile":
                return message.arguments[0]


def test_a_broken_profile_that_is_asked_for_changes_nothing(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name: tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text("[sending", encoding="utf-8")
    used: list[str] = []
    steered = Steered(watched.session, lambda: None, lambda person: None, used.append)
    with pytest.raises(OutputError, match=r"mine\.toml: this is no TOML"):
        obey(Command(Deed.PROFILE, text="mine"), steered)
    obey(Command(Deed.PROFILE, text="vmc"), steered)
    assert used == ["vmc"]


@pytest.mark.parametrize("by", ["rules", "stopping"])
def test_an_event_that_ends_during_the_test_signal_is_heard_to_end(
    watched: Watched, heard: Listener, by: str
) -> None:
    watched.session.test_receivers()
    if by == "rules":
        watched.session.set_rules([])
    else:
        watched.session.close_source()
    events: list[object] = []
    while 0 not in events:
        messages = heard.packet(PATIENCE_S)
        assert messages is not None
        events += [m.arguments[0] for m in messages if m.address == "/vrfer/event/smile"]


@pytest.mark.parametrize("running", [False, True])
def test_the_test_signal_shows_each_expression_in_turn(watched: Watched, running: bool) -> None:
    if running:
        playing(watched)
    with Listener(0) as heard:
        watched.session.set_receivers([Receiver("127.0.0.1", heard.port)])
        watched.until(lambda: [line.ready for line in watched.session.status().receivers] == [True])
        watched.session.test_receivers()
        shown: list[str] = []
        while len(shown) < len(EXPRESSIONS):
            messages = heard.packet(PATIENCE_S)
            assert messages is not None
            values = {message.address: message.arguments[0] for message in messages}
            label = str(values["/vrfer/label"])
            if values["/vrfer/confidence"] == 1.0 and values[f"/vrfer/{label}"] == 1.0:
                shown.append(label)
        assert shown == [*EXPRESSIONS[1:], EXPRESSIONS[0]]
        if running:  # readings go on afterwards
            watched.until(lambda: heard.packet(0.0) is not None)
        else:  # nobody is left with a face that no camera sees
            after = heard.packet(PATIENCE_S)
            assert after is not None
            assert {m.address: m.arguments[0] for m in after}["/vrfer/face"] == 0


def test_an_unknown_host_is_said_and_holds_nothing_up(watched: Watched) -> None:
    session = playing(watched)
    with Listener(0) as heard:
        session.set_receivers(
            [Receiver("no-such-host.invalid", 9000), Receiver("127.0.0.1", heard.port)]
        )
        assert heard.packet(PATIENCE_S)
        watched.until(lambda: any(line.error for line in session.status().receivers))
        bad, good = session.status().receivers
        assert not bad.ready
        assert "no-such-host.invalid" in bad.error
        assert good.ready


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one loopback address alone")
def test_a_name_of_two_addresses_is_sent_to_at_one_of_them(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo
    asked: list[str] = []

    def either(host: str, *where: object, **kind: object) -> object:
        if host != "headset.local":
            return look_up(host, *where, **kind)
        order = ["127.0.0.1", "127.0.0.2"]
        if len(asked) % 2:
            order.reverse()
        asked.append(order[0])
        return [one for address in order for one in look_up(address, *where, **kind)]

    monkeypatch.setattr(socket, "getaddrinfo", either)
    monkeypatch.setattr(receivers, "RENEW_S", 0.05)
    with Listener(0) as heard, Listener(heard.port, "127.0.0.2") as other:
        watched.session.set_receivers([Receiver("headset.local", heard.port)])
        playing(watched)
        assert heard.packet(PATIENCE_S)
        watched.until(lambda: asked.count("127.0.0.2") > 2)
        assert heard.packet(PATIENCE_S)
        assert not other.packet(0.0)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one loopback address alone")
def test_a_receiver_whose_name_has_another_address_since_is_found_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = ["127.0.0.1"]
    look_up = socket.getaddrinfo

    def moved(host: str, *where: object, **kind: object) -> object:
        return look_up(hosts[0] if host == "headset.local" else host, *where, **kind)

    monkeypatch.setattr(socket, "getaddrinfo", moved)
    monkeypatch.setattr(receivers, "RENEW_S", 0.1)
    with Listener(0) as before:
        watched.session.set_receivers([Receiver("headset.local", before.port)])
        session = playing(watched)
        assert before.packet(PATIENCE_S)
        with Listener(before.port, "127.0.0.2") as after:
            hosts[0] = "127.0.0.2"
            assert after.packet(PATIENCE_S)
            (line,) = session.status().receivers
            assert line.sent > 1  # goes on counting


def test_a_source_that_cannot_be_opened_is_said_and_the_next_one_works(watched: Watched) -> None:
    watched.session.open(SourceWish("nothing-here.mp4"))
    assert "nothing-here.mp4" in watched.wait(Happening.SOURCE_FAILED).text
    assert watched.session.status().phase is Phase.FAILED
    playing(watched)
    assert watched.session.status().phase is Phase.RUNNING


def test_a_file_ends_and_receivers_hear_that_no_face_is_seen(
    watched: Watched, tmp_path: Path
) -> None:
    clip = cv2.VideoCapture(CLIP)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(12):
        cv2.imwrite(str(folder / f"{number:02}.png"), clip.read()[1])
    clip.release()
    with Listener(0) as heard:
        watched.session.set_receivers([Receiver("127.0.0.1", heard.port)])
        watched.until(
            lambda: (
                bool(watched.session.status().receivers)
                and watched.session.status().receivers[0].ready
            )
        )
        watched.session.open(SourceWish(str(folder)))
        watched.wait(Happening.SOURCE_ENDED)
        assert watched.session.status().phase is Phase.ENDED
        faces = []
        while messages := heard.packet(0.2):
            faces += [m.arguments[0] for m in messages if m.address == "/vrfer/face"]
    assert 1 in faces
    assert faces[-1] == 0


def test_opening_is_cancelled_at_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mjpeg, "SILENCE_S", 20 * PATIENCE_S)

    def opening() -> bool:
        return any(one.name == "opening a source" for one in threading.enumerate())

    with MjpegServer([b"never sent"]) as silent:
        silent.flowing.clear()
        watched.session.open(SourceWish(silent.url))
        watched.until(lambda: silent.clients == 1)
        assert watched.session.status().phase is Phase.OPENING
        assert opening()
        watched.session.close_source()
        watched.until(lambda: watched.session.status().phase is Phase.IDLE)
        watched.until(lambda: not opening())


def jpegs() -> list[bytes]:
    clip = cv2.VideoCapture(CLIP)
    pictures = [cv2.imencode(".jpg", clip.read()[1])[1].tobytes() for _ in range(20)]
    clip.release()
    return pictures


def test_a_camera_that_goes_away_is_waited_for(watched: Watched) -> None:
    with MjpegServer(jpegs(), fps=30) as server:
        watched.session.open(SourceWish(server.url))
        watched.wait(Happening.FACE_FOUND)
        server.stop()
        watched.wait(Happening.SOURCE_AWAY)
        assert watched.session.status().phase is Phase.AWAY
        server.start()
        watched.wait(Happening.SOURCE_BACK)
        frames = watched.session.status().frames
        watched.until(lambda: watched.session.status().frames > frames)


def test_an_avatar_that_is_loaded_during_a_pause_hears_that_no_face_is_seen(
    watched: Watched,
) -> None:
    session = playing(watched)
    steered = Steered(session, lambda: None, lambda name: None, lambda name: None)
    with Listener(0) as heard:
        session.set_receivers([Receiver("127.0.0.1", heard.port, profile="vrchat")])
        session.set_rules([Rule(name="scared", expression="fear")])
        assert heard.packet(PATIENCE_S)
        session.pause(True)
        watched.until(lambda: session.status().phase is Phase.PAUSED)
        while heard.packet(0.3):
            pass
        obey(Command(Deed.REFRESH), steered)
        told: dict[str, object] = {}
        while messages := heard.packet(1.0):
            told |= {message.address: message.arguments[0] for message in messages}
    assert told["/avatar/parameters/vrfer/event/scared"] is False
    assert {told[f"/avatar/parameters/vrfer/{name}"] for name in EXPRESSIONS} == {0.0}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends nothing to 0.0.0.0")
def test_another_computer_is_told_again_that_no_face_is_seen(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lost packet, and its avatar would smile through the pause."""
    monkeypatch.setattr(repeats, "EVERY_S", 0.1)
    session = playing(watched)
    with Listener(0) as heard:
        # No loopback address, as far as the sender knows, though the packets arrive here.
        session.set_receivers([Receiver("0.0.0.0", heard.port)])
        assert heard.packet(PATIENCE_S)
        session.pause(True)
        gone = 0
        while gone < 1 + repeats.TIMES:
            messages = heard.packet(PATIENCE_S)
            assert messages is not None
            gone += {m.address: m.arguments[0] for m in messages}.get("/vrfer/face") == 0
        assert session.status().phase is Phase.PAUSED
        assert not heard.packet(0.5)


def test_a_receiver_whose_profile_changes_goes_on_counting(watched: Watched) -> None:
    session = playing(watched)
    with Listener(0) as heard:
        session.set_receivers([Receiver("127.0.0.1", heard.port)])
        watched.until(lambda: [line.sent > 20 for line in session.status().receivers] == [True])
        for name in ("unity", "vmc"):  # the first one may not be ready when the second comes
            session.set_receivers([Receiver("127.0.0.1", heard.port, profile=name)])
        watched.until(lambda: [line.ready for line in session.status().receivers] == [True])
        (line,) = session.status().receivers
        assert line.sent > 20


def test_a_source_that_opens_while_another_closes_is_read(watched: Watched) -> None:
    session = playing(watched)
    session.open(SourceWish(CLIP, loop=True))
    session.set_network(NetworkWish(ROOT / "models" / "vgg-f-112.onnx"))  # meanwhile it has opened
    watched.wait(Happening.SOURCE_OPENED)
    watched.until(lambda: session.status().frames > 5)
    assert session.status().phase is Phase.RUNNING


def test_a_source_is_turned_and_limited_while_it_opens(watched: Watched) -> None:
    session = watched.session
    region = (0.0, 0.0, 60.0, 60.0)
    session.open(SourceWish(CLIP, loop=True))
    session.turn(Orientation(rotation_deg=90))
    session.look_only_in(region)
    watched.wait(Happening.SOURCE_OPENED)
    shapes: set[tuple[int, ...]] = set()
    while session.status().frames < 20:
        seen = session.take_seen()
        if seen is not None and seen.look.frame.image.ndim == 3:
            shapes.add(seen.look.frame.image.shape)
        assert session.status().with_face == 0
    assert shapes == {(640, 480, 3)}


def test_a_paused_source_stands_still_and_goes_on(watched: Watched) -> None:
    session = playing(watched)
    with Listener(0) as heard:
        session.set_receivers([Receiver("127.0.0.1", heard.port)])
        assert heard.packet(PATIENCE_S)
        session.pause(True)
        watched.until(lambda: session.status().phase is Phase.PAUSED)
        frames = session.status().frames
        last = None
        while messages := heard.packet(0.3):
            last = messages
        assert last is not None
        assert {m.address: m.arguments[0] for m in last}["/vrfer/face"] == 0
        assert session.status().frames == frames
        assert not session.status().face
        session.seek(15.0)  # shows one frame, which leaves no face behind either
        watched.until(lambda: session.status().frames > frames)
        while messages := heard.packet(0.3):
            last = messages
        assert {m.address: m.arguments[0] for m in last}["/vrfer/face"] == 0
        frames = session.status().frames
        session.pause(False)
        watched.until(lambda: session.status().frames > frames)


def test_a_file_goes_on_where_it_is_told_to(watched: Watched) -> None:
    session = playing(watched)
    session.pause(True)
    watched.until(lambda: session.status().phase is Phase.PAUSED)
    session.take_readings()
    session.seek(15.0)
    shown: list[float | None] = []

    def gathered() -> bool:
        shown.extend(reading.source_s for reading, _ in session.take_readings())
        return bool(shown)

    watched.until(gathered)
    assert shown == [pytest.approx(15.0, abs=0.1)]
    assert session.status().duration_s == pytest.approx(18.6, abs=0.1)


def test_neutral_is_held_until_it_is_released(watched: Watched) -> None:
    session = playing(watched)
    session.hold_neutral(True)
    watched.wait(Happening.NEUTRAL_HELD)
    session.take_readings()
    watched.until(lambda: session.status().frames > 0 and bool(session.take_readings()))
    session.seek(1.0)  # where the clip smiles
    held: list[str] = []

    def gathered() -> bool:
        held.extend(reading.label for reading, _ in session.take_readings())
        return len(held) > 20

    watched.until(gathered)
    assert set(held) == {"neutral"}
    session.hold_neutral(False)
    watched.wait(Happening.NEUTRAL_RELEASED)
    watched.until(lambda: any(r.label != "neutral" for r, _ in session.take_readings()))


def test_every_row_of_a_recording_knows_whether_neutral_was_held(
    watched: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "one.csv"
    session = watched.session
    # So fast that a picture always waits while another one is read.
    with MjpegServer(jpegs(), fps=300) as server:
        session.open(SourceWish(server.url))
        watched.wait(Happening.FACE_FOUND)
        session.record(path)
        watched.wait(Happening.RECORDING_STARTED)
        for held in (True, False) * 8:
            rows = session.status().frames
            watched.until(lambda: session.status().frames > rows + 3)  # noqa: B023
            session.hold_neutral(held)
        session.stop_recording()
        watched.wait(Happening.RECORDING_STOPPED)
    recording = load_session(path)
    told = recording.rows["neutral"] == 1.0
    assert told.any()
    assert (told == recording.neutral_held).all()


def test_sensitivity_makes_an_expression_win(watched: Watched) -> None:
    session = playing(watched)
    gains = np.zeros(8)
    gains[6] = 30.0  # nats: nothing else is left
    session.set_steady(SteadyWish(smoothing_s=0.0, hold_s=0.0, sensitivity=tuple(gains)))
    watched.until(lambda: any(r.label == "fear" for r, _ in session.take_readings()))


def test_a_recording_begins_and_ends_while_frames_run(watched: Watched, tmp_path: Path) -> None:
    session = playing(watched)
    path = tmp_path / "recordings" / "one.csv"
    session.record(path)
    watched.wait(Happening.RECORDING_STARTED)
    watched.until(lambda: (r := session.status().recording) is not None and r.rows > 10)
    session.mark("the door opens")
    watched.wait(Happening.MARKED)
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    recording = load_session(path)
    assert len(recording.rows) > 10
    assert [marker.text for marker in recording.markers] == ["the door opens"]
    assert recording.ended is not None
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["source"] == "demo.mp4"
    assert session.status().recording is None


def test_a_recording_that_begins_before_its_source_says_what_that_is(
    watched: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "one.csv"
    watched.session.record(path)
    watched.wait(Happening.RECORDING_STARTED)
    session = playing(watched)
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["source"] == "demo.mp4"


def test_what_changes_the_numbers_is_marked_in_the_recording(
    watched: Watched, never_happy: str, tmp_path: Path
) -> None:
    path = tmp_path / "one.csv"
    session = playing(watched)
    session.record(path)
    watched.wait(Happening.RECORDING_STARTED)
    session.hold_neutral(True)
    session.use_person(never_happy)
    session.use_person(never_happy)  # which changes nothing
    session.set_network(NetworkWish(ROOT / "models" / "vgg-f-112.onnx"))
    session.hold_neutral(False)
    playing(watched)
    for hold_s in (0.1, 0.2, 0.3):  # a slider is dragged
        session.set_steady(SteadyWish(hold_s=hold_s))
    rule = Rule(name="smile", expression="happiness")
    session.set_rules([rule])
    session.turn(Orientation(mirrored=True))
    session.look_only_in((0, 0, 320, 240))
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    checksum = sha256((ROOT / "models" / "vgg-f-112.onnx").read_bytes()).hexdigest()
    texts = [marker.text for marker in load_session(path).markers]
    assert texts[:6] == [
        "neutral held",
        f"baseline of {never_happy}",
        "baseline of nobody",  # it does not fit the network
        f"network vgg-f-112, SHA-256 {checksum}",
        "neutral released",
        "source opened: demo.mp4",
    ]
    changed = dict(text.split(": ", 1) for text in texts[6:])
    assert list(changed)[:2] == ["picture turned", "region changed"]
    assert json.loads(changed["rules changed"]) == [rule.model_dump()]
    assert json.loads(changed["picture turned"]) == {"mirrored": True, "rotation_deg": 0}
    assert json.loads(changed["region changed"]) == [0, 0, 320, 240]
    assert json.loads(changed["reading settings changed"])["hold_s"] == 0.3
    assert (
        json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["neutral_held"] is False
    )


def test_a_marker_that_nothing_keeps_is_not_confirmed(watched: Watched) -> None:
    session = playing(watched)
    session.mark("the door opens")
    watched.wait(Happening.NOT_MARKED)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no open files")
def test_what_a_recording_loses_is_said_while_it_runs(watched: Watched, tmp_path: Path) -> None:
    session = playing(watched)
    path = tmp_path / "one.csv"
    session.record(path)
    watched.until(lambda: (r := session.status().recording) is not None and r.rows > 3)
    path.unlink()
    assert "was deleted" in watched.wait(Happening.RECORDING_FAILED).text
    assert session.status().recording is not None


def test_a_source_that_opens_later_is_named_at_once(watched: Watched, tmp_path: Path) -> None:
    """A power cut may come before the end."""
    path = tmp_path / "one.csv"
    watched.session.record(path)
    watched.wait(Happening.RECORDING_STARTED)
    playing(watched)
    description = path.with_suffix(".json")
    watched.until(lambda: json.loads(description.read_text("utf-8"))["source"] == "demo.mp4")
    assert watched.session.status().recording is not None


@pytest.mark.parametrize("by", ["closing", "network", "person"])
def test_a_baseline_that_cannot_be_finished_is_said(watched: Watched, by: str) -> None:
    session = playing(watched)
    session.learn_resting("Ada", 60)
    watched.until(lambda: session.status().resting_s is not None)
    if by == "closing":
        session.close_source()
    elif by == "person":
        session.use_person(None)
    else:
        session.set_network(NetworkWish(ROOT / "models" / "vgg-f-112.onnx"))
    watched.wait(Happening.BASELINE_FAILED)


def test_a_broken_network_at_the_start_is_said_and_the_built_in_one_used(tmp_path: Path) -> None:
    broken = tmp_path / "mine.onnx"
    broken.write_bytes(b"no network")
    watched = Watched(tmp_path, NetworkWish(broken))
    try:
        watched.session.open(SourceWish(CLIP, loop=True))
        assert "The built-in network is used." in watched.wait(Happening.PROBLEM).text
        watched.wait(Happening.FACE_FOUND)
        assert "lower-face" in watched.session.status().network
    finally:
        watched.session.close()


def test_a_network_that_knows_no_resting_face_fails_the_baseline(
    watched: Watched, tmp_path: Path
) -> None:
    session = playing(watched)
    session.set_network(NetworkWish(write_network(tmp_path / "tiny.onnx")))
    session.learn_resting("Ada")
    assert "tiny" in watched.wait(Happening.BASELINE_FAILED).text


@pytest.mark.parametrize("person", ["Ada", None])
def test_recalibrating_without_a_name_is_for_the_one_whose_baseline_is_in_use(
    watched: Watched, never_happy: str, tmp_path: Path, person: str | None
) -> None:
    people = People(tmp_path / "people")
    before = people.load(never_happy)
    people.save("Ada", before)
    session = watched.session
    steered = Steered(
        session, lambda: None, lambda name: session.learn_resting(name, 2.0), lambda name: None
    )
    session.use_person(person)
    playing(watched)
    obey(Command(Deed.RECALIBRATE), steered)
    watched.wait(Happening.BASELINE_MADE)
    changed = {name for name in people.names() if people.load(name) != before}
    assert changed == {person or NOBODY_NAMED}


def test_a_refresh_tells_a_receiver_of_changes_everything_anew(
    watched: Watched, tmp_path: Path
) -> None:
    message = {"address": "/contempt", "arguments": [{"source": "contempt"}]}
    profile(tmp_path, [message], sending={"least_change": 1.0, "complete_every_s": 3600})
    session = playing(watched)
    steered = Steered(session, lambda: None, lambda name: None, lambda name: None)
    with Listener(0) as heard:
        session.set_receivers(
            [Receiver("127.0.0.1", heard.port, profile=str(tmp_path / "mine.toml"))]
        )
        assert heard.packet(PATIENCE_S)
        frames = session.status().frames
        watched.until(lambda: session.status().frames > frames + 5)
        assert not heard.packet(0.0)
        obey(Command(Deed.REFRESH), steered)
        assert heard.packet(5.0)  # the clip begins again after 18 s, which is told, too


def test_settings_that_change_are_marked_once_and_from_their_first_moment_on(
    watched: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "one.csv"
    session = playing(watched)
    session.set_steady(SteadyWish(hold_s=0.5))  # before: the description tells of it
    session.record(path)
    watched.wait(Happening.RECORDING_STARTED)
    session.mark("before")
    session.set_steady(SteadyWish(hold_s=0.1))
    session.set_steady(SteadyWish(hold_s=0.2))
    watched.until(lambda: "reading settings" in path.with_suffix(".markers.csv").read_text("utf-8"))
    session.mark("settled")
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    before, changed, settled = load_session(path).markers
    assert changed.text.startswith("reading settings changed: {")
    assert json.loads(changed.text.partition(": ")[2])["hold_s"] == 0.2
    assert before.monotonic_s <= changed.monotonic_s
    assert settled.monotonic_s - changed.monotonic_s >= SETTLED_S


@pytest.mark.parametrize("spec", ["http://[::1", "rtsp://ann:pa[ss@192.0.2.5/x"])
def test_an_address_that_is_none_is_said_and_the_next_source_works(
    watched: Watched, spec: str
) -> None:
    watched.session.open(SourceWish(spec))
    watched.wait(Happening.SOURCE_FAILED)
    assert "pa[ss" not in watched.session.status().source
    playing(watched)


def test_another_region_may_be_another_person(watched: Watched) -> None:
    session = playing(watched)
    session.learn_resting("Ada", 60)
    watched.until(lambda: (session.status().resting_s or 0) > 1)
    session.look_only_in((0.0, 0.0, 470.0, 350.0))
    watched.until(lambda: session.status().resting_s is not None and session.status().resting_s < 1)


def test_a_password_is_not_shown(watched: Watched) -> None:
    watched.session.open(SourceWish("http://ada:secret@127.0.0.1:9/video"))
    watched.wait(Happening.SOURCE_FAILED)
    assert watched.session.status().source == "http://127.0.0.1:9/video"


def test_a_name_that_no_baseline_can_have_fails_the_baseline(watched: Watched) -> None:
    watched.session.learn_resting("a/b")
    assert "a/b" in watched.wait(Happening.BASELINE_FAILED).text


def test_a_recording_that_is_asked_for_twice_goes_on(watched: Watched, tmp_path: Path) -> None:
    session = playing(watched)
    path = tmp_path / "one.csv"
    session.record(path)
    session.record(path)  # by a key that was held
    watched.wait(Happening.RECORDING_STARTED)
    watched.until(lambda: (r := session.status().recording) is not None and r.rows > 10)
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    assert load_session(path).ended is not None


def test_closing_the_session_ends_its_recording_properly(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "people")
    session = playing(watched)
    path = tmp_path / "one.csv"
    session.record(path)
    watched.until(lambda: (r := session.status().recording) is not None and r.rows > 3)
    session.close()
    recording = load_session(path)
    assert recording.ended is not None
    assert recording.ended.rows == len(recording.rows)


def test_a_recording_that_cannot_begin_is_said_and_frames_run_on(
    watched: Watched, tmp_path: Path
) -> None:
    session = playing(watched)
    there = tmp_path / "there.csv"
    there.write_text("mine", encoding="utf-8")
    session.record(there)
    assert "exists already" in watched.wait(Happening.RECORDING_FAILED).text
    frames = session.status().frames
    watched.until(lambda: session.status().frames > frames)
    assert there.read_text(encoding="utf-8") == "mine"


def test_a_resting_face_becomes_the_persons_baseline(watched: Watched, tmp_path: Path) -> None:
    session = playing(watched)
    session.learn_resting("Ada", 2.2)
    watched.until(lambda: session.status().resting_s is not None)
    assert watched.wait(Happening.BASELINE_MADE).text == "Ada"
    assert People(tmp_path / "people").names() == ["Ada"]
    watched.until(lambda: session.status().person == "Ada")
    session.use_person(None)
    watched.until(lambda: session.status().person is None)


@pytest.fixture
def never_happy(tmp_path: Path) -> str:
    """A person whose baseline leaves nothing of happiness."""
    contract = Classifier(default_model(), Device.CPU).contract
    assert contract.resting is not None
    offsets = tuple(30.0 if name == "happiness" else 0.0 for name in EXPRESSIONS)
    baseline = Baseline(contract.name, contract.resting, offsets, 5.0)  # type: ignore[arg-type]
    People(tmp_path / "people").save("Ada", baseline)
    return "Ada"


def smiles(session: Session) -> bool:
    """Whether the clip's smile was read since the last call."""
    happiness = EXPRESSIONS.index("happiness")
    return any(reading.steady[happiness] > 0.5 for reading, _ in session.take_readings())


def test_a_damaged_baseline_does_not_leave_the_last_persons_in_use(
    watched: Watched, tmp_path: Path, never_happy: str
) -> None:
    (tmp_path / "people" / "Bob.json").write_text("hello", encoding="utf-8")
    session = playing(watched)
    watched.until(lambda: smiles(session))
    session.use_person(never_happy)
    watched.until(lambda: session.status().person == never_happy)
    session.use_person("Bob")
    assert "Bob" in watched.wait(Happening.PROBLEM).text
    session.take_readings()
    watched.until(lambda: smiles(session))
    assert session.status().person is None


def test_a_baseline_is_back_with_the_network_that_it_fits(
    watched: Watched, never_happy: str
) -> None:
    session = playing(watched)
    session.use_person(never_happy)
    watched.until(lambda: session.status().person == never_happy)
    session.set_network(NetworkWish(ROOT / "models" / "vgg-f-112.onnx"))
    assert "was made with" in watched.wait(Happening.PROBLEM).text
    assert session.status().person is None
    session.set_network(NetworkWish())
    watched.until(lambda: session.status().person == never_happy)


def test_no_baseline_without_a_source(watched: Watched) -> None:
    watched.session.learn_resting("Ada")
    watched.wait(Happening.BASELINE_FAILED)


def test_a_missing_baseline_is_a_problem_and_nothing_more(watched: Watched) -> None:
    session = playing(watched)
    session.use_person("Nobody")
    assert "Nobody" in watched.wait(Happening.PROBLEM).text
    frames = session.status().frames
    watched.until(lambda: session.status().frames > frames)


def test_another_network_is_taken_while_frames_run(watched: Watched) -> None:
    session = playing(watched)
    session.set_network(NetworkWish(ROOT / "models" / "vgg-f-112.onnx"))
    watched.until(lambda: "vgg-f-112" in session.status().network)
    frames = session.status().frames
    watched.until(lambda: session.status().frames > frames)


def test_a_network_that_cannot_be_used_leaves_the_last_one(
    watched: Watched, tmp_path: Path
) -> None:
    session = playing(watched)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    session.set_network(NetworkWish(broken, Device.CPU))
    assert "broken.onnx" in watched.wait(Happening.NETWORK_FAILED).text
    assert "lower-face" in session.status().network
    assert session.status().reads_with == NetworkWish()
    frames = session.status().frames
    watched.until(lambda: session.status().frames > frames)


def test_faces_are_looked_for_in_the_region_only(watched: Watched) -> None:
    session = playing(watched)
    session.look_only_in((0.0, 0.0, 60.0, 60.0))
    watched.wait(Happening.FACE_LOST)
    session.look_only_in(None)
    watched.wait(Happening.FACE_FOUND)


def test_pictures_are_turned_without_opening_anew(watched: Watched) -> None:
    session = playing(watched)

    def shape() -> tuple[int, ...]:
        seen = session.take_seen()
        return (0,) if seen is None else seen.look.frame.image.shape

    upright: list[tuple[int, ...]] = []
    watched.until(lambda: len(upright) > 3 or bool(upright.append(shape())))
    height, width = next(s for s in upright if len(s) == 3)[:2]
    session.turn(Orientation(rotation_deg=90))
    watched.until(lambda: shape()[:2] == (width, height))


def test_what_should_never_fail_is_tried_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The wearer cannot restart anything.
    session = playing(watched)
    failures = iter([RuntimeError("a driver's surprise")])
    from vrfer.finder import Finder

    real = Finder.find

    def find(self: Finder, *arguments: object) -> object:
        for failure in failures:
            raise failure
        return real(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Finder, "find", find)
    frames = session.status().frames
    watched.until(lambda: session.status().frames > frames + 5)
    assert session.status().phase is Phase.RUNNING


def test_what_fails_again_and_again_is_said(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = playing(watched)
    from vrfer.finder import Finder

    def find(self: Finder, *arguments: object) -> None:
        raise RuntimeError("worn out")

    monkeypatch.setattr(Finder, "find", find)
    assert "worn out" in watched.wait(Happening.SOURCE_FAILED).text
    monkeypatch.undo()
    playing(watched)
    assert session.status().phase is Phase.RUNNING


def test_a_rule_begins_and_ends_an_event_and_marks_it(watched: Watched, tmp_path: Path) -> None:
    rule = Rule(name="smile", expression="happiness", above=0.5, for_s=0, below=0.4, back_s=0)
    session = watched.session
    with Listener(0) as heard:
        session.set_receivers([Receiver("127.0.0.1", heard.port)])
        session.set_rules([rule])
        playing(watched)
        path = tmp_path / "one.csv"
        session.record(path)
        watched.until(lambda: session.status().recording is not None)
        events: list[object] = []
        while not events:
            messages = heard.packet(PATIENCE_S)
            assert messages is not None
            events += [m.arguments[0] for m in messages if m.address == "/vrfer/event/smile"]
        assert events == [1]
        watched.until(lambda: session.status().active_rules == ("smile",))
        session.close_source()  # nobody watches: no scene may stay in an event for ever
        watched.until(lambda: session.status().active_rules == ())
        while messages := heard.packet(0.3):
            events += [m.arguments[0] for m in messages if m.address == "/vrfer/event/smile"]
    assert events[-1] == 0
    assert all(one != other for one, other in itertools.pairwise(events))
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    texts = [marker.text for marker in load_session(path).markers]
    assert texts[-1] == "event smile ends"


def test_a_reader_that_cannot_even_be_released_ends_no_session(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = playing(watched)
    from vrfer.finder import Finder

    real_close = Finder.close

    def fail(self: Finder, *arguments: object) -> None:
        raise RuntimeError("worn out")

    def close(self: Finder) -> None:
        real_close(self)
        raise RuntimeError("worn out too")

    monkeypatch.setattr(Finder, "find", fail)
    monkeypatch.setattr(Finder, "close", close)
    watched.wait(Happening.SOURCE_FAILED)
    monkeypatch.undo()
    playing(watched)
    assert session.status().phase is Phase.RUNNING


def test_receivers_are_looked_up_again_before_any_camera_is_open(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "RETRY_S", 0.05)
    attempts = []

    def unknown(receiver: Receiver) -> None:
        attempts.append(receiver)
        raise PermissionError("the folder of profiles must not be read")

    monkeypatch.setattr(receivers, "OscSender", unknown)
    watched.session.set_receivers([Receiver("headset.example", 9000)])
    watched.until(lambda: len(attempts) > 2)
    (line,) = watched.session.status().receivers
    assert "must not be read" in line.error


def test_a_network_goes_by_its_checksum_when_it_was_loaded(
    watched: Watched, tmp_path: Path
) -> None:
    model = tmp_path / "mine.onnx"
    content = default_model().read_bytes()
    model.write_bytes(content)
    session = playing(watched)
    session.set_network(NetworkWish(model, Device.CPU))
    watched.until(lambda: session.status().reads_with.model == model)
    model.unlink()
    path = tmp_path / "one.csv"
    session.record(path)
    watched.wait(Happening.RECORDING_STARTED)
    session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert about["model_sha256"] == sha256(content).hexdigest()
