"""The audible prompts: the files, what is told of every prompt, the voice, and silence.

Sounds run at volume 0, and the voice is Qt's own test engine, which speaks in real time without
a sound: nobody is startled by the tests.
"""

import os
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PyQt6.QtCore import QCoreApplication, QObject
from pytestqt.qtbot import QtBot

from vrfer.app.prompts import Prompts, PromptSettings, Sound

ROOT = Path(__file__).parents[2]
SOUNDS = ROOT / "assets" / "sounds"
HUSHED = PromptSettings(volume=0.0)
ENDLESS = "Nobody will ever hear this to its end. " * 100
"""Takes the test engine minutes: who waits for its end runs out of time."""


def samples(sound: Sound) -> NDArray[np.float64]:
    with wave.open(str(SOUNDS / f"{sound.value}.wav"), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 44_100)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768


def run_alone(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program as on a computer without sound server and speech service."""
    nowhere = {"PULSE_SERVER": "unix:/nowhere", "SPEECHD_ADDRESS": "unix_socket:/nowhere"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | nowhere | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def prompts(qtbot: QtBot) -> Prompts:
    """Prompts with a voice for English, already found."""
    made = Prompts(HUSHED, speech_engines=["mock"])
    with qtbot.waitSignal(made.availability_changed):
        made.prepare()
    qtbot.waitUntil(lambda: made.speech_available)
    return made


def test_the_script_makes_the_shipped_sounds_byte_for_byte(tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_sounds.py"
    subprocess.run([sys.executable, script, "--out", tmp_path], check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in SOUNDS.iterdir()}
    assert {Path(name).stem for name in made} == {sound.value for sound in Sound}


@pytest.mark.parametrize("sound", Sound)
def test_a_sound_is_short_soft_and_never_loud(sound: Sound) -> None:
    played = samples(sound)
    assert len(played) < 0.6 * 44_100
    assert 0.1 < np.abs(played).max() < 10 ** (-6 / 20)
    for edge in (played[:44], played[-44:]):  # a millisecond
        assert np.abs(edge).max() < 0.1


def test_no_sound_can_be_taken_for_another() -> None:
    pictures = []
    for sound in Sound:
        played = np.zeros(26_624)
        played[: len(samples(sound))] = samples(sound)
        spectra = np.abs(np.fft.rfft(played.reshape(-1, 1024) * np.hanning(1024)))[:, 2:120]
        pictures.append(spectra.ravel() / np.linalg.norm(spectra))
    likeness = np.array(pictures) @ np.array(pictures).T - np.eye(len(pictures))
    assert likeness.max() < 0.6


def test_every_prompt_is_told(qtbot: QtBot) -> None:
    prompts = Prompts(PromptSettings(sounds=False, speech=False))
    told: list[tuple[str, str]] = []
    prompts.prompted.connect(lambda sound, text: told.append((sound, text)))
    for sound in Sound:
        prompts.play(sound)
    prompts.say("Put the headset on.")
    prompts.say("Done.", Sound.DONE)
    assert told == [(sound.value, "") for sound in Sound] + [
        ("", "Put the headset on."),
        ("done", "Done."),
    ]


@pytest.mark.parametrize("sound", [None, Sound.READY])
@pytest.mark.parametrize("text", ["Hold your face still.", "Ține fața nemișcată.", " ", ""])
@pytest.mark.parametrize("sounds", [False, True])
def test_without_a_voice_a_text_ends_all_the_same(
    qtbot: QtBot, sounds: bool, text: str, sound: Sound | None
) -> None:
    prompts = Prompts(replace(HUSHED, sounds=sounds), speech_engines=[])
    with qtbot.waitSignal(prompts.finished) as finished:
        prompts.say(text, sound)
        assert prompts.speaking
    assert finished.args == [text]
    assert not prompts.speaking
    assert not prompts.speech_available


def test_a_text_is_spoken_to_its_end(qtbot: QtBot, prompts: Prompts) -> None:
    with qtbot.waitSignal(prompts.finished) as finished:
        prompts.say("Hold still.", Sound.HOLD)
        assert prompts.speaking
    assert finished.args == ["Hold still."]
    assert not prompts.speaking


def test_a_text_that_comes_before_the_voice_is_found_is_spoken(qtbot: QtBot) -> None:
    prompts = Prompts(HUSHED, speech_engines=["mock"])
    with qtbot.waitSignal(prompts.finished):
        prompts.say("Hold still.")
    assert prompts.speech_available


def test_a_new_text_cuts_off_the_old_one(qtbot: QtBot, prompts: Prompts) -> None:
    ended: list[str] = []
    prompts.finished.connect(ended.append)
    prompts.say(ENDLESS)
    QCoreApplication.processEvents()  # the first text reaches the voice
    prompts.say("Stop.")
    qtbot.waitUntil(lambda: not prompts.speaking)
    assert ended == ["Stop."]


@pytest.mark.parametrize("how", ["silence", "close", "no speech", "other language"])
def test_what_is_spoken_can_be_stopped(qtbot: QtBot, prompts: Prompts, how: str) -> None:
    ended: list[str] = []
    prompts.finished.connect(ended.append)
    prompts.say(ENDLESS)
    QCoreApplication.processEvents()
    assert prompts.speaking
    if how == "silence":
        prompts.silence()
    elif how == "close":
        prompts.close()
    else:
        changes = {"speech": False} if how == "no speech" else {"locale": "fi"}
        prompts.use(replace(prompts.settings, **changes))
    assert not prompts.speaking
    prompts.say("Stop.")
    qtbot.waitUntil(lambda: bool(ended))
    assert ended == ["Stop."]


def test_a_voice_must_speak_the_language(qtbot: QtBot, prompts: Prompts) -> None:
    prompts.use(replace(HUSHED, locale="ro"))
    qtbot.waitUntil(lambda: not prompts.speech_available)
    with qtbot.waitSignal(prompts.finished):
        prompts.say("Ține fața nemișcată.")
    with qtbot.waitSignal(prompts.availability_changed):
        prompts.use(replace(HUSHED, locale="en-GB"))
    assert prompts.speech_available


def test_the_first_engine_with_a_voice_is_taken(qtbot: QtBot) -> None:
    prompts = Prompts(HUSHED, speech_engines=["no such engine", "mock"])
    prompts.prepare()
    qtbot.waitUntil(lambda: prompts.speech_available)


def test_prompts_die_with_their_window(qtbot: QtBot) -> None:
    window = QObject()
    prompts = Prompts(HUSHED, window, speech_engines=["mock"])
    prompts.say(ENDLESS, Sound.READY)
    with qtbot.waitSignal(prompts.destroyed):
        window.deleteLater()


@given(st.floats())
def test_only_a_volume_from_0_to_1_is_taken(volume: float) -> None:
    if 0 <= volume <= 1:
        assert PromptSettings(volume=volume).volume == volume
    else:
        with pytest.raises(ValueError, match="volume"):
            PromptSettings(volume=volume)


@pytest.mark.parametrize("locale", ["", "C", "xx", "klingon"])
def test_only_a_language_is_taken(locale: str) -> None:
    with pytest.raises(ValueError, match="locale"):
        PromptSettings(locale=locale)


SAY_EVERYTHING = """
import sys
{before}
from PyQt6.QtWidgets import QApplication
from vrfer.app.prompts import Prompts, Sound
app = QApplication([])
prompts = Prompts()
for sound in Sound:
    prompts.play(sound)
prompts.say("Put the headset on.", Sound.READY)
prompts.finished.connect(app.quit)
app.exec()
for sound in Sound:
    prompts.play(sound)
prompts.say("Hold still.", Sound.HOLD)
app.exec()
sys.exit(10 + 2 * prompts.sound_available + prompts.speech_available)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="others cannot be robbed of their devices")
def test_a_computer_without_sound_and_speech_stays_silent_in_every_way() -> None:
    ran = run_alone(SAY_EVERYTHING.format(before=""))
    assert (ran.returncode, ran.stdout, ran.stderr) == (10, "", "")


