"""Windows' consoles: a click must not stop the program, nor their closing cut it off.

Sources: Microsoft, "SetConsoleMode" (quick edit) and "SetConsoleCtrlHandler".
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

if sys.platform == "win32":
    import _thread
    import ctypes
    import threading
    from ctypes import wintypes

    _STD_INPUT_HANDLE = -10
    _QUICK_EDIT, _EXTENDED_FLAGS = 0x40, 0x80
    _ENDINGS = (2, 5, 6)
    """CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT."""
    _LONGEST_END_S = 4.5
    """Windows ends the process after 5 seconds."""

    @contextmanager
    def tamed_console() -> Iterator[None]:
        """Keep the console from pausing the program; when it is closed, end as by Ctrl-C.

        In a console where a click begins to select text every write waits until the selection ends.
        """
        kernel = ctypes.WinDLL("kernel32")
        kernel.GetStdHandle.argtypes = [wintypes.DWORD]
        kernel.GetStdHandle.restype = wintypes.HANDLE
        kernel.GetConsoleMode.argtypes = [wintypes.HANDLE, wintypes.LPDWORD]
        kernel.SetConsoleMode.argtypes = [wintypes.HANDLE, wintypes.DWORD]
        ended = threading.Event()

        def end_well(event: int) -> bool:
            if event not in _ENDINGS:
                return False
            _thread.interrupt_main()
            ended.wait(_LONGEST_END_S)
            return True

        on_event = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)(end_well)
        kernel.SetConsoleCtrlHandler(on_event, True)
        console = kernel.GetStdHandle(_STD_INPUT_HANDLE & 0xFFFF_FFFF)
        before = wintypes.DWORD()
        known = bool(kernel.GetConsoleMode(console, ctypes.byref(before)))
        if known:
            kernel.SetConsoleMode(console, (before.value | _EXTENDED_FLAGS) & ~_QUICK_EDIT)
        try:
            yield
        finally:
            if known:
                kernel.SetConsoleMode(console, before.value | _EXTENDED_FLAGS)
            ended.set()
            kernel.SetConsoleCtrlHandler(on_event, False)

else:

    @contextmanager
    def tamed_console() -> Iterator[None]:
        """Do nothing: this is no Windows."""
        yield
