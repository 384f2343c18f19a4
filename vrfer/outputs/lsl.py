"""Lab Streaming Layer output: readings and markers, for recording beside EEG and the like.

Two streams: every processed frame with its capture time, and markers. What they hold, and what
their clock means, stands in docs/lsl.md. The description follows the XDF meta-data conventions
(github.com/sccn/xdf/wiki). pylsl and its library liblsl come with `vrfer[lsl]` and are loaded when
an outlet is made.

liblsl sends from threads of its own and keeps a bounded queue for each program that receives;
where one is full, its oldest samples go. So a push neither waits for a receiver nor for the
network, and without a network it goes nowhere.
"""

import importlib
import logging
import math
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, Final, NamedTuple, Self

from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import Reading

logger = logging.getLogger(__name__)

STREAM_TYPE: Final = "FacialExpression"
MARKER_TYPE: Final = "Markers"
FACE_FOUND: Final = "face found"
FACE_LOST: Final = "face lost"
FAREWELL_S: Final = 1.0
"""How long receivers get for the last samples: liblsl drops what is not sent when a stream ends.

0.05 s were enough on a free computer, 0.25 s not always on a busy one.
"""


class Channel(NamedTuple):
    """One channel of the readings' stream, as its description names it."""

    label: str
    type: str
    unit: str


CHANNELS: Final = (
    *(Channel(name, "Probability", "normalized") for name in EXPRESSIONS),
    *(Channel(f"raw_{name}", "Probability", "normalized") for name in EXPRESSIONS),
    Channel("confidence", "Confidence", "normalized"),
    Channel("label_id", "Label", "index"),
    Channel("unsure", "Flag", "boolean"),
    Channel("face", "Flag", "boolean"),
    Channel("source_s", "Position", "seconds"),
)
"""The channels in their order; where a recording has such a column, it has the same name."""

_STREAM_NAME = re.compile(r"[\w.-]([\w .-]{0,62}[\w.-])?")
"""Quotes would break the queries by which receivers find a lost stream again."""
_ACQUISITION = ("model", "model_sha256", "device", "camera_mode")
"""What is told of a run. The whole network reads it: names of films and people stay out."""
_READINGS_KEPT = 180
"""Hundreds of samples kept for a receiver that stalls: ten minutes at 30 Hz, some 5 MB."""
_MARKERS_KEPT = 20
"""Hundreds of markers kept for a receiver that stalls."""


def can_name_stream(name: str) -> bool:
    """Return whether streams can have this name."""
    return _STREAM_NAME.fullmatch(name) is not None


def values_of(reading: Reading) -> list[float]:
    """Return a reading's values in the order of `CHANNELS`.

    Probabilities and confidence are NaN where no face was seen; `source_s` is NaN for a camera.
    """
    missing = [math.nan] * len(EXPRESSIONS)
    seen = reading.face is not None
    return [
        *(reading.steady.tolist() if seen else missing),
        *(missing if reading.raw is None else reading.raw.tolist()),
        reading.confidence if seen else math.nan,
        float(reading.label_id),
        float(reading.unsure),
        float(seen),
        math.nan if reading.source_s is None else reading.source_s,
    ]


