"""Rules: their file, and when events begin and end, as properties of any signal at any rate.

Long, as the tests of one module stand in one file.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from vrfer.errors import OutputError, SettingsError
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID
from vrfer.frames import LowerFace, Reading
from vrfer.rules import LOST_S, Fired, Rule, RuleBook, Rules, read_rules, write_rules

FACE = LowerFace((0, 0), (0, 1), 1, 0.5)
FEAR = EXPRESSIONS.index("fear")
SCARED = Rule(name="scared", expression="fear", cool_down_s=0.0)
BEGINS, ENDS = Fired("scared", begins=True), Fired("scared", begins=False)
HIGH, BETWEEN, LOW = 0.8, 0.5, 0.2
GONE, UNSURE = "gone", "unsure"

Seen = float | str


def reading(at_s: float, seen: Seen, *, live: bool = False) -> Reading:
    """Return a reading whose fear is a number; or without a face; or unsure, with much fear."""
    steady = np.zeros(8, np.float32)
    if seen != GONE:
        fear = HIGH if isinstance(seen, str) else seen
        steady[:] = (1 - fear) / 7
        steady[FEAR] = fear
    return Reading(
        frame=0,
        captured_ns=round(at_s * 1e9) if live else 7,
        captured_unix_ns=0,
        source_s=None if live else at_s,
        face=None if seen == GONE else FACE,
        raw=None if seen == GONE else steady,
        steady=steady,
        label_id=NO_FACE_ID if seen == GONE else int(steady.argmax()),
        unsure=seen == UNSURE,
    )


def rule(**fields: object) -> Rule:
    return Rule.model_validate(SCARED.model_dump() | fields)


def sampled(
    signal: Sequence[tuple[float, Seen]], rate_hz: float = 30, start_s: float = 0
) -> Iterator[tuple[float, Seen]]:
    """Yield (time, what is seen) of segments (duration, what is seen) at a rate."""
    number, from_s = 0, start_s
    for duration_s, seen in signal:
        until_s = from_s + duration_s
        while (now_s := start_s + number / rate_hz) < until_s - 1e-9:
            yield now_s, seen
            number += 1
        from_s = until_s


def play(
    book: RuleBook, signal: Sequence[tuple[float, Seen]], rate_hz: float = 30, start_s: float = 0
) -> list[tuple[float, Fired]]:
    """Show a signal; return what fired, and when."""
    return [
        (now_s, fired)
        for now_s, seen in sampled(signal, rate_hz, start_s)
        for fired in book.update(reading(now_s, seen))
    ]


def times(fired: list[tuple[float, Fired]]) -> list[float]:
    return [round(now_s, 6) for now_s, _ in fired]


def test_an_expression_that_lasts_begins_an_event_and_ends_it_again() -> None:
    book = RuleBook([SCARED])
    fired = play(book, [(1, LOW), (2.5, HIGH), (1, BETWEEN), (5, LOW)])
    assert [what for _, what in fired] == [BEGINS, ENDS]
    assert times(fired) == [3.0, 7.5]


def test_what_does_not_last_begins_and_ends_nothing() -> None:
    book = RuleBook([SCARED])
    assert play(book, [(1.9, HIGH), (0.1, BETWEEN), (1.9, HIGH), (0.1, LOW)]) == []
    fired = play(book, [(2.1, HIGH), (2.9, LOW), (0.2, BETWEEN), (2.9, LOW), (1, HIGH)], 30, 4)
    assert [what for _, what in fired] == [BEGINS]
    assert book.active == ("scared",)


def test_the_capture_clock_counts_where_there_is_no_file() -> None:
    book = RuleBook([SCARED])
    fired = [
        (now_s, fired)
        for now_s, seen in sampled([(3, HIGH)], start_s=5000)
        for fired in book.update(reading(now_s, seen, live=True))
    ]
    assert times(fired) == [5002.0]


def test_zero_seconds_are_at_once() -> None:
    book = RuleBook([rule(for_s=0.0, back_s=0.0)])
    assert book.update(reading(0, HIGH)) == [BEGINS]
    assert book.update(reading(0, LOW)) == [ENDS]


def test_a_threshold_itself_is_neither_above_nor_below() -> None:
    book = RuleBook([rule(for_s=0.0, back_s=0.0, above=0.5, below=0.5)])
    assert play(book, [(1, 0.5)]) == []
    assert play(book, [(0.1, HIGH), (1, 0.5)], start_s=1) == [(1.0, BEGINS)]


def test_it_rests_after_an_event() -> None:
    book = RuleBook([rule(cool_down_s=10.0)])
    fired = play(book, [(3, HIGH), (3.5, LOW), (20, HIGH)])
    assert times(fired) == [2.0, 6.0, 16.0]
    fired = play(book, [(4, LOW), (15, BETWEEN), (3, HIGH)], start_s=26.5)
    assert times(fired) == [29.5, 47.5]


@pytest.mark.parametrize("rate_hz", [15, 30, 60])
@pytest.mark.parametrize("nothing", [GONE, UNSURE])
def test_time_in_which_nothing_is_known_counts_for_nothing(rate_hz: float, nothing: str) -> None:
    book = RuleBook([SCARED])
    fired = play(
        book, [(1.2, HIGH), (1.8, nothing), (2, HIGH), (1.4, LOW), (1.8, nothing)], rate_hz
    )
    fired += play(book, [(3, LOW)], rate_hz, 8.2)
    assert times(fired) == [3.8, 9.8]


def test_rounded_time_stamps_cost_no_frame() -> None:
    book = RuleBook([rule(for_s=1.0)])
    assert times(play(book, [(1 / 30, HIGH), (2 / 30, UNSURE)] * 40)) == [3.0]


def test_an_unsure_network_ends_nothing_and_begins_nothing() -> None:
    book = RuleBook([SCARED])
    assert play(book, [(60, UNSURE)]) == []
    play(book, [(3, HIGH)], start_s=60)
    assert book.active == ("scared",)
    assert play(book, [(60, UNSURE)], start_s=63) == []


def test_a_lost_face_ends_what_is_active_after_its_time() -> None:
    book = RuleBook([SCARED])
    fired = play(book, [(3, HIGH), (20, GONE)])
    assert [what for _, what in fired] == [BEGINS, ENDS]
    assert fired[1][0] == pytest.approx(3 + LOST_S + 3, abs=1 / 30 + 1e-9)


def test_a_lost_face_that_comes_back_in_time_ends_nothing() -> None:
    book = RuleBook([SCARED])
    play(book, [(3, HIGH)])
    assert play(book, [(LOST_S + 2.8, GONE), (1, HIGH), (LOST_S + 2.8, GONE)], start_s=3) == []


def test_a_lost_face_is_below_whatever_it_did_before() -> None:
    book = RuleBook([SCARED])
    fired = play(book, [(3, HIGH), (2, LOW), (LOST_S + 2, GONE), (3, LOW)])
    assert fired[-1] == (pytest.approx(5 + LOST_S + 3, abs=1 / 30 + 1e-9), ENDS)


def test_what_ran_is_forgotten_with_a_lost_face() -> None:
    book = RuleBook([SCARED])
    assert times(play(book, [(1.5, HIGH), (LOST_S + 0.1, GONE), (2.5, HIGH)], 10)) == [5.6]


def test_where_no_readings_came_for_long_the_face_was_lost() -> None:
    book = RuleBook([SCARED])
    play(book, [(3, HIGH)])
    assert book.update(reading(3 + LOST_S + 3, HIGH)) == [ENDS]
    book = RuleBook([SCARED])
    assert book.update(reading(0, HIGH)) == []
    assert book.update(reading(60, HIGH)) == []
    assert book.update(reading(61, HIGH)) == []
    assert book.update(reading(62, HIGH)) == [BEGINS]


def test_the_rest_counts_from_when_the_scene_heard_of_the_end() -> None:
    book = RuleBook([rule(back_s=0.0, cool_down_s=5.0, for_s=0.0)])
    assert book.update(reading(0, HIGH)) == [BEGINS]
    assert book.update(reading(60, HIGH)) == [ENDS]
    assert times(play(book, [(10, HIGH)], start_s=60)) == [65.0]


def test_what_one_person_began_another_does_not_end() -> None:
    bystander = replace(FACE, person=1)
    book, fired = RuleBook([rule(for_s=2.0)]), []
    for now_s, _ in sampled([(3.5, HIGH)]):
        face = FACE if now_s < 1.5 else bystander
        fired += book.update(replace(reading(now_s, HIGH), face=face))
    assert fired == []  # 1.5 s of the one and 2 s of the other
    for now_s, _ in sampled([(0.2, HIGH)], start_s=3.5):
        fired += book.update(replace(reading(now_s, HIGH), face=bystander))
    assert fired == [BEGINS]


def test_a_file_that_is_played_anew_starts_over() -> None:
    book = RuleBook([rule(cool_down_s=100.0)])
    assert len(play(book, [(3, HIGH)])) == 1
    fired = play(book, [(1.9, HIGH), (0.1, LOW), (2.5, HIGH)])
    assert [what for _, what in fired] == [ENDS, BEGINS]
    assert times(fired) == [0.0, 4.0]


def test_the_end_of_a_run_ends_everything() -> None:
    other = rule(name="other", for_s=0.0)
    book = RuleBook([SCARED, other, rule(name="never", expression="anger")])
    play(book, [(3, HIGH)])
    assert book.active == ("scared", "other")
    assert book.end() == [ENDS, Fired("other", begins=False)]
    assert book.active == ()
    assert book.end() == []
    assert times(play(book, [(2.5, HIGH)], start_s=3)) == [3.0, 5.0]


def test_a_rule_that_is_switched_off_does_nothing() -> None:
    book = RuleBook([rule(on=False)])
    assert play(book, [(10, HIGH)]) == []


@pytest.mark.parametrize(
    "changes", [None, {"on": False}, {"expression": "anger"}], ids=["gone", "off", "expression"]
)
def test_an_event_ends_with_its_rule(changes: dict[str, object] | None) -> None:
    book = RuleBook([SCARED])
    play(book, [(3, HIGH)])
    new = [] if changes is None else [rule(**changes)]
    assert book.replace(new) == [ENDS]
    assert book.active == ()
    assert book.rules == tuple(new)
    assert play(book, [(10, HIGH)], start_s=3) == []


def test_an_event_goes_on_where_only_numbers_change() -> None:
    book = RuleBook([SCARED])
    play(book, [(3, HIGH), (2, LOW)])
    assert book.replace([rule(name="first", for_s=1.0), rule(back_s=1.0)]) == []
    assert book.active == ("scared",)
    fired = play(book, [(5, LOW)], start_s=5)
    assert [what for _, what in fired] == [ENDS]
    assert times(fired) == [6.0]


def test_rules_that_stay_do_not_notice_that_others_change() -> None:
    book = RuleBook([SCARED])
    play(book, [(1, HIGH)])
    assert book.replace([rule(name="other"), SCARED]) == []
    fired = play(book, [(2.5, HIGH)], start_s=1)
    assert fired == [(2.0, BEGINS), (3.0, Fired("other", begins=True))]


def test_switching_a_rule_off_and_on_does_not_shorten_its_rest() -> None:
    book = RuleBook([rule(cool_down_s=10.0)])
    play(book, [(3, HIGH)])
    book.replace([rule(cool_down_s=10.0, on=False)])
    book.replace([rule(cool_down_s=10.0)])
    assert times(play(book, [(20, HIGH)], start_s=3)) == [pytest.approx(3 - 1 / 30 + 10, abs=0.04)]


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="rule 2: name: rule 1 is called 'scared' too"):
        RuleBook([SCARED, SCARED])
    book = RuleBook([SCARED])
    with pytest.raises(ValueError, match="'other' too"):
        book.replace([rule(name="other"), rule(name="other")])
    assert book.rules == (SCARED,)


names = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
shares = st.floats(0, 1)
seconds = st.just(0.0) | st.floats(0, 5)
any_rules = st.lists(
    st.builds(
        lambda shares, **fields: Rule(above=max(shares), below=min(shares), **fields),
        st.tuples(shares, shares),
        name=names,
        expression=st.sampled_from(EXPRESSIONS),
        for_s=seconds,
        back_s=seconds,
        cool_down_s=seconds,
        on=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda rule: rule.name,
)
moments = st.lists(
    st.tuples(
        st.just(0.0) | st.floats(0, 0.2) | st.floats(0, 5),
        shares | st.sampled_from([GONE, UNSURE, HIGH, LOW]),
    ),
    max_size=60,
)


@given(any_rules, st.lists(st.tuples(moments, any_rules), max_size=3), st.booleans())
def test_begins_and_ends_alternate_and_nothing_is_left(
    rules: list[Rule], parts: list[tuple[list[tuple[float, Seen]], list[Rule]]], backwards: bool
) -> None:
    book, now_s = RuleBook(rules), 0.0
    fired: list[Fired] = []
    for shown, replaced in parts:
        for interval_s, seen in shown:
            now_s += interval_s
            fired += book.update(reading(now_s, seen))
            begun = [name for name in {f.rule_name for f in fired} if _begun(fired, name)]
            assert sorted(begun) == sorted(book.active)
        fired += book.replace(replaced)
        if backwards:
            now_s = 0.0
    fired += book.end()
    assert book.active == ()
    for name in {f.rule_name for f in fired}:
        told = [f.begins for f in fired if f.rule_name == name]
        assert told == [True, False] * (len(told) // 2)


def _begun(fired: list[Fired], name: str) -> bool:
    return [f for f in fired if f.rule_name == name][-1].begins


@given(any_rules, moments)
def test_no_event_begins_too_early_or_too_soon_after_the_last(
    rules: list[Rule], shown: list[tuple[float, Seen]]
) -> None:
    book, now_s = RuleBook(rules), 0.0
    above_s = dict.fromkeys((rule.name for rule in rules), 0.0)
    ended_s: dict[str, float] = {}
    before: Seen = GONE
    by_name = {rule.name: rule for rule in rules}
    for interval_s, seen in shown:
        now_s += interval_s
        now = reading(now_s, seen)
        for rule in rules:
            held = isinstance(before, float) and above_of(rule, reading(now_s, before))
            above_s[rule.name] += interval_s if held else 0.0
            if isinstance(seen, float) and not above_of(rule, now):
                above_s[rule.name] = 0.0
        for fired in book.update(now):
            rule = by_name[fired.rule_name]
            if not fired.begins:
                ended_s[rule.name] = now_s
                continue
            assert rule.on
            assert above_of(rule, now)
            assert above_s[rule.name] >= rule.for_s - 1e-5
            assert now_s >= ended_s.get(rule.name, -1e9) + rule.cool_down_s - 1e-5
        before = seen


def above_of(rule: Rule, seen: Reading) -> bool:
    return bool(seen.steady[EXPRESSIONS.index(rule.expression)] > rule.above)


segments = st.lists(
    st.tuples(
        st.sampled_from([0.4, 0.9, 1.6, 2.6, 4.0]).flatmap(
            lambda near_s: st.floats(near_s - 0.03, near_s + 0.03)
        ),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=12,
)
"""How long each lasts, none near a rule's times, and how far the next level lies ahead."""
frames_15 = st.sampled_from([0.0, 0.6, 1.2, 2.0, 3.0])
"""Whole frames at 15, 30 and 60 Hz."""


