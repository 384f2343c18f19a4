"""OSC profiles: which addresses a receiver is told, with which values, and how often.

A profile is a TOML file. Some travel with vrfer in `assets/profiles`; users put their own into
`profiles` in the system's folder for settings, or name any file. docs/profiles.md shows them all.
This module knows their form; `vrfer.outputs.messages` fills them.
"""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    model_validator,
)

from vrfer.documents import first_problem, read_toml
from vrfer.errors import OutputError
from vrfer.expressions import EXPRESSIONS, NO_FACE_ID, ExpressionName
from vrfer.shipped import shipped

SCHEMA_VERSION = 1
PROFILES = (
    "generic", "vrchat", "vrchat-compact", "vrcft", "vmc", "vmc-vrm1", "unity", "unreal",
)  # fmt: skip
"""Names of the shipped profiles, in the order in which they are offered."""
SHARES = (*EXPRESSIONS, "probabilities", "confidence", "face", "unsure")
"""Sources that lie in 0-1; `probabilities` stands for the eight in canonical order."""
SOURCES = (*SHARES, "label_id", "label")
"""What of a reading can be sent."""
LOWEST_RATE_HZ = 0.001
INT32 = (-(2**31), 2**31 - 1)
"""Lowest and highest integer that OSC 1.0 can carry."""

Kind = Literal["float", "int", "string", "bool"]
Value = float | int | str | bool

_NATURAL_KINDS: dict[str, Kind] = {
    "label": "string", "label_id": "int", "unsure": "int", "face": "int",
}  # fmt: skip
_NAME = re.compile(r"\w([\w .-]{0,58}[\w-])?")
_ADDRESS = re.compile(r"(/[^\s/#*,?\[\]{}\x00-\x1f]+)+")


def _known_source(name: str) -> str:
    if name not in SOURCES:
        raise ValueError(f"the sources are {', '.join(SOURCES)}")
    return name


def _sendable(value: Value) -> Value:
    if isinstance(value, str) and "\0" in value:
        raise ValueError("OSC strings hold no zero character")
    return value


