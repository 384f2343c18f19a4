"""The classifier on real network files, valid and broken, through the real ONNX Runtime."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto
from tiny_network import (
    HEIGHT,
    WIDTH,
    bands_picture,
    expected_probabilities,
    tiny_contract,
    write_network,
)

import vrfer.classifier
from vrfer.classifier import Classifier, Device
from vrfer.errors import ModelContractError
from vrfer.expressions import EXPRESSIONS
from vrfer.shipped import default_model

HAS_CUDA = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
HAS_GPU = Path("/dev/nvidiactl").exists()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("network") / "tiny.onnx")


@pytest.fixture(scope="module")
def classifier(file: Path) -> Classifier:
    return Classifier(file, Device.CPU)


def refused(model: Path) -> ModelContractError:
    with pytest.raises(ModelContractError) as caught:
        Classifier(model, Device.CPU)
    line = str(caught.value)
    assert "\n" not in line
    assert str(model) in line
    assert ".." not in line.replace(str(model), "")
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("label_id", range(8))
def test_the_brightest_band_names_the_expression(classifier: Classifier, label_id: int) -> None:
    levels = [60] * 8
    levels[label_id] = 200
    scores = classifier.classify(bands_picture(levels))
    assert EXPRESSIONS[int(scores.probabilities.argmax())] == EXPRESSIONS[label_id]
    assert scores.duration_ms > 0


def test_probabilities_are_the_networks_own(classifier: Classifier) -> None:
    @given(st.lists(st.integers(0, 255), min_size=8, max_size=8))
    def check(levels: list[int]) -> None:
        probabilities = classifier.classify(bands_picture(levels)).probabilities
        assert probabilities.dtype == np.float32
        assert probabilities.shape == (8,)
        assert probabilities == pytest.approx(expected_probabilities(levels), abs=1e-5)

    check()


def test_the_contract_comes_with_the_network(tmp_path: Path) -> None:
    document = tiny_contract(name="mine", unsure_below=0.125)
    loaded = Classifier(write_network(tmp_path / "n.onnx", document), Device.CPU)
    assert (loaded.contract.name, loaded.contract.unsure_below) == ("mine", 0.125)
    assert loaded.patch_size == (HEIGHT, WIDTH)
    assert loaded.device is Device.CPU


def test_another_size_is_taken_if_graph_and_contract_agree(tmp_path: Path) -> None:
    size = {"name": "patches", "height": 24, "width": 48, "color": "gray"}
    path = write_network(tmp_path / "n.onnx", tiny_contract(input=size), size=(24, 48))
    loaded = Classifier(path, Device.CPU)
    assert loaded.patch_size == (24, 48)
    assert loaded.classify(np.zeros((24, 48), np.uint8)).probabilities == pytest.approx(1 / 8)


@pytest.mark.parametrize(
    "patch",
    [
        np.zeros((WIDTH, HEIGHT), np.uint8),
        np.zeros((HEIGHT, WIDTH - 1), np.uint8),
        np.zeros((HEIGHT, WIDTH, 1), np.uint8),
        np.zeros((1, 1, HEIGHT, WIDTH), np.uint8),
        np.zeros((HEIGHT, WIDTH), np.float32),
        np.zeros((HEIGHT, WIDTH), np.int8),
    ],
)
def test_other_patches_are_refused(classifier: Classifier, patch: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a uint8 patch of shape"):
        classifier.classify(patch)


def test_a_patch_need_not_lie_contiguously_in_memory(classifier: Classifier) -> None:
    levels = [10, 200, 30, 40, 50, 60, 70, 80]
    picture = np.zeros((HEIGHT * 2, WIDTH + 10), np.uint8)
    picture[::2, 5:-5] = bands_picture(levels)
    probabilities = classifier.classify(picture[::2, 5:-5]).probabilities
    assert probabilities == pytest.approx(expected_probabilities(levels), abs=1e-5)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refused(tmp_path / "missing.onnx").message
    assert "cannot be read" in refused(Path("x\0.onnx")).message


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path).message


@pytest.mark.parametrize("content", [b"", b"This is no network.\nAnd has two lines.\n", bytes(500)])
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text.onnx").write_bytes(content)
    assert "broken or no ONNX file" in refused(tmp_path / "text.onnx").message


@pytest.mark.parametrize("share", [0.001, 0.1, 0.4, 0.8, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, file: Path, share: float) -> None:
    content = file.read_bytes()
    (tmp_path / "part.onnx").write_bytes(content[: max(1, int(share * len(content)))])
    refused(tmp_path / "part.onnx")


def test_metadata_that_is_no_text_is_refused(tmp_path: Path, file: Path) -> None:
    content = file.read_bytes()
    assert content.count(b'"scratch"') == 1
    (tmp_path / "damaged.onnx").write_bytes(content.replace(b'"scratch"', b'"\xff\xferatch"'))
    assert "metadata" in refused(tmp_path / "damaged.onnx").message


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"metadata": False}, "carries no vrfer contract"),
    ({"contract": "{not JSON"}, "Invalid JSON"),
    ({"contract": tiny_contract(classes=list(reversed(EXPRESSIONS)))}, "in this order"),
    ({"contract": tiny_contract(schema_version=2)}, "schema_version"),
    ({"size": (112, 224)}, "does not keep its contract"),
    ({"size": ("height", "width")}, "does not keep its contract"),
    ({"dtype": TensorProto.FLOAT}, "does not keep its contract"),
    ({"input_name": "input"}, "does not keep its contract"),
    ({"output_name": "scores"}, "does not keep its contract"),
    ({"pictures": 4}, "fails on a trial picture"),
    ({"output": "logits"}, "does not give 8 probabilities"),
    ({"output": "column"}, "does not give 8 probabilities"),
]


@pytest.mark.parametrize(("changes", "said"), BROKEN)
def test_a_network_that_breaks_its_contract_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    model = write_network(tmp_path / "broken.onnx", **changes)
    assert said in refused(model).message


def test_unfit_says_why_and_names_the_network(classifier: Classifier, file: Path) -> None:
    error = classifier.unfit("it is blue")
    assert isinstance(error, ModelContractError)
    assert "it is blue" in str(error)
    assert str(file) in str(error)


@pytest.fixture
def quiet(capfd: pytest.CaptureFixture[str]) -> Callable[[], None]:
    """Check that nothing was printed, by ONNX Runtime's C++ code neither."""

    def check() -> None:
        assert capfd.readouterr() == ("", "")

    return check


