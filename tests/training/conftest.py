"""One thread for torch; made-up FER+ and photographs; one tiny finished run; the real FER+."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import platformdirs
import pytest
import torch
from training.locating.made_up_photographs import write_photographs
from training.made_up import COUNTS, made_up_ferplus, real_data, tiny_recipe, write_folder

from vrfer.command_line import run_app
from vrfer.training import ferplus as ferplus_module
from vrfer.training.checkpoint import RunState
from vrfer.training.commands import app
from vrfer.training.ferplus import FerPlus, load_ferplus
from vrfer.training.locating import mining
from vrfer.training.locating.photographs import LocatorData, load_photographs
from vrfer.training.loop import fit

Cli = Callable[..., tuple[int, str, str]]


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
def photographs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up photographs; not to be changed."""
    return write_photographs(tmp_path_factory.mktemp("photographs") / "faces")


@pytest.fixture(scope="session")
def photographs(photographs_folder: Path, cache_folder: Path) -> LocatorData:
    """The made-up photographs, read."""
    return load_photographs(photographs_folder, cache_folder)


@pytest.fixture
def little_mining(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few scenes are searched for false finds instead of hundreds."""
    for name, few in (("_FACES", 2), ("_TURNED", 2), ("_ROOMS", 4), ("_STARTS", 4)):
        monkeypatch.setattr(mining, name, few)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """The command line sets logging up for the whole process."""
    root, ours = logging.getLogger(), logging.getLogger("vrfer")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(our_level)


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


@pytest.fixture
def cli(
    taken_for_fer2013: None,
    made_up_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    """Runs a command on the made-up data, in an empty folder: exit code, output, errors."""
    monkeypatch.setenv("VRFER_DATA", str(made_up_folder.parent))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_: tmp_path / "cache")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_app(app, [str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return run
