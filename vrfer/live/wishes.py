"""What a session can be asked for: one frozen value a wish."""

from dataclasses import dataclass, replace
from pathlib import Path

from vrfer.classifier import Device
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Box
from vrfer.sources.settings import DEFAULT_CAMERA, CameraSettings
from vrfer.steady import SteadySettings


@dataclass(frozen=True, slots=True)
class SourceWish:
    """A source and how it is read."""

    spec: str
    """A camera's number or name, a URL, a video, a picture or a folder of pictures."""
    camera: CameraSettings = DEFAULT_CAMERA
    loop: bool = False
    """Whether files begin again at their end."""
    region: Box | None = None
    """Where faces are looked for, in pixels of the picture; None is everywhere."""
    as_fast_as_possible: bool = False
    """Whether files ignore their own times."""
    camera_name: str = ""
    """Name of the camera that a number in `spec` stood for when it was chosen."""


@dataclass(frozen=True, slots=True)
class NetworkWish:
    """A network and where it runs."""

    model: Path | None = None
    """Its file; None takes the built-in one."""
    device: Device = Device.AUTO


@dataclass(frozen=True, slots=True)
class SteadyWish:
    """How calm or quick readings are; fields as in `vrfer.steady.SteadySettings`."""

    smoothing_s: float = SteadySettings().smoothing_s
    hold_s: float = SteadySettings().hold_s
    sensitivity: tuple[float, ...] = (0.0,) * len(EXPRESSIONS)
    unsure_below: float | None = None
    """None takes the network's own threshold."""

    def settings(self, own: SteadySettings) -> SteadySettings:
        """Return the filter's settings, from those that the network suggests."""
        unsure_below = own.unsure_below if self.unsure_below is None else self.unsure_below
        return replace(
            own,
            smoothing_s=self.smoothing_s,
            hold_s=self.hold_s,
            sensitivity=self.sensitivity,
            unsure_below=unsure_below,
        )
