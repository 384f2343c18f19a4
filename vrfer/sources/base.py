"""The one interface of all sources."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from vrfer.frames import Frame
from vrfer.sources.orientation import UNCHANGED, Orientation


class Source(ABC):
    """Something that delivers frames; a context manager that closes itself.

    A live source keeps only its newest frame. A file source delivers every frame, in order, with
    the file's own times.
    """

    live: bool
    """True: the newest frame wins. False: every frame, with the file's own time stamps."""
    name: str
    """What people call it: "camera 0", "clip.mp4", a URL without its credentials."""
    orientation: Orientation = UNCHANGED
    """How frames are turned and mirrored; may be replaced at any time, from any thread."""

    @abstractmethod
    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame.

        Args:
            timeout_s: How long to wait for it, in seconds.

        Returns:
            The frame; None when none arrived in time, or the source is exhausted or closed.
        """

    @property
    @abstractmethod
    def exhausted(self) -> bool:
        """Whether a file has delivered its last frame, or the source was closed."""

    @property
    @abstractmethod
    def skipped(self) -> int:
        """Live frames that were replaced by newer ones before anyone took them; 0 for files."""

    @property
    @abstractmethod
    def missing(self) -> bool:
        """Whether a live source is away and being reopened; never for files."""

    @property
    @abstractmethod
    def corrupt(self) -> int:
        """How many frames could not be decoded and were stepped over."""

    @property
    def current_mode(self) -> str | None:
        """What a camera delivers now, as "640x480 @ 30 MJPEG"; None for others and while away."""
        return None

    @property
    def duration_s(self) -> float | None:
        """How long a video or folder lasts in seconds; None where unknown, and for live sources."""
        return None

    @property
    def position_s(self) -> float | None:
        """Where a file is: the last frame's `source_s`, or where `seek` went; None if live."""
        return None

    def seek(self, position_s: float) -> None:  # noqa: B027 (live sources do nothing)
        """Go on at another position of a file; live sources ignore it. From any thread.

        Args:
            position_s: In seconds; the next frame is the one there, to within a frame. Beyond the
                ends means the first or last frame.
        """

    @property
    def paused(self) -> bool:
        """Whether a file stands still, or nobody wants a live source's frames."""
        return False

    def pause(self) -> None:  # noqa: B027 (not every source can)
        """Stop a file's clock: `read` returns None. Live sources go on. From any thread.

        After a `seek` the frame there is delivered even so, that people see where they are.
        """

    def resume(self) -> None:  # noqa: B027 (not every source can)
        """Let a paused file go on where it stands, a live source from now on. From any thread."""

    @abstractmethod
    def close(self) -> None:
        """Stop and give the device or file back. May be called again, and from any thread."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
