"""One epoch of training: batches are made ahead, steps are shared among processes and parts."""

import math
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vrfer.errors import RecipeError
from vrfer.training.batches import Batch, drawn_pictures, training_batches
from vrfer.training.live_teachers import LiveTeacher
from vrfer.training.losses import balancing_weights, picture_losses
from vrfer.training.recipe import Recipe
from vrfer.training.runs import diverged
from vrfer.training.schedule import epoch_seed, learning_rate
from vrfer.training.teachers import Lessons

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """A network with what moves its weights."""

    fabric: Fabric
    model: nn.Module
    """Set up by Fabric."""
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None
    at_once: int | None
    """Most pictures that one process computes at once; None: a whole batch."""


@dataclass(frozen=True, slots=True)
class EpochRun:
    """How an epoch went."""

    loss: float
    """Mean over the pictures, nats."""
    waited: float
    """Share of the time that the steps waited for their batches, 0-1."""


def train_epoch(
    learner: Learner,
    recipe: Recipe,
    stage_index: int,
    epoch: int,
    drops: int,
    learned: Lessons,
    live: LiveTeacher | None,
    on_batch: Callable[[int, int], None],
) -> EpochRun:
    """Train for one epoch.

    Every process draws the same batches and takes every n-th picture of each, so that the
    steps are those of one process; only dropout draws differently, and batch normalisation goes
    over a process's own pictures.

    Args:
        learner: The network; its weights are changed.
        recipe: The experiment.
        stage_index: Of the recipe's stages.
        epoch: Counted from 0 within the stage.
        drops: How often the plateau rule has divided the learning rate.
        learned: What is learned from.
        live: Asked about every picture; None where the stage asks nobody.
        on_batch: Called with the number of a finished batch, from 1, and the number of batches.

    Raises:
        DataError: The loss is no longer a number.
        RecipeError: The device's memory is too small.
    """
    fabric, stage = learner.fabric, recipe.stages[stage_index]
    seed = epoch_seed(recipe.seed, stage_index, epoch)
    torch.manual_seed(seed + fabric.global_rank)  # dropout draws from the global generator
    generator = torch.Generator().manual_seed(seed)
    drawn = drawn_pictures(
        learned.faces.votes[: len(learned.faces) - learned.photographs],
        stage.repeat_below,
        generator,
        photographs=learned.photographs,
        photographs_share=stage.photographs_share,
    )
    batches = training_batches(
        learned.faces,
        learned.taught,
        drawn,
        recipe.input.view(stage.region),
        stage.batch_size,
        recipe.augmentation,
        generator,
        one_label=recipe.data.labels == "probability",
        device=fabric.device,
    )
    class_weights = None
    if stage.balanced:
        class_weights = balancing_weights(torch.from_numpy(learned.faces.votes)).to(fabric.device)

    def losses_of(logits: Tensor, part: Batch) -> Tensor:
        return picture_losses(
            logits,
            part,
            labels=recipe.data.labels,
            distillation=stage.distillation,
            class_weights=class_weights,
            live=None if live is None else live(part.patches),
        )

    count = math.ceil(len(drawn) / stage.batch_size)
    total = torch.zeros((), device=fabric.device)
    waited_s, began_s = 0.0, time.perf_counter()
    learner.model.train()
    with closing(made_ahead(batches)) as ahead:
        for number in range(1, count + 1):
            asked_s = time.perf_counter()
            batch = next(ahead)
            waited_s += time.perf_counter() - asked_s
            rate = learning_rate(stage, epoch, drops, share=(number - 1) / count)
            for group in learner.optimizer.param_groups:
                group["lr"] = rate
            total += _leave_gradients(learner, batch, losses_of)
            learner.optimizer.step()
            if learner.average is not None:
                learner.average.update_parameters(learner.model)
            on_batch(number, count)
    everything = fabric.all_reduce(total, reduce_op="sum")
    assert isinstance(everything, Tensor)
    mean_loss = float(everything) / len(drawn)
    if not math.isfinite(mean_loss):
        raise diverged(f"the training loss became {mean_loss} in epoch {epoch + 1}")
    return EpochRun(mean_loss, waited_s / (time.perf_counter() - began_s))


def _leave_gradients(
    learner: Learner, batch: Batch, losses_of: Callable[[Tensor, Batch], Tensor]
) -> Tensor:
    """Leave a batch's gradients on the weights, and return this process's share of its loss.

    Args:
        learner: Its optimizer's gradients are replaced.
        batch: The pictures of all processes.
        losses_of: Returns N losses, nats, for N x 8 logits and the N pictures.
    """
    fabric = learner.fabric
    rows = slice(fabric.global_rank, None, fabric.world_size)
    parts = list(batch.parts(rows, learner.at_once or len(batch)))
    # A process without a picture still takes part in the exchange of gradients.
    weight = 1.0 if parts else 0.0
    parts = parts or list(batch.parts(slice(1), 1))
    total = torch.zeros((), device=fabric.device)
    learner.optimizer.zero_grad()
    try:
        for part in parts:
            last = part is parts[-1]
            with fabric.no_backward_sync(
                learner.model,  # type: ignore[arg-type]
                enabled=not last,
            ):
                losses = losses_of(learner.model(part.patches).float(), part)
                summed = weight * losses.sum()
                # Gradients are averaged over the processes.
                fabric.backward(summed * (fabric.world_size / len(batch)))
            total += summed.detach()
    except torch.OutOfMemoryError as err:
        raise RecipeError(
            f"{len(parts[0])} pictures at once do not fit into the device's memory",
            f"Use --at-once {max(1, len(parts[0]) // 2)}; only batch normalisation notices it.",
        ) from err
    return total


def made_ahead(items: Iterator[Item]) -> Generator[Item]:
    """Yield the items in their order; a thread makes the next while one is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="vrfer-batches") as maker:
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, items, None)
            yield item
