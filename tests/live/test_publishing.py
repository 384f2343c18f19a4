"""What a session offers to programs that fetch it: OSCQuery, LSL streams, and its film."""

import json
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError

import cv2
import pytest
from watched import PATIENCE_S, Watched

from vrfer.baseline import Baseline
from vrfer.classifier import Classifier, Device
from vrfer.live.status import Happening
from vrfer.live.wishes import NetworkWish, SourceWish
from vrfer.outputs.film import film_files
from vrfer.outputs.osc import Receiver
from vrfer.people import People
from vrfer.recording import load_session
from vrfer.rules import Rule
from vrfer.shipped import default_model
from vrfer.sources.orientation import Orientation

ROOT = Path(__file__).resolve().parent.parent.parent
CLIP = str(ROOT / "assets" / "demo.mp4")
NOTHING = (0.0,) * 8
"""The offsets of a baseline that changes nothing."""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path / "people")
    watched.session.open(SourceWish(CLIP, loop=True))
    watched.wait(Happening.FACE_FOUND)
    yield watched
    watched.session.close()


def ask(address: str, path: str) -> dict[str, object]:
    # Without the proxy that the environment may name: it would ask another computer.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address + path, timeout=PATIENCE_S) as answer:
        return dict(json.load(answer))


def test_oscquery_tells_of_the_first_receivers_addresses_and_newest_values(
    watched: Watched,
) -> None:
    session = watched.session
    session.serve_oscquery(9010)
    watched.until(lambda: session.status().oscquery is not None)
    offer = session.status().oscquery
    assert offer is not None
    assert ask(offer.address, "/?HOST_INFO")["OSC_PORT"] == 9010
    watched.until(lambda: ask(offer.address, "/vrfer/face").get("VALUE") == [1])
    assert "parameters" not in contents(offer.address, "/avatar")
    session.set_receivers([Receiver("127.0.0.1", 9, profile="vrchat")])
    watched.until(lambda: "parameters" in contents(offer.address, "/avatar"))
    session.serve_oscquery(None)
    watched.until(lambda: session.status().oscquery is None)
    watched.until(lambda: not answers(offer.address))


def answers(address: str) -> bool:
    try:
        ask(address, "/")
    except (URLError, ConnectionError):
        return False
    return True


def test_oscquery_tells_which_events_of_rules_last(watched: Watched) -> None:
    session = watched.session
    session.serve_oscquery(9010)
    watched.until(lambda: session.status().oscquery is not None)
    offer = session.status().oscquery
    assert offer is not None
    glad = Rule(name="glad", expression="happiness", above=0.5, for_s=0.1, below=0.4, back_s=0.1)
    session.set_rules([glad])
    watched.until(lambda: "event" in contents(offer.address, "/vrfer"))

    def value() -> object:
        return ask(offer.address, "/vrfer/event/glad")["VALUE"]

    # The clip smiles and stops smiling.
    watched.until(lambda: value() == [1])
    watched.until(lambda: value() == [0])
    session.set_rules([])
    watched.until(lambda: "event" not in contents(offer.address, "/vrfer"))


def contents(address: str, path: str) -> dict[str, object]:
    found = ask(address, path)["CONTENTS"]
    assert isinstance(found, dict)
    return found


def test_a_missing_lsl_is_said_and_nothing_stops(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    watched.session.stream_lsl("vrfer")
    assert "pylsl" in watched.wait(Happening.PROBLEM).text
    frames = watched.session.status().frames
    watched.until(lambda: watched.session.status().frames > frames + 5)
    assert watched.session.status().lsl is None


def test_lsl_hears_of_events_and_of_no_names(watched: Watched, tmp_path: Path) -> None:
    pylsl = pytest.importorskip("pylsl", reason="pylsl comes with vrfer[lsl] alone")
    contract = Classifier(default_model(), Device.CPU).contract
    assert contract.resting is not None
    People(tmp_path / "people").save("Ada", Baseline(contract.name, contract.resting, NOTHING, 5.0))
    session = watched.session
    name = f"vrfer {uuid.uuid4().hex[:12]}"
    session.stream_lsl(name)
    (stream,) = pylsl.resolve_byprop("name", f"{name} markers", 1, PATIENCE_S)
    inlet = pylsl.StreamInlet(stream)
    inlet.open_stream(PATIENCE_S)
    heard: list[str] = []

    def hears(text: str) -> bool:
        heard.extend(sample[0] for sample in inlet.pull_chunk()[0])
        return text in heard

    def greeted() -> bool:
        session.mark("hello")
        return hears("hello")

    watched.until(greeted)
    session.use_person("Ada")
    session.set_rules([Rule(name="calm", expression="neutral", above=0.5, for_s=0.1)])
    session.turn(Orientation(mirrored=True))
    session.hold_neutral(True)
    watched.until(lambda: hears("event calm begins"))
    network = ROOT / "models" / "vgg-f-112.onnx"
    session.set_network(NetworkWish(network))
    checksum = sha256(network.read_bytes()).hexdigest()
    watched.until(lambda: hears(f"network of SHA-256 {checksum}"))
    session.open(SourceWish(CLIP))
    watched.wait(Happening.SOURCE_OPENED)
    session.mark("end")
    watched.until(lambda: hears("end"))
    inlet.close_stream()
    assert "neutral held" in heard
    assert any(text.startswith("picture turned") for text in heard)
    assert not [text for text in heard if "Ada" in text or "demo" in text]


def test_a_recording_with_film_has_a_picture_for_every_row(
    watched: Watched, tmp_path: Path
) -> None:
    recording = tmp_path / "with.csv"
    watched.session.record(recording, film=True)
    watched.wait(Happening.RECORDING_STARTED)
    watched.until(
        lambda: (
            (kept := watched.session.status().recording) is not None and (kept.pictures or 0) > 10
        )
    )
    watched.session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    reader = cv2.VideoCapture(str(film_files(recording)[0]))
    pictures = 0
    while reader.read()[0]:
        pictures += 1
    reader.release()
    assert pictures == len(load_session(recording).rows["frame"]) > 10


def test_without_being_asked_to_no_picture_is_kept(watched: Watched, tmp_path: Path) -> None:
    recording = tmp_path / "without.csv"
    watched.session.record(recording)
    watched.wait(Happening.RECORDING_STARTED)
    watched.session.stop_recording()
    watched.wait(Happening.RECORDING_STOPPED)
    assert not any(path.exists() for path in film_files(recording))


def test_a_film_that_exists_is_never_overwritten(watched: Watched, tmp_path: Path) -> None:
    recording = tmp_path / "again.csv"
    old = film_files(recording)[0]
    old.write_bytes(b"precious")
    watched.session.record(recording, film=True)
    assert "exists already" in watched.wait(Happening.RECORDING_FAILED).text
    assert old.read_bytes() == b"precious"
    assert not recording.exists()
