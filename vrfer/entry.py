"""Where `vrfer-app` begins: what the system lacks is said before anything needs it."""

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
        from vrfer.cli import main as run_command_line
    except ImportError as err:
        if not any(sign in str(err) for sign in _MISSING):
            raise
        remedy = _REMEDIES.get(sys.platform, "Install it, and start vrfer again.")
        if sys.stderr is not None:
            sys.stderr.write(f"Error: a part of the system is missing: {err}. {remedy}\n")
        sys.exit(_BAD_INPUT)
    run_command_line()
