"""The one-way street, end to end: source -> finder -> crop -> classifier -> steady -> outputs.

It wires stations together and counts; it knows no window and no command line.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from vrfer.awake import kept_awake
from vrfer.baseline import Baseline
from vrfer.classifier import Classifier, Device
from vrfer.crop import lower_half
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.finder import Finder
from vrfer.frames import Box, Frame, LowerFace, Reading
from vrfer.oscquery.server import OscQueryServer
from vrfer.outputs.film import Film
from vrfer.outputs.lsl import LslOutlet
from vrfer.outputs.osc import OscSender
from vrfer.outputs.recorder import Recorder
from vrfer.outputs.rows import FOUND_ELSEWHERE
from vrfer.rules import Fired, Rule, RuleBook
from vrfer.shipped import default_model, shipped
from vrfer.sources import Source, open_source
from vrfer.steady import Steady, SteadySettings

_WAIT_S = 0.1
"""How long to wait for a frame before looking whether to stop."""


class ReadsFrames(Protocol):
    """What `run` needs of a reader."""

    def read(self, frame: Frame) -> Reading:
        """Process one frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One processed frame with all that was seen in it."""

    frame: Frame
    patch: NDArray[np.uint8] | None
    """What the network saw: gray, of its input's size; None without a face."""
    reading: Reading


class Reader:
    """Turns frames into readings: all stations between source and outputs; a context manager."""

    def __init__(
        self,
        model: Path | None = None,
        *,
        device: Device = Device.AUTO,
        steady: SteadySettings | None = None,
        baseline: Baseline | None = None,
        region: Box | None = None,
    ) -> None:
        """Load network and finder.

        Args:
            model: Network file; None takes the built-in one.
            device: Where the network runs.
            steady: How calm readings are; None takes the defaults and the network's own
                threshold for being unsure.
            baseline: What the wearer's resting face looks like to this network.
            region: Where faces are looked for, in pixels of the picture; None is everywhere.

        Raises:
            ModelContractError: The network or one of the finder's files cannot be used, or the
                baseline was made with another network.
        """
        self.model = default_model() if model is None else model
        self.classifier = Classifier(self.model, device)
        if self.classifier.contract.region != "lower-half":
            raise self.classifier.unfit("it reads full faces, and a headset hides the upper half")
        self.baseline = baseline
        offsets = None if baseline is None else baseline.of(self.classifier.contract)
        self.steady = Steady(steady or self.own_steady, offsets)
        self.finder = Finder(shipped("models"), region=region)
        self._person: int | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give MediaPipe's resources back; more calls do nothing."""
        self.finder.close()

    def read(self, frame: Frame) -> Reading:
        """Process one frame."""
        return self.look(frame).reading

    def look(self, frame: Frame) -> Look:
        """Process one frame, and return what was seen on the way too."""
        face = self.finder.find(frame.image, frame.timeline_s)
        if face is None:
            return Look(frame, None, self.steady.update(frame, None, None))
        if face.person != self._person:
            self.steady.reset()
            self._person = face.person
        patch = lower_half(
            frame.image, face, self.classifier.contract.crop, self.classifier.patch_size
        )
        scores = self.classifier.classify(patch)
        return Look(frame, patch, self.steady.update(frame, face, scores))

    @property
    def own_steady(self) -> SteadySettings:
        """The default settings, with the network's own threshold for being unsure."""
        return SteadySettings(unsure_below=self.classifier.contract.unsure_below)

    def use_baseline(self, baseline: Baseline | None) -> None:
        """Take another wearer's baseline, or none; readings start anew.

        Raises:
            ModelContractError: The baseline was made with another network.
        """
        offsets = None if baseline is None else baseline.of(self.classifier.contract)
        self.baseline = baseline
        self.steady.use_offsets(offsets)


def describe_run(
    source: Source | None,
    reader: Reader,
    *,
    person: str | None = None,
    rules: Sequence[Rule] = (),
) -> dict[str, object]:
    """Return what a recording's JSON file says of its run; a value of JSON.

    Args:
        source: For its name, which holds no password; None where none is open.
        reader: What reads it.
        person: Whose baseline is used.
        rules: What makes events begin and end.
    """
    return {
        "vrfer": version("vrfer"),
        **describe_source(source),
        "model": reader.model.name,
        "model_sha256": reader.classifier.sha256,
        "contract": reader.classifier.contract.model_dump(mode="json"),
        "device": reader.classifier.device.value,
        "steady": asdict(reader.steady.settings),
        "neutral_held": reader.steady.neutral_held,
        "region": reader.finder.region,
        "baseline": None if reader.baseline is None else asdict(reader.baseline),
        "person": person,
        "rules": [rule.model_dump() for rule in rules],
    }


