"""One tiny finished run of the locator, and its exported file."""

from pathlib import Path

import pytest
from training.locating.tiny_run import tiny_locator_recipe

from vrfer.training.locating import mining
from vrfer.training.locating.checkpoint import LocatorRun
from vrfer.training.locating.export import export_locator
from vrfer.training.locating.loop import fit_locator
from vrfer.training.locating.photographs import LocatorData


@pytest.fixture(scope="session")
def finished_locator(
    photographs_folder: Path, cache_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, LocatorRun]:
    """Folder and last state of the tiny recipe, trained without disturbance."""
    out = tmp_path_factory.mktemp("locator")
    with pytest.MonkeyPatch.context() as patch:
        for name, few in (("_FACES", 2), ("_TURNED", 2), ("_ROOMS", 4), ("_STARTS", 4)):
            patch.setattr(mining, name, few)
        run = fit_locator(
            tiny_locator_recipe(),
            photographs_folder,
            cache_folder,
            out,
            accelerator="cpu",
            workers=1,
        )
    return out, run


@pytest.fixture(scope="session")
def exported_locator(
    finished_locator: tuple[Path, LocatorRun],
    photographs: LocatorData,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The tiny run as ONNX, with its card beside it."""
    out = tmp_path_factory.mktemp("exported") / "tiny-locator.onnx"
    export_locator(finished_locator[0] / "last.pt", photographs, out)
    return out
