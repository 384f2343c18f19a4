"""Live teachers: finished networks that are asked about every picture as the student sees it.

What a teacher says of the whole, clean face, asked once (`vrfer.training.teachers`), cannot know
that a hand hides the mouth in this epoch's picture. A live teacher is shown the drawn picture
itself and its mirror image (function matching: Beyer et al., "Knowledge distillation: a good
teacher is patient and consistent", CVPR 2022).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vrfer.errors import RecipeError
from vrfer.training.checkpoint import load_state
from vrfer.training.evaluate import open_network, seen_by
from vrfer.training.predict import evaluating, finished_stage, load_network
from vrfer.training.recipe import Region

LiveTeacher = Callable[[Tensor], Tensor]
"""Answers N x 1 x H x W gray values 0-255 with N x 8 probabilities, both float32."""


def live_teacher(paths: Sequence[Path], region: Region, device: torch.device) -> LiveTeacher:
    """Return what answers as the mean of several networks, each asked about both mirror images.

    Args:
        paths: Checkpoints or exported networks of any input size; exported ones compute on the
            CPU, by as many threads as torch has there.
        region: What the pictures show.
        device: Where checkpoints compute, and where the answers lie.

    Raises:
        VrferError: A file cannot be used, or its network sees something else of a face.
    """
    check_sees(paths, region)
    asked = [
        _exported(path) if path.suffix == ".onnx" else _trained(path, device) for path in paths
    ]

    def answer(pictures: Tensor) -> Tensor:
        both = torch.cat([pictures, pictures.flip(-1)])
        with torch.no_grad():
            total = torch.stack([one(both) for one in asked]).mean(dim=0)
        return total.view(2, len(pictures), -1).mean(dim=0)

    return answer


def check_sees(paths: Sequence[Path], region: Region) -> None:
    """Do nothing if all networks see this region of a face.

    Raises:
        VrferError: One sees something else, or cannot be used.
    """
    for path in paths:
        seen, _ = seen_by(path)
        if seen != region:
            raise RecipeError(
                f"the live teacher {path} sees the {seen}, and the student the {region}",
                "Name one that sees the same, or ask it with --teacher about the whole face.",
            )


def _exported(path: Path) -> LiveTeacher:
    session, contract = open_network(path, threads=torch.get_num_threads())
    size = (contract.input.height, contract.input.width)

    def answer(pictures: Tensor) -> Tensor:
        pixels = _scaled(pictures, size).round().clamp(0, 255).byte()
        inputs = {contract.input.name: pixels.cpu().numpy()}
        # Before a temperature was fitted, as its own training had it.
        (logits,) = session.run(["logits"], inputs)
        return torch.from_numpy(logits).softmax(dim=1).to(pictures.device)

    return answer


def _trained(path: Path, device: torch.device) -> LiveTeacher:
    state = load_state(path)
    stage = finished_stage(state)
    network = load_network(state).to(device)
    view = state.recipe.input.view(stage.region)

    def answer(pictures: Tensor) -> Tensor:
        with evaluating(network):
            logits: Tensor = network(_scaled(pictures, (view.height, view.width))).float()
        return logits.softmax(dim=1)

    return answer


def _scaled(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    if pictures.shape[2:] == size:
        return pictures
    return nn.functional.interpolate(
        pictures, size, mode="bilinear", align_corners=False, antialias=True
    )
