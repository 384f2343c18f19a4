"""The Godot 3 scene in the real engine: what it heard, and pictures that it rendered."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from receivers.clip_sender import (
    RECEIVERS,
    bundle,
    labels_of,
    malformed_packets,
    message,
    send,
    send_clip,
)
from receivers.printed import Program

from vrfer.expressions import EXPRESSIONS
from vrfer.outputs.osc import OscSender, Receiver

GODOT = shutil.which("godot3")
XVFB = shutil.which("Xvfb")
pytestmark = pytest.mark.skipif(
    GODOT is None or XVFB is None,
    reason="Godot 3 or an X server is not here (Debian: godot3, xvfb)",
)
MOUTH = slice(380, 540), slice(190, 450)
"""Rows and columns of the drawn mouth in a picture of 640x640 pixels."""
LIP_BGR = (0x4F, 0x52, 0xB5)
END = message("/vrfer/event/end", 1)


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """Start an X server on a display that it chooses itself."""
    read_end, write_end = os.pipe()
    options = ("-screen", "0", "800x800x24", "-nolisten", "tcp")
    process = subprocess.Popen(
        [str(XVFB), "-displayfd", str(write_end), *options],
        pass_fds=[write_end],
        stderr=subprocess.DEVNULL,
    )
    os.close(write_end)
    with os.fdopen(read_end) as chosen:
        number = chosen.readline().strip()
    yield f":{number}"
    process.terminate()
    process.wait(timeout=30)


class RunningGodot:
    """The scene in its own process, which listens at a port."""

    def __init__(self, display: str, folder: Path, rest_after_s: float) -> None:
        self.folder = folder
        self.port = free_port()
        self._log = (folder / "log.txt").open("w+", encoding="utf-8")
        homes = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
        self._program = Program(
            [
                *(str(GODOT), "--audio-driver", "Dummy", "--path", str(RECEIVERS / "godot3"), "--"),
                *("--vrfer-test", str(folder / "heard.json"), "--port", str(self.port)),
                *("--picture", str(folder / "face.png"), "--seconds", "100"),
                *("--until-event", "end", "--rest-after", str(rest_after_s)),
            ],
            env={
                **os.environ,
                **dict.fromkeys(homes, str(folder)),
                **{"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1"},
            },
            errors=self._log,
        )
        self.until(f"vrfer: listening on UDP port {self.port}")

    def until(self, beginning: str) -> str:
        """Wait for a line of the engine's."""
        return self._program.until(lambda line: line.startswith(beginning))

    def until_packets(self, count: int) -> tuple[int, int]:
        """Wait until so many packets came in; return those understood and those malformed."""
        while True:
            words = self.until("heard ").split()
            heard, malformed = int(words[1]), int(words[3])
            if heard + malformed >= count:
                return heard, malformed

    def end(self) -> dict[str, Any]:
        """Return what the engine heard once it was told that this is all."""
        send(self.port, END)
        assert self._program.until_ended() == 0
        assert self.errors() == []
        heard: dict[str, Any] = json.loads((self.folder / "heard.json").read_bytes())
        return heard

    def errors(self) -> list[str]:
        """Return what the engine calls errors in its scripts and drawing."""
        self._log.flush()
        self._log.seek(0)
        # Where the system names no language or is not Godot's first start, it complains.
        own = ("make_dir_recursive", "get_language_code", "set_locale")
        return [
            line.rstrip()
            for line in self._log
            if line.startswith(("ERROR", "SCRIPT ERROR", "WARNING"))
            and not any(word in line for word in own)
        ]

    def picture(self, name: str) -> NDArray[np.uint8]:
        image = cv2.imread(str(self.folder / f"face{name}.png"))
        assert image is not None
        assert image.shape == (640, 640, 3)
        return image.astype(np.uint8)

    def close(self) -> None:
        self._program.close()
        self._log.close()


@pytest.fixture
def godot(display: str, tmp_path: Path) -> Iterator[RunningGodot]:
    running = RunningGodot(display, tmp_path, rest_after_s=100)
    yield running
    running.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def corners_above_middle(image: NDArray[np.uint8]) -> float:
    """Return by how many pixels the corners of the drawn mouth lie above its middle."""
    lips = cv2.inRange(image[MOUTH], np.array(LIP_BGR) - 25, np.array(LIP_BGR) + 25)
    y, x = np.nonzero(lips)
    assert len(x) > 200, "no mouth was drawn"
    left, right = x.min(), x.max()
    ends = y[(x < left + 12) | (x > right - 12)]
    middle = y[abs(x - (left + right) / 2) < 12]
    return float(middle.mean() - ends.mean())


