import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrfer.baseline import Baseline
from vrfer.errors import OutputError, SourceError
from vrfer.people import People

USUAL = (3.5, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5, -0.5)
BASELINE = Baseline("net", USUAL, (0.0, 0.0, 0.0, 0.75, 0.0, 0.0, 0.0, 0.0), 5.0)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    people = People(tmp_path / "new")
    assert people.names() == []
    people.save("Ana Ionescu", BASELINE)
    people.save("Şerban", BASELINE)
    assert people.load("Ana Ionescu") == BASELINE
    assert people.names() == ["Ana Ionescu", "Şerban"]
    assert [path.suffix for path in (tmp_path / "new").iterdir()] == [".json"] * 2


def test_a_deleted_baseline_is_gone(tmp_path: Path) -> None:
    people = People(tmp_path)
    people.save("Ana", BASELINE)
    people.delete("Ana")
    assert list(tmp_path.iterdir()) == []
    for act in (people.load, people.delete):
        with pytest.raises(SourceError, match="there is no baseline of Ana"):
            act("Ana")


@pytest.mark.parametrize(
    "name", ["", "../ana", "a/b", "a\\b", "con", "COM1.x", "ana.", "ana ", ".hidden", "a" * 61]
)
def test_a_name_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    people = People(tmp_path / "people")
    for act in (people.load, people.delete, lambda name: people.save(name, BASELINE)):
        with pytest.raises(SourceError, match="cannot be the name"):
            act(name)
    assert not (tmp_path / "people").exists()


@given(content=st.binary(max_size=200))
def test_a_damaged_file_is_named(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    people = People(tmp_path_factory.mktemp("people"))
    (people.folder / "Ana.json").write_bytes(content)
    with pytest.raises(SourceError, match=r"Ana\.json is damaged"):
        people.load("Ana")


@pytest.mark.parametrize(
    "wrong",
    [{"offsets": [0, 0]}, {"offsets": [math.nan] + [0] * 7}, {"usual": "none"}, {"seconds": None}],
)
def test_numbers_that_cannot_be_are_a_damage(tmp_path: Path, wrong: dict[str, object]) -> None:
    people = People(tmp_path)
    document = asdict(BASELINE) | wrong
    (tmp_path / "Ana.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SourceError, match="is damaged"):
        people.load("Ana")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("a file", encoding="utf-8")
    with pytest.raises(OutputError, match="cannot be written"):
        People(tmp_path / "people").save("Ana", BASELINE)
