"""What a running session says of itself: one snapshot, and events."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from vrfer.live.wishes import NetworkWish
from vrfer.outputs.osc import Receiver


class Phase(Enum):
    """What becomes of the source."""

    IDLE = "idle"
    """None is open."""
    OPENING = "opening"
    RUNNING = "running"
    PAUSED = "paused"
    AWAY = "away"
    """A live source is gone, and is reopened until it is back."""
    ENDED = "ended"
    """A file was read to its end."""
    FAILED = "failed"
    """It could not be opened, or cannot be read any more."""


class Happening(Enum):
    """What an event is about."""

    SOURCE_OPENED = "source opened"
    SOURCE_FAILED = "source failed"
    SOURCE_AWAY = "source away"
    SOURCE_BACK = "source back"
    SOURCE_ENDED = "source ended"
    FACE_FOUND = "face found"
    FACE_LOST = "face lost"
    RECORDING_STARTED = "recording started"
    RECORDING_STOPPED = "recording stopped"
    RECORDING_FAILED = "recording failed"
    MARKED = "marked"
    NOT_MARKED = "marker not kept"
    BASELINE_MADE = "baseline made"
    BASELINE_FAILED = "baseline failed"
    NEUTRAL_HELD = "neutral held"
    NEUTRAL_RELEASED = "neutral released"
    NETWORK_FAILED = "network failed"
    """Another network cannot be used; `Status.reads_with` is that which goes on."""
    PROBLEM = "problem"
    """Anything else that the user should read."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened."""

    happening: Happening
    text: str = ""
    """The name of what it is about, or an error's one line."""


@dataclass(frozen=True, slots=True)
class ReceiverStatus:
    """How one receiver does."""

    receiver: Receiver
    ready: bool
    """Whether its host is known and its socket open."""
    sent: int
    """Bundles handed to the network."""
    failed: int
    error: str
    """The last failure in words; empty if the last bundle went out."""


@dataclass(frozen=True, slots=True)
class Offer:
    """How something does that other programs fetch by themselves: LSL streams, OSCQuery."""

    name: str
    """By which they find it."""
    error: str = ""
    """What is wrong, in words; empty if nothing is."""
    received: bool = False
    """Whether somebody is known to fetch it."""
    address: str = ""
    """Where it is served, as a browser takes it; empty for LSL."""


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """How the recording does."""

    path: Path
    rows: int
    lost: int
    """Rows and markers that could not be written."""
    markers: int
    duration_s: float
    """Since its beginning, on the steady clock."""
    pictures: int | None = None
    """Pictures in its film; None where none is made."""
    pictures_lost: int = 0
    """Pictures that the film had to leave out."""


_BUILT_IN = NetworkWish()


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that a state line shows, at one moment."""

    phase: Phase = Phase.IDLE
    source: str = ""
    """The source's name."""
    mode: str | None = None
    """What a camera delivers, as "640x480 @ 30 MJPEG"."""
    network: str = ""
    """Which network runs where, in one line; empty until it is loaded."""
    reads_with: NetworkWish = _BUILT_IN
    """That network, and where it was asked to run."""
    frames: int = 0
    """Processed frames since the source was opened."""
    with_face: int = 0
    skipped: int = 0
    corrupt: int = 0
    fps: float = 0.0
    """Processed frames a second, over the last seconds."""
    latency_p50_ms: float = 0.0
    """Capture to everything sent, over the last seconds."""
    latency_p95_ms: float = 0.0
    live: bool = True
    position_s: float | None = None
    """Where a file is."""
    duration_s: float | None = None
    face: bool = False
    headset: float = 0.0
    """How sure the finder is that the face wears a headset, 0-1."""
    receivers: tuple[ReceiverStatus, ...] = ()
    lsl: Offer | None = None
    """None where no streams are offered."""
    oscquery: Offer | None = None
    """None where it is off."""
    recording: RecordingStatus | None = None
    neutral_held: bool = False
    person: str | None = None
    """Whose baseline is in use."""
    active_rules: tuple[str, ...] = ()
    """Names of the rules whose event has begun and not ended."""
    resting_s: float | None = None
    """How long a resting face was seen for the baseline that is being made; None: none is."""
    unsure_below: float = 0.0
    """The threshold in use."""
