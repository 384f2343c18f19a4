"""The training loop: setup, then stages of epochs, each followed by a validation.

Plain torch on top of Lightning Fabric, which chooses device and precision.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vrfer.training.batches import patches_of
from vrfer.training.begin import LAST, NOTHING_GIVEN, Given, begin, check_given, gather
from vrfer.training.checkpoint import EpochResult, RunState, load_state, save_state
from vrfer.training.data_sets import FaceData
from vrfer.training.dsd import zero_layers
from vrfer.training.epoch import Learner, train_epoch
from vrfer.training.fabric import fabric_for
from vrfer.training.ferplus import FaceSet
from vrfer.training.live_teachers import LiveTeacher, live_teacher
from vrfer.training.nets import FaceNetwork, create_network
from vrfer.training.photograph_faces import PhotographFaces
from vrfer.training.predict import PREDICTION_BATCH, evaluating
from vrfer.training.recipe import Data, Recipe, Region, Stage, View
from vrfer.training.runs import alone_in, diverged
from vrfer.training.schedule import learning_rate
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
    on_timing: Callable[[float], None] = lambda waited: None
    """Called before it with the share of the epoch's time that steps waited for batches."""


def training_faces(data: FaceData, recipe: Data) -> FaceSet:
    """Return the training pictures that a recipe asks for."""
    faces = data.split("train", votes=recipe.votes, labels=recipe.labels)
    return (
        data.leak_free(faces, votes=recipe.votes) if recipe.training_list == "leak-free" else faces
    )


def fit(
    recipe: Recipe,
    data: FaceData,
    out: Path,
    *,
    accelerator: str = "auto",
    given: Given = NOTHING_GIVEN,
    photographs: PhotographFaces | None = None,
    dry_run: bool = False,
    at_once: int | None = None,
    watcher: Watcher = Watcher(),
) -> RunState:
    """Train a network, or go on with a run that was stopped.

    Args:
        recipe: The experiment.
        data: The recipe's data set.
        out: Folder of the run: `last.pt` after every epoch, and for each stage
            `<region>.pt` with the weights that were best on the validation split.
        accelerator: Lightning Fabric's word for the device: auto, cpu, cuda.
        given: What the run starts from and learns from, as far as its recipe asks for it.
        photographs: Faces without labels, for recipes whose data have them.
        dry_run: A few pictures and the fewest epochs, for trying a recipe out in seconds.
        at_once: Most pictures that a process computes at once: a batch goes through in parts, and
            its gradients are added up. Batch normalisation averages over a part.
        watcher: Told of every batch and epoch.

    Returns:
        The finished run.

    Raises:
        RecipeError: `out` holds another experiment or is in use, or a checkpoint cannot be used.
        DataError: A checkpoint cannot be written, or the loss is no longer a number.
    """
    fabric = fabric_for(accelerator, recipe.precision, together=True)
    with alone_in(out) if fabric.is_global_zero else nullcontext():
        recipe = recipe.shortened() if dry_run else recipe
        faces = training_faces(data, recipe.data)
        validation = data.split("validation", votes=recipe.data.votes, labels="majority")
        if dry_run:
            faces, validation = (few.take(np.arange(len(few)) < 8) for few in (faces, validation))
            photographs = None if photographs is None else photographs.take(8)
        check_given(recipe, out, given)
        torch.manual_seed(recipe.seed)
        state = begin(recipe, out, faces, given)
        learned = gather(state, faces, given, photographs)
        fabric.barrier()  # all have read the folder before the first writes to it
        while state.stage < len(recipe.stages):
            stage = recipe.stages[state.stage]
            live = None
            if stage.asks_live_teachers:
                live = live_teacher(given.live_teachers, stage.region, fabric.device)
            _fit_stage(fabric, state, learned, live, validation, out, at_once, watcher)
        return state


