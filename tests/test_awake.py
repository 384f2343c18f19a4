"""The computer stays awake while a face is read, as far as this system can be asked."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from vrfer.awake import kept_awake

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux'")


def stand_in(folder: Path, script: str) -> None:
    """Put a program into a folder that stands in for systemd-inhibit."""
    program = folder / "systemd-inhibit"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


@contextmanager
def kept_by_a_child() -> Iterator[list[psutil.Process]]:
    """Keep awake, and give the processes that were started for it."""
    before = psutil.Process().children()  # other tests of this process may have left some
    with kept_awake():
        yield [child for child in psutil.Process().children() if child not in before]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_sleep_is_inhibited_just_as_long_as_it_is_asked_for(path: Path) -> None:
    asked = path / "asked"
    # What comes after the options is run, as systemd-inhibit does.
    stand_in(path, f'echo "$@" > {asked}.new && mv {asked}.new {asked}; shift 4; exec "$@"')
    with kept_by_a_child() as (child,):
        while not asked.exists():
            assert child.status() != psutil.STATUS_ZOMBIE
        assert child.status() != psutil.STATUS_ZOMBIE
    assert not child.is_running()
    assert "--what=idle:sleep" in asked.read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["exit 1", "exec sleep 1000"])
def test_a_system_that_refuses_or_does_not_answer_holds_up_nothing(path: Path, script: str) -> None:
    stand_in(path, script)
    with kept_by_a_child() as (child,):
        pass
    assert not child.is_running()


def test_without_systemd_everything_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with kept_by_a_child() as children:
        assert children == []
