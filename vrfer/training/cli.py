"""The entry point of `vrfer-train`: says what to install where torch is missing."""

import sys

from vrfer.command_line import BAD_INPUT, run_app


def main() -> None:
    """Run `vrfer-train`."""
    try:
        from vrfer.training.commands import app
    except ModuleNotFoundError as err:
        if err.name is not None and err.name.startswith("vrfer"):
            raise
        sys.stderr.write(
            f"Error: training needs the package {err.name}, which is not installed. "
            f'Install it with: "{sys.executable}" -m pip install "vrfer[train]"\n'
        )
        sys.exit(BAD_INPUT)
    sys.exit(run_app(app))
