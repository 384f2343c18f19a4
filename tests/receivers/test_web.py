"""The bridge to a browser, run with Node, and what the page does with its readings."""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

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

from vrfer.expressions import EXPRESSIONS

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not here (Debian: nodejs)")
WEB = RECEIVERS / "web"


class RunningBridge:
    """The bridge in its own process, at free ports."""

    def __init__(self, *options: str, program: Path = WEB / "bridge.mjs") -> None:
        self.process = subprocess.Popen(
            [str(NODE), str(program), "--osc-port", "0", "--http-port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        words = self.process.stdout.readline().split()
        self.osc_port = int(words[6].rstrip("."))
        self.http_port = int(words[-1].rstrip("/").rpartition(":")[2])

    @contextlib.contextmanager
    def get(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=30)
        connection.request("GET", path, headers=headers)
        with contextlib.closing(connection), connection.getresponse() as answer:
            yield answer

    def status(self) -> dict[str, int]:
        with self.get("/status") as answer:
            status: dict[str, int] = json.load(answer)
            return status

    def wait_for_packets(self, count: int) -> dict[str, int]:
        while True:
            status = self.status()
            if status["packets"] + status["malformed"] >= count:
                return status

    def end(self) -> str:
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        return said


@pytest.fixture
def bridge() -> Iterator[RunningBridge]:
    running = RunningBridge("--silence", "0")
    yield running
    assert running.end() == ""


def events(stream: http.client.HTTPResponse) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = ""
    for line in stream:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def test_the_clip_reaches_the_page_reading_by_reading(
    bridge: RunningBridge, tmp_path: Path
) -> None:
    with bridge.get("/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        session = send_clip(bridge.osc_port, tmp_path, "--seconds", "5")
        send(bridge.osc_port, message("/vrfer/event/end", 1))
        readings = []
        for kind, data in events(stream):
            if data.get("name") == "end":
                break
            if kind == "reading":
                readings.append(data)
    at_rest, *readings = readings
    assert at_rest["label"] == "none"
    assert len(readings) == len(session.rows)
    assert [label for label, _ in groupby(r["label"] for r in readings)] == labels_of(session)
    assert all(reading["face"] for reading in readings)
    for i, name in enumerate(EXPRESSIONS):
        heard = [reading["probabilities"][name] for reading in readings]
        assert heard == pytest.approx(session.steady[:, i].tolist(), abs=1e-4)
    captured = session.rows["captured_at"].astype("datetime64[us]").astype(int) / 1000
    assert [r["capturedAt"] for r in readings] == pytest.approx(captured.tolist(), abs=2)


def test_a_page_that_opens_late_hears_the_last_reading_and_running_events(
    bridge: RunningBridge,
) -> None:
    send(bridge.osc_port, bundle(message("/vrfer/label", "fear"), message("/vrfer/event/calm", 1)))
    bridge.wait_for_packets(1)
    with bridge.get("/events") as stream:
        heard = events(stream)
        assert next(heard)[1]["label"] == "fear"
        assert next(heard) == ("event", {"name": "calm", "on": True})


def test_events_are_told_once_each_way(bridge: RunningBridge) -> None:
    with bridge.get("/events") as stream:
        for value in (1, 1, 0.0, 0, 1):
            send(bridge.osc_port, bundle(bundle(message("/vrfer/event/calm", value))))
        send(bridge.osc_port, message("/vrfer/event/end", 1))
        heard = [(data.get("name"), data.get("on")) for _, data in islice(events(stream), 5)]
    on, off = ("calm", True), ("calm", False)
    assert heard[1:] == [on, off, on, ("end", True)]


def test_events_end_when_vrfer_goes_away(tmp_path: Path) -> None:
    running = RunningBridge("--silence", "0.5")
    try:
        with running.get("/events") as stream:
            names = ("calm", "over", "scared")
            told = [message(f"/vrfer/event/{name}", 1) for name in names]
            send(running.osc_port, bundle(*told, message("/vrfer/event/over", 0)))
            heard = [(data.get("name"), data.get("on")) for _, data in islice(events(stream), 8)]
        began = [(name, True) for name in names]
        rest = (None, None)  # a reading
        assert heard == [rest, *began, ("over", False), rest, ("calm", False), ("scared", False)]
    finally:
        running.end()


def test_a_page_that_opens_after_vrfer_went_away_hears_a_face_at_rest(tmp_path: Path) -> None:
    running = RunningBridge("--silence", "0.3")
    try:
        with running.get("/events") as stream:
            send(running.osc_port, message("/vrfer/label", "fear"))
            labels = [data["label"] for _, data in islice(events(stream), 3)]
        assert labels == ["none", "fear", "none"]
        with running.get("/events") as stream:
            assert next(events(stream))[1]["label"] == "none"
    finally:
        running.end()


def test_a_page_that_does_not_lie_beside_the_bridge_ends_nothing(tmp_path: Path) -> None:
    running = RunningBridge(program=Path(shutil.copy(WEB / "bridge.mjs", tmp_path)))
    try:
        for _ in range(2):
            with running.get("/") as answer:
                assert answer.status == 404
                assert b"index.html" in answer.read()
    finally:
        running.end()


@pytest.mark.parametrize("silence", ["-1", "soon", "", "1e10"])
def test_a_silence_that_is_no_time_is_refused(silence: str) -> None:
    done = subprocess.run(
        [str(NODE), str(WEB / "bridge.mjs"), f"--silence={silence}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert "--silence takes seconds" in done.stderr


def test_malformed_packets_are_counted_and_end_nothing(bridge: RunningBridge) -> None:
    packets = malformed_packets(1000)
    for sent in range(0, len(packets), 50):
        send(bridge.osc_port, *packets[sent : sent + 50])
        assert bridge.wait_for_packets(sent + 50)["malformed"] == sent + 50
    send(bridge.osc_port, message("/vrfer/label", "anger"))
    assert bridge.wait_for_packets(len(packets) + 1)["packets"] == 1
    with bridge.get("/events") as stream:
        assert next(events(stream))[1]["label"] == "anger"


@pytest.mark.parametrize("arguments", [(), (7,), (float("nan"),), (b"blob",)])
def test_a_wrong_argument_changes_nothing(
    bridge: RunningBridge, arguments: tuple[float | bytes, ...]
) -> None:
    names = ["label"] if arguments == (7,) else ["label", "fear", "face", "event/calm"]
    send(bridge.osc_port, *(message(f"/vrfer/{name}", *arguments) for name in names))
    assert bridge.wait_for_packets(len(names))["malformed"] == 0
    send(bridge.osc_port, message("/vrfer/event/end", 1))
    bridge.wait_for_packets(len(names) + 1)
    with bridge.get("/events") as stream:
        heard = events(stream)
        _, reading = next(heard)
        assert (reading["label"], reading["face"]) == ("none", False)
        assert set(reading["probabilities"].values()) == {0}
        assert next(heard) == ("event", {"name": "end", "on": True})


def test_the_page_is_served_and_nothing_else(bridge: RunningBridge) -> None:
    for path, file in {"/": "index.html", "/vrfer.js": "vrfer.js"}.items():
        with bridge.get(path) as answer:
            assert answer.status == 200
            assert answer.read() == (WEB / file).read_bytes()
    for path in ("/bridge.mjs", "/../README.md", "//vrfer.js/", "//[", "/constructor"):
        with bridge.get(path) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://localhost:5173"}, 200),
        ({"Origin": "https://127.0.0.1"}, 200),
        ({"Origin": "https://allowed.example"}, 200),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "https://localhost.elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "elsewhere.example"}, 403),
        ({"Host": "localhost:8080"}, 200),
        ({"Host": "192.168.1.5:8080"}, 403),  # it is served to this computer alone
        ({"Host": "named.local:8080"}, 200),
        ({"Host": "named.local:8080", "Origin": "http://named.local:8080"}, 200),
        ({"Host": "named.local:8080", "Origin": "http://other.local:8080"}, 403),
    ],
)
def test_only_pages_of_this_computer_and_named_ones_may_read(
    headers: dict[str, str], status: int
) -> None:
    running = RunningBridge(
        "--allow-origin", "https://allowed.example", "--allow-host", "Named.local"
    )
    try:
        with running.get("/events", **headers) as answer:
            assert answer.status == status
            allowed = answer.headers.get("Access-Control-Allow-Origin")
            assert allowed == (headers.get("Origin") if status == 200 else None)
    finally:
        running.end()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_served_to_the_network_it_is_found_under_the_computers_addresses(host: str) -> None:
    if host == "::" and not socket.has_dualstack_ipv6():
        pytest.skip("this system has no IPv6")
    running = RunningBridge("--host", host)
    try:
        for name, status in {
            "192.168.1.5:8080": 200,
            "[fd00::5]:8080": 200,
            "elsewhere.example": 403,
        }.items():
            with running.get("/status", Host=name) as answer:
                assert answer.status == status
    finally:
        running.end()


def test_a_port_that_is_taken_is_one_line_with_a_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        done = subprocess.run(
            [str(NODE), str(WEB / "bridge.mjs"), "--osc-port", str(taken.getsockname()[1])],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "choose another with --osc-port" in done.stderr


def evaluate(code: str, folder: Path) -> Any:
    """Return what an expression yields that uses the page's module as `vrfer`."""
    # Older versions of Node know a module by its ending alone.
    module = shutil.copy(WEB / "vrfer.js", folder / "vrfer.mjs")
    script = f'import * as vrfer from "{module.as_uri()}";\nconsole.log(JSON.stringify({code}));'
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


def test_a_page_ends_its_events_when_the_bridge_goes_away(tmp_path: Path) -> None:
    code = """(() => {
        const source = new EventTarget();
        globalThis.EventSource = function () { return Object.assign(source, {close() {}}); };
        const heard = [];
        const open = vrfer.connect({onEvent: (name, on) => heard.push([name, on])});
        const tell = (name, on) => source.dispatchEvent(
            Object.assign(new Event("event"), {data: JSON.stringify({name, on})}));
        tell("calm", true);
        tell("over", true);
        tell("over", false);
        source.dispatchEvent(new Event("error"));
        source.dispatchEvent(new Event("error"));
        tell("calm", true);
        open.close();
        return heard;
    })()"""
    heard = evaluate(code, tmp_path)
    assert heard[:3] == [["calm", True], ["over", True], ["over", False]]
    assert heard[3:] == [["calm", False], ["calm", True]]


def test_morph_targets_follow_and_missing_ones_are_named(tmp_path: Path) -> None:
    code = """(() => {
        const mesh = {morphTargetDictionary: {a: 0, b: 1}, morphTargetInfluences: [0, 0]};
        const shapes = {a: {fear: 0.5, anger: 1}, b: {happiness: 4}, c: {fear: 1}};
        const missing = vrfer.applyMorphTargets(mesh, {fear: 0.5, happiness: 0.5}, shapes);
        return [missing, mesh.morphTargetInfluences];
    })()"""
    assert evaluate(code, tmp_path) == [["c"], [0.25, 1]]


def test_values_move_two_thirds_of_the_way_in_the_time_of_smoothing(tmp_path: Path) -> None:
    code = """(() => {
        const rest = Object.fromEntries(vrfer.EXPRESSIONS.map((name) => [name, 0]));
        const [slow, quick] = [{...rest}, {...rest}];
        vrfer.smooth(slow, {...rest, fear: 1}, 0.1, 0.1);
        vrfer.smooth(quick, {...rest, fear: 1}, 0.1, 0);
        return [slow.fear, quick.fear, vrfer.mixFeatures(quick).eyes > 0];
    })()"""
    assert evaluate(code, tmp_path) == [pytest.approx(0.632, abs=0.001), 1, True]
