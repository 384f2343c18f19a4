"""Teachers: finished networks whose answers a student learns from.

A teacher may see more than its student: the whole face of which the student gets the lower half
(the follow-ups to the paper, arXiv 2008.01003 and 2111.10561, teach this way).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vrfer.training.evaluate import Predictor, open_network, predictor, run_network
from vrfer.training.ferplus import FaceSet
from vrfer.training.photograph_faces import PhotographFaces


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What a student learns from: pictures, their votes, and what the teachers say of them."""

    faces: FaceSet
    taught: Tensor | None
    """N x 8 probabilities, or None without teachers."""
    photographs: int = 0
    """How many of the faces, the last ones, come from photographs."""


def lessons(
    faces: FaceSet,
    teachers: Sequence[Path],
    photographs: PhotographFaces | None,
    *,
    taught: Tensor | None = None,
) -> Lessons:
    """Join labelled faces with photographs, and ask the teachers about all of them.

    Args:
        faces: Labelled faces.
        teachers: Checkpoints that `fit` wrote, or networks that `export` wrote.
        photographs: Unlabelled faces: every other one wears its drawn headset. The teachers'
            answers about the *bare* face stand in for their votes.
        taught: What the teachers answered before, where a run goes on.

    Raises:
        RecipeError: A teacher cannot be read.
    """
    if not teachers and taught is None:
        return Lessons(faces, None)
    seen = faces.faces
    if photographs is not None:
        seen = np.concatenate([faces.faces, photographs.bare])
    if taught is None:
        taught = torch.from_numpy(answers(teachers, seen))
    if photographs is None:
        return Lessons(faces, taught)
    joined = _with_photographs(faces, photographs, taught[len(faces) :].numpy())
    return Lessons(joined, taught, len(photographs))


def answers(teachers: Sequence[Path], faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the teachers' mean probabilities, each asked about every face and its mirror image.

    Args:
        teachers: Checkpoints or exported networks.
        faces: N x F x F uint8 gray; each teacher sees its own region at its own size.

    Returns:
        N x 8, rows sum to 1.
    """
    total = np.zeros((len(faces), 8), np.float32)
    for path in teachers:
        answer = _of_exported(path) if path.suffix == ".onnx" else predictor(path)
        for seen in (faces, faces[:, :, ::-1].copy()):
            total += answer(seen)
    return (total / (2 * len(teachers))).astype(np.float32)


def _of_exported(path: Path) -> Predictor:
    """Return what answers as the checkpoint did, before a temperature was fitted."""
    session, contract = open_network(path)

    def predict(faces: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        logits = torch.from_numpy(run_network(session, contract, faces, "logits"))
        probabilities: npt.NDArray[np.float32] = logits.softmax(dim=1).numpy()
        return probabilities

    return predict


def _with_photographs(
    faces: FaceSet, photographs: PhotographFaces, votes: npt.NDArray[np.float32]
) -> FaceSet:
    seen = photographs.bare.copy()
    seen[::2] = photographs.worn[::2]
    first_id = faces.face_ids.max() + 1
    return FaceSet(
        np.concatenate([faces.faces, seen]),
        np.concatenate([faces.votes, votes]),
        np.concatenate([faces.crowd, votes]),
        np.concatenate([faces.face_ids, first_id + np.arange(len(seen))]),
    )
