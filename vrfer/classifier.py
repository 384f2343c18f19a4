"""The classifier: a gray patch in, eight probabilities out, through ONNX Runtime.

It knows network files and processors, and nothing of cameras or faces.
"""

import contextlib
import hashlib
import io
import logging
import statistics
import time
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vrfer.contract import Contract, read_contract
from vrfer.errors import ModelContractError
from vrfer.frames import Scores
from vrfer.metadata import METADATA_KEY

logger = logging.getLogger(__name__)

CPU_BUDGET_MS = 15.0
"""`auto` stays on the CPU up to this median time: half of a 30 Hz camera's frame interval."""
_TRIALS = 9
_FATAL_ONLY = 4


class Device(Enum):
    """Where the network may run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Classifier:
    """A loaded network, tried out once; its contract says what patches it takes."""

    def __init__(self, model: Path, device: Device = Device.AUTO) -> None:
        """Load a network and choose the processor by real inferences.

        The GPU belongs to the VR scene: `AUTO` takes it only where the CPU is too slow. A GPU
        that is asked for and fails is replaced by the CPU, which `note` says.

        Raises:
            ModelContractError: The file is missing, broken, or carries no usable contract.
        """
        self._model = model
        self._content = _read(model)
        self.sha256 = hashlib.sha256(self._content).hexdigest()
        """Checksum of the network that is loaded, whatever becomes of its file."""
        self._session = self._open("CPUExecutionProvider")
        self.contract: Contract = _contract(self._session, model)
        self.device = Device.CPU
        """Where inferences run: CPU or CUDA."""
        self.note = "network on the CPU"
        """One line for people: where it runs, and why not elsewhere."""
        self._input = self.contract.input
        median_ms = self._try_out(self._session)
        if device is Device.CUDA:
            self._use_cuda("was asked for")
        elif device is Device.AUTO and median_ms > CPU_BUDGET_MS:
            self._use_cuda(f"is needed, for the CPU takes {median_ms:.0f} ms a picture")

    @property
    def patch_size(self) -> tuple[int, int]:
        """Height and width of the patches that `classify` takes."""
        return self._input.height, self._input.width

    def classify(self, patch: NDArray[np.uint8]) -> Scores:
        """Read one patch.

        Args:
            patch: Gray, 0-255, of shape `patch_size`.

        Raises:
            ValueError: The patch has another shape or dtype.
            ModelContractError: The network's answer is not a number.
        """
        if patch.shape != self.patch_size or patch.dtype != np.uint8:
            raise ValueError(
                f"expected a uint8 patch of shape {self.patch_size}, got {patch.dtype} "
                f"{patch.shape}"
            )
        started = time.perf_counter()
        probabilities = self._answer("probabilities", patch)
        duration_ms = (time.perf_counter() - started) * 1e3
        if not np.isfinite(probabilities).all():
            raise self.unfit("it does not answer every picture with numbers")
        return Scores(probabilities, duration_ms)

    @property
    def explains_itself(self) -> bool:
        """Whether `explain` has an answer: networks with fully-connected layers have none."""
        return "maps" in [output.name for output in self._session.get_outputs()]

    def explain(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return where the network sees the evidence in a patch: Grad-CAM, in the graph itself.

        Args:
            patch: Gray, 0-255, of shape `patch_size`.

        Returns:
            Eight maps (8 x h x w) of at least 0, coarser than the patch, in the unit of logits
            (Selvaraju et al., ICCV 2017).

        Raises:
            ModelContractError: The network has no maps.
        """
        if not self.explains_itself:
            raise self.unfit("it has no maps, for its layers are fully connected")
        evidence: NDArray[np.float32] = np.maximum(self._answer("maps", patch), 0)
        return evidence

    def _answer(self, output: str, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return what the network says of a patch; the CPU says it where the GPU fails."""
        try:
            return _output(self._session, output, patch)
        except Exception as err:
            if self.device is not Device.CUDA:
                raise
            # A driver that was reset, or memory that the VR scene took.
            self.note = f"network on the CPU, for CUDA failed: {_first_line(err)}"
            logger.warning("%s: %s", self._model.name, self.note)
            self._session, self.device = self._open("CPUExecutionProvider"), Device.CPU
            return _output(self._session, output, patch)

    def unfit(self, reason: str) -> ModelContractError:
        """Return the error that says why this network cannot do what is asked of it."""
        return ModelContractError(
            f"the network {self._model} does not fit: {reason}",
            "Name another with --model, or leave it out for the built-in network.",
        )

    def _open(self, provider: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = _FATAL_ONLY
        try:
            return onnxruntime.InferenceSession(self._content, options, providers=[provider])
        except Exception as err:
            raise ModelContractError(
                f"the network {self._model} is broken or no ONNX file: {_first_line(err)}",
                "Copy or export it again.",
            ) from err

    def _try_out(self, session: onnxruntime.InferenceSession) -> float:
        patch = np.full(self.patch_size, 127, np.uint8)
        durations = []
        for _ in range(_TRIALS):
            started = time.perf_counter()
            try:
                probabilities = _output(session, "probabilities", patch)
            except Exception as err:
                raise ModelContractError(
                    f"the network {self._model} fails on a trial picture: {_first_line(err)}",
                    "Export it again with vrfer-train export.",
                ) from err
            durations.append((time.perf_counter() - started) * 1e3)
        total = float(probabilities.sum())
        classes = len(self.contract.classes)
        if probabilities.shape != (classes,) or not 0.99 < total < 1.01 or probabilities.min() < 0:
            raise ModelContractError(
                f"the network {self._model} does not give {classes} probabilities "
                f"(shape {probabilities.shape}, sum {total:.3g})",
                "Export it again with vrfer-train export.",
            )
        return statistics.median(durations)

    def _use_cuda(self, reason: str) -> None:
        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            self.note = f"network on the CPU: CUDA {reason}, but this ONNX Runtime has none"
            return
        _preload_cuda_libraries()
        # Libraries that do not load are told to the default logger, whatever the session's says.
        onnxruntime.set_default_logger_severity(_FATAL_ONLY)
        try:
            session = self._open("CUDAExecutionProvider")
            if session.get_providers()[0] != "CUDAExecutionProvider":
                self.note = f"network on the CPU: CUDA {reason}, but its libraries do not load"
                return
            self._try_out(session)
        except ModelContractError as err:
            self.note = f"network on the CPU: CUDA {reason}, but a trial failed: {err.message}"
            return
        self._session, self.device = session, Device.CUDA
        self.note = f"network on the GPU (CUDA), which {reason}"


def _read(model: Path) -> bytes:
    try:
        return model.read_bytes()
    except (OSError, ValueError) as err:  # ValueError: no name of a file has a zero character
        raise ModelContractError(
            f"the network {model} cannot be read: {getattr(err, 'strerror', None) or err}",
            "Name an .onnx file with --model, or leave it out for the built-in network.",
        ) from err


def _preload_cuda_libraries() -> None:
    """Load CUDA's libraries from NVIDIA's pip packages, where these are installed."""
    if hasattr(onnxruntime, "preload_dlls"):
        # It prints what it misses; `note` says that better.
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()


def _contract(session: onnxruntime.InferenceSession, model: Path) -> Contract:
    try:
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except UnicodeDecodeError as err:
        raise ModelContractError(
            f"the network {model} is damaged: its metadata is no text", "Copy or export it again."
        ) from err
    contract = read_contract(text, file=str(model))
    wanted = [contract.input.height, contract.input.width]
    inputs: list[Any] = session.get_inputs()
    if (
        [entry.name for entry in inputs] != [contract.input.name]
        or inputs[0].type != "tensor(uint8)"
        or inputs[0].shape[2:] != wanted
        or "probabilities" not in [entry.name for entry in session.get_outputs()]
    ):
        raise ModelContractError(
            f"the network {model} does not keep its contract: inputs or outputs differ",
            "Export it again with vrfer-train export.",
        )
    return contract


def _output(
    session: onnxruntime.InferenceSession, name: str, patch: NDArray[np.uint8]
) -> NDArray[np.float32]:
    (answer,) = session.run([name], {session.get_inputs()[0].name: patch[None, None]})
    result: NDArray[np.float32] = np.asarray(answer, dtype=np.float32)[0]
    return result


def _first_line(err: BaseException) -> str:
    return (str(err).strip().splitlines() or [type(err).__name__])[0][:200].rstrip(".")
