"""The Pure Data patch in Pure Data itself, without its window."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
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

PD = shutil.which("pd")
pytestmark = pytest.mark.skipif(PD is None, reason="Pure Data is not here (Debian: puredata-core)")
NAMES = ("probabilities", "event", "face", "confidence", "unsure", *EXPRESSIONS)


class RunningPatch:
    """A user's patch with `[vrfer PORT]`, which prints what the receivers in it give."""

    def __init__(self, folder: Path) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        lines = ["#N canvas 0 0 400 400 10;", f"#X obj 0 0 vrfer {self.port};"]
        wires = []
        for i, name in enumerate(NAMES):
            lines += [f"#X obj 0 {40 * i} r vrfer-{name};", f"#X obj 0 {40 * i} print {name};"]
            wires.append(f"#X connect {2 * i + 1} 0 {2 * i + 2} 0;")
        patch = folder / "patch.pd"
        patch.write_text("\n".join([*lines, *wires, ""]), encoding="utf-8")
        self._program = Program(
            [
                *(str(PD), "-nogui", "-nrt", "-noaudio", "-nomidi", "-nostdpath", "-noprefs"),
                *("-path", str(RECEIVERS / "puredata"), str(patch)),
            ]
        )
        self.lines = self._program.lines
        self.until(f"vrfer: listening {self.port}")

    def until(self, wanted: str) -> None:
        self._program.until(lambda line: line == wanted)

    def said(self, name: str) -> list[str]:
        return [line.removeprefix(f"{name}: ") for line in self.lines if line.startswith(name)]

    def until_end(self) -> None:
        send(self.port, message("/vrfer/event/end", 1))
        self.until("event: end 1")

    def close(self) -> None:
        self._program.close()


@pytest.fixture
def patch(tmp_path: Path) -> Iterator[RunningPatch]:
    running = RunningPatch(tmp_path)
    yield running
    running.close()


def test_the_clip_reaches_the_patch(patch: RunningPatch, tmp_path: Path) -> None:
    session = send_clip(patch.port, tmp_path)
    patch.until_end()
    labels = [line.removeprefix("label ") for line in patch.said("vrfer") if "label " in line]
    assert labels == labels_of(session)
    assert patch.said("face") == ["1"]
    *events, _ = patch.said("event")
    assert events == [f"calm {(i + 1) % 2}" for i in range(len(events))]
    assert len(events) > 1
    heard = [[float(word) for word in line.split()] for line in patch.said("probabilities")]
    assert len(heard) == len(session.rows)
    assert heard[-1] == pytest.approx(session.steady[-1].tolist(), abs=1e-4)
    for i, name in enumerate(EXPRESSIONS):
        column = session.steady[:, i].tolist()
        assert [float(line) for line in patch.said(name)] == pytest.approx(column, abs=1e-4)
    assert not [line for line in patch.lines if "error" in line]


def test_malformed_packets_end_nothing(patch: RunningPatch) -> None:
    # Pure Data 0.53 itself crashes when a bundle names an element of nearly 2 GiB.
    packets = [packet for packet in malformed_packets(300) if packet[:1] != b"#"]
    assert len(packets) > 200
    for start in range(0, len(packets), 20):
        send(patch.port, *packets[start : start + 20])
        patch.until_end()
    assert patch.said("probabilities") == []
    label = (message("/vrfer/label", "fear"), message("/vrfer/label/id", 6))
    send(patch.port, bundle(*label, bundle(message("/vrfer/fear", 0.75))))
    patch.until("fear: 0.75")
    assert patch.said("vrfer")[-1] == "label fear"
