"""A file to which whole pieces are added."""

import contextlib
import io


class Growing:
    """A file that grows by whole pieces: a full disk tears none."""

    def __init__(self, file: io.FileIO) -> None:
        """Begin with a file that is empty."""
        self.file = file
        self.end = 0
        """Bytes of whole pieces."""

    def append(self, piece: bytes) -> None:
        """Write a piece at the end, or nothing of it.

        Raises:
            OSError: The disk does not take it.
        """
        try:
            self._write(self.end, piece)
        except OSError:
            self.cut()
            raise
        self.end += len(piece)

    def replace_start(self, piece: bytes) -> None:
        """Write over the beginning.

        Raises:
            OSError: The disk does not take it.
        """
        self._write(0, piece)

    def cut(self) -> None:
        """Remove what is torn at the end; where that fails, the next piece is written over it."""
        with contextlib.suppress(OSError):
            self.file.truncate(self.end)

    def _write(self, at: int, piece: bytes) -> None:
        self.file.seek(at)
        while piece:
            piece = piece[self.file.write(piece) :]
