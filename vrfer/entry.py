"""Where `vrfer-app` begins: what the system lacks is said in one line."""

import sys

_BAD_INPUT = 2
_MISSING = ("DLL load failed", "cannot open shared object file")
"""What Python says on Windows and on Linux where a library cannot find another."""
_REMEDIES = {
    "win32": "Install Microsoft's Visual C++ runtime "
    "(https://aka.ms/vs/17/release/vc_redist.x64.exe), and on an N edition of Windows the Media "
    "Feature Pack.",
    "linux": "Install it, on Debian or Ubuntu with: sudo apt install libgl1 libegl1 libgles2 "
    "libglib2.0-0 libxcb-cursor0",
}


def main() -> None:
    """Run the command line; it exits with its code."""
    try:
        # Libraries are loaded here, Qt's and MediaPipe's only by the commands that need them.
        from vrfer.cli import main as run_command_line

        run_command_line()
    except (ImportError, OSError) as err:
        if not any(sign in str(err) for sign in _MISSING):
            raise
        remedy = _REMEDIES.get(sys.platform, "Install it, and start vrfer again.")
        _say(f"Error: a part of the system is missing: {err}. {remedy}")
        sys.exit(_BAD_INPUT)


def _say(line: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{line}\n")
    elif sys.platform == "win32":  # a program without a console
        import ctypes

        ctypes.windll.user32.MessageBoxW(None, line, "vrfer", 0)
