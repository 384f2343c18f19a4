"""The tree of OSC addresses that OSCQuery serves.

Attributes follow the OSCQuery proposal (github.com/Vidvox/OSCQueryProposal): what vrfer sends has
ACCESS 1, what it hears has ACCESS 2. TYPE `T` stands for a bool, whichever it is now; `N` for an
address that needs no argument.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from vrfer.expressions import EXPRESSIONS, NO_FACE_LABEL
from vrfer.oscquery.heard import HeardNode
from vrfer.outputs.profiles import ArgumentLayout, EventLayout, MessageLayout, Profile, Value
from vrfer.rules import Rule

Json: TypeAlias = Mapping[str, object]
"""A JSON object."""

ROOT: Final = "/"
READ: Final = 1
WRITE: Final = 2
"""Bits of ACCESS."""

_TAGS: Final = {"float": "f", "int": "i", "string": "s", "bool": "T"}
_LONGEST_DESCRIPTION: Final = 500
_SOURCES: Final = {
    "label": f"name of the steady expression, {NO_FACE_LABEL} without a face",
    "label_id": "number of the steady expression, -1 without a face",
    "confidence": "steady probability of the label",
    "probabilities": f"steady probabilities of {', '.join(EXPRESSIONS)}",
    "face": "whether a lower face is seen",
    "unsure": "whether the network cannot tell; the label then stays what it was",
}


@dataclass(frozen=True, slots=True)
class Tree:
    """All nodes, each with its constant attributes and its children."""

    attributes: Mapping[str, Json]
    """By full path; the branches between root and leaves are among them."""
    children: Mapping[str, Mapping[str, str]]
    """Path of a branch -> name of a child -> the child's path."""

    def node(self, path: str, values: Mapping[str, Sequence[Value]]) -> Json | None:
        """Return a node with everything below it, as JSON.

        Args:
            path: Full path of the node; `/` is the root.
            values: What was last sent to each address.

        Returns:
            None where there is no such node.
        """
        if path not in self.attributes:
            return None
        described = dict(self.attributes[path])
        if values.get(path):
            described["VALUE"] = list(values[path])
        if path in self.children:
            described["CONTENTS"] = {
                name: self.node(child, values) for name, child in self.children[path].items()
            }
        return described


def addresses_of(profile: Profile) -> frozenset[str]:
    """Return every address that a profile sends to."""
    return frozenset(
        prefix + message.address for prefix in profile.prefixes for message in profile.messages
    )


def build_tree(profile: Profile, heard: Iterable[HeardNode], rules: Iterable[Rule] = ()) -> Tree:
    """Return the tree of what a profile sends, of what is heard, and of the rules' events."""
    leaves: dict[str, dict[str, object]] = {}
    for prefix in profile.prefixes:
        for message in profile.messages:
            _add_sent(leaves, prefix + message.address, message)
    for rule in rules:
        _add_event(leaves, rule, profile.events)
    for node in heard:
        _add_heard(leaves, node)

    attributes: dict[str, Json] = {
        ROOT: {"FULL_PATH": ROOT, "ACCESS": 0, "DESCRIPTION": "vrfer: a wearer's expression"}
    }
    children: dict[str, dict[str, str]] = {ROOT: {}}
    for address, leaf in leaves.items():
        parent, path = ROOT, ""
        for name in address.strip("/").split("/"):
            path += f"/{name}"
            attributes.setdefault(path, {"FULL_PATH": path, "ACCESS": 0})
            children.setdefault(parent, {})[name] = path
            parent = path
        attributes[address] = leaf
    return Tree(attributes, children)


def _add_sent(leaves: dict[str, dict[str, object]], address: str, message: MessageLayout) -> None:
    tags = "".join(_tags(argument) for argument in message.arguments)
    ranges = [one for argument in message.arguments for one in _ranges(argument)]
    words = message.about or ", ".join(map(_words, message.arguments)) or "sent without a value"
    known = leaves.get(address)
    if known is not None:
        # Several messages of one frame may share an address, as VMC's shapes do.
        described = f"{known['DESCRIPTION']}; {words}"
        if len(described) <= _LONGEST_DESCRIPTION:
            known["DESCRIPTION"] = described
        if known.get("TYPE") == tags:
            before = known["RANGE"]
            assert isinstance(before, list)
            known["RANGE"] = [_both(one, other) for one, other in zip(before, ranges, strict=True)]
        return
    leaf: dict[str, object] = {"FULL_PATH": address, "ACCESS": 0, "DESCRIPTION": words}
    if tags:
        leaf |= {"ACCESS": READ, "TYPE": tags, "RANGE": ranges}
    leaves[address] = leaf


def _add_event(leaves: dict[str, dict[str, object]], rule: Rule, events: EventLayout) -> None:
    address = events.address_of(rule.name)
    leaves[address] = {
        "FULL_PATH": address,
        "ACCESS": READ,
        "TYPE": _TAGS[events.type],
        "RANGE": [{"VALS": [False, True]} if events.type == "bool" else {"MIN": 0, "MAX": 1}],
        "DESCRIPTION": f"1 when the event begins ({rule.expression} above {rule.above:g} for "
        f"{rule.for_s:g} s), 0 when it ends (below {rule.below:g} for {rule.back_s:g} s)",
    }


def _add_heard(leaves: dict[str, dict[str, object]], node: HeardNode) -> None:
    leaf = leaves.setdefault(node.address, {"FULL_PATH": node.address, "ACCESS": 0})
    leaf["ACCESS"] = WRITE | int(str(leaf["ACCESS"]))
    if "TYPE" in leaf:
        return
    leaf |= {"TYPE": node.type_tags, "DESCRIPTION": node.description}
    if node.limits is not None:
        leaf["RANGE"] = [{"MIN": node.limits[0], "MAX": node.limits[1]}]


def _count(argument: ArgumentLayout) -> int:
    return len(EXPRESSIONS) if argument.source == "probabilities" else 1


def _tags(argument: ArgumentLayout) -> str:
    return _TAGS[argument.kind] * _count(argument)


def _ranges(argument: ArgumentLayout) -> list[Json]:
    return [_range(argument)] * _count(argument)


def _range(argument: ArgumentLayout) -> Json:
    if argument.kind == "string":
        constant = argument.value
        return {"VALS": [constant] if argument.constant else [*EXPRESSIONS, NO_FACE_LABEL]}
    if argument.kind == "bool":
        return {"VALS": [argument.value] if argument.constant else [False, True]}
    assert argument.limits is not None
    low, high = argument.limits
    if argument.kind == "int":
        return {"MIN": round(low), "MAX": round(high)}
    return {"MIN": low, "MAX": high}


def _both(one: Json, other: Json) -> Json:
    """Return the range that holds two ranges of one type."""
    if "VALS" in one and "VALS" in other:
        return {"VALS": list(dict.fromkeys([*_values(one), *_values(other)]))}
    return {
        "MIN": min(_number(one["MIN"]), _number(other["MIN"])),
        "MAX": max(_number(one["MAX"]), _number(other["MAX"])),
    }


def _values(limits: Json) -> list[object]:
    values = limits["VALS"]
    assert isinstance(values, list)
    return values


def _number(limit: object) -> float:
    assert isinstance(limit, int | float)
    return limit


def _words(argument: ArgumentLayout) -> str:
    if argument.value is not None:
        return f"always {argument.value}"
    if argument.mix is not None:
        return " + ".join(f"{weight:g} x {name}" for name, weight in argument.mix.items())
    source = argument.source or ""
    words = _SOURCES.get(source, f"steady probability of {source}")
    return f"inverted: {words}" if argument.invert else words
