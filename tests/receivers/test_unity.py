"""The Unity receivers, compiled against stand-ins for Unity and run as the engine would run them.

Unity itself is not here: what is tried is the components' own code, with Mono.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from receivers.clip_sender import (
    RECEIVERS,
    STUBS,
    bundle,
    labels_of,
    malformed_packets,
    message,
    send,
    send_clip,
)

MCS, MONO = shutil.which("mcs"), shutil.which("mono")
pytestmark = pytest.mark.skipif(
    MCS is None or MONO is None, reason="Mono is not here (Debian: mono-mcs, mono-runtime)"
)
UNITY = RECEIVERS / "unity"


def compile_with_mono(target: Path, *sources: Path, kind: str = "exe") -> Path:
    done = subprocess.run(
        [str(MCS), "-warn:4", "-warnaserror", f"-target:{kind}", f"-out:{target}", *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return target


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile all three components into one program that plays the part of the engine."""
    sources = [*(STUBS / "unity").glob("*.cs"), *UNITY.glob("*.cs")]
    return compile_with_mono(tmp_path_factory.mktemp("unity") / "Scene.exe", *sources)


class RunningScene:
    """A scene that listens; its lines are read as they come."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [str(MONO), str(program), "udp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.lines: list[str] = []
        self.port = int(self.until("listening").split()[1])

    def until(self, beginning: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(beginning):
                return line.rstrip()
        raise AssertionError(f"the scene ended before {beginning!r}: {self.lines}")

    def packets(self, at_least: int) -> tuple[int, int]:
        """Wait until so many packets came in; return those understood and those malformed."""
        assert self.process.stdin is not None
        while True:
            self.process.stdin.write("state\n")
            self.process.stdin.flush()
            _, heard, malformed = (part.split("=")[-1] for part in self.until("state").split())
            if int(heard) + int(malformed) >= at_least:
                return int(heard), int(malformed)

    def end(self) -> list[str]:
        """Leave the scene; return the lines that came after."""
        before = len(self.lines)
        rest, _ = self.process.communicate(timeout=60)
        self.lines += rest.splitlines()
        assert self.process.returncode == 0
        return self.lines[before:]


@pytest.fixture
def running(scene: Path) -> Iterator[RunningScene]:
    started = RunningScene(scene)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.process.communicate()


def test_the_clip_drives_labels_and_blend_shapes(running: RunningScene, tmp_path: Path) -> None:
    session = send_clip(running.port, tmp_path)
    send(running.port, message("/vrfer/event/calm", 0))
    heard, malformed = running.packets(len(session.rows) + 1)
    after = running.end()
    events = [line for line in running.lines if line.startswith("calm")]
    assert events[:2] == ["calm began", "calm ended"]
    # The end sent by hand is news only if the rule's own had not come yet.
    assert heard - len(session.rows) - len(events) in (0, 1)
    assert malformed == 0
    labels = [line.split()[1] for line in running.lines if line.startswith("label ")]
    assert labels[:-1] == labels_of(session)
    assert len(set(labels)) > 3
    assert [line for line in running.lines if line.startswith("face ")] == [
        "face seen",
        "face lost",
    ]
    weights = [float(weight) for weight in after[0].split()[1:]]
    assert weights == pytest.approx(100 * session.steady[-1], abs=0.01)
    # Taken out of the scene, the component leaves the face at rest and the label at none.
    assert labels[-1] == "none"
    assert f"weights{' 0' * 8}" in after
    assert "again True" in after


def test_a_port_that_is_taken_is_said_with_a_remedy(running: RunningScene) -> None:
    said = [line for line in running.end() if line.startswith("error ")]
    assert len(said) == 1
    assert "cannot be listened to" in said[0]
    assert "choose another port" in said[0]


def test_a_blend_shape_that_the_mesh_lacks_is_said_once(running: RunningScene) -> None:
    running.packets(0)
    warned = [line for line in running.lines if line.startswith("warning ")]
    assert len(warned) == 1
    assert '"Nonesuch"' in warned[0]


def test_malformed_packets_are_counted_and_end_nothing(running: RunningScene) -> None:
    packets = malformed_packets(1000)
    sent = 0
    for some in batches(packets, 50):
        send(running.port, *some)
        sent += len(some)
        assert running.packets(sent) == (0, sent)
    send(running.port, message("/vrfer/label", "surprise"))
    assert running.packets(sent + 1) == (1, sent)
    assert "label surprise" in running.lines


def batches(packets: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(packets), size):
        yield packets[start : start + size]


def test_events_and_all_argument_types_are_heard_in_nested_bundles(running: RunningScene) -> None:
    blob = message("/other", b"12345", 7, 0.5, "words")
    calm = message("/vrfer/event/calm", 1)
    send(running.port, bundle(blob, bundle(message("/vrfer/label", "fear"), bundle(calm))))
    assert running.packets(1) == (1, 0)
    send(running.port, message("/vrfer/event/calm", 1), message("/vrfer/event/calm", 0.0))
    send(running.port, message("/vrfer/event/unknown", 1), message("/vrfer/fear", float("nan")))
    assert running.packets(5) == (5, 0)
    heard = [line for line in running.lines if line.startswith(("label", "calm"))]
    assert heard == ["label fear", "calm began", "calm ended"]
    assert running.end()[0] == f"weights{' 0' * 8}"


def test_a_malformed_bundle_changes_nothing(running: RunningScene) -> None:
    send(running.port, bundle(message("/vrfer/label", "fear"), b"zzzz"), message("/vrfer/face", 1))
    assert running.packets(2) == (1, 1)
    assert "face seen" in running.lines
    assert "label fear" not in running.lines


@pytest.mark.parametrize("adapter", ["extosc", "oscjack"])
def test_the_adapters_do_the_same_with_what_their_package_hands_them(
    scene: Path, adapter: str
) -> None:
    done = subprocess.run(
        [str(MONO), str(scene), adapter], capture_output=True, text=True, check=True, timeout=60
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith("warning")]
    assert lines[:4] == ["face seen", "label happiness", "calm began", "weights 0 75 0 0 0 0 0 0"]
    assert lines[4:7] == ["label none", "face lost", "calm ended"]
    if adapter == "extosc":
        assert len(lines) == 7  # nothing is heard after it was disabled
    else:
        assert lines[7] == "servers 3 first closed True"  # opened anew after silence
        assert lines[8:11] == lines[:3]
        assert lines[-1] == "last closed True"


def test_listeners_that_fail_cost_only_themselves(scene: Path) -> None:
    done = subprocess.run(
        [str(MONO), str(scene), "careless"], capture_output=True, text=True, check=True, timeout=60
    )
    assert [line for line in done.stdout.splitlines() if not line.startswith("warning")] == [
        "face seen",
        "exception a listener fell over happiness",
        "calm began",
        "weights 0 75 0 0 0 0 0 0",
        "face lost",  # whose listener switches the component off
        "exception a listener fell over none",
        "calm ended",
        "weights 0 0 0 0 0 0 0 0",
    ]


def test_the_receiver_without_a_package_compiles_alone(tmp_path: Path) -> None:
    stub = STUBS / "unity" / "UnityEngine.cs"
    compile_with_mono(tmp_path / "alone.dll", stub, UNITY / "VrferReceiver.cs", kind="library")