class LslClock:
    """Turns times of `time.perf_counter_ns()` into times of LSL's `local_clock()`.

    On Linux both are the same clock. On Windows and macOS they need not be: they may have other
    zeros, drift, and part when the computer sleeps. So the offset is measured at the start and
    then about once a second, in a few microseconds. Each look at both clocks says between which
    bounds the offset lies; bounds of several looks are cut with one another. One that was
    interrupted has wide bounds and spoils nothing, and a steady clock that moves in steps is seen
    through. Bounds that do not meet mean that a clock
    jumped; then the newest count.
    """

    def __init__(
        self,
        local_clock_s: Callable[[], float],
        steady_ns: Callable[[], int] = time.perf_counter_ns,
        *,
        step_s: float | None = None,
    ) -> None:
        """Measure; takes 50 ms at most, and microseconds where the clocks are fine.

        Args:
            local_clock_s: LSL's clock, seconds.
            steady_ns: The clock of `Frame.captured_ns`.
            step_s: In which steps that moves, seconds; None asks Python.
        """
        self._local_clock_s = local_clock_s
        self._steady_ns = steady_ns
        self._step_s = time.get_clock_info("perf_counter").resolution if step_s is None else step_s
        self._low_s, self._high_s = -math.inf, math.inf
        self._measured_ns = steady_ns()
        ends_s = local_clock_s() + 0.05
        self._measure()
        while self._high_s - self._low_s > 1e-3 and local_clock_s() < ends_s:
            self._measure()

    def seconds(self, steady_ns: int) -> float:
        """Return LSL's time for a time of the steady clock."""
        if self._steady_ns() - self._measured_ns >= 1_000_000_000:
            self._measure()
        same = -1e-4 < self._low_s <= 0 <= self._high_s < 1e-4
        return steady_ns / 1e9 + (0.0 if same else (self._low_s + self._high_s) / 2)

    def _measure(self) -> None:
        now_ns = self._steady_ns()
        # Two clocks of one computer part by less than 100 microseconds a second.
        parted_s = 1e-4 * (now_ns - self._measured_ns) / 1e9
        low_s, high_s = self._low_s - parted_s, self._high_s + parted_s
        rounding_s = 1e-6  # of seconds since long ago, as floats
        for _ in range(3):
            before_ns = self._steady_ns()
            local_s = self._local_clock_s()
            after_ns = self._steady_ns()
            newest_low_s = local_s - after_ns / 1e9 - self._step_s - rounding_s
            newest_high_s = local_s - before_ns / 1e9 + rounding_s
            if newest_low_s > high_s or newest_high_s < low_s:
                low_s, high_s = newest_low_s, newest_high_s
            else:
                low_s, high_s = max(low_s, newest_low_s), min(high_s, newest_high_s)
        self._low_s, self._high_s, self._measured_ns = low_s, high_s, now_ns


class LslOutlet:
    """Offers readings and markers to all that listen; a context manager, used by one thread.

    Markers of its own are `face found`, `face lost` and `label NAME`; the label is said when it
    changes, and anew whenever the face was found.
    """

    def __init__(self, name: str = "vrfer", *, about: Mapping[str, object] | None = None) -> None:
        """Offer both streams; takes some 20 ms, needs no network, and does not wait for one.

        Args:
            name: The readings' stream; the markers' is `NAME markers`. A receiver finds a stream
                again after a restart by its name and this computer's, so no two programs on one
                computer may share a name.
            about: What `vrfer.pipeline.describe_run` says of the run; network, device and camera
                mode are told in the streams' description, nothing else.

        Raises:
            OutputError: pylsl or liblsl is missing or broken, the name is unusable, or no port is
                free.
        """
        if not can_name_stream(name):
            raise OutputError(
                f"a Lab Streaming Layer stream cannot be named {name!r}",
                "Take up to 64 letters, digits, spaces, dots, - and _.",
            )
        lsl = _load_pylsl()
        self.name = name
        self.sent = 0
        """Readings and markers handed to liblsl."""
        self.failed = 0
        """Readings and markers that liblsl did not take."""
        self.last_error = ""
        """The last failure, empty if there was none."""
        self._failing = False
        self._face = False
        self._label_id = NO_FACE_ID
        self._pushed_s = -math.inf
        try:
            self._readings = lsl.StreamOutlet(_readings_info(lsl, name, about), 0, _READINGS_KEPT)
            self._markers = lsl.StreamOutlet(_markers_info(lsl, name, about), 0, _MARKERS_KEPT)
        except RuntimeError as err:
            raise OutputError(
                f"Lab Streaming Layer cannot offer the stream {name}: {err}",
                "Its own messages say why: end other programs with streams, "
                "or correct its settings in lsl_api.cfg.",
            ) from err
        self._clock = LslClock(lsl.local_clock)

    @property
    def error(self) -> str:
        """Why the last reading or marker was not taken; empty if it was."""
        return self.last_error if self._failing else ""

    @property
    def received(self) -> bool:
        """Whether a program receives the readings now."""
        return self._readings is not None and bool(self._readings.have_consumers())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """End both streams; more calls do nothing.

        Where someone receives, it waits until a second after the last sample, for liblsl would
        drop what is not sent yet; ending the streams takes some 60 ms. Where tracking goes on
        meanwhile, call it from another thread, once no more readings come.
        """
        if self._readings is None:
            return
        if self._readings.have_consumers() or self._markers.have_consumers():
            time.sleep(max(0.0, self._pushed_s + FAREWELL_S - time.monotonic()))
        self._readings = self._markers = None  # pylsl ends a stream when nobody holds it

    def take(self, reading: Reading) -> None:
        """Push a processed frame, and markers where the face or the label changed."""
        at_s = self._clock.seconds(reading.captured_ns)
        self._push(self._readings, values_of(reading), at_s)
        face = reading.face is not None
        label_id = reading.label_id if face else NO_FACE_ID
        if face != self._face:
            self._push_marker(FACE_FOUND if face else FACE_LOST, at_s)
        if label_id not in (NO_FACE_ID, self._label_id):
            self._push_marker(f"label {reading.label}", at_s)
        self._face, self._label_id = face, label_id

    def mark(self, captured_unix_ns: int, captured_ns: int, text: str) -> None:
        """Push a marker.

        Args:
            captured_unix_ns: Not used: LSL has a clock of its own.
            captured_ns: When, on the clock of `Frame.captured_ns`.
            text: As it is pushed.
        """
        self._push_marker(text, self._clock.seconds(captured_ns))

    def _push_marker(self, text: str, at_s: float) -> None:
        self._push(self._markers, [text.encode(errors="replace")], at_s)

    def _push(self, outlet: Any, values: list[float] | list[bytes], at_s: float) -> None:
        if outlet is None:
            self._fail("it is closed")
            return
        try:
            outlet.push_sample(values, at_s)
        except RuntimeError as err:  # what pylsl raises for every failure of liblsl
            self._fail(str(err))
            return
        self._pushed_s = time.monotonic()
        self.sent += 1
        if self._failing:
            self._failing = False
            logger.info("the Lab Streaming Layer stream %s works again", self.name)

    def _fail(self, why: str) -> None:
        self.failed += 1
        self.last_error = why
        if not self._failing:
            logger.warning("the Lab Streaming Layer stream %s fails: %s", self.name, why)
        self._failing = True


