"""Trains the locator: batches made by other processes, false finds mined again and again.

Random numbers need no state: batches, mining and dropout draw from (seed, epoch, number).
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from vrfer.training.fabric import fabric_for
from vrfer.training.locating.answering import Ask, ask_network
from vrfer.training.locating.batch_makers import BatchMakers
from vrfer.training.locating.checkpoint import LocatorEpoch, LocatorRun, load_run, save_run
from vrfer.training.locating.mining import mine
from vrfer.training.locating.photographs import load_photographs
from vrfer.training.locating.recipe import LocatorRecipe
from vrfer.training.locating.samples import LocatorBatch
from vrfer.training.locating.validate import check_set, validate
from vrfer.training.nets.lower_face_locator import Answers, LowerFaceLocator
from vrfer.training.runs import alone_in, diverged

LAST = "last.pt"
_WATCHED_EVERY = 4
"""After an epoch every so many of the validation photographs are measured; export measures all."""
_TRIAL_FACES = 16
"""Validation photographs of a dry run."""


@dataclass(frozen=True, slots=True)
class LocatorWatcher:
    """Callbacks of a run; the loop knows nothing of terminals or TensorBoard."""

    on_batch: Callable[[int, int, int], None] = lambda epoch, batch, batches: None
    """Called with the epoch counted from 0, the batch counted from 1, and an epoch's batches."""
    on_epoch: Callable[[LocatorEpoch], None] = lambda result: None
    on_note: Callable[[str], None] = lambda text: None
    """Called with a sentence for people, before what takes a while."""


def fit_locator(
    recipe: LocatorRecipe,
    folder: Path,
    cache: Path,
    out: Path,
    *,
    accelerator: str = "auto",
    workers: int | None = None,
    dry_run: bool = False,
    watcher: LocatorWatcher = LocatorWatcher(),
) -> LocatorRun:
    """Train, or go on with a run that was stopped.

    Args:
        recipe: The experiment.
        folder: Where the photographs lie.
        cache: Where they are kept decoded.
        out: Folder of the run: `last.pt` after every epoch.
        accelerator: Lightning Fabric's word for the device: auto, cpu, cuda.
        workers: Processes that make batches; None takes one a core.
        dry_run: The fewest epochs and a few validation photographs, for trying a recipe out.
        watcher: Told of every batch and epoch.

    Returns:
        The finished run.

    Raises:
        RecipeError: `out` holds another experiment or is in use.
        DataError: The photographs cannot be read, a checkpoint cannot be written, or the loss is
            no longer a number.
    """
    recipe = recipe.shortened() if dry_run else recipe
    with alone_in(out), _half_the_cores():
        run = load_run(out / LAST, recipe) if (out / LAST).exists() else _begin(recipe)
        if run.epoch >= recipe.epochs:
            watcher.on_note(f"{out} is finished; nothing is left to do.")
            return run
        watcher.on_note(
            f"Reading the photographs in {folder}. The first time they are decoded into {cache}, "
            "which takes a while and 2 GB."
        )
        data = load_photographs(folder, cache)
        faces = data.validation
        watched = np.arange(0, len(faces), 1 if dry_run else _WATCHED_EVERY)
        checks = check_set(
            faces.take(watched[:_TRIAL_FACES] if dry_run else watched), seed=recipe.seed
        )
        trainee = _Trainee.resumed(run, fabric_for(accelerator, recipe.precision))
        with BatchMakers(folder, cache, workers) as makers:
            for epoch in range(run.epoch, recipe.epochs):
                loss = _train_epoch(trainee, run, epoch, makers, watcher)
                ask = _sound(ask_network(trainee.averaged))
                last = epoch + 1 == recipe.epochs
                if recipe.mined_squares and not last and (epoch + 1) % recipe.mine_every == 0:
                    found = mine(ask, data, seed=_epoch_seed(recipe, epoch))
                    run.mined = (run.mined + found)[-recipe.mined_squares :]
                result = LocatorEpoch(epoch, loss, len(run.mined), validate(ask, checks))
                run.history.append(result)
                run.network = trainee.network.state_dict()
                run.averaged = trainee.averaged.state_dict()
                run.optimizer, run.epoch = trainee.optimizer.state_dict(), epoch + 1
                save_run(run, out / LAST)
                watcher.on_epoch(result)
    return run


