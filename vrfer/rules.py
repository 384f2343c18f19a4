"""Rules: an expression that lasts begins an event in the scene, and ends it again.

"Fear above 0.6 for 2 s begins `scared`; below 0.4 for 3 s ends it": `RuleBook` says when. It runs
on capture time, and a reading holds until the next one, so that the same face gives the same
events at 15 and at 60 Hz.

Time without a face, or while the network is unsure, counts neither for nor against: what had run
waits. A face that is gone for longer than `LOST_S` may come back as someone else's: what had run
towards a begin is forgotten, and what happens ends `back_s` after that moment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from vrfer.documents import read_toml, write_toml
from vrfer.errors import SettingsError
from vrfer.expressions import EXPRESSIONS, ExpressionName
from vrfer.frames import Reading

SCHEMA_VERSION: Final = 1
LOST_S: Final = 2.0
"""A face that is gone for longer than this, in seconds, is lost."""
LONGEST_S: Final = 86_400.0
"""No time of a rule is longer than a day."""
NAME_PATTERN: Final = "[A-Za-z0-9_-]{1,40}"
"""What a rule may be called: it becomes part of an OSC address."""

_ROUNDING_NS = 1_000
"""Time stamps of files are rounded; this much may be missing from a whole number of frames."""


def _usable_name(name: str) -> str:
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError("a name is made of 1 to 40 letters of a-z and A-Z, digits, - and _")
    return name


Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]


class Rule(BaseModel):
    """When an event begins, and when it ends."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)

    name: Annotated[str, AfterValidator(_usable_name)]
    """Names the event: the scene hears `/vrfer/event/NAME`."""
    expression: ExpressionName
    """One of `EXPRESSIONS`."""
    above: Probability = 0.6
    """The event begins once the steady probability has been above this, 0-1 ..."""
    for_s: Seconds = 2.0
    """... for this long, in seconds."""
    below: Probability = 0.4
    """It ends once the probability has been below this, at most `above` ..."""
    back_s: Seconds = 3.0
    """... for this long, in seconds."""
    cool_down_s: Seconds = 10.0
    """After it ended it cannot begin again for this long, in seconds."""
    on: bool = True
    """A rule that is switched off never begins."""

    @field_validator("below")
    @classmethod
    def _not_over_above(cls, below: float, info: ValidationInfo) -> float:
        above = info.data.get("above")
        if above is not None and below > above:
            raise ValueError(f"it must not be greater than above, which is {above:g}")
        return below


