"""The training loop: setup, then stages of epochs, each followed by a validation.

Plain torch on top of Lightning Fabric, which chooses device and precision.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vrfer.training.batches import Batch, drawn_pictures, patches_of, training_batches
from vrfer.training.begin import LAST, NOTHING_GIVEN, Given, begin, check_given, gather
from vrfer.training.checkpoint import EpochResult, RunState, load_state, save_state
from vrfer.training.dsd import zero_layers
from vrfer.training.fabric import fabric_for
from vrfer.training.ferplus import FaceSet, FerPlus
from vrfer.training.nets import FaceNetwork, create_network
from vrfer.training.photograph_faces import PhotographFaces
from vrfer.training.predict import PREDICTION_BATCH, evaluating
from vrfer.training.recipe import Data, Distillation, Recipe, Region, Stage, View
from vrfer.training.runs import alone_in, diverged
from vrfer.training.teachers import Lessons


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is, for whoever shows it."""

    stage: int
    region: Region
    phase: str
    epoch: int
    batch: int
    """Counted from 1 within the epoch."""
    batches: int
    """Batches of one epoch."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Callbacks of a run; the loop knows nothing of terminals or TensorBoard."""

    on_batch: Callable[[Progress], None] = lambda progress: None
    on_epoch: Callable[[EpochResult, int], None] = lambda result, epochs_so_far: None
    """Called with the result and the number of finished epochs over all stages."""


def training_faces(data: FerPlus, recipe: Data) -> FaceSet:
    """Return the training pictures that a recipe asks for."""
    faces = data.split("train", votes=recipe.votes, labels=recipe.labels)
    return (
        data.leak_free(faces, votes=recipe.votes) if recipe.training_list == "leak-free" else faces
    )


def fit(
    recipe: Recipe,
    data: FerPlus,
    out: Path,
    *,
    accelerator: str = "auto",
    given: Given = NOTHING_GIVEN,
    photographs: PhotographFaces | None = None,
    dry_run: bool = False,
    watcher: Watcher = Watcher(),
) -> RunState:
    """Train a network, or go on with a run that was stopped.

    Args:
        recipe: The experiment.
        data: FER+.
        out: Folder of the run: `last.pt` after every epoch, and for each stage
            `<region>.pt` with the weights that were best on the validation split.
        accelerator: Lightning Fabric's word for the device: auto, cpu, cuda.
        given: What the run starts from and learns from, as far as its recipe asks for it.
        photographs: Faces without labels, for recipes whose data have them.
        dry_run: A few pictures and the fewest epochs, for trying a recipe out in seconds.
        watcher: Told of every batch and epoch.

    Returns:
        The finished run.

    Raises:
        RecipeError: `out` holds another experiment or is in use, or a checkpoint cannot be used.
        DataError: A checkpoint cannot be written, or the loss is no longer a number.
    """
    with alone_in(out):
        recipe = recipe.shortened() if dry_run else recipe
        fabric = fabric_for(accelerator, recipe.precision)
        faces = training_faces(data, recipe.data)
        validation = data.split("validation", votes=recipe.data.votes, labels="majority")
        if dry_run:
            faces, validation = (few.take(np.arange(len(few)) < 8) for few in (faces, validation))
            photographs = None if photographs is None else photographs.take(8)
        check_given(recipe, out, given)
        torch.manual_seed(recipe.seed)
        state = begin(recipe, out, faces, given)
        learned = gather(state, faces, given.teachers, photographs)
        while state.stage < len(recipe.stages):
            _fit_stage(fabric, state, learned, validation, out, watcher)
        return state


def _fit_stage(
    fabric: Fabric,
    state: RunState,
    learned: Lessons,
    validation: FaceSet,
    out: Path,
    watcher: Watcher,
) -> None:
    recipe, index = state.recipe, state.stage
    stage = recipe.stages[index]
    network = create_network(recipe, mean_gray=state.mean_gray)
    network.load_state_dict(state.network)
    network.occlusion = stage.occlusion if stage.region == "lower-half" else None
    for module in network.trunk.modules():
        if isinstance(module, nn.Dropout):
            module.p *= stage.dropout
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model, optimizer = fabric.setup(network, _optimizer(network, stage))
    if state.optimizer is not None:
        optimizer.load_state_dict(state.optimizer)
    average = _average(network, stage, state)
    for epoch in range(state.epoch, stage.epochs):
        rate = learning_rate(stage, epoch, state.drops)
        loss = _train_epoch(fabric, model, optimizer, average, state, epoch, learned, watcher)
        if stage.phase(epoch) == "sparse" and stage.dsd is not None and stage.dsd.zeroing:
            zero_layers(network.convolutions(), stage.dsd)
        measured = model if average is None else average.module
        accuracy = validate(fabric, measured, validation, recipe.input.view(stage.region))
        result = EpochResult(index, stage.region, epoch, stage.phase(epoch), rate, loss, accuracy)
        state.history.append(result)
        _note_error(state, stage, 1 - accuracy)
        state.network, state.optimizer = network.state_dict(), optimizer.state_dict()
        state.average = None if average is None else average.module.state_dict()
        if stage.selectable(epoch) and accuracy > state.best_accuracy:
            state.best_accuracy = accuracy
            save_state(_measured(state), out / f"{stage.region}.pt")
        state.epoch = epoch + 1
        if state.epoch == stage.epochs:
            _next_stage(state, load_state(out / f"{stage.region}.pt").network)
        save_state(state, out / LAST)
        watcher.on_epoch(result, len(state.history))


