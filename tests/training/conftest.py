"""One thread for torch; the made-up FER+; one tiny finished run; the real FER+ where it is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from training.made_up import COUNTS, made_up_ferplus, real_data, tiny_recipe, write_folder

from vrfer.training import ferplus as ferplus_module
from vrfer.training.checkpoint import RunState
from vrfer.training.ferplus import FerPlus, load_ferplus
from vrfer.training.loop import fit


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in one order: runs are compared bit for bit
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def data() -> FerPlus:
    """The made-up FER+."""
    return made_up_ferplus()


@pytest.fixture(scope="session")
def finished(data: FerPlus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunState]:
    """Folder and last state of the tiny recipe, trained without disturbance."""
    folder = tmp_path_factory.mktemp("finished")
    return folder, fit(tiny_recipe(), data, folder, accelerator="cpu")


@pytest.fixture(scope="session")
def _written(data: FerPlus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("data") / "fer2013"
    return folder, write_folder(folder, data)


@pytest.fixture
def taken_for_fer2013(_written: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up faces pass for the true ones: their number and checksum are expected."""
    monkeypatch.setattr(ferplus_module, "ROWS", sum(COUNTS.values()))
    monkeypatch.setattr(ferplus_module, "FACES_SHA256", _written[1])


@pytest.fixture
def made_up_folder(_written: tuple[Path, str], tmp_path: Path) -> Path:
    """A folder of its own with the made-up FER+ in the packed layout."""
    return Path(shutil.copytree(_written[0], tmp_path / "data" / "fer2013"))


@pytest.fixture(scope="session")
def fer2013_folder() -> Path:
    """The real files; without them the test is skipped."""
    folder = real_data() / "fer2013"
    if not (folder / "fer2013new.csv").is_file():
        pytest.skip(f"needs FER2013 and FER+ in {folder} (VRFER_DATA)")
    return folder


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that all tests of one run share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def ferplus(fer2013_folder: Path, cache_folder: Path) -> FerPlus:
    """The real FER+."""
    return load_ferplus(fer2013_folder, cache=cache_folder)
