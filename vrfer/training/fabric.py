"""The training device: Lightning Fabric, set up the same way for every loop."""

import logging

from lightning_fabric import Fabric

from vrfer.errors import RecipeError


def fabric_for(accelerator: str, precision: str) -> Fabric:
    """Return Fabric for one device.

    Raises:
        RecipeError: The accelerator is not there.
    """
    # Fabric announces its precision at a level and with a handler of its own.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    try:
        return Fabric(accelerator=accelerator, devices=1, precision=precision)  # type: ignore[arg-type]
    except (ValueError, RuntimeError, ImportError) as err:
        raise RecipeError(
            f"the accelerator {accelerator} cannot be used here: {err}", "Use auto or cpu."
        ) from err