def describe_source(source: Source | None) -> dict[str, object]:
    """Return the part of `describe_run` that a source which opens later makes known."""
    return {
        "source": None if source is None else source.name,
        "camera_mode": None if source is None else source.current_mode,
        "orientation": None if source is None else asdict(source.orientation),
    }


def read_expressions(source: str, *, model: Path | None = None) -> Iterator[Reading]:
    """Yield a reading for every processed frame of a source, until it ends.

    Args:
        source: A camera's number or name, a URL, a video, a picture or a folder of pictures.
        model: Network file; None takes the built-in one.

    Raises:
        VrferError: The source or the network cannot be used.
    """
    with open_source(source) as opened, Reader(model) as reader:
        while not opened.exhausted:
            frame = opened.read(_WAIT_S)
            if frame is not None:
                yield reader.read(frame)


class Durations:
    """Percentiles of any number of durations in constant memory, to a tenth of a millisecond."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tenths: Counter[int] = Counter()

    def add(self, duration_ms: float) -> None:
        """Count one duration."""
        self._tenths[round(duration_ms * 10)] += 1

    def percentile(self, share: float) -> float:
        """Return the duration in ms that a share (0-1) of all do not exceed; NaN if empty."""
        needed = math.ceil(share * self._tenths.total())
        seen = 0
        for tenths in sorted(self._tenths):
            seen += self._tenths[tenths]
            if seen >= needed:
                return tenths / 10
        return math.nan


@dataclass(slots=True, eq=False)
class Summary:
    """What a run did, growing while it runs."""

    frames: int = 0
    """Processed frames."""
    with_face: int = 0
    """Processed frames with a face."""
    duration_s: float = 0.0
    """From the first frame to the last, on the steady clock."""
    skipped: int = 0
    """Live frames that newer ones replaced."""
    corrupt: int = 0
    """Frames that could not be decoded."""
    latency: Durations = field(default_factory=Durations)
    """Capture to everything sent, ms."""

    @property
    def fps(self) -> float:
        """Processed frames a second; 0 for fewer than two."""
        return (self.frames - 1) / self.duration_s if self.duration_s > 0 else 0.0


@dataclass(slots=True, eq=False)
class Outputs:
    """Where readings go; only the thread that runs may change it, between frames."""

    senders: Sequence[OscSender] = ()
    recorder: Recorder | None = None
    on_reading: Callable[[Reading, float], None] | None = None
    """Called after sending, with the latency in ms; it must be quick."""
    rules: RuleBook | None = None
    """What makes events begin and end; they are sent, and marked."""
    lsl: LslOutlet | None = None
    oscquery: OscQueryServer | None = None
    film: Film | None = None
    """Pictures beside the recording."""

    def mark(self, unix_ns: int, ns: int, text: str) -> None:
        """Set a marker wherever markers go.

        Args:
            unix_ns: When, nanoseconds since the Unix epoch.
            ns: The same moment by `time.perf_counter_ns()`.
            text: What is noted.
        """
        if self.recorder is not None:
            self.recorder.mark(unix_ns, ns, text)
        if self.lsl is not None:
            self.lsl.mark(unix_ns, ns, text)


@kept_awake()
def run(
    source: Source,
    reader: ReadsFrames,
    outputs: Outputs,
    *,
    seconds: float | None = None,
    stop: threading.Event | None = None,
    summary: Summary | None = None,
    between_frames: Callable[[], None] | None = None,
) -> Summary:
    """Process a source until it ends, the time is over, or `stop` is set.

    When a live source goes away or the run ends, receivers are told that no face is seen. The
    computer does not fall asleep by itself meanwhile.

    Args:
        source: Where frames come from.
        reader: Turns them into readings.
        outputs: Where readings go.
        seconds: For live sources and paced files time as it passes, on the steady clock.
        stop: Ends the run after the frame at hand.
        summary: Filled while running, for callers that show it meanwhile.
        between_frames: Called before each wait for a frame, at least every tenth of a second; it
            may change `outputs` and `reader`.

    Returns:
        The summary.
    """
    summary = Summary() if summary is None else summary
    stop = threading.Event() if stop is None else stop
    deadline = None if seconds is None else time.monotonic() + seconds
    first_ns: int | None = None
    last: Reading | None = None
    seen: LowerFace | None = None
    told_gone = False
    try:
        while not (source.exhausted or stop.is_set()):
            if deadline is not None and time.monotonic() >= deadline:
                break
            if between_frames is not None:
                between_frames()
            frame = source.read(_WAIT_S)
            if frame is None:
                if source.missing and last is not None and not told_gone:
                    tell_gone(outputs, last)
                    told_gone = True
                continue
            last, told_gone = reader.read(frame), False
            if last.face is not None:
                if seen is not None and _elsewhere(seen, last.face):
                    outputs.mark(last.captured_unix_ns, last.captured_ns, FOUND_ELSEWHERE)
                seen = last.face
            send(outputs, last)
            latency_ms = (time.perf_counter_ns() - frame.captured_ns) / 1e6
            if outputs.recorder is not None:
                outputs.recorder.write(last, latency_ms)
            if outputs.film is not None:
                outputs.film.write(frame)
            first_ns = frame.captured_ns if first_ns is None else first_ns
            if outputs.rules is not None:
                tell_events(outputs, outputs.rules.update(last), last)
            summary.frames += 1
            summary.with_face += last.face is not None
            summary.latency.add(latency_ms)
            summary.duration_s = (frame.captured_ns - first_ns) / 1e9
            summary.skipped, summary.corrupt = source.skipped, source.corrupt
            if outputs.on_reading is not None:
                outputs.on_reading(last, latency_ms)
    except BaseException:
        if last is not None:  # whatever went wrong, the scene must not freeze
            tell_gone(outputs, last)
        raise
    summary.skipped, summary.corrupt = source.skipped, source.corrupt
    if last is not None and not told_gone:
        tell_gone(outputs, last, face=source.live)
    return summary


def _elsewhere(before: LowerFace, now: LowerFace) -> bool:
    """Say whether a face that was found anew is not where the last one was."""
    moved_px = math.dist(before.mouth, now.mouth)
    return now.person != before.person and moved_px > 0.5 * max(before.width_px, now.width_px)


def send(outputs: Outputs, reading: Reading, *, at_once: bool = False) -> None:
    """Give a reading to receivers: those that are due, or all at once."""
    for sender in outputs.senders:
        sender.take(reading, at_once=at_once)
    if outputs.lsl is not None:
        outputs.lsl.take(reading)
    if outputs.oscquery is not None:
        outputs.oscquery.take(reading)


def tell_gone(outputs: Outputs, last: Reading, *, face: bool = True) -> None:
    """Tell receivers that nobody watches for now: no face is seen, and every event ends.

    Args:
        outputs: Where it is told.
        last: The last reading.
        face: Whether to say that no face is seen; a file's last reading stays as it was.
    """
    gone = face_gone(last)
    if face:
        send(outputs, gone, at_once=True)
    if outputs.rules is not None:
        tell_events(outputs, outputs.rules.end(), gone)


def take_leave(
    senders: Sequence[OscSender],
    last: Reading,
    *,
    active: Sequence[str] = (),
    known: Sequence[str] = (),
) -> None:
    """Tell some receivers, of which no more is to be heard for now, that no face is seen.

    Args:
        senders: Theirs.
        last: The last reading.
        active: Names of the rules whose event lasts all the same.
        known: Names of all rules that are followed.
    """
    gone = face_gone(last)
    for sender in senders:
        sender.take(gone, at_once=True)
        sender.show_events(active, gone.captured_unix_ns, known=known)


def tell_events(outputs: Outputs, fired: Sequence[Fired], reading: Reading) -> None:
    """Let all receivers know which events last, and mark those that begin and end."""
    active = () if outputs.rules is None else outputs.rules.active
    known = () if outputs.rules is None else outputs.rules.followed
    ended = [event.rule_name for event in fired if not event.begins]
    for sender in outputs.senders:
        if ended:  # some may have begun again at once
            going_on = [name for name in active if name not in ended]
            sender.show_events(going_on, reading.captured_unix_ns, known=known)
        sender.show_events(active, reading.captured_unix_ns, known=known)
    for event in fired:
        if outputs.oscquery is not None:
            outputs.oscquery.tell_event(event.rule_name, event.begins)
        what = "begins" if event.begins else "ends"
        outputs.mark(
            reading.captured_unix_ns, reading.captured_ns, f"event {event.rule_name} {what}"
        )


def face_gone(last: Reading) -> Reading:
    """Return a reading without a face for now: nobody watches, so the scene must not freeze."""
    return Reading(
        frame=last.frame,
        captured_ns=time.perf_counter_ns(),
        captured_unix_ns=time.time_ns(),
        source_s=None,
        face=None,
        raw=None,
        steady=np.zeros(len(EXPRESSIONS), np.float32),
        label_id=NO_FACE_ID,
        unsure=False,
    )
