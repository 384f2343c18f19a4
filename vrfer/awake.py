"""Keeps the computer awake, and this program at full speed, while a face is read.

A wearer touches neither keyboard nor mouse, and a window behind the VR scene counts as idle: after
a while systems go to sleep, and slow down programs that nobody seems to look at. Where a system
cannot be asked, everything goes on without.

Sources: Microsoft, "SetThreadExecutionState" and "SetProcessInformation" (power throttling);
Apple, "Energy Efficiency Guide for Mac Apps" (App Nap); systemd-inhibit(1).
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)

_WHY = "vrfer reads a face"
_PATIENCE_S = 1.0


@contextmanager
def kept_awake() -> Iterator[None]:
    """Keep the computer from falling asleep by itself.

    On Linux, whose desktops fall asleep by the means that people use to send them to sleep, that is
    refused too, with the reason; closing the lid is not. To be entered and left in the same thread.
    """
    if sys.platform == "win32":
        with _kept_awake_on_windows():
            yield
    elif sys.platform == "darwin":
        with _kept_awake_on_macos():
            yield
    else:
        with _kept_awake_by_systemd():
            yield


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x8000_0000, 0x0000_0001
    _POWER_THROTTLING, _VERSION = 4, 1
    _EXECUTION_SPEED, _IGNORE_TIMER_RESOLUTION = 0x1, 0x4

    class _Throttling(ctypes.Structure):
        """PROCESS_POWER_THROTTLING_STATE."""

        _fields_ = (
            ("version", wintypes.ULONG),
            ("control_mask", wintypes.ULONG),
            ("state_mask", wintypes.ULONG),
        )

    @contextmanager
    def _kept_awake_on_windows() -> Iterator[None]:
        kernel = ctypes.WinDLL("kernel32")
        kernel.SetThreadExecutionState.argtypes = [wintypes.DWORD]
        kernel.SetThreadExecutionState.restype = wintypes.DWORD
        kernel.SetThreadExecutionState(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
        for kind in (_EXECUTION_SPEED, _IGNORE_TIMER_RESOLUTION):
            _set_throttling(kind)  # one by one: Windows 10 does not know the second
        try:
            yield
        finally:
            _set_throttling(0)
            kernel.SetThreadExecutionState(_ES_CONTINUOUS)

    def _set_throttling(refused: int) -> None:
        """Refuse kinds of throttling, which old versions do not know; 0 leaves it to the system."""
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        try:
            set_information = kernel.SetProcessInformation
        except AttributeError:
            return
        set_information.argtypes = [
            wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD,
        ]  # fmt: skip
        state = _Throttling(_VERSION, refused, 0)
        set_information(
            kernel.GetCurrentProcess(), _POWER_THROTTLING, ctypes.byref(state), ctypes.sizeof(state)
        )


@contextmanager
def _kept_awake_on_macos() -> Iterator[None]:
    try:
        from Foundation import NSActivityUserInitiated, NSProcessInfo
    except ImportError:
        yield
        return
    process = NSProcessInfo.processInfo()
    activity = process.beginActivityWithOptions_reason_(NSActivityUserInitiated, _WHY)
    try:
        yield
    finally:
        process.endActivity_(activity)


@contextmanager
def _kept_awake_by_systemd() -> Iterator[None]:
    # `cat` ends when its input does, so that nothing is left if this program is killed.
    options = ("--what=idle:sleep", "--mode=block", "--who=vrfer", f"--why={_WHY}")
    try:
        process = subprocess.Popen(
            ["systemd-inhibit", *options, "cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for vrfer alone
        )
    except OSError as err:
        logger.debug("the computer is not kept awake: %s", err)
        yield
        return
    try:
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:  # it asks a system that does not answer
            process.kill()
            process.wait()
