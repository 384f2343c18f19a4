"""Predictions of exported networks and of checkpoints, and what they measure on each split."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from vrfer.contract import Contract, read_contract
from vrfer.crop import face_crop
from vrfer.errors import ModelContractError
from vrfer.locator import LocatorContract
from vrfer.metadata import METADATA_KEY
from vrfer.training.bag_of_words import load_bag_of_words
from vrfer.training.checkpoint import kind_of, load_state
from vrfer.training.data_sets import FaceData
from vrfer.training.ferplus import FaceSet
from vrfer.training.locating.checkpoint import KIND
from vrfer.training.measure import Measures, measure
from vrfer.training.predict import (
    PREDICTION_BATCH,
    finished_stage,
    load_network,
    predict_logits,
)
from vrfer.training.recipe import Dataset, Occlusion, Region, Votes
from vrfer.training.recipe_file import recipe_of

SplitName = Literal["validation", "test", "test-deduplicated"]
OnFace = Callable[[int, int], None]
Predictor = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
SPLITS: tuple[SplitName, ...] = ("validation", "test", "test-deduplicated")


def splits_of(dataset: Dataset, *, final: bool = True) -> tuple[SplitName, ...]:
    """Return what networks of a data set are measured on.

    AffectNet's validation split is its only test set: nothing is left to be called test.

    Args:
        dataset: The data set.
        final: False leaves the test splits out.
    """
    return SPLITS if final and dataset != "affectnet" else SPLITS[:1]


def faces_of(data: FaceData, split: SplitName, *, votes: Votes = "official") -> FaceSet:
    """Return a split's faces with majority labels; `test-deduplicated` has no pixel twins."""
    if split == "validation":
        return data.split("validation", votes=votes, labels="majority")
    test = data.split("test", votes=votes, labels="majority")
    return data.deduplicated_test(test, votes=votes) if split == "test-deduplicated" else test


def evaluate_file(model: Path, data: FaceData, splits: Sequence[SplitName]) -> list[Measures]:
    """Measure an exported network through ONNX Runtime, on crops as the app cuts them.

    Raises:
        ModelContractError: The file is missing, broken, or carries no contract.
    """
    return _measured(_of_network(model), data, splits, seen_by(model)[1])


def evaluate_bag_of_words(
    path: Path, data: FaceData, splits: Sequence[SplitName], *, on_face: OnFace = lambda *_: None
) -> list[Measures]:
    """Measure a bag of visual words; it takes minutes.

    Args:
        path: The file that fit wrote.
        data: What to measure on.
        splits: Its splits.
        on_face: Told how many faces of a split are done, and their number.

    Raises:
        RecipeError: The file cannot be used.
    """
    return _measured(_of_bag_of_words(path, on_face), data, splits)


def predictor(path: Path) -> Predictor:
    """Return what answers N x F x F uint8 gray faces with N x 8 probabilities.

    Args:
        path: A network (.onnx), a checkpoint (.pt) on its own region, or a bag of words (.npz).

    Raises:
        VrferError: The file cannot be used.
    """
    if path.suffix == ".pt":
        return _of_checkpoint(path, None, None)
    return _of_bag_of_words(path) if path.suffix == ".npz" else _of_network(path)


def seen_by(path: Path) -> tuple[Region, Votes]:
    """Return what a network or checkpoint sees of a face, and whose votes it was trained on.

    Raises:
        VrferError: The file cannot be used.
    """
    if path.suffix == ".pt":
        state = load_state(path)
        return finished_stage(state).region, state.recipe.data.votes
    contract = open_network(path)[1]
    return contract.region, recipe_of(contract).data.votes


def _measured(
    predict: Predictor, data: FaceData, splits: Sequence[SplitName], votes: Votes = "official"
) -> list[Measures]:
    return [
        measure(predict(faces.faces), faces, split)
        for split in splits
        for faces in [faces_of(data, split, votes=votes)]
        if len(faces)
    ]


def _of_network(model: Path) -> Predictor:
    session, contract = open_network(model)
    return lambda faces: run_network(session, contract, faces, "probabilities")


def _of_bag_of_words(path: Path, on_face: OnFace = lambda *_: None) -> Predictor:
    bag = load_bag_of_words(path)
    return lambda faces: bag.scores(faces, on_face)


def _of_checkpoint(path: Path, region: Region | None, occlusion: Occlusion | None) -> Predictor:
    state = load_state(path)
    stage = finished_stage(state)
    network = load_network(state)
    region = stage.region if region is None else region
    if region == "lower-half":
        network.occlusion = stage.occlusion if occlusion is None else occlusion
    else:
        network.occlusion = None
    view = state.recipe.input.view(region)

    def predict(faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        logits = torch.from_numpy(predict_logits(network, faces, view))
        probabilities: npt.NDArray[np.float32] = logits.softmax(dim=1).numpy()
        return probabilities

    return predict


def open_network(model: Path, *, threads: int = 0) -> tuple[onnxruntime.InferenceSession, Contract]:
    """Load an exported network on the CPU, and its contract; 0 threads are as many as cores."""
    session, text = _opened(model, threads)
    return session, read_contract(text, file=str(model))


def kind_of_file(model: Path) -> str | None:
    """Return what kind of network an exported file says it is; classifiers name none.

    Raises:
        ModelContractError: The file is missing or broken.
    """
    try:
        document = json.loads(_opened(model)[1] or "null")
    except ValueError:
        return None
    return str(document["kind"]) if isinstance(document, dict) and "kind" in document else None


def is_locator(model: Path) -> bool:
    """Whether a checkpoint (.pt) or an exported network (.onnx) is a locator."""
    if model.suffix == ".pt":
        return kind_of(model) == KIND
    return model.suffix == ".onnx" and kind_of_file(model) in get_args(
        LocatorContract.model_fields["kind"].annotation
    )


def _opened(model: Path, threads: int = 0) -> tuple[onnxruntime.InferenceSession, str | None]:
    """Return the session, and the document in the file's metadata."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(
            model.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except OSError as err:
        raise ModelContractError(
            f"the network {model} cannot be read: {err.strerror or err}", "Check its name."
        ) from err
    except Exception as err:
        raise ModelContractError(
            f"the network {model} is broken or no ONNX file", "Export it again."
        ) from err
    return session, session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)


def run_network(
    session: onnxruntime.InferenceSession,
    contract: Contract,
    faces: npt.NDArray[np.uint8],
    output: str,
) -> npt.NDArray[np.float32]:
    """Return one output for N x F x F gray faces as the data set cuts them."""
    size = (contract.input.height, contract.input.width)
    parts = []
    for start in range(0, len(faces), PREDICTION_BATCH):
        crops = [
            face_crop(face, contract.region, contract.crop.face_px, size)
            for face in faces[start : start + PREDICTION_BATCH]
        ]
        parts += session.run([output], {contract.input.name: np.stack(crops)[:, None]})
    return np.concatenate(parts).astype(np.float32)


def evaluate_checkpoint(
    path: Path,
    data: FaceData,
    splits: Sequence[SplitName],
    *,
    region: Region | None = None,
    occlusion: Occlusion | None = None,
) -> list[Measures]:
    """Measure a checkpoint with torch, on its own region or on another.

    Args:
        path: A `<region>.pt` that fit wrote.
        data: What to measure on.
        splits: What to measure on.
        region: What the network may see; None takes the region of its stage.
        occlusion: How an upper half is hidden; None takes the stage's way.
    """
    _, votes = seen_by(path)
    return _measured(_of_checkpoint(path, region, occlusion), data, splits, votes)
