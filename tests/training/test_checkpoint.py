import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training.made_up import tiny_recipe

from vrfer.errors import DataError, RecipeError
from vrfer.training.checkpoint import EpochResult, RunState, load_state, save_state


def small_state(value: float = 1.0) -> RunState:
    result = EpochResult(0, "full-face", 3, "dense", 0.1, 1.5, 0.25)
    return RunState(
        tiny_recipe(),
        120.5,
        {"weight": torch.full((3, 2), value)},
        optimizer={"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 1.0}]},
        stage=1,
        epoch=4,
        lowest_error=0.75,
        stagnant_epochs=2,
        drops=1,
        best_accuracy=0.25,
        history=[result],
    )


def test_everything_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "last.pt"
    state = small_state()
    save_state(state, path)
    found = load_state(path)
    for name in RunState.__slots__:
        if name not in ("network", "optimizer"):
            assert getattr(found, name) == getattr(state, name)
    assert torch.equal(found.network["weight"], state.network["weight"])
    assert found.optimizer is not None
    assert torch.equal(found.optimizer["state"][0]["momentum_buffer"], torch.ones(2))
    assert [file.name for file in path.parent.iterdir()] == ["last.pt"]


def test_a_fresh_states_infinity_comes_back(tmp_path: Path) -> None:
    save_state(RunState(tiny_recipe(), 0.0, {}), tmp_path / "last.pt")
    assert load_state(tmp_path / "last.pt").lowest_error == float("inf")


def test_the_old_checkpoint_stays_until_the_new_one_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    save_state(small_state(1.0), path)
    seen: list[float] = []
    replace = os.replace

    def look_then_replace(source: Path, target: Path) -> None:
        seen.append(float(load_state(path).network["weight"][0, 0]))
        seen.append(float(load_state(Path(source)).network["weight"][0, 0]))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look_then_replace)
    save_state(small_state(2.0), path)
    assert seen == [1.0, 2.0]
    assert float(load_state(path).network["weight"][0, 0]) == 2.0


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("full")])
def test_a_full_disk_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path = tmp_path / "last.pt"
    save_state(small_state(1.0), path)

    def half_written(content: object, target: BinaryIO) -> None:
        target.write(b"half")
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", half_written)
        with pytest.raises(DataError, match="could not be written") as caught:
            save_state(small_state(2.0), path)
    assert str(path) in caught.value.message
    assert float(load_state(path).network["weight"][0, 0]) == 1.0
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="could not be written") as caught:
            save_state(small_state(), folder / "last.pt")
        assert str(folder / "last.pt") in caught.value.message


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "last.pt", tmp_path):
        with pytest.raises(RecipeError, match="there is no checkpoint") as caught:
            load_state(path)
        assert str(path) in caught.value.message


@pytest.mark.parametrize(
    "content",
    [b"", b"just text\n", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x89PNG\r\n\x1a\n", bytes(5000)],
)
def test_a_file_that_is_no_checkpoint_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match="no checkpoint of vrfer") as caught:
        load_state(path)
    assert str(path) in caught.value.message
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"recipe": {"name": "tiny"}},
        {"history": [{"stage": 0}]},
        {"surplus": 1},
        {"network": None, "schema_version": None},
    ],
)
def test_foreign_content_is_one_clear_error(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "last.pt"
    save_state(small_state(), path)
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(RecipeError, match="no checkpoint of vrfer"):
        load_state(path)


def test_a_list_or_a_bare_state_dict_is_no_checkpoint(tmp_path: Path) -> None:
    for content in ([1, 2], {"weight": torch.ones(2)}, torch.ones(2), 5):
        torch.save(content, tmp_path / "last.pt")
        with pytest.raises(RecipeError, match="no checkpoint of vrfer"):
            load_state(tmp_path / "last.pt")


class Runs:
    """Pickles to a call of `os.mkdir`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_reading_runs_no_code(tmp_path: Path) -> None:
    torch.save({"schema_version": 1, "network": Runs(tmp_path / "ran")}, tmp_path / "last.pt")
    with pytest.raises(RecipeError, match="no checkpoint of vrfer"):
        load_state(tmp_path / "last.pt")
    assert not (tmp_path / "ran").exists()


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_checkpoint_is_never_a_crash(tmp_path: Path, drawn: st.DataObject) -> None:
    path = tmp_path / "last.pt"
    save_state(small_state(), path)
    content = bytearray(path.read_bytes())
    places = st.integers(0, len(content) - 1)
    if drawn.draw(st.booleans()):
        del content[drawn.draw(places) :]
    else:
        for _ in range(drawn.draw(st.integers(1, 6))):
            content[drawn.draw(places)] = drawn.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(RecipeError):  # some bytes of a zip file mean nothing
        load_state(path)
