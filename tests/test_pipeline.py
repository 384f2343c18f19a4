"""The whole street with a source in memory: counts, order, and a camera that goes away.

Long, as the tests of one module stand in one file.
"""

import csv
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle import OscBundle
from settled import settled
from tiny_network import tiny_contract, write_network

from vrfer.errors import ModelContractError
from vrfer.frames import Frame, LowerFace, Reading, Scores
from vrfer.outputs.messages import encode_reading
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.outputs.profiles import load_profile
from vrfer.outputs.recorder import Recorder
from vrfer.outputs.rows import FOUND_ELSEWHERE
from vrfer.pipeline import Durations, Outputs, Reader, Summary, read_expressions, run
from vrfer.recording import load_session
from vrfer.sources import Source
from vrfer.steady import Steady, SteadySettings

FACE = LowerFace((10.0, 20.0), (10.0, 30.0), 40.0, 0.9)
HAPPY = np.array([0.05, 0.5, 0.1, 0.05, 0.1, 0.05, 0.1, 0.05], np.float32)
PICTURE = np.zeros((2, 2, 3), np.uint8)


class Step(Enum):
    """What a scripted source does when it is read."""

    SEEN = auto()
    """A frame with a face."""
    UNSEEN = auto()
    """A frame without one."""
    QUIET = auto()
    """No frame in time."""
    AWAY = auto()
    """No frame, for the camera is away."""
    CORRUPT = auto()
    """No frame, for it could not be decoded."""
    SKIPPED = auto()
    """No frame, for a newer one came."""


SEEN, UNSEEN, QUIET, AWAY, CORRUPT, SKIPPED = Step


class ScriptedSource(Source):
    """Plays a script, and then is exhausted or quiet for ever."""

    def __init__(
        self,
        script: Sequence[Step],
        *,
        live: bool = True,
        endless: bool = False,
        age_s: float = 0.0,
        fps: float = 30.0,
    ) -> None:
        self.live = live
        self.name = "script"
        self.faces: list[bool] = []
        """Which of the frames so far have a face."""
        self.left = list(script)
        self.reads = self.closed = 0
        self._endless, self._fps = endless, fps
        self._counts = dict.fromkeys(Step, 0)
        self._now = QUIET
        self._began_ns = time.perf_counter_ns() - round(age_s * 1e9)
        self._began_unix_ns = time.time_ns() - round(age_s * 1e9)

    def read(self, timeout_s: float) -> Frame | None:
        assert 0 < timeout_s <= 1
        self.reads += 1
        self._now = self.left.pop(0) if self.left else QUIET
        self._counts[self._now] += 1
        if self._now not in (SEEN, UNSEEN):
            return None
        index = len(self.faces)
        self.faces.append(self._now is SEEN)
        passed_ns = round(index / self._fps * 1e9)
        source_s = None if self.live else index / self._fps
        return Frame(
            PICTURE, index, self._began_ns + passed_ns, self._began_unix_ns + passed_ns, source_s
        )

    @property
    def exhausted(self) -> bool:
        return not self.left and not self._endless

    @property
    def skipped(self) -> int:
        return self._counts[SKIPPED]

    @property
    def missing(self) -> bool:
        return self._now is AWAY

    @property
    def corrupt(self) -> int:
        return self._counts[CORRUPT]

    def close(self) -> None:
        self.closed += 1


class ScriptedReader:
    """Sees the faces of the script, through the real filter."""

    def __init__(self, source: ScriptedSource) -> None:
        self._source = source
        self._steady = Steady(SteadySettings(smoothing_s=0))

    def read(self, frame: Frame) -> Reading:
        if self._source.faces[frame.index]:
            return self._steady.update(frame, FACE, Scores(HAPPY, 1.0))
        return self._steady.update(frame, None, None)


