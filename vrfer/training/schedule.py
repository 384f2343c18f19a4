"""Learning rates and random seeds of a stage's epochs."""

import math

from vrfer.training.recipe import Stage


def learning_rate(stage: Stage, epoch: int, drops: int, *, share: float = 0.0) -> float:
    """Return the learning rate of an epoch counted from 0.

    Args:
        stage: Names the schedule.
        epoch: Epoch within the stage.
        drops: How often the plateau rule has divided by 10 so far.
        share: Of the epoch that is over, 0-1; only `cosine-per-batch` heeds it.
    """
    factor = 1.0
    if stage.schedule == "plateau":
        factor = 0.1**drops
    elif stage.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * epoch / stage.epochs))
    elif stage.schedule == "cosine-per-batch":
        epoch_part = epoch + share
        factor = 0.5 * (1 + math.cos(math.pi * epoch_part / stage.epochs))
    elif stage.schedule == "steps":
        factor = next((by for first, by in reversed(stage.steps) if epoch >= first), 1.0)
    if stage.dsd is not None and stage.phase(epoch) == "re-dense":
        factor *= stage.dsd.redense_rate
    warmup = min(1.0, (epoch + 1) / (stage.warmup_epochs + 1))
    return max(stage.learning_rate * factor, stage.lowest_learning_rate) * warmup


def epoch_seed(seed: int, stage: int, epoch: int) -> int:
    """Return a seed that no other epoch of any stage of the same run has."""
    return seed * 1_000_003 + stage * 100_003 + epoch
