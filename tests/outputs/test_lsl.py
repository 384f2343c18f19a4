"""Lab Streaming Layer, with real streams over the loopback and real receivers.

Long, as the tests of one module stand in one file.
"""

import contextlib
import json
import logging
import math
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs.made_up import UNIX_NS, only, reading, readings

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading
from vrfer.outputs import lsl
from vrfer.outputs.lsl import CHANNELS, LslClock, LslOutlet, values_of

pylsl = pytest.importorskip("pylsl", reason="pylsl comes with vrfer[lsl] alone")

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
LABELS = [channel.label for channel in CHANNELS]
HELLO = -1.0
"""`source_s` of readings that only find out whether someone listens."""


@pytest.fixture
def name() -> str:
    return f"vrfer {uuid.uuid4().hex[:12]}"


def hello(outlet: LslOutlet) -> None:
    outlet.take(replace(reading(None, source_s=HELLO), captured_ns=time.perf_counter_ns()))
    outlet.mark(UNIX_NS, time.perf_counter_ns(), "hello")


def until(met: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < deadline_s, f"waited in vain: {what}"


def found(stream: str) -> Any:
    streams = pylsl.resolve_byprop("name", stream, 1, PATIENCE_S)
    assert len(streams) == 1
    return streams[0]


@dataclass
class Receiver:
    """Both streams, received in this process."""

    readings: Any
    markers: Any

    def reading(self) -> tuple[dict[str, float], float]:
        values, at_s = self.readings.pull_sample(PATIENCE_S)
        assert values is not None, "no reading came"
        return dict(zip(LABELS, values, strict=True)), at_s

    def marker(self) -> tuple[str, float]:
        (text,), at_s = self.markers.pull_sample(PATIENCE_S)
        return text, at_s

    def markers_until_end(self) -> list[tuple[str, float]]:
        """All markers up to one that says `end`."""
        heard = [self.marker()]
        while heard[-1][0] != "end":
            heard.append(self.marker())
        return heard[:-1]


def listen(outlet: LslOutlet) -> Receiver:
    """Return a receiver of what comes from now on."""
    receiver = Receiver(
        pylsl.StreamInlet(found(outlet.name)), pylsl.StreamInlet(found(f"{outlet.name} markers"))
    )
    for inlet in (receiver.readings, receiver.markers):
        inlet.open_stream(PATIENCE_S)

        def heard(inlet: Any = inlet) -> bool:
            hello(outlet)
            return inlet.pull_sample(0.05)[0] is not None

        until(heard, "the first sample")
    outlet.take(reading(None, source_s=0.0))
    while receiver.reading()[0]["source_s"] == HELLO:
        pass
    outlet.mark(UNIX_NS, time.perf_counter_ns(), "begin")
    while receiver.marker()[0] == "hello":
        pass
    return receiver


@contextlib.contextmanager
def streaming(name: str, **more: Any) -> Iterator[tuple[LslOutlet, Receiver]]:
    """Open an outlet and a receiver; closing gives that no time for the last samples."""
    with LslOutlet(name, **more) as outlet:
        yield outlet, listen(outlet)
        with pytest.MonkeyPatch.context() as hurry:
            hurry.setattr(lsl, "FAREWELL_S", 0.0)
            outlet.close()


RECEIVE = """
import json, sys
from pylsl import StreamInlet, resolve_byprop

name = sys.argv[1]
inlets = {}
for stream in (name, f"{name} markers"):
    (found,) = resolve_byprop("name", stream, 1, 60)
    inlets[stream] = StreamInlet(found)
    inlets[stream].open_stream(60)
    while inlets[stream].pull_sample(1.0)[0] is None:
        pass
print("ready", flush=True)
for inlet in inlets.values():
    while True:
        values, at_s = inlet.pull_sample(20.0)
        if values is None:
            break
        print(json.dumps([values, at_s]), flush=True)
        if values[-1] == -2.0 or values == ["end"]:
            break
"""

RECEIVE_PLACES = """
import sys
from pylsl import StreamInlet, resolve_byprop

(found,) = resolve_byprop("name", sys.argv[1], 1, 60)
inlet = StreamInlet(found)
while inlet.pull_sample(1.0)[0] is None:
    pass
print("ready", flush=True)
places = [0.0]
while places[-1] != -2.0:
    places.append(inlet.pull_sample(60.0)[0][-1])
print(len(places), places[-2])
"""


@contextlib.contextmanager
def child(*arguments: str, code: str = RECEIVE, **more: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-u", "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env={**os.environ, **more},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_ready(outlet: LslOutlet, process: subprocess.Popen[str]) -> None:
    """Say hello until the child hears both streams."""
    heard: list[str] = []
    thread = threading.Thread(target=lambda: heard.append(process.stdout.readline()))
    thread.start()

    def ready() -> bool:
        hello(outlet)
        thread.join(0.02)
        return not thread.is_alive()

    until(ready, "the receiving process")
    assert heard == ["ready\n"]


def same_numbers(one: list[float], other: list[float]) -> bool:
    return np.array_equal(np.float32(one), np.float32(other), equal_nan=True)


class TestReadings:
    def test_every_value_arrives_in_its_channel(self, name: str) -> None:
        steady = [0.05, 0.5, 0.1, 0.05, 0.1, 0.1, 0.05, 0.05]
        raw = np.array([0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], np.float32)
        told = replace(reading(steady, label_id=1, unsure=True, at_s=2.0, source_s=1.25), raw=raw)
        with streaming(name) as (outlet, receiver):
            outlet.take(told)
            values, _ = receiver.reading()
        assert values == pytest.approx(
            {
                **dict(zip(EXPRESSIONS, steady, strict=True)),
                **{f"raw_{key}": v for key, v in zip(EXPRESSIONS, raw, strict=True)},
                "confidence": 0.5,
                "label_id": 1,
                "unsure": 1,
                "face": 1,
                "source_s": 1.25,
            }
        )

    def test_any_reading_arrives_as_it_was(self, name: str) -> None:
        with streaming(name) as (outlet, receiver):

            @settings(max_examples=50, deadline=None)
            @given(readings)
            def arrives(told: Reading) -> None:
                outlet.take(told)
                values, _ = receiver.reading()
                assert same_numbers(list(values.values()), values_of(told))

            arrives()

    def test_nothing_is_made_up_without_a_face(self, name: str) -> None:
        with streaming(name) as (outlet, receiver):
            outlet.take(reading(None))
            values, _ = receiver.reading()
        told = {"label_id": -1.0, "unsure": 0.0, "face": 0.0}
        assert {key: values.pop(key) for key in told} == told
        assert all(math.isnan(value) for value in values.values())

    def test_stamps_are_the_capture_time(self, name: str) -> None:
        with streaming(name) as (outlet, receiver):
            before_s = pylsl.local_clock()
            now_ns = time.perf_counter_ns()
            after_s = pylsl.local_clock()
            ages_s = [0.0, 0.01, 7.5, 3600.0]
            for age_s in ages_s:
                captured_ns = now_ns - round(age_s * 1e9)
                outlet.take(replace(reading(None), captured_ns=captured_ns))
                _, at_s = receiver.reading()
                slack_s = 1e-4 + time.get_clock_info("perf_counter").resolution
                assert before_s - slack_s <= at_s + age_s <= after_s + slack_s

    def test_distances_of_stamps_are_those_of_captures(self, name: str) -> None:
        with streaming(name) as (outlet, receiver):
            captures_ns = time.perf_counter_ns() + np.cumsum([0, 33_000_000, 1_000, 16_000_000])
            stamps_s = []
            for captured_ns in captures_ns.tolist():
                outlet.take(replace(reading(None), captured_ns=captured_ns))
                stamps_s.append(receiver.reading()[1])
        assert np.diff(stamps_s) == pytest.approx(np.diff(captures_ns) / 1e9, abs=1e-4)


class TestMarkers:
    def test_changes_are_told_once_with_the_time_of_their_picture(self, name: str) -> None:
        faces = [None, 1, 1, 4, None, None, 4, 4, 0]
        with streaming(name) as (outlet, receiver):
            start_ns = time.perf_counter_ns()
            start_s = pylsl.local_clock()
            for second, label_id in enumerate(faces):
                told = reading(None) if label_id is None else only(label_id)
                outlet.take(replace(told, captured_ns=start_ns + second * 10**9))
            outlet.mark(UNIX_NS, start_ns, "end")
            heard = receiver.markers_until_end()
        assert [(text, round(at_s - start_s)) for text, at_s in heard] == [
            ("face found", 1),
            ("label happiness", 1),
            ("label anger", 3),
            ("face lost", 4),
            ("face found", 6),
            ("label anger", 6),
            ("label neutral", 8),
        ]

    def test_users_markers_and_events_go_out_as_they_are(self, name: str) -> None:
        texts = ["block 2", "event scared begins", "Überraschung 😮", "", "a\nb", "\ud800"]
        with streaming(name) as (outlet, receiver):
            for text in texts:
                now_ns, now_s = time.perf_counter_ns(), pylsl.local_clock()
                outlet.mark(UNIX_NS, now_ns - 5 * 10**9, text)
                heard, at_s = receiver.marker()
                assert heard == text.replace("\ud800", "?")  # which no receiver could decode
                assert at_s == pytest.approx(now_s - 5, abs=0.1)


class TestDescription:
    def test_it_follows_the_xdf_conventions(self, name: str) -> None:
        with streaming(name) as (_, receiver):
            info = receiver.readings.info(PATIENCE_S)
            markers = receiver.markers.info(PATIENCE_S)
        assert (info.name(), info.type()) == (name, "FacialExpression")
        assert (info.nominal_srate(), info.channel_format()) == (0.0, pylsl.cf_float32)
        assert info.get_channel_labels() == LABELS
        assert info.get_channel_labels()[:8] == list(EXPRESSIONS)
        assert info.get_channel_types() == [channel.type for channel in CHANNELS]
        units = dict(zip(LABELS, info.get_channel_units(), strict=True))
        assert all(units[key] == "normalized" for key in [*LABELS[:16], "confidence"])
        assert info.desc().child("synchronization").child_value("can_drop_samples") == "true"
        assert (markers.name(), markers.type()) == (f"{name} markers", "Markers")
        assert (markers.nominal_srate(), markers.channel_format()) == (0.0, pylsl.cf_string)
        for described in (info, markers):
            acquisition = described.desc().child("acquisition")
            assert acquisition.child_value("manufacturer") == "vrfer"
            assert acquisition.child_value("version") == version("vrfer")

    def test_the_network_is_told_and_no_names_of_people_or_films(self, name: str) -> None:
        about = {
            "source": "patient-smith.mp4",
            "model": "lower<face>\ud800.onnx",
            "model_sha256": "ab" * 32,
            "device": "cpu",
            "camera_mode": None,
            "baseline": {"name": "smith"},
        }
        with streaming(name, about=about) as (_, receiver):
            info = receiver.readings.info(PATIENCE_S)
        acquisition = info.desc().child("acquisition")
        assert acquisition.child_value("model") == "lower<face>?.onnx"
        assert acquisition.child_value("model_sha256") == "ab" * 32
        assert acquisition.child_value("device") == "cpu"
        assert acquisition.child("camera_mode").empty()
        assert "smith" not in info.as_xml()

    def test_the_source_differs_between_names_and_computers_alone(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def sources(stream: str) -> tuple[str, str]:
            with LslOutlet(stream):
                return found(stream).source_id(), found(f"{stream} markers").source_id()

        monkeypatch.setattr(socket, "gethostname", lambda: "Lab's-PC.local")
        here = sources(name)
        assert len(set(here)) == 2
        assert "'" not in "".join(here)
        assert sources(name) == here
        assert not set(sources(f"{name} 2")) & set(here)
        monkeypatch.setattr(socket, "gethostname", lambda: "Lab's-PC.elsewhere.org")
        assert sources(name) == here
        monkeypatch.setattr(socket, "gethostname", lambda: "other")
        assert not set(sources(name)) & set(here)


class TestRobustness:
    def test_a_receiver_goes_on_after_a_restart(self, name: str) -> None:
        with streaming(name) as (outlet, receiver):
            pass
        with LslOutlet(name) as outlet:

            def heard(inlet: Any) -> bool:
                hello(outlet)
                return inlet.pull_sample(0.05)[0] is not None

            until(lambda: heard(receiver.readings), "readings after the restart")
            until(lambda: heard(receiver.markers), "markers after the restart")

    def test_whether_someone_receives_is_known(self, name: str) -> None:
        with LslOutlet(name) as outlet:
            assert not outlet.received
            receiver = listen(outlet)
            assert outlet.received
            del receiver
            until(lambda: hello(outlet) or not outlet.received, "the receiver's end")
        assert not outlet.received

    def test_the_last_samples_arrive_though_the_outlet_closes_at_once(self, name: str) -> None:
        with LslOutlet(name) as outlet:
            receiver = listen(outlet)
            for place in range(1000):
                outlet.take(reading(None, source_s=place))
            outlet.mark(UNIX_NS, time.perf_counter_ns(), "end")
        assert [receiver.reading()[0]["source_s"] for _ in range(1000)] == list(range(1000))
        assert receiver.marker()[0] == "end"

    def test_all_of_a_film_as_fast_as_possible_arrives_in_another_process(self, name: str) -> None:
        start_s = time.monotonic()
        told = [
            only(number // 50 % 8, at_s=start_s + number / 1000, source_s=number / 25)
            for number in range(500)
        ]
        with LslOutlet(name) as outlet, child(name) as receiver:
            wait_until_ready(outlet, receiver)
            for one in told:
                outlet.take(one)
            outlet.take(reading(None, source_s=-2.0))
            outlet.mark(UNIX_NS, time.perf_counter_ns(), "end")
            heard, _ = receiver.communicate(timeout=PATIENCE_S)
        lines = [json.loads(line) for line in heard.splitlines()]
        samples = [line for line in lines if len(line[0]) == len(CHANNELS)]
        samples = [line for line in samples if line[0][-1] >= 0]
        assert len(samples) == len(told)
        for (values, at_s), one in zip(samples, told, strict=True):
            assert same_numbers(values, values_of(one))
            assert at_s == pytest.approx(samples[0][1] + one.source_s * 25 / 1000, abs=1e-4)
        labels = [line[0][0] for line in lines if len(line[0]) == 1 and line[0] != ["hello"]]
        changes = [f"label {EXPRESSIONS[number % 8]}" for number in range(10)]
        assert labels == ["face found", *changes, "face lost", "end"]

    def test_a_receiver_that_stalls_holds_nothing_up_and_hears_the_newest(self, name: str) -> None:
        told = reading(None)
        with LslOutlet(name) as outlet, child(name, code=RECEIVE_PLACES) as receiver:
            wait_until_ready(outlet, receiver)
            psutil.Process(receiver.pid).suspend()
            before, many = outlet.sent, 40_000
            for number in range(many):
                outlet.take(replace(told, source_s=number))
            assert (outlet.sent, outlet.failed) == (before + many, 0)
            psutil.Process(receiver.pid).resume()
            outlet.take(reading(None, source_s=-2.0))
            heard, _ = receiver.communicate(timeout=PATIENCE_S)
        received, newest = map(float, heard.split())
        assert received >= 18_000
        assert newest == many - 1

    def test_a_receiver_that_was_killed_holds_nothing_up(self, name: str) -> None:
        with LslOutlet(name) as outlet:
            with child(name) as receiver:
                wait_until_ready(outlet, receiver)
            until(lambda: hello(outlet) or not outlet.received, "the receiver's end")
            assert outlet.failed == 0

    def test_failures_are_counted_and_said_once(
        self, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def refuse(*_: object) -> None:
            raise pylsl.util.InternalError("an internal error has occurred.")

        with LslOutlet(name) as outlet, caplog.at_level(logging.INFO, "vrfer"):
            outlet.take(only(1))
            assert (outlet.sent, outlet.failed, outlet.error) == (3, 0, "")
            with monkeypatch.context() as broken:
                broken.setattr(pylsl.StreamOutlet, "push_sample", refuse)
                outlet.take(only(1))
                outlet.mark(UNIX_NS, time.perf_counter_ns(), "lost")
            assert (outlet.sent, outlet.failed) == (3, 2)
            assert "internal error" in outlet.error
            assert len(caplog.records) == 1
            outlet.take(only(1))
            assert (outlet.sent, outlet.failed, outlet.error) == (4, 2, "")
            assert "works again" in caplog.records[1].message

    def test_closed_it_takes_nothing_and_raises_nothing(self, name: str) -> None:
        outlet = LslOutlet(name)
        outlet.close()
        outlet.close()
        outlet.take(reading(None))
        outlet.mark(UNIX_NS, time.perf_counter_ns(), "late")
        assert (outlet.sent, outlet.failed, outlet.error) == (0, 2, "it is closed")


class TestBadInput:
    @pytest.mark.parametrize("bad", ["", " ", " a", "a ", "it's", 'a"b', "a\nb", "a<b", "x" * 65])
    def test_unusable_names_are_refused(self, bad: str) -> None:
        with pytest.raises(OutputError, match=re.escape(repr(bad))):
            LslOutlet(bad)

    def test_a_missing_pylsl_is_one_line_with_the_remedy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pylsl", None)
        with pytest.raises(OutputError, match=r'pip install "vrfer\[lsl\]"'):
            LslOutlet()

    def test_a_broken_liblsl_is_one_line_with_the_remedy(self, tmp_path: Path) -> None:
        library = tmp_path / "liblsl.so"
        library.write_text("no library", encoding="utf-8")
        line = said_by_a_program(PYLSL_LIB=str(library))
        assert f"liblsl library '{library}' found but could not be loaded" in line
        assert 'pip install "vrfer[lsl]"' in line

    def test_an_absent_liblsl_is_one_line_with_the_remedy(self, tmp_path: Path) -> None:
        """As where pylsl's wheel for the system holds no library."""
        source = Path(pylsl.__file__).parent
        for file in source.rglob("*.py"):
            target = tmp_path / "pylsl" / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        line = said_by_a_program(PYTHONPATH=str(tmp_path))
        if "offered" in line:
            pytest.skip("this system has a liblsl beside the package")
        assert "was not found" in line
        assert 'pip install "vrfer[lsl]"' in line

    def test_ports_that_are_all_taken_are_one_line_with_the_remedy(self, tmp_path: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            port = taken.getsockname()[1]
            config = tmp_path / "lsl_api.cfg"
            config.write_text(
                f"[ports]\nIPv6 = disable\nBasePort = {port}\nPortRange = 1\n"
                "AllowRandomPorts = false\n[multicast]\nResolveScope = machine\n",
                encoding="utf-8",
            )
            line = said_by_a_program(LSLAPICFG=str(config))
        assert line.startswith("Lab Streaming Layer cannot offer the stream vrfer: ")
        assert "lsl_api.cfg" in line

    def test_pylsl_is_loaded_when_it_is_needed(self) -> None:
        code = "import sys, vrfer.outputs.lsl; print('pylsl' in sys.modules)"
        with child(code=code) as program:
            assert program.communicate(timeout=PATIENCE_S)[0] == "False\n"


def said_by_a_program(**environment: str) -> str:
    """Return the one line that a program with an outlet says."""
    code = textwrap.dedent("""
        from vrfer.errors import OutputError
        from vrfer.outputs.lsl import LslOutlet
        try:
            with LslOutlet():
                print("offered")
        except OutputError as err:
            print(err)
    """)
    with child(code=code, **environment) as program:
        (line,) = program.communicate(timeout=PATIENCE_S)[0].splitlines()
    return line


class World:
    """Two clocks that show a made-up time, and cost some of it to look at."""

    def __init__(self, offset_s: float, *, step_s: float = 0.0, drift: float = 0.0) -> None:
        self.now_s, self.offset_s, self.step_s, self.drift = 1000.0, offset_s, step_s, drift
        self.look_s = 1e-6

    def steady_ns(self) -> int:
        self.now_s += self.look_s
        now_s = self.now_s
        if self.step_s:
            now_s = math.floor(now_s / self.step_s) * self.step_s
        return round(now_s * 1e9)

    def local_clock_s(self) -> float:
        self.now_s += self.look_s
        return self.true_s(self.now_s)

    def true_s(self, steady_s: float) -> float:
        return steady_s + self.offset_s + self.drift * (steady_s - 1000.0)

    def clock(self) -> LslClock:
        return LslClock(self.local_clock_s, self.steady_ns, step_s=self.step_s)

    def error_s(self, clock: LslClock, later_s: float = 0.033) -> float:
        """How far a time of a little later is off."""
        self.now_s += later_s
        return abs(clock.seconds(round(self.now_s * 1e9)) - self.true_s(self.now_s))


class TestClock:
    @settings(max_examples=40, deadline=None)
    @given(
        st.floats(-1e6, 1e6),
        st.sampled_from([(0.0, 1e-4), (0.001, 1e-3), (0.015625, 4e-3)]),
        st.sampled_from([-5e-5, 0.0, 5e-5]),
        st.sampled_from([0.033, 0.4871]),
    )
    def test_it_knows_the_other_clock(
        self, offset_s: float, step: tuple[float, float], drift: float, every_s: float
    ) -> None:
        step_s, allowed_s = step
        world = World(offset_s, step_s=step_s, drift=drift)
        clock = world.clock()
        for _ in range(400):
            assert world.error_s(clock, every_s) < allowed_s

    def test_making_it_takes_no_longer_than_promised(self) -> None:
        world = World(5.0, step_s=10.0)
        world.clock()
        assert world.now_s < 1000.06

    def test_an_interrupted_look_spoils_nothing(self) -> None:
        world = World(5.0)
        clock = world.clock()
        world.now_s += 2.0
        world.look_s = 0.02
        clock.seconds(round(world.now_s * 1e9))
        world.look_s = 1e-6
        assert world.error_s(clock) < 3e-4

    @pytest.mark.parametrize("jump_s", [-3600.0, -0.5, 0.5, 3600.0])
    def test_a_clock_that_jumps_is_followed(self, jump_s: float) -> None:
        world = World(5.0)
        clock = world.clock()
        world.offset_s += jump_s  # the computer slept, and one clock with it
        world.now_s += 2.0
        assert world.error_s(clock) < 1e-4


def test_the_example_of_the_page_works(name: str) -> None:
    page = (ROOT / "docs" / "lsl.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(example.splitlines()) <= 10
    with LslOutlet(name) as outlet, child(code=example) as program:
        told = threading.Event()

        def listen_to() -> None:
            program.stdout.readline()
            said.append(program.stdout.readline())
            told.set()

        said: list[str] = []
        thread = threading.Thread(target=listen_to)
        thread.start()

        def heard() -> bool:
            outlet.take(replace(only(1, 0.75), captured_ns=time.perf_counter_ns()))
            return told.wait(0.02)

        until(heard, "the example's second line")
        thread.join()
    at_s, label, share = said[0].split()
    assert float(at_s) == pytest.approx(pylsl.local_clock(), abs=PATIENCE_S)
    assert (label, share) == ("happiness", "0.75")