@contextmanager
def _half_the_cores() -> Iterator[None]:
    """Leave cores to those who make batches: threads that wait for one another stall."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True, slots=True, eq=False)
class _Trainee:
    """What is trained, on its device."""

    fabric: Fabric
    model: nn.Module
    """The network as Fabric wraps it."""
    network: nn.Module
    averaged: nn.Module
    """The moving average of the network's weights, in evaluation mode."""
    optimizer: torch.optim.Optimizer

    @classmethod
    def resumed(cls, run: LocatorRun, fabric: Fabric) -> "_Trainee":
        network, averaged = LowerFaceLocator(), LowerFaceLocator()
        network.load_state_dict(run.network)
        averaged.load_state_dict(run.averaged)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        model, optimizer = fabric.setup(network, _optimizer(network, run.recipe))
        if run.optimizer is not None:
            optimizer.load_state_dict(run.optimizer)
        return cls(fabric, model, network, averaged.to(fabric.device).eval(), optimizer)


def _train_epoch(
    trainee: _Trainee, run: LocatorRun, epoch: int, makers: BatchMakers, watcher: LocatorWatcher
) -> float:
    """Return the mean loss of the epoch."""
    recipe, fabric = run.recipe, trainee.fabric
    torch.manual_seed(_epoch_seed(recipe, epoch))  # dropout draws from the global generator
    total = 0.0
    for number, batch in enumerate(makers.batches(recipe, epoch, run.mined)):
        step = epoch * recipe.batches + number
        for group in trainee.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, step)
        answers = trainee.model(fabric.to_device(torch.from_numpy(batch.squares)))
        loss = locator_loss(answers, batch)
        trainee.optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(
            trainee.model, trainee.optimizer, max_norm=5.0, error_if_nonfinite=False
        )
        trainee.optimizer.step()
        _follow(trainee.averaged, trainee.network, min(recipe.average, (step + 1) / (step + 10)))
        total += loss.item()
        if not math.isfinite(total):
            raise diverged(f"the training loss became {loss.item()} in epoch {epoch + 1}")
        watcher.on_batch(epoch, number + 1, recipe.batches)
    return total / recipe.batches


def _sound(ask: Ask) -> Ask:
    """Return the same `Ask`, which refuses answers that are no numbers."""

    def checked(squares: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        answers = ask(squares)
        if not all(np.isfinite(part).all() for part in answers):
            raise diverged("the network's answers on photographs are no numbers")
        return answers

    return checked


def _epoch_seed(recipe: LocatorRecipe, epoch: int) -> int:
    return recipe.seed * 1_000_003 + epoch


def locator_loss(answers: Answers, batch: LocatorBatch) -> Tensor:
    """Return the loss: Laplace likelihood of the geometry, cross-entropy of the verdicts.

    A Laplace likelihood makes the network say how far each point may be off (Kendall & Gal,
    NeurIPS 2017).
    """
    device = answers.points.device
    points, width, angles, visible, headset, weights = (
        torch.from_numpy(part).to(device)
        for part in (
            batch.points, batch.width, batch.angles, batch.visible, batch.headset, batch.weights
        )
    )  # fmt: skip
    shown, judged, told = weights.T
    off = (answers.points.float() - points).abs().mean(dim=2)
    point_loss = (off * (-answers.spread.float()).exp() + answers.spread.float()).mean(dim=1)
    off_width = (answers.width[:, 0].float() - width.log()).abs()
    log_scale = answers.width[:, 1].float()
    width_loss = off_width * (-log_scale).exp() + log_scale
    angle_loss = nn.functional.smooth_l1_loss(
        answers.angles.float(), angles, beta=0.1, reduction="none"
    ).mean(dim=1)
    verdict = answers.verdict.float()
    seen = nn.functional.binary_cross_entropy_with_logits(verdict[:, 0], visible, reduction="none")
    worn = nn.functional.binary_cross_entropy_with_logits(verdict[:, 1], headset, reduction="none")
    geometry = (point_loss + 0.3 * width_loss + 2 * angle_loss) * shown
    loss: Tensor = (
        geometry.sum() / shown.sum().clamp(min=1)
        + 2 * (seen * judged).sum() / judged.sum().clamp(min=1)
        + 0.5 * (worn * told).sum() / told.sum().clamp(min=1)
    )
    return loss


def learning_rate(recipe: LocatorRecipe, step: int) -> float:
    """Return the rate of a step: a linear rise, then a cosine down to a hundredth."""
    warmup = recipe.warmup_epochs * recipe.batches
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    share = (step - warmup) / max(recipe.epochs * recipe.batches - warmup, 1)
    return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)


def _begin(recipe: LocatorRecipe) -> LocatorRun:
    torch.manual_seed(recipe.seed)
    weights = LowerFaceLocator().state_dict()
    return LocatorRun(recipe, weights, {name: value.clone() for name, value in weights.items()})


def _optimizer(network: nn.Module, recipe: LocatorRecipe) -> torch.optim.AdamW:
    kernels = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


@torch.no_grad()
def _follow(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, value in zip(
        averaged.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if mean.is_floating_point():
            mean.lerp_(value.to(mean.dtype), 1 - decay)
        else:
            mean.copy_(value)
