"""Finding programs: what they say is read, what they cannot mean is not believed."""

import contextlib
import json
import queue
import socket
from collections.abc import Iterator

import pytest
import zeroconf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oscquery.hostile import answering, http, says
from oscquery.playing import PATIENCE_S, VRChat, eventually, needs_multicast

from vrfer.errors import OutputError
from vrfer.oscquery import browse, http_question, multicast
from vrfer.oscquery.browse import Browser, find_programs
from vrfer.oscquery.programs import Program, addresses_heard, ask
from vrfer.oscquery.server import OscQueryServer
from vrfer.outputs.profiles import load_profile


@pytest.fixture
def no_mdns(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere() -> tuple[str, ...]:
        return ()

    monkeypatch.setattr(browse, "usable_addresses", nowhere)


def asked(answer: bytes, *, endlessly: bytes = b"") -> Program | None:
    with answering(answer, endlessly=endlessly) as at:
        return ask("127.0.0.1", int(at.rpartition(":")[2]), "announced")


def test_a_program_is_what_it_says() -> None:
    program = asked(says(NAME="Scene", OSC_IP="127.0.0.1", OSC_PORT=7000, OSC_TRANSPORT="UDP"))
    assert program is not None
    assert (program.name, program.host, program.osc_port) == ("Scene", "127.0.0.1", 7000)
    assert (program.kind, program.profile) == ("OSC", "generic")
    assert program.receiver == "127.0.0.1:7000,profile=generic"


def test_what_is_not_said_is_as_the_proposal_has_it() -> None:
    program = asked(says())
    assert program is not None
    assert program.name == "announced"
    assert (program.host, program.osc_port) == (program.http_host, program.http_port)


@pytest.mark.parametrize(
    ("name", "kind", "profile"),
    [
        ("VRChat-Client-ABC123", "VRChat", "vrchat"),
        ("VRCFT-ABC123", "VRCFaceTracking", ""),
        ("A VRChat-Client", "OSC", "generic"),
        ("vrfer receiver", "OSC", "generic"),
    ],
)
def test_kinds(name: str, kind: str, profile: str) -> None:
    program = asked(says(NAME=name, OSC_PORT=9000))
    assert program is not None
    assert (program.name, program.kind, program.profile) == (name, kind, profile)


def test_names_are_made_fit_for_a_line() -> None:
    program = asked(says(NAME="a\x1b[2J\nb\u202e" + "c" * 500, OSC_PORT=1))
    assert program is not None
    assert program.name.isprintable()
    assert len(program.name) <= 80


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 100,
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        http(b"no json"),
        http(b"[]"),
        http(b"null"),
        http(b'{"OSC_PORT": NaN}'),
        http(b'{"OSC_PORT": 1e999}'),
        http(b"[" * 100_000),
        http(b'{"OSC_PORT": ' + b"9" * 6000 + b"}"),
        http(b"\xff\xfe{}"),
        http(b"{}", "500 Internal Server Error"),
        http(b"{}", "302 Found", "Location: http://evil.example/"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}",
        http(b" " * 100_000 + b"{}"),
        says(OSC_PORT=0),
        says(OSC_PORT=65536),
        says(OSC_PORT=-1),
        says(OSC_PORT=True),
        says(OSC_PORT="9000"),
        says(OSC_PORT=9000.0),
        says(OSC_PORT=None),
        says(OSC_PORT=9000, OSC_TRANSPORT="TCP"),
        says(OSC_PORT=9000, OSC_IP="203.0.113.7"),
        says(OSC_PORT=9000, OSC_IP="evil.example"),
        says(OSC_PORT=9000, OSC_IP=["127.0.0.1"]),
        says(OSC_PORT=9000, OSC_IP=""),
    ],
)
def test_answers_that_cannot_be_meant_are_none(answer: bytes) -> None:
    assert asked(answer) is None


@pytest.mark.parametrize(
    ("answer", "endlessly"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65_536),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"1\r\n \r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_endless_answers_end(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, endlessly: bytes
) -> None:
    monkeypatch.setattr(http_question, "PATIENCE_S", 0.5)
    assert asked(answer, endlessly=endlessly) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
)
host_infos = st.dictionaries(
    st.sampled_from(["NAME", "OSC_IP", "OSC_PORT", "OSC_TRANSPORT", "EXTENSIONS"]), json_values
)


@given(st.binary(max_size=40) | json_values.map(json.dumps).map(str.encode).map(http)
       | host_infos.map(json.dumps).map(str.encode).map(http))  # fmt: skip
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_answered_no_other_computer_is_named(answer: bytes) -> None:
    program = asked(answer)
    assert program is None or (program.host == "127.0.0.1" and 1 <= program.osc_port <= 65535)


def test_vrfer_does_not_find_itself() -> None:
    with OscQueryServer(load_profile("generic"), osc_port=9010, announce=False) as serving:
        assert ask("127.0.0.1", serving.port) is None


def test_nobody_there_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert ask("127.0.0.1", port) is None


@pytest.fixture
def vrchat() -> Iterator[VRChat]:
    with VRChat({"vrfer/happiness": "float", "vrfer/fear": "float", "Hat": "bool"}) as running:
        yield running


