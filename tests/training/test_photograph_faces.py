import logging
from pathlib import Path

import numpy as np
import pytest

from vrfer.errors import DataError, ModelContractError
from vrfer.locator import LOCATOR_FILE, Locator
from vrfer.shipped import shipped
from vrfer.training import photograph_faces as module
from vrfer.training.locating.photographs import LocatorData
from vrfer.training.photograph_faces import photograph_faces

LOCATOR = shipped("models") / LOCATOR_FILE


@pytest.fixture
def all_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up photographs are no faces; their places serve all the same."""
    monkeypatch.setattr(module, "_BELIEVED", -1.0)


@pytest.mark.usefixtures("all_believed")
def test_each_face_comes_bare_and_in_a_headset(photographs: LocatorData, tmp_path: Path) -> None:
    few = photographs.train.take(np.arange(4))
    seen: list[tuple[int, int]] = []
    found = photograph_faces(
        few, LOCATOR, tmp_path, on_face=lambda done, total: seen.append((done, total))
    )
    assert found.bare.shape == found.worn.shape == (4, 48, 48)
    assert found.bare.dtype == np.uint8
    assert seen == [(i, 4) for i in range(4)]
    assert not np.array_equal(found.bare[:, :24], found.worn[:, :24])


@pytest.mark.usefixtures("all_believed")
@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_cache_is_made_anew(
    photographs: LocatorData, tmp_path: Path, damage: str
) -> None:
    few = photographs.train.take(np.arange(2))
    first = photograph_faces(few, LOCATOR, tmp_path)
    (cache,) = tmp_path.iterdir()
    content = bytearray(cache.read_bytes())
    content[len(content) // 2] ^= 0xFF
    damaged = {"cut": content[: len(content) // 2], "flipped": content, "emptied": b""}
    cache.write_bytes(bytes(damaged[damage]))
    again = photograph_faces(few, LOCATOR, tmp_path)
    assert again.digest() == first.digest()


@pytest.mark.usefixtures("all_believed")
def test_the_cache_is_used(
    photographs: LocatorData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = photographs.train.take(np.arange(2))
    first = photograph_faces(few, LOCATOR, tmp_path)
    monkeypatch.setattr(Locator, "judge", lambda *_: pytest.fail("it was cut again"))
    monkeypatch.setattr(Locator, "__init__", lambda *_: None)
    assert photograph_faces(few, LOCATOR, tmp_path).digest() == first.digest()


@pytest.mark.usefixtures("all_believed")
def test_a_cache_that_cannot_be_written_is_a_warning(
    photographs: LocatorData, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        found = photograph_faces(photographs.train.take(np.arange(2)), LOCATOR, folder)
    assert len(found) == 2
    assert "no cache was written" in caplog.text


def test_pictures_without_faces_are_said(
    photographs: LocatorData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BELIEVED", 2.0)
    with pytest.raises(DataError, match="sees no face"):
        photograph_faces(photographs.train.take(np.arange(2)), LOCATOR, tmp_path)


def test_a_missing_locator_is_named(photographs: LocatorData, tmp_path: Path) -> None:
    with pytest.raises(ModelContractError, match="nowhere"):
        photograph_faces(photographs.train, tmp_path / "nowhere.onnx", tmp_path)
