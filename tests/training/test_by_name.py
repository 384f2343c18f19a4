"""Shipped recipes and networks by their names."""

from pathlib import Path

import pytest

from vrfer.shipped import default_model, shipped
from vrfer.training.by_name import network_path, recipe_path


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("elsewhere")
def test_shipped_files_have_names() -> None:
    assert network_path("lower-face") == network_path("lower-face.onnx") == default_model()
    assert network_path("full-face").is_file()
    assert recipe_path("lower-face") == shipped("training") / "lower-face.toml"
    assert recipe_path("ablations/without-votes").is_file()


def test_a_file_that_is_there_comes_first(elsewhere: Path) -> None:
    (elsewhere / "lower-face").touch()
    assert network_path("lower-face") == recipe_path("lower-face") == Path("lower-face")


@pytest.mark.usefixtures("elsewhere")
def test_what_is_not_there_stays_as_it_was_written() -> None:
    assert network_path("mine.onnx") == Path("mine.onnx")
    assert recipe_path("mine.toml") == Path("mine.toml")