@pytest.mark.usefixtures("no_mdns")
def test_a_known_program_is_found_without_mdns(vrchat: VRChat) -> None:
    (program,) = find_programs(PATIENCE_S, known=[vrchat.at])
    assert program == Program(
        vrchat.name, "127.0.0.1", vrchat.osc_port, "VRChat", "vrchat", "127.0.0.1", vrchat.http_port
    )


@pytest.mark.usefixtures("no_mdns")
def test_nothing_found_without_mdns_is_said(caplog: pytest.LogCaptureFixture) -> None:
    found: list[object] = []
    with Browser(found.append) as browser:
        browser.wait(PATIENCE_S)
        assert "multicast" in browser.error
        assert browser.programs == ()
    assert found == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    "known",
    ["", "9000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "203.0.113.7:80",
     "evil.example:80", "[::1]:80"],
)  # fmt: skip
def test_only_addresses_of_this_computer_are_asked(known: str) -> None:
    with pytest.raises(OutputError, match="address of this computer"):
        find_programs(known=[known])


@pytest.mark.usefixtures("no_mdns")
def test_programs_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "LOOK_EVERY_S", 0.05)
    found: queue.Queue[tuple[Program, ...]] = queue.Queue()
    with contextlib.ExitStack() as stack:
        vrchat = stack.enter_context(VRChat())
        scene = stack.enter_context(answering(says(NAME="A scene", OSC_PORT=7000)))
        twin = stack.enter_context(answering(says(NAME="B scene", OSC_PORT=7000)))
        known = [vrchat.at, scene, twin]
        browser = stack.enter_context(Browser(found.put, known=known))
        names = [program.name for program in found.get(timeout=PATIENCE_S)]
        assert names == ["A scene", vrchat.name]
        vrchat.kill()  # no goodbye
        assert [program.name for program in found.get(timeout=PATIENCE_S)] == ["A scene"]
        assert [program.name for program in browser.programs] == ["A scene"]


@needs_multicast
def test_a_program_is_found_by_mdns_and_missed_when_it_goes() -> None:
    found: queue.Queue[tuple[Program, ...]] = queue.Queue()
    with Browser(found.put) as browser, VRChat() as vrchat:
        eventually(lambda: vrchat.name in {program.name for program in browser.programs})
        vrchat.end()
        eventually(lambda: vrchat.name not in {program.name for program in browser.programs})
        assert browser.error == ""
    assert any(program.osc_port == vrchat.osc_port for program in found.get())


@needs_multicast
def test_odd_names_of_others_do_not_end_the_search(caplog: pytest.LogCaptureFixture) -> None:
    service, pointer, internet, answer = "_oscjson._tcp.local.", 12, 1, 0x8400  # RFC 1035, 6762
    odd = zeroconf.DNSPointer(service, pointer, internet, 120, f"a\x07b.{service}")
    announcement = zeroconf.DNSOutgoing(answer)
    announcement.add_answer_at_time(odd, 0)
    with Browser(lambda programs: None) as browser, contextlib.closing(zeroconf.Zeroconf()) as mdns:
        mdns.send(announcement)
        with VRChat() as vrchat:
            eventually(lambda: vrchat.name in {program.name for program in browser.programs})
    assert not [record for record in caplog.records if record.name.startswith("vrfer")]


@needs_multicast
def test_vrfer_is_not_found_by_mdns_either(vrchat: VRChat) -> None:
    with OscQueryServer(load_profile("generic"), osc_port=9010) as serving:
        programs = find_programs(3.0)
    assert vrchat.name in {program.name for program in programs}
    assert serving.name not in {program.name for program in programs}


def test_the_avatar_s_parameters_are_listed(vrchat: VRChat) -> None:
    program = ask("127.0.0.1", vrchat.http_port)
    assert program is not None
    assert addresses_heard(program) == {
        "/avatar/parameters/vrfer/happiness",
        "/avatar/parameters/vrfer/fear",
        "/avatar/parameters/Hat",
    }


def heard_of(tree: bytes) -> frozenset[str]:
    with answering(http(tree)) as at:
        port = int(at.rpartition(":")[2])
        return addresses_heard(Program("p", "127.0.0.1", 1, "OSC", "generic", "127.0.0.1", port))


def test_a_tree_of_nonsense_is_read_as_far_as_it_goes() -> None:
    good = {"FULL_PATH": "/a", "TYPE": "f", "ACCESS": 3}
    tree = {
        "CONTENTS": {"1": None, "2": [], "3": good, "4": {"FULL_PATH": 5, "TYPE": "f"},
                     "5": {"FULL_PATH": "/b", "ACCESS": 1, "TYPE": "f"},
                     "6": {"FULL_PATH": "/c", "ACCESS": "3", "TYPE": "f"},
                     "7": {"CONTENTS": 3}, "8": {"FULL_PATH": "/d", "TYPE": "f"}}
    }  # fmt: skip
    assert heard_of(json.dumps(tree).encode()) == {"/a", "/d"}


def test_a_program_that_does_not_answer_is_said() -> None:
    with pytest.raises(OutputError, match="p does not say"):
        heard_of(b"nonsense")


def test_closing_is_possible_at_once_and_twice() -> None:
    browser = Browser(lambda programs: None)
    browser.close()
    browser.close()
    assert multicast.own_addresses()
