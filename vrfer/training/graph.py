"""From a torch module to one ONNX file without traces of this computer."""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from vrfer.errors import DataError, ModelContractError
from vrfer.metadata import METADATA_KEY

OPSET = 20


def onnx_graph(
    module: nn.Module, example: Tensor, *, inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """Return the module as a checked graph whose first dimension is free.

    Args:
        module: In evaluation mode.
        example: An input with at least two in its first dimension.
        inputs: Names.
        outputs: Names.

    Raises:
        ModelContractError: torch exports nothing.
    """
    exporter_log = logging.getLogger("torch.onnx")
    level = exporter_log.level
    exporter_log.setLevel(logging.ERROR)  # it warns that torchvision is absent
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("n")},),
                opset_version=OPSET,
                verbose=False,
            )
    finally:
        exporter_log.setLevel(level)
    if program is None:
        raise ModelContractError("torch exported nothing", "Report this as a bug.")
    graph: onnx.ModelProto = program.model_proto
    _forget_origin(graph)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def write_graph(graph: onnx.ModelProto, contract: str, name: str, path: Path) -> None:
    """Write the graph with its contract (JSON) in the metadata."""
    del graph.metadata_props[:]
    graph.metadata_props.add(key=METADATA_KEY, value=contract)
    graph.doc_string = f"vrfer {name}: see the metadata entry {METADATA_KEY!r}"
    onnx.save(graph, path)


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """Give a file to write a network into; it takes the place of `out` when all went well.

    Raises:
        DataError: The folder or the disk cannot take it.
    """
    temporary = out.with_name(f"{out.stem}.{os.getpid()}.tmp.onnx")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, out)
    except OSError as err:
        raise DataError(
            f"the network {out} cannot be written: {err.strerror or err}",
            "Free some space, or name another folder with --out.",
        ) from err
    finally:
        with suppress(OSError):
            temporary.unlink()


def _forget_origin(model: onnx.ModelProto) -> None:
    """Take out the stack traces, with paths of this computer, that torch writes on every node."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
