"""The user's settings: a checked TOML file that is written whole, with the last one beside it.

A file that cannot be used is kept under another name and named in a message; the defaults take its
place, so that the program starts whatever became of it.
"""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from vrfer.classifier import Device
from vrfer.documents import first_problem, read_toml, write_toml
from vrfer.errors import SettingsError
from vrfer.expressions import EXPRESSIONS, ExpressionName
from vrfer.live.remote import DEFAULT_PORT
from vrfer.live.wishes import NetworkWish, SourceWish, SteadyWish
from vrfer.outputs.lsl import can_name_stream
from vrfer.outputs.osc import Receiver
from vrfer.outputs.profiles import LOWEST_RATE_HZ
from vrfer.replacing import replace_file
from vrfer.rules import Rules
from vrfer.sources.camera_list import CameraInfo, nameless
from vrfer.sources.settings import CameraSettings

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 1
MIGRATIONS: Mapping[int, Callable[[dict[str, object]], dict[str, object]]] = {}
"""From a version to the next: takes a document of the older version, returns one of the newer."""


Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=1, le=16384)]


def _usable_stream(name: str) -> str:
    if not can_name_stream(name):
        raise ValueError("take up to 64 letters, digits, spaces, dots, - and _")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraPart(_Part):
    """Which source, and how it is read."""

    source: str = ""
    """As `vrfer-app run --source` takes it; empty is none."""
    name: str = ""
    """The camera's name when it was chosen, for its number may change."""
    width: int = Field(default=640, ge=16, le=16384)
    height: int = Field(default=480, ge=16, le=16384)
    fps: float = Field(default=30.0, gt=0, le=1000)
    compressed: bool = True
    """MJPEG; raw pictures give few frames a second on many webcams."""
    exposure_ms: float | None = Field(default=None, gt=0, le=10_000)
    mirrored: bool = False
    rotation_deg: Literal[0, 90, 180, 270] = 0
    loop: bool = False
    """Whether files begin again at their end."""
    region: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """Where faces are looked for: left, top, right, bottom in pixels."""

    def wish(self) -> SourceWish:
        """Return what a session is asked to open."""
        return SourceWish(
            self.source, self.camera_settings(), self.loop, self.region, camera_name=self.name
        )

    def camera(self) -> CameraInfo | None:
        """Return the camera that is meant; None for files and addresses."""
        if not self.source.isdecimal():
            return None
        return CameraInfo(int(self.source), self.name or nameless(int(self.source)))

    def camera_settings(self) -> CameraSettings:
        """Return how the camera is read."""
        return CameraSettings(
            self.width,
            self.height,
            self.fps,
            self.compressed,
            self.exposure_ms,
            self.mirrored,
            self.rotation_deg,
        )


class ReceiverPart(_Part):
    """One receiver."""

    host: str = "127.0.0.1"
    port: int = Field(default=9000, ge=1, le=65535)
    profile: str = "generic"
    rate_hz: float | None = Field(default=None, ge=LOWEST_RATE_HZ, le=1000)
    on: bool = True

    def receiver(self) -> Receiver:
        """Return it as the outputs know it."""
        return Receiver(self.host, self.port, self.profile, self.rate_hz)


class Preset(_Part):
    """Two numbers behind a word."""

    smoothing_s: float = Field(ge=0, le=5)
    hold_s: float = Field(ge=0, le=10)


PRESETS: Mapping[str, Preset] = {
    "calm": Preset(smoothing_s=0.6, hold_s=0.8),
    "balanced": Preset(smoothing_s=SteadyWish().smoothing_s, hold_s=SteadyWish().hold_s),
    "quick": Preset(smoothing_s=0.12, hold_s=0.15),
}
"""How calm readings are, for people who want no numbers."""


class ExpressionPart(_Part):
    """How expressions are read."""

    smoothing_s: float = Field(default=PRESETS["balanced"].smoothing_s, ge=0, le=5)
    hold_s: float = Field(default=PRESETS["balanced"].hold_s, ge=0, le=10)
    sensitivity: dict[ExpressionName, Annotated[float, Field(ge=-5, le=5)]] = {}
    """Nats that an expression gains; those that are missing gain none."""
    unsure_below: Share | None = None
    """None takes the network's own threshold."""
    person: str | None = None
    """Whose baseline is used."""

    @property
    def preset(self) -> str | None:
        """The preset that has these two numbers, if one has."""
        for name, preset in PRESETS.items():
            if (preset.smoothing_s, preset.hold_s) == (self.smoothing_s, self.hold_s):
                return name
        return None

    def steady_wish(self) -> SteadyWish:
        """Return what a session is asked for."""
        sensitivity = tuple(self.sensitivity.get(name, 0.0) for name in EXPRESSIONS)
        return SteadyWish(self.smoothing_s, self.hold_s, sensitivity, self.unsure_below)


class NetworkPart(_Part):
    """Which network reads, and where."""

    model: Path | None = None
    """None takes the built-in one."""
    device: Device = Device.AUTO

    def wish(self) -> NetworkWish:
        """Return what a session is asked to load."""
        return NetworkWish(self.model, self.device)


