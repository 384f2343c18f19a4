"""Faults of drives, and ends that nobody wanted, made to happen to a running vrfer that records."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app_runs import APP
from fault_rows import Fault, NotHereError, Row, running

from vrfer.recording import load_session

SOME = 15
"""Rows between one step of a fault and the next."""
CUT_ROWS = 4
SLOW_S = 0.7
HANGS_S = 5.0
PULLED_AFTER_S = 3.5
SLOW = f"""
import os, time
sync = os.fsync
os.fsync = lambda number: (time.sleep({SLOW_S}), sync(number))[1]
{APP}
"""
"""Starts vrfer on a disk on which each wish to keep what was written takes long."""
PAGE = 4096
IMAGE_BYTES = 8 << 20
EXT4_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = b"\2\0\0\0"
"""Nothing more goes to the drive: it is gone."""


def drive_full(folder: Path) -> Row:
    """Fill the drive while vrfer records, and leave it full."""
    with small_drive(folder) as drive, running(folder, recording=drive.recording) as run:
        run.ears.more(SOME)
        drive.fill(run.app.process.pid)
        run.app.until_said("cannot be written")
        run.ears.more(SOME)
        run.stop()
        return Row(
            f"{drive.how}, full after some rows; Ctrl-C in the end",
            run.said("recorded "),
            run.code,
            run.kept(),
        )


def drive_full_for_a_while(folder: Path) -> Row:
    """Fill the drive while vrfer records, and make room again."""
    with small_drive(folder) as drive, running(folder, recording=drive.recording) as run:
        run.ears.more(SOME)
        drive.fill(run.app.process.pid)
        run.app.until_said("cannot be written")
        run.ears.more(SOME)
        drive.make_room(run.app.process.pid)
        run.ears.more(SOME)
        run.stop()
        problems = " ".join(load_session(run.recording).problems)
        return Row(
            f"{drive.how}, full after some rows, with room again {SOME} frames later; Ctrl-C in "
            "the end",
            run.said("recorded "),
            run.code,
            f"{run.kept()}; reading it back says: {problems}",
        )


class SmallDrive:
    """A drive that can be filled: one in memory, or a limit to the size of files."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        """Take a folder for it."""
        self.folder = folder
        self.recording = folder / "x.csv"
        self._mounted = mounted
        self.how = (
            "recorded to a small drive in memory"
            if mounted
            else "the system lets files grow no more"
        )

    def fill(self, process: int) -> None:
        """Leave no more room than for a few rows."""
        if self._mounted:
            drive = os.statvfs(self.folder)
            used = (drive.f_blocks - drive.f_bfree) * drive.f_bsize
            self._resize(used + PAGE)
        else:
            self._limit(process, self.recording.stat().st_size + PAGE)

    def make_room(self, process: int) -> None:
        """Make room."""
        if self._mounted:
            self._resize(1 << 20)
        else:
            self._limit(process, None)

    def _resize(self, size: int) -> None:
        subprocess.run(
            ["mount", "-o", f"remount,size={size}", str(self.folder)],
            check=True,
            capture_output=True,
        )

    def _limit(self, process: int, size: int | None) -> None:
        import resource

        _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
        limit = most if size is None else size
        resource.prlimit(process, resource.RLIMIT_FSIZE, (limit, most))


@contextmanager
def small_drive(folder: Path) -> Iterator[SmallDrive]:
    """Give a drive that can be filled.

    Raises:
        NotHereError: This system has none.
    """
    if sys.platform != "linux":
        raise NotHereError("it takes Linux")
    place = folder / "drive"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)],
        check=False,
        capture_output=True,
    )
    mounted = made.returncode == 0
    try:
        yield SmallDrive(place, mounted=mounted)
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def folder_deleted(folder: Path) -> Row:
    """Delete the folder of the recording while it is written."""
    if sys.platform == "win32":
        raise NotHereError("Windows deletes no file that is open")
    place = folder / "deleted"
    place.mkdir()
    with running(folder, recording=place / "x.csv") as run:
        run.ears.more(2 * SOME)
        shutil.rmtree(place)
        run.ears.more(2 * SOME)
        run.stop()
    rows = run.rows if run.recording.exists() else 0
    return Row(
        "the recording's folder was deleted in the middle; Ctrl-C in the end",
        run.said("recorded "),
        run.code,
        f"healthy receiver: {run.heard_of()}; recording: {rows} of {run.frames} rows",
    )


def drive_pulled(folder: Path) -> Row:
    """Take the drive away while a recording is written."""
    with disk(folder) as place, running(folder, recording=place / "x.csv") as run:
        run.ears.more(2 * SOME)
        began = run.ears.frames
        time.sleep(PULLED_AFTER_S)
        before = run.ears.frames
        pull(place)
        run.ears.more(2 * SOME)
        run.stop()
        heard = run.heard_of()
    with disk(folder) as place:
        file = place / "x.csv"
        rows = len(load_session(file).rows) if file.exists() else 0
        problems = " ".join(load_session(file).problems) if file.exists() else "no file"
    return Row(
        "recorded to a disk of its own (ext4), which stopped in the middle as if it had been "
        "pulled; Ctrl-C in the end; the disk was plugged in again and read",
        run.said("recorded "),
        run.code,
        f"healthy receiver: {heard}; on the disk: {rows} of the {before} rows before that, at "
        f"{(before - began) / PULLED_AFTER_S:.0f} a second; reading it back says: {problems}",
    )


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk, with what is on it.

    Raises:
        NotHereError: This system, or this user, mounts none.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        raise NotHereError("it takes root on Linux with mkfs.ext4")
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir(exist_ok=True)
    if not image.exists():
        with image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
    made = subprocess.run(["mount", "-o", "loop", image, place], check=False, capture_output=True)
    if made.returncode != 0:
        raise NotHereError(f"no disk can be mounted: {made.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def pull(place: Path) -> None:
    """Stop a disk at once; what it holds already stays."""
    import fcntl

    if not place.is_mount():  # on any other folder it would stop the system's own disk
        raise NotHereError(f"{place} is no disk of its own")
    opened = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(opened, EXT4_SHUTDOWN, NO_LOG_FLUSH)
    except OSError as err:
        raise NotHereError(f"this disk cannot be stopped: {err.strerror}") from err
    finally:
        os.close(opened)


def drive_hangs(folder: Path) -> Row:
    """Let the drive take nothing for a while."""
    with disk(folder) as place, running(folder, recording=place / "x.csv") as run:
        run.ears.more(2 * SOME)
        before = run.ears.frames
        subprocess.run(["fsfreeze", "--freeze", str(place)], check=True)
        try:
            time.sleep(HANGS_S)
            meanwhile = run.ears.frames - before
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", str(place)], check=True)
        run.ears.more(SOME)
        run.stop()
        return Row(
            f"recorded to a disk that takes nothing for {HANGS_S:g} s (fsfreeze); Ctrl-C",
            run.said("latency", "recorded "),
            run.code,
            f"{run.kept()}, {meanwhile} of them sent in those seconds",
        )


def drive_slow(folder: Path) -> Row:
    """Record to a disk that takes long to keep what was written."""
    with running(folder, code=SLOW) as run:
        run.ears.more(4 * SOME)
        run.stop()
    return Row(
        f"each wish of vrfer's that the disk keeps what was written takes {SLOW_S:g} s; Ctrl-C in "
        "the end",
        run.said("latency", "recorded "),
        run.code,
        run.kept(),
    )


def killed(folder: Path) -> Row:
    """Kill vrfer while it records."""
    with running(folder) as run:
        run.ears.more(3 * SOME)
        run.app.process.kill()
        run.code = run.app.ended()
        run.listen_to_the_end()
    session = load_session(run.recording)
    return Row(
        "kill -9 in the middle of a recording, which was then read back",
        run.said(),
        run.code,
        f"recording: {len(session.rows)} rows, {session.cut_bytes} torn bytes; the healthy "
        f"receiver had heard {run.ears.frames} frames; reading it back says: "
        f"{' '.join(session.problems)}",
    )


def power_cut(folder: Path) -> Row:
    """Cut a recording at every byte, and read each."""
    with running(folder) as run:
        run.ears.more(CUT_ROWS)
        run.stop()
    lines = run.recording.read_bytes().splitlines(keepends=True)
    head = sum(line.startswith(b"#") for line in lines) + 1
    content = b"".join(lines[: head + CUT_ROWS])
    good, said = read_cuts(content, head, folder / "cut.csv")
    return Row(
        f"a recording of {CUT_ROWS} rows, cut at each of its {len(content):,} bytes, and read back",
        [f"{text} (and so on, with the bytes of each)" for text in said],
        None,
        f"nothing but the row that was cut: {good:,} of {len(content) + 1:,} cuts gave all whole "
        "rows before the cut, and counted the bytes after them",
    )


def read_cuts(
    content: bytes,
    head: int,
    path: Path,
    load: Callable[[Path], object] = load_session,
) -> tuple[int, list[str]]:
    """Read a recording that was cut at each byte.

    Args:
        content: The whole recording.
        head: How many lines stand before its first row.
        path: File that is written for each cut.
        load: Reads a recording.

    Returns:
        How many cuts gave all whole rows and counted the rest, and what was said of one of them.
    """
    good, said = 0, ""
    path.write_bytes(content)
    for length in range(len(content), -1, -1):
        part = content[:length]
        os.truncate(path, length)
        session = load(path)
        whole = part.count(b"\n")
        rows = max(0, whole - head)
        torn = length - (part.rfind(b"\n") + 1) if whole >= head else length
        good += (len(session.rows), session.cut_bytes) == (rows, torn)  # type: ignore[attr-defined]
        if rows and torn and not said:
            said = session.problems[-1]  # type: ignore[attr-defined]
    return good, [said]


FAULTS = (
    Fault("The drive is full", drive_full),
    Fault("The drive is full for a while", drive_full_for_a_while),
    Fault("The drive is slow", drive_slow),
    Fault("The drive hangs", drive_hangs),
    Fault("The drive is pulled", drive_pulled),
    Fault("The folder is deleted", folder_deleted),
    Fault("vrfer is killed", killed),
    Fault("Power cut", power_cut),
)
