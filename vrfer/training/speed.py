"""What the paper's change of the head saves: networks with and without fully-connected layers."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from vrfer.errors import DataError
from vrfer.training.nets import FaceNetwork
from vrfer.training.nets.face_network import Trunk
from vrfer.training.nets.heads import FullyConnectedHead
from vrfer.training.nets.vgg_f import VggF
from vrfer.training.nets.vgg_face import VggFace

SIZE = 224
HIDDEN = (4096, 4096)
"""Units of the released networks' fully-connected layers."""
ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Speed:
    """One network, a picture at a time on one core."""

    network: str
    pixels: int
    with_ms: float
    """Fastest of all rounds, with the released network's fully-connected layers."""
    without_ms: float
    """The same with the paper's pooling and linear layer."""
    with_millions: float
    """Weights, millions."""
    without_millions: float


class _Released(nn.Module):
    """A trunk as it was released: pool5 and two hidden layers before the classes."""

    def __init__(self, trunk: Trunk, pool: nn.Module) -> None:
        super().__init__()
        self.trunk, self.pool = trunk, pool
        with torch.no_grad():
            (features,) = trunk(torch.zeros(1, 3, SIZE, SIZE))
            inputs = pool(features).numel()
        self.head = FullyConnectedHead(inputs, HIDDEN, 0.5)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        (features,) = self.trunk(patches.expand(-1, 3, -1, -1))
        logits: torch.Tensor = self.head((self.pool(features),))
        return logits


def measure_speed(on_round: Callable[[int, int], None] = lambda done, total: None) -> list[Speed]:
    """Time both of the paper's networks in turns, so that what else runs disturbs all alike.

    Args:
        on_round: Told how many rounds are done, and their number.
    """
    networks: list[tuple[str, Trunk, nn.Module]] = [
        ("vgg_f", VggF(), nn.MaxPool2d(3, stride=2, ceil_mode=True)),
        ("vgg_face", VggFace(), nn.MaxPool2d(2)),
    ]
    modules: list[nn.Module] = []
    for _, trunk, pool in networks:
        modules += [
            _Released(trunk, pool).eval(),
            FaceNetwork(trunk, mean=torch.zeros(1, 3, 1, 1)).eval(),
        ]
    picture = torch.zeros(1, 1, SIZE, SIZE)
    times: list[list[float]] = [[] for _ in modules]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad():
            for number in range(ROUNDS):
                for module, taken in zip(modules, times, strict=True):
                    began = time.perf_counter()
                    module(picture)
                    taken.append(1000 * (time.perf_counter() - began))
                on_round(number + 1, ROUNDS)
    finally:
        torch.set_num_threads(threads)
    millions = [sum(p.numel() for p in module.parameters()) / 1e6 for module in modules]
    return [
        Speed(
            name,
            SIZE,
            min(times[2 * i]),
            min(times[2 * i + 1]),
            millions[2 * i],
            millions[2 * i + 1],
        )
        for i, (name, _, _) in enumerate(networks)
    ]


def write_speeds(speeds: Sequence[Speed], path: Path) -> None:
    """Write what was measured as JSON."""
    text = json.dumps({"speeds": [asdict(one) for one in speeds]}, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def read_speeds(path: Path) -> list[Speed]:
    """Read what was measured before; nothing where there is no such file.

    Raises:
        DataError: The file is damaged.
    """
    if not path.is_file():
        return []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [Speed(**one) for one in document["speeds"]]
    except (OSError, ValueError, TypeError, KeyError) as err:
        raise DataError(
            f"{path} cannot be read: {err}", "Measure again with vrfer-train table --speed."
        ) from err


def speed_table(speeds: Sequence[Speed]) -> list[str]:
    """Return the comparison as lines of a Markdown table."""
    if not speeds:
        return ["Not measured: `vrfer-train table --speed`."]
    lines = [
        "| network | pixels | with fully-connected layers | without | times as fast | weights, "
        "millions |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.network} | {one.pixels} | {one.with_ms:.1f} ms | {one.without_ms:.1f} ms | "
        f"{one.with_ms / one.without_ms:.2f} | {one.with_millions:.1f} against "
        f"{one.without_millions:.1f} |"
        for one in speeds
    ]
    return lines
