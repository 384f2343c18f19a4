"""What the window says aloud: short sounds and spoken words, for a wearer who cannot see it.

The sounds lie in `assets/sounds`; the voice is the system's own. A computer without an audio
device, without a voice for the language or without Qt's multimedia stays silent: nothing is
raised and nothing printed. Audio and speech are opened when a prompt first needs them, in a
later turn of the event loop, so that they never delay the window.
"""

import math
import wave
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from PyQt6.QtCore import QLocale, QObject, QTimer, QUrl, pyqtSignal, qInstallMessageHandler

from vrfer.app.voice import Voice
from vrfer.shipped import shipped

if TYPE_CHECKING:
    from PyQt6.QtMultimedia import QAudioDevice, QMediaDevices, QSoundEffect

_RATE_HZ: Final = 44_100
"""Samples a second of the sounds, which are 16-bit and mono."""


class Sound(StrEnum):
    """The short sounds; each value is the name of its file."""

    READY = "ready"
    HOLD = "hold"
    DONE = "done"
    ATTENTION = "attention"
    RECORDING_STARTED = "recording-started"
    RECORDING_STOPPED = "recording-stopped"
    MARKER = "marker"
    NEUTRAL_ON = "neutral-on"
    NEUTRAL_OFF = "neutral-off"


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """What may be heard."""

    sounds: bool = True
    speech: bool = True
    volume: float = 0.8
    """Of sounds and speech, 0-1."""
    locale: str = "en"
    """Language of the spoken texts as a BCP 47 name: `en`, `de`, `ro`, `en-GB`."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not (math.isfinite(self.volume) and 0 <= self.volume <= 1):
            raise ValueError(f"volume must lie in 0-1, got {self.volume}")
        if QLocale(self.locale).language() == QLocale.Language.C:
            raise ValueError(f"locale must name a language, got {self.locale!r}")


class Prompts(QObject):
    """Plays and speaks the prompts; lives in the thread of the window."""

    prompted = pyqtSignal(str, str)
    """Every prompt, heard or not: name of its sound and its text, either may be empty."""
    finished = pyqtSignal(str)
    """A text was spoken to its end, or would have been: without a voice it comes after the
    sound. Never for a text that another one cut off."""
    availability_changed = pyqtSignal()
    """`sound_available` and `speech_available` may have other answers now."""

    def __init__(
        self,
        settings: PromptSettings | None = None,
        parent: QObject | None = None,
        *,
        speech_engines: Sequence[str] | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            settings: What may be heard; None: everything, in English.
            parent: Owner of this object.
            speech_engines: Names of the Qt speech engines to try, in this order; None: those
                of this computer.
        """
        super().__init__(parent)
        self._settings = PromptSettings() if settings is None else settings
        self._opened = False
        self._waiting: Sound | None = None
        self._text: str | None = None  # that comes after the sound
        self._chimes = _Chimes(self)
        self._voice = Voice(self, speech_engines)
        self._opening = _single_shot(self)
        self._opening.timeout.connect(self._open)
        self._sounding = _single_shot(self)
        self._sounding.timeout.connect(self._speak)
        self._chimes.devices_changed.connect(self.availability_changed)
        self._voice.ended.connect(self.finished)
        self._voice.opened.connect(self.availability_changed)

    @property
    def settings(self) -> PromptSettings:
        """What may be heard."""
        return self._settings

    def use(self, settings: PromptSettings) -> None:
        """Take other settings; what they forbid falls silent at once."""
        before, self._settings = self._settings, settings
        if not settings.sounds:
            self._chimes.stop()
        if not settings.speech or settings.locale != before.locale:
            self._stop_speech()
        if self._opened and settings.locale != before.locale:
            self._voice.open(settings.locale)
        self._chimes.set_volume(settings.volume)
        self._voice.set_volume(settings.volume)

    @property
    def sound_available(self) -> bool:
        """Whether this computer can play sounds; False until it has been looked at."""
        return self._chimes.available

    @property
    def speech_available(self) -> bool:
        """Whether this computer has a voice for the language; False until it has been looked at."""
        return self._voice.available

    @property
    def speaking(self) -> bool:
        """Whether a text is being spoken, or waits for its sound to end."""
        return self._text is not None or self._voice.speaking

    def prepare(self) -> None:
        """Open audio and speech in a later turn of the event loop, before a prompt needs them.

        `availability_changed` tells when either is done.
        """
        if not self._opened and not self._opening.isActive():
            self._opening.start()

    def play(self, sound: Sound) -> None:
        """Play a sound beside whatever is being spoken."""
        self.prompted.emit(sound.value, "")
        self._play(sound)

    def say(self, text: str, sound: Sound | None = None) -> None:
        """Play a sound and, after it, speak a text in place of the one being spoken.

        Without a voice only the sound is heard, so a prompt that must not be missed needs one.

        Args:
            text: In the language of the settings.
            sound: Played first, or None.
        """
        self._stop_speech()
        self._text = text
        self.prompted.emit("" if sound is None else sound.value, text)
        length_ms = 0 if sound is None else self._play(sound)
        if self._settings.speech:
            self.prepare()
        if not self._opening.isActive():
            self._sounding.start(length_ms)

    def silence(self) -> None:
        """Stop everything that is heard now."""
        self._waiting = None
        self._chimes.stop()
        self._stop_speech()

    def close(self) -> None:
        """Fall silent and let the voice go; nothing is heard after that."""
        self.silence()
        self._opening.stop()
        self._opened = True
        self._chimes.close()
        self._voice.close()

    def _open(self) -> None:
        self._opened = True
        with _quiet():
            self._chimes.open()
        self._voice.set_volume(self._settings.volume)
        self._voice.open(self._settings.locale)
        self.availability_changed.emit()
        sound, self._waiting = self._waiting, None
        length_ms = 0 if sound is None else self._play(sound)
        if self._text is not None:
            self._sounding.start(length_ms)

    def _play(self, sound: Sound) -> int:
        """Play a sound, if it may be heard; return how long it takes, milliseconds."""
        if not self._settings.sounds:
            return 0
        if self._opened:
            return self._chimes.play(sound, self._settings.volume)
        self._waiting = sound
        self.prepare()
        return 0

    def _speak(self) -> None:
        text, self._text = self._text or "", None
        if text and self._settings.speech:
            self._voice.say(text)
        else:
            self.finished.emit(text)

    def _stop_speech(self) -> None:
        self._text = None
        self._sounding.stop()
        self._voice.stop()


