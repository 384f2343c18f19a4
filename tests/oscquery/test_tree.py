"""The tree: each profile's addresses with what OSCQuery says of them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from outputs.made_up import only, profile, reading, readings

from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading
from vrfer.listen import Heard
from vrfer.live.remote import Deed, as_command
from vrfer.oscquery.heard import HEARD, HeardNode
from vrfer.oscquery.tree import READ, Tree, addresses_of, build_tree
from vrfer.outputs.messages import messages_of
from vrfer.outputs.profiles import PROFILES, Profile, load_profile
from vrfer.rules import Rule

FITTING = {"f": float, "i": int, "s": str, "T": bool}


def nodes(tree: Tree, shown: Reading | None = None, told: Profile | None = None) -> dict[str, Any]:
    """Return every node that is reached from the root, by its path."""
    values = {}
    if shown is not None and told is not None:
        values = {message.address: message.values for message in messages_of(told, shown)}
    found, waiting = {}, [tree.node("/", values)]
    while waiting:
        node = waiting.pop()
        found[node["FULL_PATH"]] = node
        for name, child in node.get("CONTENTS", {}).items():
            assert child["FULL_PATH"].rsplit("/", 1)[-1] == name
            waiting.append(child)
    return found


@pytest.mark.parametrize("name", PROFILES)
def test_every_address_that_a_profile_sends_is_in_the_tree(name: str) -> None:
    told = load_profile(name)
    found = nodes(build_tree(told, HEARD))
    assert addresses_of(told) <= found.keys()
    for address in addresses_of(told):
        assert found[address]["ACCESS"] in (0, READ)
        assert found[address]["DESCRIPTION"]


@pytest.mark.parametrize("name", PROFILES)
@given(shown=readings)
@settings(max_examples=20, deadline=None)
def test_types_and_ranges_fit_what_is_sent(name: str, shown: Reading) -> None:
    told = load_profile(name)
    found = nodes(build_tree(told, ()), shown, told)
    for message in messages_of(told, shown):
        node = found[message.address]
        if not message.values:
            assert "TYPE" not in node
            assert "VALUE" not in node
            continue
        for value, tag, limits in zip(message.values, node["TYPE"], node["RANGE"], strict=True):
            assert type(value) is FITTING[tag]
            if "VALS" in limits:
                assert value in limits["VALS"]
            else:
                assert limits["MIN"] - 1e-6 <= value <= limits["MAX"] + 1e-6
        assert len(node["VALUE"]) == len(node["TYPE"])


def test_the_generic_label_names_all_that_it_can_say() -> None:
    label = build_tree(load_profile("generic"), ()).node("/vrfer/label", {"/vrfer/label": ["fear"]})
    assert label is not None
    assert label["TYPE"] == "s"
    assert label["RANGE"] == [{"VALS": [*EXPRESSIONS, "none"]}]
    assert label["VALUE"] == ["fear"]
    assert list(label["CONTENTS"]) == ["id"]  # type: ignore[call-overload]


def test_an_address_of_several_messages_has_the_range_of_all_and_the_last_value() -> None:
    told = load_profile("vmc")
    shape = nodes(build_tree(told, ()), only(1), told)["/VMC/Ext/Blend/Val"]
    assert shape["TYPE"] == "sf"
    assert shape["RANGE"][0]["VALS"] == ["Neutral", "Joy", "Angry", "Sorrow", "Fun", "Surprised"]
    assert shape["RANGE"][1] == {"MIN": 0.0, "MAX": 1.0}
    assert shape["VALUE"] == ["Surprised", 0.0]


def test_before_the_first_reading_there_are_no_values() -> None:
    assert not any(
        "VALUE" in node for node in nodes(build_tree(load_profile("generic"), ())).values()
    )


def test_a_remark_of_the_profile_is_the_description(tmp_path: Path) -> None:
    mine = profile(
        tmp_path,
        [
            {"address": "/a", "about": "mine", "arguments": [{"source": "fear"}]},
            {"address": "/b", "arguments": [{"mix": {"fear": 2.0, "anger": -1.0}}]},
        ],
    )
    found = nodes(build_tree(mine, ()))
    assert found["/a"]["DESCRIPTION"] == "mine"
    assert found["/b"]["DESCRIPTION"] == "2 x fear + -1 x anger"
    assert found["/b"]["RANGE"] == [{"MIN": -1.0, "MAX": 2.0}]


def test_an_address_that_is_sent_and_heard_says_both(tmp_path: Path) -> None:
    mine = profile(tmp_path, [{"address": "/a", "arguments": [{"source": "fear"}]}])
    node = build_tree(mine, [HeardNode("/a", "i", "heard")]).node("/a", {})
    assert node is not None
    assert (node["ACCESS"], node["TYPE"]) == (3, "f")


def test_what_is_heard_is_write_only_and_without_a_value() -> None:
    told = load_profile("generic")
    found = nodes(build_tree(told, HEARD), reading(None), told)
    for node in HEARD:
        assert found[node.address]["ACCESS"] == 2
        assert found[node.address]["TYPE"] == node.type_tags
        assert "VALUE" not in found[node.address]
    assert found["/vrfer/control/pause"]["RANGE"] == [{"MIN": 0, "MAX": 1}]


def test_events_lie_where_the_profile_tells_them() -> None:
    rule = Rule(name="scared", expression="fear")
    tree = build_tree(load_profile("vrchat"), HEARD, [rule])
    node = tree.node("/avatar/parameters/vrfer/event/scared", {})
    assert node is not None
    assert node["TYPE"] == "T"
    assert node["RANGE"] == [{"VALS": [False, True]}]
    assert tree.node("/vrfer/event/scared", {}) is None


def test_events_of_rules_are_in_the_tree() -> None:
    rule = Rule(name="scared", expression="fear", above=0.7, for_s=1.5)
    node = build_tree(load_profile("generic"), HEARD, [rule]).node("/vrfer/event/scared", {})
    assert node is not None
    assert (node["ACCESS"], node["TYPE"], node["RANGE"]) == (READ, "i", [{"MIN": 0, "MAX": 1}])
    assert "fear above 0.7 for 1.5 s" in str(node["DESCRIPTION"])


def test_the_table_of_what_is_heard_is_what_the_remote_understands() -> None:
    arguments = {"N": (), "i": (1,), "s": ("text",)}
    understood = [
        as_command(Heard(node.address, arguments[node.type_tags], None)) for node in HEARD
    ]
    assert None not in understood
    assert {command.deed for command in understood if command} == set(Deed)


def test_there_is_a_node_below_avatar_for_vrchat() -> None:
    assert "/avatar/change" in nodes(build_tree(load_profile("generic"), HEARD))


@given(readings)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_nothing_is_not_a_number(shown: Reading) -> None:
    told = load_profile("generic")
    for node in nodes(build_tree(told, ()), shown, told).values():
        for value in node.get("VALUE", []):
            assert value == value
