"""vrfer and a stand-in for VRChat find each other and talk, as two programs on one computer."""

import queue
from collections.abc import Iterator

import pytest
from oscquery.playing import PATIENCE_S, VRChat, eventually, needs_multicast
from outputs.made_up import only

from vrfer.expressions import EXPRESSIONS
from vrfer.live.remote import Command, Deed, Remote
from vrfer.oscquery.browse import Browser
from vrfer.oscquery.programs import Program, addresses_heard, ask
from vrfer.oscquery.server import OscQueryServer
from vrfer.oscquery.tree import addresses_of
from vrfer.outputs.osc import OscSender, parse_receiver
from vrfer.outputs.profiles import load_profile

AVATAR = {f"vrfer/{name}": "float" for name in EXPRESSIONS}


def send(program: Program, *shares: float) -> None:
    """Send happiness with these shares, as the profile that was suggested says."""
    with OscSender(parse_receiver(program.receiver)) as sender:
        for place, share in enumerate(shares):
            sender.take(only(EXPRESSIONS.index("happiness"), share, at_s=place / 10))
        assert sender.failed == 0


def test_what_is_sent_to_a_program_that_was_found_is_understood() -> None:
    with VRChat({"vrfer/happiness": "float", "Hat": "bool"}, "--no-mdns") as vrchat:
        program = ask("127.0.0.1", vrchat.http_port)
        assert program is not None
        send(program, 0.0, 0.5, 1.0)
        heard = vrchat.end()
    assert heard["values"]["vrfer/happiness"] == [0.0, 64 / 127, 1.0]
    assert heard["values"]["Hat"] == []
    # Parameters that this avatar lacks are heard and change nothing.
    assert "/avatar/parameters/vrfer/fear" in heard["unknown"]


def test_names_are_case_sensitive_there() -> None:
    with VRChat({"VRFER/Happiness": "float"}, "--no-mdns") as vrchat:
        program = ask("127.0.0.1", vrchat.http_port)
        assert program is not None
        assert not addresses_heard(program) & addresses_of(load_profile("vrchat"))
        send(program, 1.0)
        assert vrchat.end()["values"] == {"VRFER/Happiness": []}


def test_whether_the_avatar_has_the_parameters_can_be_told() -> None:
    wanted = addresses_of(load_profile("vrchat"))
    with VRChat(AVATAR, "--no-mdns") as vrchat:
        program = ask("127.0.0.1", vrchat.http_port)
        assert program is not None
        assert addresses_heard(program) >= wanted


class Steered:
    """OSC in, and the OSCQuery server that tells of it."""

    def __init__(self, *, announce: bool) -> None:
        self.commands: queue.Queue[Command] = queue.Queue()
        self.remote = Remote(self.commands.put, port=0)
        profile = load_profile("generic")
        self.server = OscQueryServer(profile, osc_port=self.remote.port, announce=announce)

    def close(self) -> None:
        self.server.close()
        self.remote.close()


@pytest.fixture
def silent() -> Iterator[Steered]:
    steered = Steered(announce=False)
    yield steered
    steered.close()


@pytest.fixture
def announced() -> Iterator[Steered]:
    steered = Steered(announce=True)
    yield steered
    steered.close()


def refreshes(steered: Steered, vrchat: VRChat) -> None:
    while vrchat.next()["osc_port"] != steered.remote.port:
        pass  # tests that run at the same time announce themselves, too
    assert steered.commands.get(timeout=PATIENCE_S) == Command(Deed.REFRESH)
    vrchat.change_avatar("avtr_second")
    assert steered.commands.get(timeout=PATIENCE_S) == Command(Deed.REFRESH)


def test_another_avatar_has_everything_sent_anew(silent: Steered) -> None:
    with VRChat(AVATAR, "--no-mdns", "--tell", str(silent.server.port)) as vrchat:
        refreshes(silent, vrchat)


@needs_multicast
def test_they_find_each_other_by_themselves(announced: Steered) -> None:
    with VRChat(AVATAR) as vrchat, Browser(lambda programs: None) as browser:

        def found() -> Program | None:
            named = [program for program in browser.programs if program.name == vrchat.name]
            return named[0] if named else None

        program = eventually(found)
        assert program.profile == "vrchat"
        send(program, 1.0)
        refreshes(announced, vrchat)
        heard = vrchat.end()
    assert heard["values"]["vrfer/happiness"] == [1.0]
    # Once: on one interface, with one address.
    name = f"{announced.server.name}._oscjson._tcp.local."
    assert heard["told"].count(name) == 1
    assert announced.server.error == ""


@needs_multicast
def test_vrchat_that_starts_first_hears_of_vrfer_at_once() -> None:
    with VRChat(AVATAR) as vrchat:
        steered = Steered(announce=True)
        try:
            refreshes(steered, vrchat)
        finally:
            steered.close()