Number = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]
Constant = Annotated[
    Annotated[str, Field(max_length=100)]
    | bool
    | Annotated[int, Field(ge=INT32[0], le=INT32[1])]
    | Number,
    AfterValidator(_sendable),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ArgumentLayout(_Part):
    """One argument of a message: where it comes from, and what becomes of it on the way."""

    source: Annotated[str, AfterValidator(_known_source)] | None = Field(
        default=None,
        description="what of the reading is sent: an expression's name (its steady probability), "
        "`probabilities` (all eight), `confidence`, `label`, `label_id`, `unsure` or `face`",
    )
    mix: dict[ExpressionName, Number] | None = Field(
        default=None,
        min_length=1,
        description="instead: a sum of expressions with weights, such as "
        "`{ happiness = 1, sadness = -1 }`",
    )
    value: Constant | None = Field(
        default=None, description="instead: a text or number that is always the same"
    )
    type: Kind | None = Field(
        default=None,
        description="`float`, `int` (rounded), `string` or `bool`; without it what fits the "
        "source. A bool is true from the threshold on",
    )
    threshold: Annotated[FiniteFloat, Field(ge=0, le=1e6)] = Field(
        default=0.0, description="where the source is nearer to 0 than this, it counts as 0"
    )
    invert: bool = Field(default=False, description="send 1 minus the source; bools are negated")
    scale: Number = Field(default=1.0, description="multiplied with this, then")
    offset: Number = Field(default=0.0, description="this is added, then")
    clamp: tuple[Number, Number] | None = Field(
        default=None, description="held between two numbers, such as `[-1, 1]`"
    )

    @cached_property
    def kind(self) -> Kind:
        """The type that is sent."""
        if self.value is not None:
            names: dict[type, Kind] = {str: "string", bool: "bool", int: "int", float: "float"}
            return names[type(self.value)]
        return self.type or _NATURAL_KINDS.get(self.source or "", "float")

    @property
    def constant(self) -> bool:
        """Whether it never changes."""
        return self.value is not None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the greatest number that is sent; None for strings.

        A mix is taken to be one of steady probabilities, whose sum is 1 or 0.
        """
        if self.kind == "string":
            return None
        if self.kind == "bool":
            return 0.0, 1.0
        if isinstance(self.value, int | float):
            return float(self.value), float(self.value)
        if self.mix is not None:
            low, high = min(0.0, *self.mix.values()), max(0.0, *self.mix.values())
        elif self.source == "label_id":
            low, high = float(NO_FACE_ID), len(EXPRESSIONS) - 1.0
        else:
            low, high = 0.0, 1.0
        low, high = sorted(number * self.scale + self.offset for number in (low, high))
        if self.clamp is not None:
            low, high = (min(max(end, self.clamp[0]), self.clamp[1]) for end in (low, high))
        return low, high

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        given = [one for one in ("source", "mix", "value") if getattr(self, one) is not None]
        if len(given) != 1:
            raise ValueError("it needs one of source, mix and value")
        changes = self.model_fields_set - {"source", "mix", "value", "type"}
        if self.value is not None and self.model_fields_set != {"value"}:
            raise ValueError("a value is sent as it is, without type, scale or anything else")
        if (self.source == "label") != (self.kind == "string") and self.value is None:
            raise ValueError("label is sent as a string, and nothing else is")
        if self.kind == "string" and changes:
            raise ValueError("a string has no threshold, invert, scale, offset or clamp")
        if self.invert and self.source not in SHARES:
            raise ValueError("only sources that lie in 0-1 can be inverted")
        if self.threshold and self.source == "label_id":
            raise ValueError("label_id has no threshold")
        if self.kind == "bool" and self.value is None:
            self._check_bool(changes)
        if self.clamp is not None and self.clamp[0] > self.clamp[1]:
            raise ValueError("clamp needs its lower number first")
        return self

    def _check_bool(self, changes: set[str]) -> None:
        if self.source == "label_id" or changes - {"threshold", "invert"}:
            raise ValueError("a bool has a threshold and invert, and no scale, offset or clamp")
        if not self.threshold and self.source not in ("face", "unsure"):
            raise ValueError("a bool needs a threshold from which on it is true")


class MessageLayout(_Part):
    """One message: its address and arguments."""

    address: str = Field(max_length=200, description="the OSC address, after the prefix")
    arguments: tuple[ArgumentLayout, ...] = Field(
        default=(), max_length=16, description="a list of arguments; none is allowed too"
    )
    about: str = Field(default="", max_length=200, description="a remark for these pages")

    @cached_property
    def constant(self) -> bool:
        """Whether it always says the same."""
        return all(argument.constant for argument in self.arguments)


class EventLayout(_Part):
    """How a receiver is told that a rule's event begins and ends."""

    address: str = Field(
        default="/vrfer/event/{name}",
        max_length=200,
        description="the OSC address, without a prefix; `{name}` is the rule's name",
    )
    type: Literal["int", "bool"] = Field(default="int", description="`int`, 1 or 0, or `bool`")

    def address_of(self, rule_name: str) -> str:
        """Return the address of a rule's event."""
        return self.address.replace("{name}", rule_name)

    def value_of(self, lasts: int) -> int | bool:
        """Return what is sent for 1 or 0."""
        return bool(lasts) if self.type == "bool" else lasts

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if "{name}" not in self.address:
            raise ValueError("the address needs {name}, which stands for the rule's name")
        if not _ADDRESS.fullmatch(self.address_of("x")):
            raise ValueError(f"{self.address!r} is no OSC address")
        return self


class Sending(_Part):
    """How often, and in which packets."""

    least_change: Annotated[FiniteFloat, Field(ge=0, le=1e6)] | None = Field(
        default=None,
        description="send only messages of which a number changed by at least this much, in units "
        "as sent, or a text at all; those that always say the same come along. Without it every "
        "frame sends everything",
    )
    complete_every_s: Annotated[float, Field(gt=0, le=3600)] | None = Field(
        default=None, description="yet send everything anew after this many seconds"
    )
    rate_hz: Annotated[float, Field(ge=LOWEST_RATE_HZ, le=1000)] | None = Field(
        default=None,
        description="at most so many frames a second of capture time; a receiver's own `hz` can "
        "only lower it",
    )
    hold_face_s: Annotated[FiniteFloat, Field(ge=0, le=60)] = Field(
        default=0.0,
        description="a face that is gone for less than so many seconds is not told to be gone",
    )
    bundle: bool = Field(
        default=True,
        description="all messages of a frame in one bundle, whose time tag is the time of capture "
        "on this computer and `immediately` for others, whose clocks may differ; `false` sends "
        "each on its own",
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.complete_every_s is not None and self.least_change is None:
            raise ValueError("complete_every_s goes with least_change")
        return self


class Profile(_Part):
    """An address layout and how it is sent."""

    schema_version: Literal[1] = Field(description="1")
    name: str = Field(min_length=1, max_length=60, description="a title for people")
    about: str = Field(max_length=1000, description="what it is for")
    setup: str = Field(default="", max_length=5000, description="how the receiver is set up")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="the port on which such receivers listen"
    )
    prefixes: tuple[Annotated[str, Field(max_length=100)], ...] = Field(
        default=("",),
        min_length=1,
        max_length=8,
        description="what each address begins with; with several, everything is sent below each",
    )
    sending: Sending = Field(default=Sending(), description="how often; see below")
    events: EventLayout = Field(
        default=EventLayout(), description="how the events of rules are told; see below"
    )
    messages: tuple[MessageLayout, ...] = Field(
        min_length=1, max_length=300, description="a list of messages, sent in this order"
    )

    @model_validator(mode="after")
    def _has_addresses(self) -> Self:
        for prefix in self.prefixes:
            for message in self.messages:
                if not _ADDRESS.fullmatch(prefix + message.address):
                    raise ValueError(f"{prefix + message.address!r} is no OSC address")
        return self


def own_profiles_folder() -> Path:
    """Return where this user's own profiles lie; it need not exist."""
    return platformdirs.user_config_path("vrfer") / "profiles"


def known_profiles() -> tuple[str, ...]:
    """Return the names of the shipped profiles and of this user's own."""
    own = sorted(file.stem for file in own_profiles_folder().glob("*.toml"))
    return tuple(dict.fromkeys((*PROFILES, *(name for name in own if _NAME.fullmatch(name)))))


def load_profile(name: str) -> Profile:
    """Read a profile.

    Args:
        name: Of a shipped one or one of the user's own, which comes first; or a path that ends
            with `.toml`.

    Raises:
        OutputError: There is none, or it cannot be used: the message names file and field.
    """
    if name.endswith(".toml"):
        return read_profile(Path(os.path.expanduser(name)))  # no shell does it amid a word
    if _NAME.fullmatch(name):
        for folder in (own_profiles_folder(), shipped("assets") / "profiles"):
            file = folder / f"{name}.toml"
            if os.path.isfile(file):  # False, too, where the folder must not be read
                return read_profile(file)
    raise OutputError(
        f"there is no OSC profile {name!r}",
        f"Known profiles: {', '.join(known_profiles())}. Your own: write profile=PATH.toml.",
    )


def read_profile(file: Path) -> Profile:
    """Read and check a profile's file.

    Raises:
        OutputError: It cannot be read, is no TOML, or a field is wrong.
    """
    remedy = "Correct it in a text editor; docs/profiles.md says what belongs there."
    document = read_toml(
        file, "the OSC profile", newest=SCHEMA_VERSION, error=OutputError, remedy=remedy
    )
    try:
        return Profile.model_validate(document)
    except ValidationError as err:
        raise OutputError(f"the OSC profile {file}: {first_problem(err)}", remedy) from err