def test_auto_stays_on_the_cpu_where_that_is_quick_enough(
    file: Path, quiet: Callable[[], None]
) -> None:
    loaded = Classifier(file)
    assert loaded.device is Device.CPU
    assert loaded.note == "network on the CPU"
    quiet()


@pytest.mark.skipif(HAS_GPU, reason="this computer has an NVIDIA GPU")
def test_cuda_that_is_not_there_is_told_in_one_line_and_replaced(
    file: Path, quiet: Callable[[], None]
) -> None:
    loaded = Classifier(file, Device.CUDA)
    quiet()
    assert loaded.device is Device.CPU
    assert loaded.note.startswith("network on the CPU: CUDA was asked for, but ")
    assert "\n" not in loaded.note
    assert loaded.classify(bands_picture([9] * 8)).probabilities == pytest.approx(1 / 8)


@pytest.mark.skipif(HAS_GPU, reason="this computer has an NVIDIA GPU")
def test_auto_looks_for_a_gpu_where_the_cpu_is_too_slow(
    file: Path, monkeypatch: pytest.MonkeyPatch, quiet: Callable[[], None]
) -> None:
    monkeypatch.setattr(vrfer.classifier, "CPU_BUDGET_MS", 0.0)
    loaded = Classifier(file)
    quiet()
    assert loaded.device is Device.CPU
    assert "CUDA is needed, for the CPU takes" in loaded.note
    assert "\n" not in loaded.note


class FailingSession:
    """What is left of a GPU whose driver was reset."""

    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("CUDA failure 999: unknown error")


def test_a_gpu_that_fails_later_is_replaced_too(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = Classifier(file, Device.CPU)
    patch = np.full(loaded.patch_size, 127, np.uint8)
    before = loaded.classify(patch).probabilities
    monkeypatch.setattr(loaded, "_session", FailingSession())
    with pytest.raises(RuntimeError):
        loaded.classify(patch)  # the CPU has no stand-in
    monkeypatch.setattr(loaded, "device", Device.CUDA)
    assert (loaded.classify(patch).probabilities == before).all()
    assert loaded.device is Device.CPU
    assert loaded.note == "network on the CPU, for CUDA failed: CUDA failure 999: unknown error"
    assert [record.getMessage() for record in caplog.records] == [f"{file.name}: {loaded.note}"]


@pytest.mark.skipif(not (HAS_GPU and HAS_CUDA), reason="needs an NVIDIA GPU and its libraries")
def test_cuda_is_used_where_it_is_asked_for_and_works(file: Path) -> None:
    loaded = Classifier(file, Device.CUDA)
    assert loaded.device is Device.CUDA
    assert loaded.note.startswith("network on the GPU")
    levels = [10, 200, 30, 40, 50, 60, 70, 80]
    probabilities = loaded.classify(bands_picture(levels)).probabilities
    assert probabilities == pytest.approx(expected_probabilities(levels), abs=1e-3)


def test_cpu_never_looks_for_a_gpu(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vrfer.classifier, "CPU_BUDGET_MS", 0.0)
    assert Classifier(file, Device.CPU).note == "network on the CPU"


def test_the_evidence_of_each_expression_follows_the_picture() -> None:
    classifier = Classifier(default_model(), Device.CPU)
    patch = np.full(classifier.patch_size, 127, np.uint8)
    evidence = classifier.explain(patch)
    assert evidence.shape[0] == len(EXPRESSIONS)
    assert evidence.ndim == 3
    assert evidence.min() == 0
    patch[:, : patch.shape[1] // 2] = 20
    assert not np.array_equal(evidence, classifier.explain(patch))


def test_a_network_without_maps_says_so(classifier: Classifier) -> None:
    assert not classifier.explains_itself
    with pytest.raises(ModelContractError, match="no maps"):
        classifier.explain(np.zeros(classifier.patch_size, np.uint8))
