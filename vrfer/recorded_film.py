"""Reading the video beside a recording back, whole or cut short."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from vrfer.errors import OutputError
from vrfer.outputs.film import COLUMNS, film_files
from vrfer.sources.opencv import prepare_opencv, retrieve_bgr

FILM_FRAME: Final = np.dtype([("video_frame", "i8"), ("row", "i8")])
"""A picture of the video by its number, from 0, and the index of its row in the recording."""

_MOST_DAMAGED = 30
"""So many damaged pictures in a row count as the end of the video."""
_LINE = re.compile(rb"(\d{1,9}),(\d{1,18}),[0-9T:.+-]+,(-?\d+\.\d+)\r?\n")


def load_film(
    recording: Path,
    frames: NDArray[np.int64],
    monotonic_s: NDArray[np.float64],
    problems: list[str],
) -> tuple[Path | None, NDArray[np.void]]:
    """Find the video of a recording, and which of its pictures belong to which rows.

    Args:
        recording: The CSV file.
        frames: The column `frame` of its rows.
        monotonic_s: The column `monotonic_s`.
        problems: What is wrong is added here, in plain sentences.

    Returns:
        The video, None where there is none; and its pictures, of type `FILM_FRAME`, in order.
    """
    path, table = film_files(recording)
    nothing = np.empty(0, FILM_FRAME)
    if not path.exists():
        return None, nothing
    try:
        lines = table.read_bytes().splitlines(keepends=True)
    except OSError:
        problems.append(f"{table.name} cannot be read.")
        return path, nothing
    head = f"{','.join(COLUMNS)}\r\n".encode()
    matches = [_LINE.fullmatch(line) for line in lines[1 if lines[:1] == [head] else 0 :]]
    found = [match.groups() for match in matches if match is not None]
    numbers = np.array([int(number) for number, _, _ in found], np.int64)
    rows = _rows_of(
        np.array([int(frame) for _, frame, _ in found], np.int64),
        np.array([float(moment) for _, _, moment in found], np.float64),
        frames,
        monotonic_s,
    )
    torn = len(matches) - len(found)
    if torn:
        problems.append(f"{torn} lines of {table.name} are damaged.")
    known = (rows >= 0) & (np.diff(numbers, prepend=-1) > 0)
    film_frames = np.empty(np.count_nonzero(known), FILM_FRAME)
    film_frames["video_frame"], film_frames["row"] = numbers[known], rows[known]
    missing = len(frames) - len(np.unique(film_frames["row"]))
    if missing:
        problems.append(f"{missing} of {len(frames)} pictures are not in {path.name}.")
    return path, film_frames


def pictures_of(path: Path) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the pictures of a video with their numbers, in order: height x width x 3, BGR.

    Damaged ones are passed over. A damaged one makes `grab` fail exactly as the end does, but after
    it grabbing goes on.

    Raises:
        OutputError: It cannot be read.
    """
    prepare_opencv()
    # Whole, for FFmpeg takes what stands before a colon for a protocol.
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise OutputError(
                f"the video {path} cannot be read", "It is damaged, or holds no whole picture."
            )
        number = failed = 0
        while failed < _MOST_DAMAGED:
            image = retrieve_bgr(capture) if capture.grab() else None
            if image is not None:
                yield number, image
            failed = failed + 1 if image is None else 0
            number += 1
    finally:
        capture.release()


def _rows_of(
    film_frames: NDArray[np.int64],
    film_moments_s: NDArray[np.float64],
    frames: NDArray[np.int64],
    moments_s: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return the index of the row with the same number and moment; -1 where there is none.

    Numbers alone begin anew where another source was opened, and moments alone may be shared on
    systems with a coarse clock.
    """
    _, number_ids = np.unique(np.concatenate([frames, film_frames]), return_inverse=True)
    moments, moment_ids = np.unique(
        np.concatenate([moments_s, film_moments_s]), return_inverse=True
    )
    keys = number_ids * len(moments) + moment_ids
    unique, key_ids = np.unique(keys, return_inverse=True)
    row_of_key = np.full(len(unique), -1, np.int64)
    row_of_key[key_ids[: len(frames)]] = np.arange(len(frames))
    return np.asarray(row_of_key[key_ids[len(frames) :]])
