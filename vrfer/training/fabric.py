"""The training devices: Lightning Fabric, set up the same way for every loop.

One process, or as many as `torchrun` has started on one computer or several; it tells each its
place in environment variables.
"""

import logging
import os

import torch
from lightning_fabric import Fabric

from vrfer.errors import RecipeError

logger = logging.getLogger(__name__)


def leads() -> bool:
    """Whether this process writes files and speaks: the only one, or the first of torchrun's."""
    return int(os.environ.get("RANK", "0")) == 0


def fabric_for(accelerator: str, precision: str, *, together: bool = False) -> Fabric:
    """Return Fabric for one device, or for those of all processes.

    Args:
        accelerator: Lightning Fabric's word: auto, cpu, cuda.
        precision: `32-true` or `bf16-mixed`; the latter becomes `32-true` on a device without
            fast bfloat16, where it would be slower, or emulated many times slower.
        together: Whether the loop can share its work among torchrun's processes.

    Raises:
        RecipeError: The accelerator is not there, or the loop works alone.
    """
    # Fabric announces its precision at a level and with a handler of its own.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if processes > 1 and not together:
        raise RecipeError("this training runs in one process alone", "Start it without torchrun.")
    if precision == "bf16-mixed" and not _has_fast_bfloat16(accelerator):
        logger.debug("this device has no fast bfloat16; training runs in 32 bits")
        precision = "32-true"
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=here,
            num_nodes=processes // here,
            strategy="ddp" if processes > 1 else "auto",
            precision=precision,  # type: ignore[arg-type]
        )
        fabric.launch()
    except (ValueError, RuntimeError, ImportError) as err:
        raise RecipeError(
            f"the accelerator {accelerator} cannot be used here: {err}", "Use auto or cpu."
        ) from err
    return fabric


def _has_fast_bfloat16(accelerator: str) -> bool:
    if accelerator != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # Apple's processors come without oneDNN, where the question itself is an error.
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    # AVX-512's bfloat16 instructions alone lose more on conversions than they win.
    return torch.cpu._is_amx_tile_supported() or not torch.cpu._is_avx512_supported()