class RecordingPart(_Part):
    """Where recordings go."""

    folder: Path | None = None
    """None takes `vrfer` in the user's own folder. Documents are often synchronised with a cloud,
    and a recording is to stay on this computer."""
    video: bool = False
    """Whether the pictures themselves are kept beside the numbers."""

    def where(self) -> Path:
        """Return the folder."""
        return self.folder or Path.home() / "vrfer"


class RemotePart(_Part):
    """How other programs steer vrfer over OSC."""

    on: bool = True
    port: int = Field(default=DEFAULT_PORT, ge=1, le=65535)
    everyone: bool = False
    """Whether other computers are heard too."""


class OffersPart(_Part):
    """What other programs may fetch by themselves."""

    lsl: bool = False
    """Whether readings and markers are offered as Lab Streaming Layer streams."""
    lsl_name: Annotated[str, AfterValidator(_usable_stream)] = "vrfer"
    oscquery: bool = False
    """Whether programs on this computer are told of vrfer's addresses."""


class WindowPart(_Part):
    """How the window looks and sounds."""

    theme: Literal["system", "light", "dark"] = "system"
    language: str | None = None
    """Two letters; None takes the system's."""
    sounds: bool = True
    speech: bool = True
    volume: Share = 0.7
    network_view: bool = True
    """Whether the network's own view is shown."""
    cpu_share: float = Field(default=0.3, ge=0.02, le=1)
    """Share of one core that drawing may take; beyond it the window draws less often."""
    size: tuple[Side, Side] | None = None
    """Width and height, pixels."""
    welcomed: bool = False
    """Whether the first start's guide was done or skipped."""


class Settings(_Part):
    """Everything that is remembered."""

    schema_version: Literal[1] = 1
    camera: CameraPart = CameraPart()
    receivers: tuple[ReceiverPart, ...] = (ReceiverPart(),)
    rules: Rules = ()
    """What begins and ends events."""
    expression: ExpressionPart = ExpressionPart()
    network: NetworkPart = NetworkPart()
    recording: RecordingPart = RecordingPart()
    remote: RemotePart = RemotePart()
    offers: OffersPart = OffersPart()
    window: WindowPart = WindowPart()


def default_settings_file() -> Path:
    """Return where this user's settings lie."""
    return platformdirs.user_config_path("vrfer") / "settings.toml"


def default_log_file() -> Path:
    """Return where the window keeps its log, for whoever is asked for help."""
    return platformdirs.user_log_path("vrfer") / "vrfer.log"


def read_settings(path: Path) -> Settings:
    """Read and check a settings file, of this version or an older one.

    Raises:
        SettingsError: It cannot be read, is no TOML, or a field is wrong: the message names it.
    """
    remedy = "Correct it in a text editor, or choose another file."
    document = read_toml(
        path, "the settings", newest=SCHEMA_VERSION, error=SettingsError, remedy=remedy
    )
    version = document.get("schema_version", SCHEMA_VERSION)
    while isinstance(version, int) and version in MIGRATIONS:
        document = MIGRATIONS[version](document)
        version += 1
        document["schema_version"] = version
    try:
        return Settings.model_validate(document)
    except ValidationError as err:
        raise SettingsError(f"the settings {path}: {first_problem(err)}", remedy) from err


def write_settings(settings: Settings, path: Path) -> None:
    """Write a settings file whole, in place of what is there.

    Raises:
        OutputError: It cannot be written; what was there stays.
    """
    write_toml(path, "the settings", settings.model_dump(mode="json", exclude_none=True))


class SettingsFile:
    """A settings file with the last good one beside it."""

    def __init__(self, path: Path) -> None:
        """Remember where; nothing is read yet."""
        self.path = path
        self.backup = path.with_name(f"{path.name}.bak")

    def load(self) -> tuple[Settings, str | None]:
        """Read the settings; whatever became of the file, there are some.

        Returns:
            The settings, and what the user should know: that a broken file was kept, under which
            name, and what is used instead; None if all is well.
        """
        if not os.path.exists(self.path):  # False, too, where the folder must not be read
            return Settings(), None
        try:
            return read_settings(self.path), None
        except SettingsError as err:
            kept = self._put_aside()
            logger.warning("%s", err.message)
            settings, instead = self._of_before()
            return settings, f"{err.message}. The file is kept as {kept}; {instead} are used."

    def save(self, settings: Settings) -> None:
        """Write the settings; those of before become the backup.

        Raises:
            OutputError: They cannot be written; what was there stays.
        """
        try:
            before = self.path.read_bytes()
        except OSError:
            before = None
        if before is not None:
            try:
                replace_file(self.backup, before)
            except OSError as err:
                logger.warning("%s cannot be written: %s", self.backup, err)
        write_settings(settings, self.path)

    def _of_before(self) -> tuple[Settings, str]:
        """Return what to use in place of a broken file, and what that is called."""
        try:
            return read_settings(self.backup), "the settings of before"
        except SettingsError:
            return Settings(), "the defaults"

    def _put_aside(self) -> Path:
        """Give the broken file another name, so that nothing overwrites it."""
        number = 1
        while (kept := self.path.with_name(f"{self.path.stem}.broken-{number}.toml")).exists():
            number += 1
        try:
            self.path.rename(kept)
        except OSError:  # Windows, while an editor holds it open
            try:
                replace_file(kept, self.path.read_bytes())
            except OSError as err:
                logger.warning("%s cannot be put aside: %s", self.path, err)
                return self.path
        return kept