def _fit_stage(
    fabric: Fabric,
    state: RunState,
    learned: Lessons,
    live: LiveTeacher | None,
    validation: FaceSet,
    out: Path,
    at_once: int | None,
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
    network.freeze(stage.frozen)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model, optimizer = fabric.setup(network, _optimizer(network, stage))
    if state.optimizer is not None:
        optimizer.load_state_dict(state.optimizer)
    average = _average(network, stage, state)
    learner = Learner(fabric, model, optimizer, average, at_once)
    for epoch in range(state.epoch, stage.epochs):
        phase = stage.phase(epoch)
        if epoch > 0 and phase != stage.phase(epoch - 1):
            state.lowest_error, state.stagnant_epochs = float("inf"), 0

        def on_batch(number: int, count: int, epoch: int = epoch, phase: str = phase) -> None:
            watcher.on_batch(Progress(index, stage.region, phase, epoch, number, count))

        run = train_epoch(learner, recipe, index, epoch, state.drops, learned, live, on_batch)
        if phase == "sparse" and stage.dsd is not None and stage.dsd.zeroing:
            zero_layers(network.convolutions(), stage.dsd)
        if average is not None:
            _agree_on_statistics(fabric, average.module)
        measured = model if average is None else average.module
        accuracy = validate(fabric, measured, validation, recipe.input.view(stage.region))
        rate = learning_rate(stage, epoch, state.drops)
        result = EpochResult(index, stage.region, epoch, phase, rate, run.loss, accuracy)
        state.history.append(result)
        if phase != "sparse":  # what zeroing costs is no plateau
            _note_error(state, stage, 1 - accuracy)
        state.network, state.optimizer = network.state_dict(), optimizer.state_dict()
        state.average = None if average is None else average.module.state_dict()
        _keep(fabric, state, stage, epoch, accuracy, out)
        watcher.on_timing(run.waited)
        watcher.on_epoch(result, len(state.history))


def _keep(
    fabric: Fabric, state: RunState, stage: Stage, epoch: int, accuracy: float, out: Path
) -> None:
    """Write the checkpoints of an epoch, and go on to the next stage after the last."""
    if stage.selectable(epoch) and accuracy > state.best_accuracy:
        state.best_accuracy = accuracy
        if fabric.is_global_zero:
            save_state(_measured(state), out / f"{stage.region}.pt")
    state.epoch = epoch + 1
    if state.epoch == stage.epochs:
        fabric.barrier()  # the first process has written what the others read
        _next_stage(state, load_state(out / f"{stage.region}.pt").network)
    if fabric.is_global_zero:
        save_state(state, out / LAST)


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


def _agree_on_statistics(fabric: Fabric, average: nn.Module) -> None:
    """Let all processes have the same averages of normalisation: each saw pictures of its own."""
    for statistics in average.buffers():
        if fabric.world_size > 1 and statistics.is_floating_point():
            agreed = fabric.all_reduce(statistics, reduce_op="mean")
            assert isinstance(agreed, Tensor)
            statistics.copy_(agreed)


def _measured(state: RunState) -> RunState:
    """Return the run with the weights that were measured as its network, for whoever uses it."""
    gone_through = state.recipe.stages[: state.stage + 1]
    taught = any(stage.distillation is not None for stage in gone_through)
    asked = any(stage.asks_live_teachers for stage in gone_through)
    return replace(
        state,
        network=state.measured,
        average=None,
        optimizer=None,
        taught=None,
        taught_by=state.taught_by if taught else (),
        live_teachers=state.live_teachers if asked else (),
    )


def _next_stage(state: RunState, best_network: dict[str, Tensor]) -> None:
    state.network, state.optimizer, state.average = best_network, None, None
    state.stage, state.epoch = state.stage + 1, 0
    state.lowest_error, state.stagnant_epochs, state.drops = float("inf"), 0, 0
    state.best_accuracy = -1.0


def _optimizer(network: FaceNetwork, stage: Stage) -> torch.optim.Optimizer:
    learning = [p for p in network.parameters() if p.requires_grad]
    kernels = [p for p in learning if p.ndim > 1]
    biases = [p for p in learning if p.ndim == 1]
    groups = [
        {"params": kernels, "weight_decay": stage.weight_decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    if stage.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=stage.learning_rate)
    return torch.optim.SGD(groups, lr=stage.learning_rate, momentum=stage.momentum)


def _note_error(state: RunState, stage: Stage, error: float) -> None:
    if error < state.lowest_error:
        state.lowest_error, state.stagnant_epochs = error, 0
        return
    state.stagnant_epochs += 1
    if state.stagnant_epochs > stage.patience:
        state.stagnant_epochs = 0
        state.drops += 1


def validate(fabric: Fabric, model: nn.Module, faces: FaceSet, view: View) -> float:
    """Return the share of faces whose strongest label the network names, 0-1.

    Raises:
        DataError: The network's answers are no longer numbers: the epoch's last step, which no
            loss was computed after, ran off to infinity.
    """
    labels = torch.from_numpy(faces.labels)
    mine = torch.arange(fabric.global_rank, len(faces), fabric.world_size)
    right = torch.zeros((), device=fabric.device)
    with evaluating(model):
        for chosen in torch.split(mine, PREDICTION_BATCH):
            patches = fabric.to_device(patches_of(faces.faces[chosen.numpy()], view))
            logits = model(patches)
            if not logits.isfinite().all():
                raise diverged("the network's answers on the validation split are no numbers")
            right += (logits.argmax(dim=1).cpu() == labels[chosen]).sum()
    everyone = fabric.all_reduce(right, reduce_op="sum")
    assert isinstance(everyone, Tensor)
    return float(everyone) / len(faces)
