"""The table of faults: that its page is the script's, and that its counting counts."""

import importlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from test_recorder import with_face, without_face

from vrfer.listen import decode
from vrfer.outputs.recorder import Recorder
from vrfer.outputs.rows import COLUMNS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def table(scripts: None) -> ModuleType:
    return importlib.import_module("fault_table")


@pytest.fixture
def sending(scripts: None) -> ModuleType:
    return importlib.import_module("faults_of_sending")


@pytest.fixture
def recording(scripts: None) -> ModuleType:
    return importlib.import_module("faults_of_recording")


def names(table: ModuleType) -> list[str]:
    return [fault.name for faults in table.CHAPTERS.values() for fault in faults]


def test_the_page_holds_every_fault_of_the_script_and_no_other(table: ModuleType) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    told = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert [name for name in told if name != "fault"] == names(table)
    assert PAGE.read_text(encoding="utf-8").startswith(table.INTRODUCTION)
    assert "(a bug)" not in PAGE.read_text(encoding="utf-8")


def test_each_fault_has_one_name_and_says_what_it_makes(table: ModuleType) -> None:
    assert len(set(names(table))) == len(names(table)) >= 15
    assert all(one.make.__doc__ for faults in table.CHAPTERS.values() for one in faults)


def outcome(table: ModuleType, code: int, *said: str) -> SimpleNamespace:
    fault = SimpleNamespace(name="Smoke", make=None)
    return table.Outcome(fault, table.Row("a | b", said, code, "3 of 5"))


def test_lines_of_programs_stand_in_the_table_as_they_are(table: ModuleType) -> None:
    row = table.line(outcome(table, 2, "Error: x|y", "it's `z`"))
    assert row == ("| Smoke | a &#124; b | `Error: x&#124;y`<br>`it's 'z'` | 2 | 3 of 5 |\n")
    assert "| nothing | 0 |" in table.line(outcome(table, 0))


@pytest.mark.parametrize(
    ("code", "said", "is_bug"),
    [(1, "", True), (130, "Traceback (most recent call last):", True), (2, "Error: x", False)],
)
def test_a_bug_is_called_one(table: ModuleType, code: int, said: str, is_bug: bool) -> None:
    told = outcome(table, code, said)
    assert told.is_bug is is_bug
    assert ("(a bug)" in table.line(told)) is is_bug


def test_what_cannot_happen_here_says_why(table: ModuleType) -> None:
    def refuse(folder: Path) -> None:
        assert folder.is_dir()
        raise importlib.import_module("fault_rows").NotHereError("it takes root")

    told = table.try_out(SimpleNamespace(name="Smoke", make=refuse))
    assert table.line(told) == "| Smoke | not made here: it takes root |  |  |  |\n"


def test_malformed_packets_are_malformed(sending: ModuleType) -> None:
    packets = sending.malformed_packets(300)
    assert len(packets) == 300
    for packet in packets:
        with pytest.raises(Exception, match=r".*"):
            list(decode(packet))


def recorded(folder: Path) -> tuple[bytes, int]:
    """Return a recording of three rows, and how many lines stand before them."""
    with Recorder(folder / "whole.csv", {}) as recorder:
        seen = with_face(0)
        moment = {"captured_ns": seen.captured_ns, "captured_unix_ns": seen.captured_unix_ns}
        for reading in (replace(without_face(0), **moment), with_face(1), with_face(2)):
            recorder.write(reading, 1.0)
    content = (folder / "whole.csv").read_bytes()
    head = content.split(b"\r\n").index(",".join(COLUMNS).encode()) + 1
    return content, head


def test_cuts_are_counted_good_where_whole_rows_are_read(
    recording: ModuleType, tmp_path: Path
) -> None:
    content, head = recorded(tmp_path)
    good, (said,) = recording.read_cuts(content, head, tmp_path / "x.csv")
    assert good == len(content) + 1
    assert "belong to no whole row" in said


def test_cuts_are_not_counted_good_where_a_row_is_lost(
    recording: ModuleType, tmp_path: Path
) -> None:
    content, head = recorded(tmp_path)

    def forgetful(path: Path) -> SimpleNamespace:
        session = recording.load_session(path)
        return SimpleNamespace(
            rows=session.rows[:-1], cut_bytes=session.cut_bytes, problems=session.problems
        )

    good, _ = recording.read_cuts(content, head, tmp_path / "x.csv", forgetful)
    before_a_row = len(b"\r\n".join(content.split(b"\r\n")[: head + 1])) + 2
    assert good == before_a_row