def _load_pylsl() -> Any:
    try:
        return importlib.import_module("pylsl")
    except ImportError as err:
        raise OutputError(
            "Lab Streaming Layer needs the package pylsl, which is not installed",
            f'Install it: "{sys.executable}" -m pip install "vrfer[lsl]".',
        ) from err
    except (RuntimeError, OSError, AttributeError) as err:  # absent, broken, too old
        why = str(err).strip().partition("\n")[0].strip(" .")
        raise OutputError(
            f"Lab Streaming Layer's library liblsl cannot be loaded: {why}",
            f'"{sys.executable}" -m pip install "vrfer[lsl]" brings it for Windows, macOS and '
            "Linux on x86-64; elsewhere "
            "take it from conda-forge or github.com/sccn/liblsl, and name its file in the "
            "environment variable PYLSL_LIB.",
        ) from err


def _readings_info(lsl: Any, name: str, about: Mapping[str, object] | None) -> Any:
    info = lsl.StreamInfo(
        name,
        STREAM_TYPE,
        len(CHANNELS),
        lsl.IRREGULAR_RATE,
        "float32",
        _source_id(name, "readings"),
    )
    info.set_channel_labels([channel.label for channel in CHANNELS])
    info.set_channel_types([channel.type for channel in CHANNELS])
    info.set_channel_units([channel.unit for channel in CHANNELS])
    _describe(info, about)
    # Live, the newest frame wins: others may be missing.
    info.desc().append_child("synchronization").append_child_value("can_drop_samples", "true")
    return info


def _markers_info(lsl: Any, name: str, about: Mapping[str, object] | None) -> Any:
    info = lsl.StreamInfo(
        f"{name} markers", MARKER_TYPE, 1, lsl.IRREGULAR_RATE, "string", _source_id(name, "markers")
    )
    info.set_channel_labels(["marker"])
    info.set_channel_types("Marker")
    info.set_channel_units("none")
    _describe(info, about)
    return info


def _describe(info: Any, about: Mapping[str, object] | None) -> None:
    acquisition = info.desc().append_child("acquisition")
    acquisition.append_child_value("manufacturer", "vrfer")
    acquisition.append_child_value("version", version("vrfer"))
    for key in _ACQUISITION:
        value = (about or {}).get(key)
        if value is not None:
            text = str(value).encode(errors="replace").decode()  # names of files need not be UTF-8
            acquisition.append_child_value(key, text)


def _source_id(name: str, kind: str) -> str:
    """Return what stays the same over restarts, and differs between names and computers."""
    # macOS appends the network's domain to the computer's name.
    computer = re.sub(r"[^\w-]", "-", socket.gethostname().partition(".")[0])
    return f"vrfer {kind} of {name} on {computer}"