class Monitor:
    """A real OSC receiver."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        self._socket.close()

    def bundles(self) -> list[OscBundle]:
        """Return what came since the last call; what was sent here is there at once."""
        heard = []
        while True:
            try:
                heard.append(OscBundle(self._socket.recv(65_535)))
            except BlockingIOError:
                return heard

    def faces(self) -> list[int]:
        return [values(bundle)["/vrfer/face"][0] for bundle in self.bundles()]


def values(bundle: OscBundle) -> dict[str, list[Any]]:
    return {message.address: message.params for message in bundle}


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    opened = Monitor()
    yield opened
    opened.close()


@pytest.fixture
def sender_to() -> Iterator[Callable[..., OscSender]]:
    senders: list[OscSender] = []

    def make(port: int, rate_hz: float | None = None, host: str = "127.0.0.1") -> OscSender:
        senders.append(OscSender(Receiver(host, port, rate_hz=rate_hz)))
        return senders[-1]

    yield make
    for sender in senders:
        sender.close()


def play(source: ScriptedSource, outputs: Outputs | None = None, **options: Any) -> Summary:
    return run(source, ScriptedReader(source), outputs or Outputs(), **options)


class WanderingReader(ScriptedReader):
    """Sees every two frames another person, who is elsewhere at first and then no more."""

    def read(self, frame: Frame) -> Reading:
        reading = super().read(frame)
        if reading.face is None:
            return reading
        person = frame.index // 2
        mouth = (900.0 * min(person, 2), 0.0)
        return replace(reading, face=replace(reading.face, person=person, mouth=mouth))


def test_a_face_that_is_found_elsewhere_is_marked(tmp_path: Path) -> None:
    source = ScriptedSource([SEEN, SEEN, UNSEEN, SEEN, SEEN, SEEN, SEEN])
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        run(source, WanderingReader(source), Outputs(recorder=recorder))
    session = load_session(tmp_path / "x.csv")
    assert [marker.text for marker in session.markers] == [FOUND_ELSEWHERE] * 2
    assert session.found_elsewhere.tolist() == [False, False, False, True, True, False, False]


@pytest.mark.parametrize("live", [True, False])
def test_frames_and_faces_are_counted(live: bool) -> None:
    source = ScriptedSource([QUIET, SEEN, UNSEEN, SEEN, QUIET, SEEN, UNSEEN], live=live)
    summary = play(source)
    assert (summary.frames, summary.with_face) == (5, 3)
    assert summary.duration_s == pytest.approx(4 / 30, abs=1e-6)
    assert summary.fps == pytest.approx(30, abs=1e-3)
    assert (summary.skipped, summary.corrupt) == (0, 0)
    assert source.closed == 0  # whoever opened it closes it


@pytest.mark.parametrize("script", [[], [QUIET], [SEEN], [AWAY, AWAY]])
def test_fewer_than_two_frames_have_no_rate(script: list[Step]) -> None:
    summary = play(ScriptedSource(script))
    assert summary.frames == script.count(SEEN)
    assert (summary.fps, summary.duration_s) == (0, 0)


def test_what_the_source_lost_is_carried_over_to_the_very_end() -> None:
    seen_meanwhile = []
    summary = Summary()

    def look(_reading: Reading, _latency_ms: float) -> None:
        seen_meanwhile.append((summary.frames, summary.skipped, summary.corrupt))

    source = ScriptedSource([SEEN, CORRUPT, SKIPPED, SKIPPED, SEEN, CORRUPT, CORRUPT, SKIPPED])
    assert play(source, Outputs(on_reading=look), summary=summary) is summary
    assert seen_meanwhile == [(1, 0, 0), (2, 2, 1)]
    assert (summary.skipped, summary.corrupt) == (3, 3)


def test_a_file_of_which_nothing_can_be_decoded_is_counted() -> None:
    summary = play(ScriptedSource([CORRUPT] * 4, live=False))
    assert (summary.frames, summary.corrupt) == (0, 4)


def test_the_event_ends_a_run_after_the_frame_at_hand(
    monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    source, stop = ScriptedSource([SEEN] * 10), threading.Event()

    def look(reading: Reading, _latency_ms: float) -> None:
        if reading.frame == 2:
            stop.set()

    summary = play(source, Outputs([sender_to(monitor.port)], on_reading=look), stop=stop)
    assert (summary.frames, len(source.left)) == (3, 7)
    assert monitor.faces() == [1, 1, 1, 0]  # the end takes the face along


def test_a_run_that_fails_leaves_no_face_behind(
    monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    def fail(reading: Reading, _latency_ms: float) -> None:
        if reading.frame == 2:
            raise RuntimeError("the GPU is gone")

    source = ScriptedSource([SEEN] * 10, live=False)
    with pytest.raises(RuntimeError, match="the GPU is gone"):
        play(source, Outputs([sender_to(monitor.port)], on_reading=fail))
    assert monitor.faces() == [1, 1, 1, 0]


def test_an_event_set_before_ends_a_run_before_it_begins() -> None:
    source, stop = ScriptedSource([SEEN]), threading.Event()
    stop.set()
    assert play(source, stop=stop).frames == 0
    assert source.reads == 0


def test_the_event_ends_a_run_while_no_frame_comes() -> None:
    source, stop = ScriptedSource([SEEN], endless=True), threading.Event()

    def stop_when_quiet() -> None:
        while source.reads < 5:
            done.wait(0.001)
        stop.set()

    done = threading.Event()
    other = threading.Thread(target=stop_when_quiet)
    other.start()
    assert play(source, stop=stop).frames == 1
    other.join()


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_a_run_ends_when_its_time_is_over(seconds: float) -> None:
    source = ScriptedSource([SEEN] * 3, endless=True)
    summary = play(source, seconds=seconds)
    assert summary.frames <= (3 if seconds else 0)


def test_every_processed_frame_sends_one_bundle_in_order(
    monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    script = [SEEN, UNSEEN, UNSEEN, SEEN, QUIET, SEEN]
    source, sender = ScriptedSource(script, live=False), sender_to(monitor.port)
    play(source, Outputs([sender]))
    assert monitor.faces() == [1, 0, 0, 1, 1]
    assert (sender.sent, sender.failed) == (5, 0)


def test_the_callback_comes_last_with_the_latency_that_is_recorded(
    tmp_path: Path, monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    path = tmp_path / "x.csv"
    expected: list[list[str]] = []

    def recorded() -> list[dict[str, str]]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))

    def look(reading: Reading, latency_ms: float) -> None:
        *_, bundle = monitor.bundles()
        assert [bundle.dgram] == encode_reading(load_profile("generic"), reading)
        expected.append([str(reading.frame), reading.label, f"{latency_ms:.3f}"])
        settled(recorder, len(expected))
        assert [[r["frame"], r["label"], r["latency_ms"]] for r in recorded()] == expected

    source = ScriptedSource([SEEN, UNSEEN, AWAY, QUIET, SEEN])
    with Recorder(path, {}) as recorder:
        summary = play(source, Outputs([sender_to(monitor.port)], recorder, look))
    assert summary.frames == recorder.rows == len(expected) == 3
    assert [label for _, label, _ in expected] == ["happiness", "none", "happiness"]


def test_latency_counts_from_the_capture() -> None:
    latencies: list[float] = []
    source = ScriptedSource([SEEN] * 5, age_s=7.0)
    summary = play(source, Outputs(on_reading=lambda _, latency_ms: latencies.append(latency_ms)))
    assert min(latencies) > 6_800
    assert summary.latency.percentile(0.5) == pytest.approx(sorted(latencies)[2], abs=0.051)
    assert summary.latency.percentile(1) == pytest.approx(max(latencies), abs=0.051)


@pytest.mark.parametrize("live", [True, False])
def test_each_receiver_has_its_own_rate_in_the_sources_time(
    live: bool, monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    source = ScriptedSource([SEEN] * 30, live=live)
    every, slow = sender_to(monitor.port), sender_to(monitor.port, 10)
    play(source, Outputs([every, slow]))
    goodbye = int(live)
    assert (every.sent, slow.sent) == (30 + goodbye, 10 + goodbye)
    assert len(monitor.faces()) == every.sent + slow.sent


def test_a_receiver_that_fails_does_not_harm_the_others(
    monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    unreachable, good = sender_to(9), sender_to(monitor.port)
    unreachable.close()
    summary = play(ScriptedSource([SEEN] * 5), Outputs([unreachable, good]))
    assert (summary.frames, unreachable.failed, good.sent) == (5, 6, 6)
    assert monitor.faces() == [1] * 5 + [0]


@pytest.mark.parametrize(
    ("script", "faces"),
    [
        ([SEEN, AWAY, AWAY, AWAY], [1, 0]),
        ([SEEN, QUIET, AWAY, QUIET, AWAY], [1, 0]),
        ([SEEN, AWAY, SEEN, SEEN, AWAY, AWAY], [1, 0, 1, 1, 0]),
        ([SEEN, AWAY, UNSEEN, AWAY], [1, 0, 0, 0]),
        ([UNSEEN, AWAY, AWAY], [0, 0]),
        ([AWAY, AWAY, SEEN], [1, 0]),
        ([SEEN, QUIET, QUIET, SEEN], [1, 1, 0]),
    ],
)
@pytest.mark.parametrize("rate_hz", [None, 0.1])
def test_a_camera_that_goes_away_takes_the_face_along_once(
    script: list[Step],
    faces: list[int],
    rate_hz: float | None,
    monitor: Monitor,
    sender_to: Callable[..., OscSender],
) -> None:
    # At 0.1 Hz frames so near to each other are not due, but that the face is gone must be told.
    source = ScriptedSource(script, fps=0.01 if rate_hz else 30)
    summary = play(source, Outputs([sender_to(monitor.port, rate_hz)]))
    assert monitor.faces() == faces
    assert (summary.frames, summary.with_face) == (len(source.faces), sum(source.faces))


def test_a_face_that_went_away_with_its_camera_is_none_now(
    monitor: Monitor, sender_to: Callable[..., OscSender]
) -> None:
    before = time.time()
    play(ScriptedSource([SEEN, AWAY], age_s=100), Outputs([sender_to(monitor.port)]))
    seen, gone = monitor.bundles()
    assert seen.timestamp < before - 99
    assert before - 1e-3 <= gone.timestamp <= time.time() + 1e-3
    heard = values(gone)
    assert (heard["/vrfer/label"], heard["/vrfer/label/id"]) == (["none"], [-1])
    assert (heard["/vrfer/confidence"], heard["/vrfer/unsure"]) == ([0.0], [0])
    assert heard["/vrfer/probabilities"] == [0.0] * 8


durations = st.lists(st.floats(0, 1e5), min_size=1, max_size=60)


@given(durations, st.sampled_from([0.01, 0.25, 0.5, 0.95, 0.99, 1.0]))
def test_percentiles_are_those_of_numpy_to_a_tenth(durations: list[float], share: float) -> None:
    counted = Durations()
    for duration_ms in durations:
        counted.add(duration_ms)
    tenths = np.array([round(duration_ms * 10) for duration_ms in durations])
    expected = np.quantile(tenths, share, method="inverted_cdf") / 10
    assert counted.percentile(share) == expected
    true = np.quantile(durations, share, method="inverted_cdf")
    assert counted.percentile(share) == pytest.approx(true, abs=0.0501)


def test_without_durations_there_is_no_percentile() -> None:
    assert np.isnan(Durations().percentile(0.5))
    assert np.isnan(Summary().latency.percentile(0.99))


def test_a_network_for_full_faces_is_refused(tmp_path: Path) -> None:
    square = {"name": "patches", "height": 112, "width": 112, "color": "gray"}
    contract = tiny_contract(region="full-face", input=square)
    model = write_network(tmp_path / "full.onnx", contract, size=(112, 112))
    with pytest.raises(ModelContractError, match="hides the upper half"):
        Reader(model)


def test_the_real_reader_takes_the_networks_own_threshold_and_sees_no_face_in_gray(
    tmp_path: Path,
) -> None:
    model = write_network(tmp_path / "tiny.onnx", tiny_contract(unsure_below=0.375))
    with Reader(model) as reader:
        assert reader.steady.settings == SteadySettings(unsure_below=0.375)
        reading = reader.read(Frame(np.full((120, 160, 3), 128, np.uint8), 4, 5, 6))
    reader.close()
    assert (reading.frame, reading.label, reading.raw) == (4, "none", None)


def test_expressions_are_read_in_five_lines(tmp_path: Path) -> None:
    model = write_network(tmp_path / "tiny.onnx")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(2):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((120, 160, 3), 128, np.uint8))
    readings = list(read_expressions(str(pictures), model=model))
    assert [(reading.frame, reading.label) for reading in readings] == [(0, "none"), (1, "none")]
