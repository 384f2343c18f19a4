"""The one interface of all sources."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from vrfer.frames import Frame


class Source(ABC):
    """Something that delivers frames; a context manager that closes itself.

    A live source keeps only its newest frame. A file source delivers every frame, in order, with
    the file's own times.
    """

    live: bool
    """True: the newest frame wins. False: every frame, with the file's own time stamps."""
    name: str
    """What people call it: "camera 0", "clip.mp4", a URL without its credentials."""

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
        """Whether a file has delivered its last frame or was closed; never for live sources."""

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