def test_the_face_follows_a_clip(godot: RunningGodot, tmp_path: Path) -> None:
    session = send_clip(godot.port, tmp_path)
    heard = godot.end()
    *told, end = heard["events"]
    assert end == ["end", True]
    assert told == [["calm", i % 2 == 0] for i in range(len(told))]
    assert len(told) > 1
    packets = len(session.rows) + len(heard["events"])
    assert (heard["packets"], heard["malformed"]) == (packets, 0)
    assert heard["labels"] == labels_of(session)
    assert heard["faces"] == [True]
    assert heard["probabilities"] == len(session.rows)
    assert heard["values"] == pytest.approx(session.steady[-1].tolist(), abs=1e-4)
    assert heard["drawn_frames"] > 10
    happy, last = (godot.picture(name) for name in ("-happiness", ""))
    drawn = dict(zip(EXPRESSIONS, session.steady[-1].tolist(), strict=True))
    assert drawn["happiness"] < 0.7, "the clip no longer ends with less of a smile"
    assert corners_above_middle(happy) > corners_above_middle(last) + 8


def test_each_expression_has_a_face_and_an_event_turns_the_background(
    godot: RunningGodot,
) -> None:
    with OscSender(Receiver("127.0.0.1", godot.port)) as sender:
        for label_id, name in enumerate(EXPRESSIONS):
            sender.show(label_id)
            godot.until(f"drawn {name}")
        sender.show_events(["calm"], time.time_ns())
        godot.until("drawn event")
        sender.show_events([], time.time_ns())
    heard = godot.end()
    assert heard["labels"] == list(EXPRESSIONS)
    assert heard["events"] == [["calm", True], ["calm", False], ["end", True]]
    faces = {name: godot.picture(f"-{name}") for name in EXPRESSIONS}
    for name, face in faces.items():
        assert heard["strongest"][name] > 0.9
        for other in EXPRESSIONS[: EXPRESSIONS.index(name)]:
            changed = np.abs(face.astype(int) - faces[other]).max(axis=2) > 40
            assert changed.sum() > 1500, (name, other)
    bend = {name: corners_above_middle(face) for name, face in faces.items()}
    assert bend["happiness"] > bend["neutral"] + 15
    assert bend["sadness"] < bend["neutral"] - 15
    corner = slice(0, 60)
    calm = faces["neutral"][corner, corner].reshape(-1, 3).mean(axis=0)
    glowing = godot.picture("-event")[corner, corner].reshape(-1, 3).mean(axis=0)
    assert heard["strongest"]["event"] > 0.8
    assert glowing[2] - glowing[0] > 60  # yellow, where it was blue
    assert calm[2] < calm[0]


def test_malformed_packets_are_counted_and_end_nothing(godot: RunningGodot) -> None:
    packets = malformed_packets(1000)
    for start in range(0, len(packets), 25):
        send(godot.port, *packets[start : start + 25])
        assert godot.until_packets(start + 25) == (0, start + 25)
    blob = message("/other", b"12345", 7, 0.5, "words")
    calm = message("/vrfer/event/calm", 1)
    send(godot.port, bundle(blob, bundle(message("/vrfer/label", "fear"), bundle(calm))))
    send(godot.port, message("/vrfer/event/calm", 1), message("/vrfer/event/calm", 0.0))
    send(godot.port, message("/vrfer/fear", float("nan")), message("/vrfer/label", 7))
    send(godot.port, message("/vrfer/fear", "much"), message("/vrfer/label"))
    send(godot.port, bundle(message("/vrfer/label", "anger"), b"zzzz"))
    heard = godot.end()
    assert heard["malformed"] == len(packets) + 1
    assert heard["packets"] == 8
    assert heard["labels"] == ["fear"]
    assert heard["events"] == [["calm", True], ["calm", False], ["end", True]]
    assert heard["values"] == [0] * 8


def test_without_vrfer_the_face_goes_to_rest(display: str, tmp_path: Path) -> None:
    godot = RunningGodot(display, tmp_path, rest_after_s=0.2)
    try:
        calm = message("/vrfer/event/calm", 1)
        said = (("face", 1), ("label", "fear"), ("fear", 1.0))
        send(godot.port, bundle(*(message(f"/vrfer/{name}", value) for name, value in said), calm))
        godot.until("event calm ended")
        heard = godot.end()
    finally:
        godot.close()
    assert heard["labels"] == ["fear", "none"]
    assert heard["faces"] == [True, False]
    assert heard["values"] == [0] * 8
