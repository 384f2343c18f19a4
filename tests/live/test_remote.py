import contextlib
import queue
import random
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import hears_others
from pythonosc.osc_message_builder import OscMessageBuilder

from vrfer.errors import OutputError
from vrfer.listen import Heard
from vrfer.live import remote
from vrfer.live.remote import LONGEST_TEXT, MOST_A_SECOND, Command, Deed, Remote, as_command

PATIENCE_S = 30


class Steered:
    """A remote, and a program that steers it."""

    def __init__(self) -> None:
        self.commands: queue.Queue[Command] = queue.Queue()
        self.remote = Remote(self.commands.put, port=0)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, address: str, *arguments: object) -> None:
        message = OscMessageBuilder(address)
        for argument in arguments:
            message.add_arg(argument)
        self.socket.sendto(message.build().dgram, ("127.0.0.1", self.remote.port))

    def next(self) -> Command:
        return self.commands.get(timeout=PATIENCE_S)


@pytest.fixture
def steered() -> Iterator[Steered]:
    steered = Steered()
    with steered.remote, steered.socket:
        yield steered


@pytest.mark.parametrize(
    ("address", "argument", "command"),
    [
        ("start", [], Command(Deed.START)),
        ("stop", [], Command(Deed.STOP)),
        ("pause", 1, Command(Deed.PAUSE, on=True)),
        ("pause", 0, Command(Deed.PAUSE, on=False)),
        ("pause", [], Command(Deed.PAUSE)),
        ("neutral", True, Command(Deed.NEUTRAL, on=True)),
        ("neutral", 0.0, Command(Deed.NEUTRAL, on=False)),
        ("recalibrate", [], Command(Deed.RECALIBRATE)),
        ("recalibrate", "Ada", Command(Deed.RECALIBRATE, text="Ada")),
        ("recalibrate", 1.0, Command(Deed.RECALIBRATE)),
        ("marker", "the lift stops", Command(Deed.MARKER, text="the lift stops")),
        ("marker", 7, Command(Deed.MARKER, text="7")),
        ("marker", [], Command(Deed.MARKER)),
        ("profile", "vrchat", Command(Deed.PROFILE, text="vrchat")),
    ],
)
def test_what_is_asked_for_over_a_socket_arrives(
    steered: Steered, address: str, argument: object, command: Command
) -> None:
    steered.send(f"/vrfer/control/{address}", *([] if argument == [] else [argument]))
    assert steered.next() == command


def test_another_avatar_asks_for_everything_anew(steered: Steered) -> None:
    steered.send("/avatar/change", "avtr_1234")
    assert steered.next() == Command(Deed.REFRESH)


def test_what_is_not_understood_does_nothing(steered: Steered) -> None:
    for address, argument in (
        ("/vrfer/control/format_disk", []),
        ("/vrfer/control/refresh", []),
        ("/vrfer/control/profile", []),
        ("/vrfer/control/pause", "yes"),
        ("/vrfer/control/pause", float("nan")),
        ("/vrfer/control/recalibrate", 0.0),  # a button that is released
        ("/vrfer/control/recalibrate", float("nan")),
        ("/other/start", []),
    ):
        steered.send(address, *([] if argument == [] else [argument]))
    steered.send("/vrfer/control/stop")
    assert steered.next() == Command(Deed.STOP)


def test_a_thousand_random_packets_do_nothing(steered: Steered) -> None:
    chance = random.Random(5)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wild:
        for _ in range(1000):
            wild.sendto(chance.randbytes(chance.randrange(200)), ("127.0.0.1", steered.remote.port))
            if chance.random() < 0.1:
                wild.sendto(b"#bundle\0" + chance.randbytes(40), ("127.0.0.1", steered.remote.port))
    for _ in range(int(PATIENCE_S / 0.1)):  # the system drops packets while so many wait
        steered.send("/vrfer/control/stop")
        with contextlib.suppress(queue.Empty):
            assert steered.commands.get(timeout=0.1) == Command(Deed.STOP)
            return
    pytest.fail("nothing is heard any more")


def test_commands_that_come_too_fast_are_dropped(steered: Steered) -> None:
    for number in range(3 * MOST_A_SECOND):
        steered.send("/vrfer/control/profile", str(number))
    first = [steered.next().text for _ in range(MOST_A_SECOND)]
    assert first == [str(number) for number in range(MOST_A_SECOND)]
    steered.remote.close()
    assert steered.remote.dropped > 0


def test_every_trigger_of_a_fast_experiment_is_a_marker(steered: Steered) -> None:
    sent = [str(number) for number in range(4 * MOST_A_SECOND)]
    for number in sent:
        steered.send("/vrfer/control/marker", number)
    assert [steered.next().text for _ in sent] == sent
    assert steered.remote.dropped == 0


def test_of_markers_too_it_may_be_too_many(
    steered: Steered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_MARKERS_A_SECOND", 5)
    for number in range(50):
        steered.send("/vrfer/control/marker", number)
    steered.send("/vrfer/control/stop")
    while steered.next() != Command(Deed.STOP):
        pass
    assert steered.remote.dropped > 0


@given(st.text(), st.lists(st.one_of(st.text(), st.integers(), st.floats(), st.booleans())))
def test_no_message_raises(name: str, arguments: list[object]) -> None:
    command = as_command(Heard(f"/vrfer/control/{name}", tuple(arguments), None))
    assert command is None or command.deed.value == name


@given(st.text(min_size=1))
def test_texts_are_printable_and_of_bounded_length(text: str) -> None:
    command = as_command(Heard("/vrfer/control/marker", (text,), None))
    assert command is not None
    assert len(command.text) <= LONGEST_TEXT
    assert command.text.isprintable()


def test_a_port_that_is_taken_is_said(steered: Steered) -> None:
    with pytest.raises(OutputError, match=str(steered.remote.port)):
        Remote(print, port=steered.remote.port)


def test_other_computers_are_not_heard_unless_asked_for(steered: Steered) -> None:
    assert not hears_others(steered.remote.port)
    with Remote(steered.commands.put, port=0, host="") as open_to_all:
        assert hears_others(open_to_all.port)
