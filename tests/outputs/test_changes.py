"""What is sent when: changes, full refreshes, rates, failures; through real sockets."""

import math
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outputs.made_up import only, profile, reading, shares

from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Reading
from vrfer.listen import Listener
from vrfer.outputs.osc import OscSender, Receiver

PREFIX = "/avatar/parameters/vrfer/"
STEP = 0.00787
EVERYTHING = list(EXPRESSIONS)


class Scene:
    """A receiver that keeps what it was told, and the sender that tells it."""

    def __init__(self, name: str = "vrchat", rate_hz: float | None = None) -> None:
        self.listener = Listener(0)
        self.sender = OscSender(Receiver("127.0.0.1", self.listener.port, name, rate_hz))
        self.values: dict[str, object] = {}

    def close(self) -> None:
        self.sender.close()
        self.listener.close()

    def take(self, told: Reading, *, at_once: bool = False) -> list[str]:
        """Give the sender a reading; return the names of what arrived, in its order."""
        before = self.sender.sent
        self.sender.take(told, at_once=at_once)
        return self.heard(self.sender.sent - before)

    def heard(self, packets: int) -> list[str]:
        names = []
        for _ in range(packets):
            messages = self.listener.packet(10)
            assert messages is not None
            for message in messages:
                name = message.address.removeprefix(PREFIX)
                names.append(name)
                self.values[name] = message.arguments[0] if message.arguments else None
        return names


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A scene of the profile `vrchat`."""
    opened = Scene()
    yield opened
    opened.close()


def mixed(happiness: float, at_s: float, **options: float) -> Reading:
    told = [1 - happiness, happiness, *[0.0] * 6]
    return reading(told, label_id=1, at_s=at_s, **options)  # type: ignore[arg-type]


def test_only_changes_are_sent(scene: Scene) -> None:
    assert scene.take(mixed(0.5, 0.0)) == EVERYTHING
    assert scene.take(mixed(0.5, 0.1)) == []
    assert scene.take(mixed(0.5 + 0.9 * STEP, 0.2)) == []
    assert scene.take(mixed(0.5 + 1.1 * STEP, 0.3)) == ["neutral", "happiness"]
    told = [0.5 - 1.1 * STEP - 0.1, 0.5 + 1.1 * STEP, 0.1, *[0.0] * 5]
    assert scene.take(reading(told, at_s=0.4)) == ["neutral", "surprise"]
    assert scene.sender.sent == 3


def test_small_steps_add_up(scene: Scene) -> None:
    scene.take(mixed(0.2, 0.0))
    sent = [scene.take(mixed(0.2 + number * STEP / 3.5, number / 20)) for number in range(1, 41)]
    assert sum("happiness" in names for names in sent) == 10  # every fourth


def test_everything_is_sent_anew_after_some_seconds(scene: Scene) -> None:
    told = {at_s: scene.take(mixed(0.5, at_s)) for at_s in (0.0, 1.0, 2.99, 3.01, 6.0, 6.02)}
    assert [at_s for at_s, names in told.items() if names == EVERYTHING] == [0.0, 3.01, 6.02]
    assert sum(map(bool, told.values())) == 3


def test_everything_is_sent_anew_even_while_something_always_changes(scene: Scene) -> None:
    told = [scene.take(mixed(number % 2 / 2, number / 2)) for number in range(13)]
    assert [number / 2 for number, names in enumerate(told) if names == EVERYTHING] == [0, 3, 6]


def test_a_file_that_is_played_anew_begins_with_everything(scene: Scene) -> None:
    assert scene.take(mixed(0.5, 100.0, source_s=2.0)) == EVERYTHING
    assert scene.take(mixed(0.5, 100.0, source_s=2.5)) == []
    assert scene.take(mixed(0.5, 100.0, source_s=0.0)) == EVERYTHING


def test_a_refresh_makes_the_next_complete(scene: Scene) -> None:
    scene.take(mixed(0.5, 0.0))
    scene.sender.refresh()
    assert scene.take(mixed(0.5, 0.01)) == EVERYTHING
    assert scene.take(mixed(0.5, 0.1)) == []


def test_what_is_sent_at_once_is_complete_whatever_the_rate(scene: Scene) -> None:
    scene.take(mixed(0.5, 0.0))
    assert scene.take(mixed(0.9, 0.001)) == []
    assert scene.take(reading(None, at_s=0.002), at_once=True) == EVERYTHING
    assert set(scene.values.values()) == {0.0}


def test_a_change_that_came_too_early_is_sent_later(scene: Scene) -> None:
    scene.take(mixed(0.5, 0.0))
    assert scene.take(mixed(0.9, 0.01)) == []
    assert scene.take(mixed(0.9, 0.05)) == ["neutral", "happiness"]


def test_each_expression_is_shown_whatever_has_changed(scene: Scene) -> None:
    for label_id, name in enumerate(EXPRESSIONS):
        for _ in range(2):
            scene.sender.show(label_id)
            assert scene.heard(1) == EVERYTHING
            assert {one for one, value in scene.values.items() if value == 1.0} == {name}
    assert scene.take(mixed(0.5, 0.0)) == EVERYTHING


@pytest.mark.parametrize(("rate_hz", "expected_hz"), [(None, 30), (10, 10), (90, 30)])
def test_the_lower_of_both_rates_holds_in_capture_time(
    rate_hz: float | None, expected_hz: int
) -> None:
    scene = Scene(rate_hz=rate_hz)
    sent = [scene.take(only(1 + number % 2, at_s=number / 120)) for number in range(240)]
    scene.close()
    assert sum(map(bool, sent)) == pytest.approx(2 * expected_hz, abs=2)


def test_what_did_not_go_out_counts_as_not_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(self: socket.socket, *data: object) -> int:
        raise OSError(101, "Network is unreachable")

    scene.take(mixed(0.5, 0.0))
    with monkeypatch.context() as broken:
        broken.setattr(socket.socket, "send", no_network)
        assert scene.take(mixed(0.9, 0.1)) == []
        assert scene.sender.failed == 1
    assert scene.take(mixed(0.9, 0.2)) == ["neutral", "happiness"]


def test_messages_that_always_say_the_same_come_along_with_changes(tmp_path: Path) -> None:
    messages: list[dict[str, object]] = [
        {"address": "/begin"},
        {"address": "/shape", "arguments": [{"value": "a"}, {"source": "happiness"}]},
        {"address": "/shape", "arguments": [{"value": "b"}, {"source": "sadness"}]},
        {"address": "/label", "arguments": [{"source": "label"}]},
        {"address": "/apply"},
    ]
    profile(tmp_path, messages, sending={"least_change": 0.1})
    scene = Scene(str(tmp_path / "mine.toml"))
    everything = ["/begin", "/shape", "/shape", "/label", "/apply"]
    assert scene.take(only(1, 0.5, at_s=0.0)) == everything
    assert scene.take(only(1, 0.55, at_s=0.1)) == []
    assert scene.take(only(1, 0.65, at_s=0.2)) == ["/begin", "/shape", "/apply"]
    assert scene.take(only(3, 0.05, at_s=0.3)) == ["/begin", "/shape", "/label", "/apply"]
    assert scene.take(only(3, 0.05, at_s=1000.0)) == [], "it asks for no full refresh"
    scene.close()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.none() | shares, st.floats(0.034, 2.0)), min_size=1, max_size=25))
def test_the_scene_is_never_further_off_than_a_step(
    told: list[tuple[list[float] | None, float]],
) -> None:
    scene, now_s, face_s = Scene(), 0.0, -math.inf
    hold_s = scene.sender.profile.sending.hold_face_s
    shown = reading(None, at_s=0.0)
    try:
        for one, gap_s in told:
            now_s += gap_s
            seen = reading(one, at_s=now_s)
            scene.take(seen)
            if one is not None:
                face_s = now_s
            if one is not None or now_s - face_s >= hold_s + 1e-6:
                shown = seen
            elif now_s - face_s > hold_s - 1e-6:
                return  # who knows which side of the limit it lies on
            for name, share in zip(EXPRESSIONS, shown.steady.tolist(), strict=True):
                assert scene.values.get(name, 0.0) == pytest.approx(share, abs=STEP)
    finally:
        scene.close()


@pytest.mark.parametrize("name", ["generic", "vmc", "vmc-vrm1", "unity", "unreal"])
def test_other_programs_are_told_everything_with_every_frame(name: str) -> None:
    scene = Scene(name)
    told = [scene.take(mixed(0.5, number / 60)) for number in range(4)]
    scene.close()
    assert told[0]
    assert told == [told[0]] * 4
