"""Files that appear whole or not at all."""

import os
import sys
from pathlib import Path

import pytest

from vrfer import replacing
from vrfer.replacing import replace_file


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "größer.json"
    for content in (b"first", b"", b"x" * 100_000):
        replace_file(path, content)
        assert path.read_bytes() == content
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no open files")
def test_who_reads_meanwhile_sees_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"the old content")
    with path.open("rb", buffering=0) as file:
        assert file.read(4) == b"the "
        replace_file(path, b"NEW")
        assert file.read() == b"old content"


def test_what_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "missing" / "x", b"new")


@pytest.mark.parametrize("refusals", [3, 10_000])
def test_a_file_that_a_virus_scanner_looks_at_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """As Windows refuses: for a moment, or for good."""
    left = [PermissionError(13, "Access is denied")] * refusals
    replace = Path.replace

    def refusing(path: Path, target: Path) -> Path:
        if left:
            raise left.pop()
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refusing)
    monkeypatch.setattr(replacing, "_PATIENCE_S", 30.0 if refusals == 3 else 0.1)
    path = tmp_path / "x.json"
    if refusals == 3:
        replace_file(path, b"new")
        assert path.read_bytes() == b"new"
    else:
        with pytest.raises(PermissionError):
            replace_file(path, b"new")
        assert list(tmp_path.iterdir()) == []