def _distinct(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    first: dict[str, int] = {}
    for number, rule in enumerate(rules, start=1):
        if rule.name in first:
            raise ValueError(
                f"rule {number}: name: rule {first[rule.name]} is called {rule.name!r} too"
            )
        first[rule.name] = number
    return rules


Rules = Annotated[tuple[Rule, ...], AfterValidator(_distinct)]
"""Rules of which no two have the same name, as the field of a pydantic model."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    rules: Rules = ()


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read and check a file of rules (TOML; docs/rules.md).

    Raises:
        SettingsError: It cannot be read, is no TOML, or a field is wrong: the message names file,
            rule (counted from 1) and field.
    """
    remedy = "Correct it in a text editor (docs/rules.md), or choose another file."
    document = read_toml(
        path, "the rules", newest=SCHEMA_VERSION, error=SettingsError, remedy=remedy
    )
    try:
        return _Document.model_validate(document).rules
    except ValidationError as err:
        raise SettingsError(f"the rules {path}: {_first_problem(err)}", remedy) from err


def _first_problem(err: ValidationError) -> str:
    """Say which field of which rule is wrong, and why."""
    first = err.errors()[0]
    told = first["msg"].removeprefix("Value error, ")
    where = first["loc"]
    if where == ("rules",) and first["type"] == "value_error":
        return told  # it names its rules itself
    if len(where) > 1 and where[0] == "rules":
        where = (f"rule {int(where[1]) + 1}", *where[2:])
    return ": ".join([*map(str, where), told])


def write_rules(rules: Sequence[Rule], path: Path) -> None:
    """Write a file of rules whole, in place of what is there.

    Raises:
        OutputError: It cannot be written; what was there stays.
        ValueError: Two rules have the same name.
    """
    document = _Document(schema_version=SCHEMA_VERSION, rules=tuple(rules))
    write_toml(path, "the rules", document.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Fired:
    """An event begins or ends."""

    rule_name: str
    begins: bool
    """False: it ends."""


class _Missing(Enum):
    """Why there are no probabilities."""

    UNKNOWN = auto()
    """No face for a moment, or the network is unsure."""
    LOST = auto()
    """No face for longer than `LOST_S`."""


@dataclass(slots=True)
class _Progress:
    """How far a rule is on its way to its next begin or end."""

    active: bool = False
    counted_ns: int = 0
    """For how long what it waits for has lasted."""
    counting: bool = False
    """Whether it lasts now, so that the time until the next reading counts."""
    ended_ns: int | None = None
    """When it last ended."""

    def start_over(self) -> None:
        self.counted_ns, self.counting = 0, False


class RuleBook:
    """Follows rules while readings come in. Only one thread may use it at a time."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        """Begin with nothing active.

        Raises:
            ValueError: Two rules have the same name.
        """
        self._rules = _distinct(tuple(rules))
        self._progress = {rule.name: _Progress() for rule in self._rules}
        self._now_ns: int | None = None
        self._faceless_since_ns: int | None = None
        self._lost = False
        self._person: int | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are followed."""
        return self._rules

    @property
    def followed(self) -> tuple[str, ...]:
        """Names of the rules that are on."""
        return tuple(rule.name for rule in self._rules if rule.on)

    @property
    def active(self) -> tuple[str, ...]:
        """Names of the rules whose event has begun and not ended, in the rules' order."""
        return tuple(rule.name for rule in self._rules if self._progress[rule.name].active)

    def update(self, reading: Reading) -> list[Fired]:
        """Take in a reading and say which events begin and end with it.

        Time is the file's own for files, else the capture clock. A reading older than the last
        (a file played anew) ends what is active, and everything starts over.

        Returns:
            In the order of time; begins and ends of one rule always alternate.
        """
        now_ns = _time_ns(reading)
        fired: list[Fired] = []
        if self._now_ns is None:
            self._now_ns = now_ns
        elif now_ns < self._now_ns:
            fired += self._forget(now_ns)
        fired += self._pass_lost_time(now_ns)
        if reading.face is not None:
            if reading.face.person != self._person:
                self._person = reading.face.person
                self.start_over()
            self._faceless_since_ns, self._lost = None, False
            fired += self._step(now_ns, _Missing.UNKNOWN if reading.unsure else reading)
        elif not self._lost:
            if self._faceless_since_ns is None:
                self._faceless_since_ns = now_ns
            fired += self._step(now_ns, _Missing.UNKNOWN)
        return fired

    def start_over(self) -> None:
        """Count anew towards begins and ends: what one person began, another does not end."""
        for progress in self._progress.values():
            progress.start_over()

    def replace(self, rules: Sequence[Rule]) -> list[Fired]:
        """Follow other rules from now on.

        A rule is known again by its name. An event that is active goes on where its rule has still
        the same expression and is on; otherwise it ends. What had run towards a begin or an end
        starts over where anything of the rule was changed; its cool-down stays.

        Raises:
            ValueError: Two rules have the same name; nothing is replaced.
        """
        new = _distinct(tuple(rules))
        by_name = {rule.name: rule for rule in new}
        fired: list[Fired] = []
        for old in self._rules:
            now = by_name.get(old.name)
            if now == old:
                continue
            progress = self._progress[old.name]
            progress.start_over()
            goes_on = now is not None and now.on and now.expression == old.expression
            if progress.active and not goes_on:
                fired.append(self._toggle(old, progress))
        self._rules = new
        self._progress = {name: self._progress.get(name, _Progress()) for name in by_name}
        return fired

    def end(self) -> list[Fired]:
        """End every event: no readings will come for now.

        Readings may come again later; cool-downs stay.
        """
        fired = []
        for rule in self._rules:
            progress = self._progress[rule.name]
            progress.start_over()
            if progress.active:
                fired.append(self._toggle(rule, progress))
        return fired

    def _forget(self, now_ns: int) -> list[Fired]:
        """Start over on another clock."""
        fired = self.end()
        self._progress = {rule.name: _Progress() for rule in self._rules}
        self._now_ns, self._faceless_since_ns, self._lost = now_ns, None, False
        return fired

    def _pass_lost_time(self, now_ns: int) -> list[Fired]:
        """Take in the time up to a reading in which the face was lost, or no reading came."""
        assert self._now_ns is not None
        fired: list[Fired] = []
        if not self._lost:
            since_ns = self._now_ns if self._faceless_since_ns is None else self._faceless_since_ns
            lost_ns = since_ns + round(LOST_S * 1e9)
            if now_ns <= lost_ns:
                return []
            self._lost = True
            for progress in self._progress.values():
                progress.start_over()
            fired += self._step(lost_ns, _Missing.LOST)
        fired += self._step(now_ns, _Missing.LOST)
        for ended in fired:  # the scene hears of it now, however long ago it was
            self._progress[ended.rule_name].ended_ns = now_ns
        return fired

    def _step(self, now_ns: int, seen: Reading | _Missing) -> list[Fired]:
        """Bring every rule to a moment at which something was seen, or not."""
        assert self._now_ns is not None
        passed_ns, self._now_ns = now_ns - self._now_ns, now_ns
        fired = []
        for rule in self._rules:
            progress = self._progress[rule.name]
            if not rule.on:
                continue
            if progress.counting:
                progress.counted_ns += passed_ns
            lasts = _lasts(rule, seen, active=progress.active)
            progress.counting = lasts is True
            if lasts is False:
                progress.counted_ns = 0
            if progress.counting and self._is_due(rule, progress):
                progress.start_over()
                fired.append(self._toggle(rule, progress))
        return fired

    def _is_due(self, rule: Rule, progress: _Progress) -> bool:
        needed_s = rule.back_s if progress.active else rule.for_s
        if progress.counted_ns + _ROUNDING_NS < needed_s * 1e9:
            return False
        if progress.active or progress.ended_ns is None or self._now_ns is None:
            return True
        return self._now_ns - progress.ended_ns + _ROUNDING_NS >= rule.cool_down_s * 1e9

    def _toggle(self, rule: Rule, progress: _Progress) -> Fired:
        progress.active = not progress.active
        if not progress.active:
            progress.ended_ns = self._now_ns
        return Fired(rule.name, progress.active)


def _time_ns(reading: Reading) -> int:
    """Return `Reading.timeline_s` in whole nanoseconds, which a sum of floats would blur."""
    return reading.captured_ns if reading.source_s is None else round(reading.source_s * 1e9)


def _lasts(rule: Rule, seen: Reading | _Missing, *, active: bool) -> bool | None:
    """Say whether what a rule waits for is so; None where nothing is known."""
    if seen is _Missing.LOST:
        return active
    if isinstance(seen, _Missing):
        return None
    probability = float(seen.steady[EXPRESSIONS.index(rule.expression)])
    return probability < rule.below if active else probability > rule.above
