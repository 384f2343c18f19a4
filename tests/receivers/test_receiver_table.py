"""The table of receivers: that its page is the script's, and that it sees what is not equal."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivers.clip_sender import ROOT, bundle, message
from test_recorder import with_face

from vrfer.listen import Heard
from vrfer.outputs.profiles import PROFILES
from vrfer.outputs.recorder import Recorder

PAGE = ROOT / "docs" / "receivers.md"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def table() -> ModuleType:
    return importlib.import_module("receiver_table")


@pytest.fixture
def trials() -> ModuleType:
    return importlib.import_module("receiver_trials")


def cells() -> dict[str, list[str]]:
    """Return the cells of each profile as the page has them."""
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| [`"):
            first, *rest = line.strip("| ").split(" | ")
            found[first.split("`")[1]] = rest
    return found


def test_the_page_has_every_profile_and_every_receiver(table: ModuleType) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.startswith(table.INTRODUCTION)
    assert list(cells()) == list(PROFILES)
    head = next(line for line in text.splitlines() if line.startswith("| profile |"))
    titles = [cell.split("<br>")[0].split(" [^")[0] for cell in head.strip("| ").split(" | ")[1:]]
    assert titles == [column.title for column in table.COLUMNS]
    for number, column in enumerate(table.COLUMNS, 1):
        assert f"\n[^{number}]: {table.footnote(column)}\n" in text
    for row in table.READ_ONLY:
        assert f"| {' | '.join(row)} |" in text


def test_what_is_meant_was_run_and_what_was_not_says_why(table: ModuleType) -> None:
    for profile, told in cells().items():
        for column, cell in zip(table.COLUMNS, told, strict=True):
            if column.profiles is None or profile in column.profiles:
                assert cell.startswith(("run: ", "not run here: ")), (profile, column.title)
            else:
                assert cell.startswith(("not meant", "not run here: ")), (profile, column.title)
                assert column.why_not


def test_scripts_for_godot_4_are_parsed(table: ModuleType) -> None:
    assert "`vrfer_receiver.gd`" in table.parse_godot_4()


SENT = (Heard("/a", (1, 0.5, "word"), None), Heard("/b", (True,), None), Heard("/c", (), None))


def test_what_was_printed_in_order_is_equal(trials: ModuleType) -> None:
    heard = [("/a", ["1", "0.5000", "word"]), ("/b", ["1"]), ("/c", [])]
    verdict = trials.compare(heard, SENT)
    assert verdict.is_good
    assert str(verdict) == "run: 3 of 3 messages, all values equal"
    assert trials.compare([("/a", [1, 0.5, "word"]), ("/b", [True]), ("/c", [])], SENT).is_good


@pytest.mark.parametrize(
    "heard",
    [
        [("/a", ["1", "0.5", "word"]), ("/b", ["1"])],
        [("/b", ["1"]), ("/a", ["1", "0.5", "word"]), ("/c", [])],
        [("/a", ["1", "0.6", "word"]), ("/b", ["1"]), ("/c", [])],
        [("/x", ["1", "0.5", "word"]), ("/b", ["1"]), ("/c", [])],
        [("/a", ["1", "0.5", "other"]), ("/b", ["1"]), ("/c", [])],
        [("/a", ["1", "0.5"]), ("/b", ["1"]), ("/c", [])],
        [("/a", ["1", "0.5", "word"]), ("/b", ["0"]), ("/c", [])],
        [("/a", ["1", "much", "word"]), ("/b", ["1"]), ("/c", [])],
        [],
    ],
)
def test_anything_else_is_not(trials: ModuleType, heard: list[tuple[str, list[str]]]) -> None:
    verdict = trials.compare(heard, SENT)
    assert not verdict.is_good


def test_what_a_receiver_made_of_it_is_compared(trials: ModuleType) -> None:
    pairs = [("labels", ["fear"], ["fear"]), ("values", ["0.25", 1], [0.25, 1.0])]
    verdict = trials.judged((5, 5), "packets", pairs)
    assert str(verdict) == "run: 5 of 5 packets, labels and values equal"
    assert not trials.judged((4, 5), "packets", pairs).is_good
    wrong = trials.judged((5, 5), "packets", [*pairs, ("events", [], ["begin"])])
    assert str(wrong) == "BAD: 5 of 5 packets; events: 0 where 1 were sent"
    assert not wrong.is_good


@given(st.floats(-200, 200), st.integers(4, 9))
def test_printed_digits_are_enough(number: float, decimals: int) -> None:
    trials = importlib.import_module("receiver_trials")
    assert trials.same(f"{number:.{decimals}f}", number)
    assert not trials.same(f"{number + 0.3:.{decimals}f}", number)


def test_labels_and_events_are_read_out_of_packets(trials: ModuleType) -> None:
    packets = (
        bundle(message("/vrfer/label", "fear"), message("/vrfer/fear", 0.5)),
        bundle(message("/vrfer/label", "fear")),
        message("/vrfer/event/calm", 1),
        bundle(message("/vrfer/label", "anger")),
    )
    sent = trials.Sent("generic", packets)
    assert sent.labels == ["fear", "anger"]
    assert sent.of("/vrfer/fear") == [0.5]
    assert trials.told_events(sent) == [("calm", True)]


def test_what_was_sent_must_be_what_was_recorded(
    table: ModuleType, trials: ModuleType, tmp_path: Path
) -> None:
    reading = with_face(0)
    with Recorder(tmp_path / "x.csv", {}) as recorder:
        recorder.write(reading, 1.0)
    values = [float(value) for value in reading.steady]
    good = trials.Sent("generic", (message("/vrfer/probabilities", *values),))
    table.check(good, tmp_path / "x.csv")
    other = [float(value) for value in np.roll(reading.steady, 1)]
    with pytest.raises(ValueError, match="what was recorded"):
        table.check(
            trials.Sent("generic", (message("/vrfer/probabilities", *other),)), tmp_path / "x.csv"
        )
    with pytest.raises(ValueError, match="nothing was sent"):
        table.check(trials.Sent("vmc", ()), tmp_path / "x.csv")


def test_a_receiver_that_does_not_answer_is_bad(table: ModuleType, trials: ModuleType) -> None:
    def silent(_: object) -> None:
        raise TimeoutError("waited 60 s for the line")

    sent = trials.Sent("generic", (message("/vrfer/label", "fear"),))
    verdict = table.ask(trials.Trial(1, silent), sent)
    assert not verdict.is_good
    assert "waited 60 s" in str(verdict)


def test_lists_of_pure_data_are_messages(trials: ModuleType) -> None:
    engines = importlib.import_module("receiver_engines")
    sent = trials.Sent("vmc", (message("/VMC/Ext/Blend/Val", "Joy", 0.5), message("/x/y")))
    lines = ["vrfer: listening 1", "heard: VMC Ext Blend Val Joy 0.5", "heard: x y"]
    end = "heard: vrfer event end 1"
    assert engines.compare_lists([*lines, end], sent).is_good
    other = "heard: VMC Ext Blend Val Fun 0.5"
    assert not engines.compare_lists([other, lines[2], end], sent).is_good
    assert not engines.compare_lists([*lines, "heard: x y", end], sent).is_good


def test_a_missing_program_is_named(trials: ModuleType) -> None:
    with pytest.raises(trials.MissingError, match=r"no-such-program .*Debian: some-package"):
        trials.needs("no-such-program", package="some-package")