def test_a_qt_without_multimedia_stays_silent_in_every_way() -> None:
    missing = "sys.modules.update({'PyQt6.QtMultimedia': None, 'PyQt6.QtTextToSpeech': None})"
    ran = run_alone(SAY_EVERYTHING.format(before=missing))
    assert (ran.returncode, ran.stdout, ran.stderr) == (10, "", "")


@pytest.mark.parametrize(
    ("settings", "opened"),
    [("PromptSettings()", True), ("PromptSettings(sounds=False, speech=False)", False)],
)
def test_audio_is_opened_by_a_prompt_that_may_be_heard_and_never_at_once(
    settings: str, opened: bool
) -> None:
    ran = run_alone(f"""
import sys
from PyQt6.QtWidgets import QApplication
from vrfer.app.prompts import Prompts, PromptSettings, Sound
app = QApplication([])
prompts = Prompts({settings})
prompts.play(Sound.READY)
prompts.say("Put the headset on.")
print("PyQt6.QtMultimedia" in sys.modules, "PyQt6.QtTextToSpeech" in sys.modules)
prompts.finished.connect(app.quit)
app.exec()
print("PyQt6.QtMultimedia" in sys.modules, "PyQt6.QtTextToSpeech" in sys.modules)
prompts.close()
""")
    assert ran.stdout.split() == ["False", "False", str(opened), str(opened)]