class _Chimes(QObject):
    """The sounds, on whatever device the system plays to at the moment."""

    devices_changed = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._effects: dict[Sound, QSoundEffect] = {}
        self._lengths_ms: dict[Sound, int] = {}
        self._devices: QMediaDevices | None = None

    def open(self) -> None:
        try:
            from PyQt6.QtMultimedia import QMediaDevices
        except ImportError:  # a Linux without the libraries that Qt plays through
            return
        self._devices = QMediaDevices(self)
        self._devices.audioOutputsChanged.connect(self.devices_changed)

    @property
    def available(self) -> bool:
        return self._device() is not None

    def play(self, sound: Sound, volume: float) -> int:
        """Play a sound; return its length in milliseconds, 0 where it cannot be heard."""
        device = self._device()
        if device is None:
            return 0
        if sound not in self._effects:
            self._load(sound, device)
        effect = self._effects[sound]
        if effect.audioDevice() != device:  # putting a headset on often changes it
            effect.setAudioDevice(device)
        effect.setVolume(volume)
        with _quiet():
            effect.play()
        return self._lengths_ms[sound]

    def _device(self) -> "QAudioDevice | None":
        """Return what the system plays to now; None without one that takes our sounds."""
        if self._devices is None:
            return None
        from PyQt6.QtMultimedia import QAudioFormat

        wanted = QAudioFormat()
        wanted.setSampleRate(_RATE_HZ)
        wanted.setChannelCount(1)
        wanted.setSampleFormat(QAudioFormat.SampleFormat.Int16)
        device = self._devices.defaultAudioOutput()
        return None if device.isNull() or not device.isFormatSupported(wanted) else device

    def _load(self, sound: Sound, device: "QAudioDevice") -> None:
        from PyQt6.QtMultimedia import QSoundEffect

        path = shipped("assets") / "sounds" / f"{sound.value}.wav"
        with wave.open(str(path), "rb") as file:
            self._lengths_ms[sound] = round(1000 * file.getnframes() / file.getframerate())
        effect = QSoundEffect(device, self)
        effect.setSource(QUrl.fromLocalFile(str(path)))
        self._effects[sound] = effect

    def set_volume(self, volume: float) -> None:
        for effect in self._effects.values():
            effect.setVolume(volume)

    def stop(self) -> None:
        for effect in self._effects.values():
            effect.stop()

    def close(self) -> None:
        self.stop()
        self._devices = None


def _single_shot(parent: QObject) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    return timer


@contextmanager
def _quiet() -> Iterator[None]:
    """Swallow what Qt's plugins print where there is no audio server and no speech service."""
    before = qInstallMessageHandler(lambda *_: None)
    try:
        yield
    finally:
        qInstallMessageHandler(before)