def _average(network: FaceNetwork, stage: Stage, state: RunState) -> AveragedModel | None:
    if stage.average == 0:
        return None
    averaging = get_ema_multi_avg_fn(stage.average)  # type: ignore[no-untyped-call]
    average = AveragedModel(network, multi_avg_fn=averaging, use_buffers=True)
    # Its first update would copy the weights instead of averaging.
    average.n_averaged.fill_(1)
    if state.average is not None:
        average.module.load_state_dict(state.average)
    return average


def _measured(state: RunState) -> RunState:
    """Return the run with the weights that were measured as its network."""
    return state if state.average is None else replace(state, network=state.average, average=None)


def _next_stage(state: RunState, best_network: dict[str, Tensor]) -> None:
    state.network, state.optimizer, state.average = best_network, None, None
    state.stage, state.epoch = state.stage + 1, 0
    state.lowest_error, state.stagnant_epochs, state.drops = float("inf"), 0, 0
    state.best_accuracy = -1.0


def _optimizer(network: FaceNetwork, stage: Stage) -> torch.optim.Optimizer:
    kernels = [p for p in network.parameters() if p.ndim > 1]
    biases = [p for p in network.parameters() if p.ndim == 1]
    groups = [
        {"params": kernels, "weight_decay": stage.weight_decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    if stage.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=stage.learning_rate)
    return torch.optim.SGD(groups, lr=stage.learning_rate, momentum=stage.momentum)


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
    if stage.dsd is not None and stage.phase(epoch) == "re-dense":
        factor *= stage.dsd.redense_rate
    warmup = min(1.0, (epoch + 1) / (stage.warmup_epochs + 1))
    return max(stage.learning_rate * factor, stage.lowest_learning_rate) * warmup


def _note_error(state: RunState, stage: Stage, error: float) -> None:
    if error < state.lowest_error:
        state.lowest_error, state.stagnant_epochs = error, 0
        return
    state.stagnant_epochs += 1
    if state.stagnant_epochs > stage.patience:
        state.stagnant_epochs = 0
        state.drops += 1


def _train_epoch(
    fabric: Fabric,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: AveragedModel | None,
    state: RunState,
    epoch: int,
    learned: Lessons,
    watcher: Watcher,
) -> float:
    recipe = state.recipe
    stage = recipe.stages[state.stage]
    seed = epoch_seed(recipe.seed, state.stage, epoch)
    torch.manual_seed(seed)  # dropout draws from the global generator
    generator = torch.Generator().manual_seed(seed)
    total, seen = 0.0, 0
    model.train()
    drawn = drawn_pictures(learned.faces, stage.repeat_below, generator)
    batches = math.ceil(len(drawn) / stage.batch_size)
    epoch_batches = training_batches(
        learned.faces,
        learned.taught,
        drawn,
        recipe.input.view(stage.region),
        stage.batch_size,
        recipe.augmentation,
        generator,
    )
    for number, batch in enumerate(epoch_batches, start=1):
        rate = learning_rate(stage, epoch, state.drops, share=(number - 1) / batches)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = batch.on(fabric.device)
        logits = model(batch.patches)
        loss = batch_loss(logits.float(), batch, stage.distillation)
        optimizer.zero_grad()
        fabric.backward(loss)
        optimizer.step()
        if average is not None:
            average.update_parameters(model)
        total += loss.item() * len(batch.votes)
        seen += len(batch.votes)
        watcher.on_batch(
            Progress(state.stage, stage.region, stage.phase(epoch), epoch, number, batches)
        )
    mean_loss = total / seen
    if not math.isfinite(mean_loss):
        raise diverged(f"the training loss became {mean_loss} in epoch {epoch + 1}")
    return mean_loss


def batch_loss(logits: Tensor, batch: Batch, distillation: Distillation | None) -> Tensor:
    """Return the cross-entropy to the votes, mixed with that to the teachers' answers.

    The teachers' part is multiplied by the squared temperature, which keeps its gradients at the
    size of the votes' (Hinton et al., 2015).
    """
    cross_entropy = nn.functional.cross_entropy
    loss = cross_entropy(logits, batch.votes)
    if distillation is None or batch.taught is None:
        return loss
    temperature = distillation.temperature
    softer = (batch.taught.clamp(min=1e-8).log() / temperature).softmax(dim=1)
    from_teachers = cross_entropy(logits / temperature, softer) * temperature**2
    return (1 - distillation.weight) * loss + distillation.weight * from_teachers


def epoch_seed(seed: int, stage: int, epoch: int) -> int:
    """Return a seed that no other epoch of any stage of the same run has."""
    return seed * 1_000_003 + stage * 100_003 + epoch


def validate(fabric: Fabric, model: nn.Module, faces: FaceSet, view: View) -> float:
    """Return the share of faces whose strongest label the network names, 0-1.

    Raises:
        DataError: The network's answers are no longer numbers: the epoch's last step, which no
            loss was computed after, ran off to infinity.
    """
    labels = torch.from_numpy(faces.labels)
    right = 0
    with evaluating(model):
        for start in range(0, len(faces), PREDICTION_BATCH):
            part = slice(start, start + PREDICTION_BATCH)
            patches = fabric.to_device(patches_of(faces.faces[part], view))
            logits = model(patches)
            if not logits.isfinite().all():
                raise diverged("the network's answers on the validation split are no numbers")
            right += int((logits.argmax(dim=1).cpu() == labels[part]).sum())
    return right / len(faces)
