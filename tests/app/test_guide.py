"""The guide: consent, camera, headset, resting face, receiver; aloud, and by itself.

Long, as the tests of one module stand in one file.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from app.by_hand import LEFT, Shown, Told, click, enter, unnamed, walk_through
from app.looks import pixels
from app.made_up import frame, reading, seen, sure_of
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QComboBox
from pytestqt.qtbot import QtBot

from vrfer.app import guide as guide_module
from vrfer.app.expression_panel import RESTING_S
from vrfer.app.guide import Guide, Step
from vrfer.app.prompts import Prompts, PromptSettings, Sound
from vrfer.app.theme import LIGHT, Theme
from vrfer.errors import OutputError
from vrfer.live.status import Event, Happening, Phase, Status
from vrfer.outputs.profiles import PROFILES, load_profile
from vrfer.people import NOBODY_NAMED
from vrfer.settings import ReceiverPart

BARE = Status(phase=Phase.RUNNING, face=True, headset=0.1)
FACE = replace(BARE, headset=0.9)
NO_FACE = replace(FACE, face=False)
MADE = Event(Happening.BASELINE_MADE, NOBODY_NAMED)
FAILED = Event(Happening.BASELINE_FAILED, "the face was seen for 1.0 s only")


class Clock:
    """The time that the guide sees."""

    now_s = 5000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(guide_module, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


@pytest.fixture
def prompts(qtbot: QtBot) -> Iterator[Prompts]:
    prompts = Prompts(PromptSettings(sounds=False, speech=False))
    yield prompts
    prompts.close()


@pytest.fixture
def said(prompts: Prompts) -> list[tuple[str, str]]:
    """Sounds and texts of all prompts since."""
    said: list[tuple[str, str]] = []
    prompts.prompted.connect(lambda sound, text: said.append((sound, text)))
    return said


@pytest.fixture
def guide(shown: Shown[Guide], theme: Theme, prompts: Prompts, clock: Clock) -> Guide:
    guide = shown(Guide(theme, prompts, QComboBox(), PROFILES))
    guide.resize(1000, 700)
    return guide


def source_of(guide: Guide) -> QComboBox:
    """The box that was handed in."""
    (source,) = (box for box in guide.findChildren(QComboBox) if box is not guide.scene)
    return source


def show_picture(guide: Guide) -> None:
    """What a camera shows once it is open."""
    guide.show_status(BARE)
    guide.show_seen(seen(reading(sure_of(0)), image=frame(bgr=(0, 0, 255))))


def test_consent_is_asked_for_in_plain_words(guide: Guide) -> None:
    assert guide.step is Step.CONSENT
    text = guide.text.text()
    for part in (
        "lower half of your face", "eight probabilities", "none is ever sent",
        "your markers", "only if you tick that", "no medical device", "ask whether they agree",
    ):  # fmt: skip
        assert part in text
    assert guide.text.isVisible()
    assert guide.next.text().replace("&", "") == "I agree"
    assert not guide.back.isVisible()


def test_nothing_happens_before_consent(
    guide: Guide, clock: Clock, said: list[tuple[str, str]]
) -> None:
    camera, learning = Told(guide.camera_wanted), Told(guide.learning_wanted)
    empty = pixels(guide)
    guide.show_seen(seen(reading(sure_of(0)), image=frame(bgr=(0, 0, 255))))
    for _ in range(5):
        guide.show_status(FACE)
        clock.now_s += 5
    guide.show_event(MADE)
    assert guide.step is Step.CONSENT
    assert (camera, learning, said) == ([], [], [])
    assert np.array_equal(pixels(guide), empty)


def test_the_whole_way_by_mouse(qtbot: QtBot, guide: Guide, said: list[tuple[str, str]]) -> None:
    camera, learning = Told(guide.camera_wanted), Told(guide.learning_wanted)
    chosen, finished = Told(guide.receiver_chosen), Told(guide.finished)
    titles = [guide.title.text()]
    for step in (Step.CAMERA, Step.HEADSET, Step.REST, Step.SEND):
        if step is Step.HEADSET:
            show_picture(guide)
        click(qtbot, guide.next)
        assert guide.step is step
        titles.append(guide.title.text())
    assert (camera, learning) == ([None, None], [NOBODY_NAMED])
    assert len(set(titles)) == len(Step)
    assert finished == []
    click(qtbot, guide.next)
    assert chosen == [ReceiverPart()]
    assert finished == [None]


def test_the_whole_way_by_keyboard(qtbot: QtBot, guide: Guide) -> None:
    finished = Told(guide.finished)
    guide.next.setFocus()
    for step in Step:
        assert guide.next.hasFocus()
        if step is Step.CAMERA:
            show_picture(guide)
        qtbot.keyClick(guide.next, Qt.Key.Key_Return)
    assert finished == [None]


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.CONSENT])
def test_every_step_is_said_aloud(guide: Guide, said: list[tuple[str, str]], step: Step) -> None:
    guide.show_step(step)
    assert said == [(Sound.HOLD if step is Step.REST else Sound.READY, guide.text.text())]
    assert len(said[0][1]) > 40


def test_with_the_headset_on_it_goes_on_by_itself(
    guide: Guide, clock: Clock, said: list[tuple[str, str]]
) -> None:
    learning = Told(guide.learning_wanted)
    guide.show_step(Step.HEADSET)
    for seconds, progress in ((0.0, 0), (1.5, 50), (1.4, 97)):
        clock.now_s += seconds
        guide.show_status(FACE)
        assert guide.step is Step.HEADSET
        assert guide.progress.value() == progress
    assert learning == []
    clock.now_s += 0.2
    guide.show_status(FACE)
    assert guide.step is Step.REST
    assert learning == [NOBODY_NAMED]
    assert said[-1] == (Sound.HOLD, guide.text.text())
    assert "five seconds" in guide.text.text()


def test_a_bare_face_is_no_headset_yet_but_a_strange_headset_does_not_hold_it_up(
    guide: Guide, clock: Clock
) -> None:
    guide.show_step(Step.HEADSET)
    for _ in range(19):
        guide.show_status(BARE)
        assert guide.step is Step.HEADSET
        clock.now_s += 1
    guide.show_status(BARE)
    assert guide.progress.value() == 95
    clock.now_s += 1
    guide.show_status(BARE)
    assert guide.step is Step.REST


@pytest.mark.parametrize("step", [Step.HEADSET, Step.REST])
def test_once_skipped_it_does_nothing_more(
    qtbot: QtBot, guide: Guide, clock: Clock, said: list[tuple[str, str]], step: Step
) -> None:
    guide.show_step(step)
    learning = Told(guide.learning_wanted)
    click(qtbot, guide.skip)
    said.clear()
    for _ in range(30):
        guide.show_status(FACE)
        clock.now_s += 1
    guide.show_event(MADE)
    guide.show_event(FAILED)
    assert (learning, said) == ([], [])


@pytest.mark.parametrize("heard", [True, False])
def test_the_resting_face_is_watched_once_the_request_was_spoken(
    shown: Shown[Guide], theme: Theme, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, heard: bool
) -> None:
    monkeypatch.setattr(guide_module, "_SPOKEN_MS", 50)
    prompts = Prompts(PromptSettings(sounds=False, speech=True), speech_engines=())
    if heard:
        monkeypatch.setattr(guide_module, "_SPOKEN_MS", 60_000)
    guide = shown(Guide(theme, prompts, QComboBox(), PROFILES))
    learning = Told(guide.learning_wanted)
    monkeypatch.setattr(prompts, "say", lambda text, sound: None)
    guide.show_step(Step.REST)
    assert learning == []
    if heard:
        prompts.finished.emit("something else")
        assert learning == []
        prompts.finished.emit(guide.text.text())
    qtbot.waitUntil(lambda: learning == [NOBODY_NAMED])
    prompts.finished.emit(guide.text.text())
    assert learning == [NOBODY_NAMED]
    prompts.close()


def test_a_face_must_be_seen_without_a_break(guide: Guide, clock: Clock) -> None:
    guide.show_step(Step.HEADSET)
    for _ in range(4):
        guide.show_status(FACE)
        clock.now_s += 2.9
        guide.show_status(FACE)
        clock.now_s += 0.05
        guide.show_status(NO_FACE)
        assert guide.progress.value() == 0
        clock.now_s += 1.0
    assert guide.step is Step.HEADSET


def test_what_was_seen_before_the_step_does_not_count(guide: Guide, clock: Clock) -> None:
    guide.show_step(Step.HEADSET)
    guide.show_status(FACE)
    clock.now_s += 2.5
    guide.show_status(FACE)
    guide.show_step(Step.CAMERA)
    guide.show_step(Step.HEADSET)
    clock.now_s += 2.5
    guide.show_status(FACE)
    assert guide.step is Step.HEADSET
    assert guide.progress.value() == 0


def test_the_resting_face_shows_how_far_it_is(guide: Guide) -> None:
    guide.show_step(Step.REST)
    guide.show_status(replace(FACE, resting_s=RESTING_S / 4))
    assert guide.progress.isVisible()
    assert guide.progress.value() == 25
    guide.show_status(replace(FACE, resting_s=RESTING_S * 2))
    assert guide.progress.value() == 100


def test_the_baseline_leads_on_by_itself(guide: Guide, said: list[tuple[str, str]]) -> None:
    guide.show_step(Step.REST)
    stopped = Told(guide.learning_stopped)
    guide.show_event(Event(Happening.FACE_LOST))
    assert guide.step is Step.REST
    guide.show_event(MADE)
    assert guide.step is Step.SEND
    assert guide.title.text() == "Your resting face is known"
    assert said[-1] == (Sound.READY, guide.text.text())
    assert stopped == []


def test_a_failed_baseline_is_said_and_tried_again(
    qtbot: QtBot, guide: Guide, said: list[tuple[str, str]]
) -> None:
    learning = Told(guide.learning_wanted)
    guide.show_step(Step.REST)
    resting = guide.text.text()
    guide.show_event(FAILED)
    assert guide.step is Step.REST
    assert said[-1] == (Sound.ATTENTION, guide.text.text())
    assert "not seen long enough" in guide.text.text()
    assert guide.next.text().replace("&", "") == "Try again"
    click(qtbot, guide.next)
    assert guide.step is Step.REST
    assert guide.text.text() == resting
    assert learning == [NOBODY_NAMED, NOBODY_NAMED]
    guide.show_event(MADE)
    assert guide.step is Step.SEND


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.REST])
def test_a_baseline_made_elsewhere_moves_nothing(
    guide: Guide, said: list[tuple[str, str]], step: Step
) -> None:
    guide.show_step(step)
    before = list(said)
    guide.show_event(MADE)
    guide.show_event(FAILED)
    assert guide.step is step
    assert said == before


@pytest.mark.parametrize("way", ["next", "back", "skip"])
def test_leaving_the_resting_face_stops_its_baseline(qtbot: QtBot, guide: Guide, way: str) -> None:
    stopped = Told(guide.learning_stopped)
    guide.show_step(Step.REST)
    assert stopped == []
    click(qtbot, getattr(guide, way))
    assert stopped == [None]
    if way == "next":
        assert guide.title.text() == "Where should vrfer send?"


def test_a_baseline_that_is_over_is_not_stopped(qtbot: QtBot, guide: Guide) -> None:
    stopped = Told(guide.learning_stopped)
    for event in (MADE, FAILED):
        guide.show_step(Step.REST)
        guide.show_event(event)
        click(qtbot, guide.skip)
    assert stopped == []


@pytest.mark.parametrize("step", Step)
def test_it_can_be_skipped_at_every_step(qtbot: QtBot, guide: Guide, step: Step) -> None:
    finished, chosen = Told(guide.finished), Told(guide.receiver_chosen)
    guide.show_step(step)
    click(qtbot, guide.skip)
    assert finished == [None]
    assert chosen == []


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.CONSENT])
def test_it_goes_back(qtbot: QtBot, guide: Guide, step: Step) -> None:
    guide.show_step(step)
    click(qtbot, guide.back)
    assert guide.step == step - 1


def test_it_is_repeated_from_its_beginning(qtbot: QtBot, guide: Guide) -> None:
    for _ in range(2):
        guide.show_step(Step.CONSENT)
        finished = Told(guide.finished)
        for step in Step:
            if step is Step.CAMERA:
                show_picture(guide)
            click(qtbot, guide.next)
        assert finished == [None]


def test_nobody_goes_on_who_does_not_see_himself(
    qtbot: QtBot, guide: Guide, said: list[tuple[str, str]]
) -> None:
    guide.show_step(Step.CAMERA)
    click(qtbot, guide.next)
    assert guide.step is Step.CAMERA
    assert said[-1] == (Sound.ATTENTION, guide.text.text())
    guide.show_status(replace(BARE, phase=Phase.FAILED))
    guide.show_seen(seen(reading(sure_of(0))))  # the last one before it failed
    click(qtbot, guide.next)
    assert guide.step is Step.CAMERA
    show_picture(guide)
    click(qtbot, guide.next)
    assert guide.step is Step.HEADSET


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.AWAY, Phase.FAILED, Phase.IDLE])
def test_a_camera_that_shows_nothing_is_said_where_its_picture_was(
    guide: Guide, phase: Phase
) -> None:
    guide.show_step(Step.CAMERA)
    show_picture(guide)
    before = pixels(guide.picture)
    guide.show_status(replace(NO_FACE, phase=phase))
    assert not np.array_equal(pixels(guide.picture), before)


def test_after_a_failed_baseline_it_waits_for_the_headset_by_itself(
    qtbot: QtBot, guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guide_module, "_SPOKEN_MS", 20)
    guide.show_step(Step.CAMERA)
    for _ in range(2):
        guide.show_step(Step.REST)
        guide.show_event(FAILED)
        assert guide.step is Step.REST
        qtbot.waitUntil(lambda: guide.step is Step.HEADSET)
    guide.show_step(Step.REST)
    guide.show_event(FAILED)  # somebody must look
    qtbot.wait(100)
    assert guide.step is Step.REST


def test_where_to_send_is_typed(qtbot: QtBot, guide: Guide) -> None:
    chosen, finished = Told(guide.receiver_chosen), Told(guide.finished)
    guide.show_step(Step.SEND)
    assert guide.host.isVisible()
    enter(qtbot, guide.host, " 192.168.1.20 ")
    enter(qtbot, guide.port, "9001")
    click(qtbot, guide.next)
    assert chosen == [ReceiverPart(host="192.168.1.20", port=9001)]
    assert finished == [None]


def test_what_the_scene_is_decides_profile_and_port(guide: Guide) -> None:
    chosen = Told(guide.receiver_chosen)
    guide.show_step(Step.SEND)
    titles = [guide.scene.itemText(index) for index in range(guide.scene.count())]
    assert guide.scene.currentData() == "generic"
    for profile, port in (("vmc", 39540), ("vrchat", 9000)):
        (index,) = (n for n, title in enumerate(titles) if title == load_profile(profile).name)
        guide.scene.setCurrentIndex(index)
        guide.scene.activated.emit(index)
        assert guide.port.value() == port
    guide.next.click()
    assert chosen == [ReceiverPart(host="127.0.0.1", port=9000, profile="vrchat")]


def test_a_profile_that_was_broken_meanwhile_ends_no_guide(
    guide: Guide, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> None:
        raise OutputError(f"the OSC profile {name}.toml is no TOML", "Correct it.")

    monkeypatch.setattr(guide_module, "load_profile", broken)
    guide.show_step(Step.SEND)
    port = guide.port.value()
    guide.scene.setCurrentIndex(1)
    guide.scene.activated.emit(1)
    assert guide.port.value() == port


def test_without_a_host_no_receiver_is_chosen(qtbot: QtBot, guide: Guide) -> None:
    chosen, finished = Told(guide.receiver_chosen), Told(guide.finished)
    guide.show_step(Step.SEND)
    enter(qtbot, guide.host, " ")
    click(qtbot, guide.next)
    assert (chosen, finished) == ([], [None])


@pytest.mark.parametrize("step", Step)
def test_each_step_shows_what_it_needs(guide: Guide, step: Step) -> None:
    guide.show_step(step)
    source = source_of(guide)
    watches = step in (Step.CAMERA, Step.HEADSET, Step.REST)
    assert source.isVisible() is (step is Step.CAMERA)
    assert guide.picture.isVisible() is watches
    assert guide.progress.isVisible() is (step in (Step.HEADSET, Step.REST))
    for field in (guide.scene, guide.host, guide.port):
        assert field.isVisible() is (step is Step.SEND)


@pytest.mark.parametrize("step", [Step.CAMERA, Step.HEADSET, Step.REST])
def test_people_see_themselves(guide: Guide, step: Step) -> None:
    guide.show_step(step)
    guide.show_seen(seen(reading(sure_of(0)), image=frame(bgr=(0, 0, 255))))
    image = pixels(guide.picture)
    red = (image == [255, 0, 0]).all(axis=2)
    assert red.mean() > 0.2
    guide.show_seen(seen(reading(None), image=frame(bgr=(0, 0, 255))))
    assert (pixels(guide.picture) == [255, 0, 0]).all(axis=2).sum() > red.sum()  # no frame


def test_no_region_is_drawn_here(guide: Guide) -> None:
    guide.show_step(Step.CAMERA)
    guide.show_seen(seen(reading(None)))
    told = Told(guide.picture.region_chosen)
    width, height = guide.picture.width(), guide.picture.height()
    QTest.mousePress(guide.picture, LEFT, pos=QPoint(width // 3, height // 3))
    QTest.mouseMove(guide.picture, QPoint(2 * width // 3, 2 * height // 3))
    QTest.mouseRelease(guide.picture, LEFT, pos=QPoint(2 * width // 3, 2 * height // 3))
    assert told == []


def test_a_theme_changes_the_picture(guide: Guide) -> None:
    guide.show_step(Step.CAMERA)
    before = pixels(guide.picture)
    guide.set_theme(LIGHT)
    assert (pixels(guide.picture) != before).any()


@pytest.mark.parametrize("step", Step)
def test_keyboard_and_screen_readers_find_everything(
    qtbot: QtBot, guide: Guide, step: Step
) -> None:
    guide.show_step(step)
    met = walk_through(qtbot, guide)
    wanted = {guide.skip, guide.next}
    wanted |= {guide.scene, guide.host, guide.port} if step is Step.SEND else set()
    wanted |= set() if step is Step.CONSENT else {guide.back}
    assert wanted <= set(met)
    source = source_of(guide)
    assert [control for control in unnamed(guide) if control is not source] == []