@given(segments, frames_15, frames_15, st.floats(0, 1e5))
def test_events_come_at_the_same_time_at_any_frame_rate(
    segments: list[tuple[float, int]], for_s: float, back_s: float, start_s: float
) -> None:
    level, signal = 0, []
    for duration_s, ahead in segments:
        level = (level + ahead) % 3
        signal.append((duration_s, (HIGH, BETWEEN, LOW)[level]))
    slow, usual, fast = (
        play(RuleBook([rule(for_s=for_s, back_s=back_s)]), signal, rate_hz, start_s)
        for rate_hz in (15, 30, 60)
    )
    assert [f for _, f in slow] == [f for _, f in usual] == [f for _, f in fast]
    for (slow_s, _), (usual_s, _), (fast_s, _) in zip(slow, usual, fast, strict=True):
        assert abs(slow_s - usual_s) <= 1 / 15
        assert abs(slow_s - fast_s) <= 1 / 15
        assert abs(usual_s - fast_s) <= 1 / 30


@given(any_rules)
def test_what_is_written_is_read_again(rules: list[Rule]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "rules.toml"
        write_rules(rules, path)
        assert read_rules(path) == tuple(rules)
        write_rules([SCARED], path)
        assert read_rules(path) == (SCARED,)
        assert [file.name for file in path.parent.iterdir()] == ["rules.toml"]


def test_a_file_by_hand_needs_a_name_and_an_expression(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        'schema_version = 1\n[[rules]]\nname = "scared"\nexpression = "fear"\n'
        '[[rules]]\nname = "glad"\nexpression = "happiness"\nabove = 1\nfor_s = 0\non = false\n',
        encoding="utf-8-sig",
    )
    scared, glad = read_rules(path)
    assert (scared.above, scared.for_s, scared.below, scared.back_s) == (0.6, 2.0, 0.4, 3.0)
    assert (scared.cool_down_s, scared.on) == (10.0, True)
    assert (glad.above, glad.for_s, glad.on) == (1.0, 0.0, False)


def test_a_file_without_rules_has_none(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("schema_version = 1\n")
    assert read_rules(path) == ()


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ('name = "a b"', "rule 2: name: a name is made of"),
        ('name = ""', "rule 2: name: a name is made of"),
        (f'name = "{"x" * 41}"', "rule 2: name: a name is made of"),
        ('name = "scared\\n"', "rule 2: name: a name is made of"),
        ('name = "ängstlich"', "rule 2: name: a name is made of"),
        ('name = "scared"', "rule 2: name: rule 1 is called 'scared' too"),
        ('expression = "joy"', "rule 2: expression: the expressions are neutral,"),
        ("above = 1.1", "rule 2: above: "),
        ("above = nan", "rule 2: above: "),
        ('above = "0.6"', "rule 2: above: "),
        ("below = 0.7", "rule 2: below: it must not be greater than above, which is 0.6"),
        ("above = 0.3", "rule 2: below: it must not be greater than above, which is 0.3"),
        ("for_s = -1", "rule 2: for_s: "),
        ("back_s = inf", "rule 2: back_s: "),
        ("cool_down_s = -0.1", "rule 2: cool_down_s: "),
        ('on = "yes"', "rule 2: on: "),
        ("until = 3", "rule 2: until: "),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, field: str, says: str) -> None:
    path = tmp_path / "rules.toml"
    fields = {"name": 'name = "other"', "expression": 'expression = "anger"'}
    fields[field.split()[0]] = field
    second = "\n".join(fields.values())
    path.write_text(
        f'[[rules]]\nname = "scared"\nexpression = "fear"\n[[rules]]\n{second}\n', encoding="utf-8"
    )
    with pytest.raises(SettingsError) as caught:
        read_rules(path)
    assert caught.value.message.startswith(f"the rules {path}: {says}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema_version = 2", "newer vrfer (version 2)"),
        ("schema_version = 0", "schema_version: "),
        ("[[rule]]\nname = 1", "rule: "),
        ("rules = 3", "rules: "),
        ("rules = [3]", "rule 1: "),
        ("[[rules]]\nname = 'x'", "rule 1: expression: "),
        ("[[rules]", "no TOML"),
        ("\x00", "no TOML"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        read_rules(path)
    assert str(path) in caught.value.message
    assert says in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read"):
        read_rules(tmp_path / "nowhere.toml")


def test_where_nothing_can_be_written_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_rules([SCARED], path)
    assert list(tmp_path.iterdir()) == [path]


def test_rules_are_a_field_of_other_models() -> None:
    class Whole(BaseModel):
        rules: Rules = ()

    whole = Whole(rules=(SCARED, rule(name="other")))
    assert Whole.model_validate(whole.model_dump(mode="json")) == whole
    with pytest.raises(ValidationError, match="rule 1 is called 'scared' too"):
        Whole(rules=(SCARED, SCARED))
