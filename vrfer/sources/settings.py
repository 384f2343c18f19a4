"""What the user wants of a camera."""

import math
from dataclasses import dataclass

from vrfer.sources.orientation import Orientation, Rotation

WIDTHS = (16, 16384)
HEIGHTS = (16, 16384)
FASTEST_FPS = 1000.0
LONGEST_EXPOSURE_MS = 10_000.0


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """How a camera delivers, and how its pictures are turned.

    Size, rate, compression and exposure are wishes to the driver of a camera of this computer; what
    it refuses is logged. Mirroring and rotation apply to every source: streams and files too.
    """

    width: int = 640
    """Pixels, 16-16384; before any rotation."""
    height: int = 480
    """Pixels, 16-16384; before any rotation."""
    fps: float = 30.0
    """Pictures a second, more than 0 and up to 1000."""
    compressed: bool | None = True
    """MJPEG (True), raw pictures (False), or what the driver chooses (None)."""
    exposure: float | None = None
    """Exposure time in milliseconds, more than 0 and up to 10,000; None is automatic."""
    mirrored: bool = False
    """Whether left and right are exchanged, after rotating."""
    rotation_deg: Rotation = 0
    """How far pictures are turned clockwise: 0, 90, 180 or 270 degrees."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: A setting is out of its range.
        """
        for what, value, (least, most) in (
            ("width", self.width, WIDTHS),
            ("height", self.height, HEIGHTS),
        ):
            if not least <= value <= most or value != int(value):
                raise ValueError(f"{what} must be {least} to {most} whole pixels, not {value}")
        if not (math.isfinite(self.fps) and 0 < self.fps <= FASTEST_FPS):
            raise ValueError(f"fps must be above 0 and at most {FASTEST_FPS:g}, not {self.fps}")
        if self.exposure is not None and not (
            math.isfinite(self.exposure) and 0 < self.exposure <= LONGEST_EXPOSURE_MS
        ):
            raise ValueError(
                f"exposure must be above 0 and at most {LONGEST_EXPOSURE_MS:g} ms, or None for "
                f"automatic, not {self.exposure}"
            )
        Orientation(self.mirrored, self.rotation_deg)

    @property
    def orientation(self) -> Orientation:
        """How pictures are turned and mirrored."""
        return Orientation(self.mirrored, self.rotation_deg)


DEFAULT_CAMERA = CameraSettings()
