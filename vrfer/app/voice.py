"""The system's voice, through Qt: finding one for a language, speaking, stopping.

A text is spoken when the engine has stopped the one before; engines differ in whether they stop
at once. Nothing is raised and nothing printed where there is no engine or no voice.
"""

import weakref
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from PyQt6 import sip
from PyQt6.QtCore import (
    Q_ARG,
    QCoreApplication,
    QLibrary,
    QLocale,
    QMetaObject,
    QObject,
    Qt,
    QThread,
    QTimer,
    pyqtSignal,
    pyqtSlot,
)

if TYPE_CHECKING:
    from PyQt6.QtTextToSpeech import QTextToSpeech

_SILENT_ENGINE: Final = "mock"
"""Qt's own test engine travels with every PyQt6: it speaks without a sound."""
_PATIENCE_MS: Final = 5000
"""How long the voice may take to begin; and, when it is told to, to stop."""
_PATIENCE_PER_CHARACTER_MS: Final = 250
"""The slowest voices speak a letter in half of that."""
_SLOW_ENGINE: Final = "speechd"
"""Linux's speech-dispatcher needs two seconds to list its voices."""


class Voice(QObject):
    """The system's voice for one language, and the text that it speaks."""

    opened = pyqtSignal()
    """The search for a voice is over, whatever it found."""
    ended = pyqtSignal(str)
    """A text was spoken, or there is no voice for it."""

    def __init__(self, parent: QObject, engines: Sequence[str] | None = None) -> None:
        """Look for nothing yet.

        Args:
            parent: Owner of this object.
            engines: Names of the Qt engines to try, in this order; None: those of this computer.
        """
        super().__init__(parent)
        self._engines = engines
        self._untried: list[str] = []
        self._locale = ""
        self._volume = 1.0
        self._candidate: QTextToSpeech | None = None
        self._engine: QTextToSpeech | None = None
        self._ready = False
        self._spoken = ""
        self._next = ""
        self._thread: QThread | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._lose)

    def open(self, locale: str) -> None:
        """Look for an engine with a voice for a language; `opened` tells when that is done.

        What is being spoken is cut off; a text that waits is spoken by the voice that is found.

        Args:
            locale: A BCP 47 name.
        """
        self._discard()
        self._locale = locale
        try:
            from PyQt6.QtTextToSpeech import QTextToSpeech
        except ImportError:
            self._untried = []
        else:
            offered = (name for name in QTextToSpeech.availableEngines() if name != _SILENT_ENGINE)
            self._untried = list(offered if self._engines is None else self._engines)
        self._try_next()

    @property
    def available(self) -> bool:
        """Whether a voice was found."""
        return self._engine is not None

    @property
    def speaking(self) -> bool:
        """Whether a text is being spoken, or waits for the voice."""
        return bool(self._spoken or self._next)

    def say(self, text: str) -> None:
        """Speak a text, as soon as a voice is found and has stopped what it spoke before."""
        self._next = text
        self._begin()

    def stop(self) -> None:
        """Fall silent; `ended` is not emitted."""
        self._next = ""
        if self._silence_engine():
            self._patience.start(_PATIENCE_MS)

    def set_volume(self, volume: float) -> None:
        """Set the volume, 0-1, of the next text."""
        self._volume = volume
        if self._engine is not None:
            QMetaObject.invokeMethod(self._engine, "setVolume", Q_ARG(float, volume))

    @pyqtSlot()
    def close(self) -> None:
        """Fall silent and give the engine back."""
        self._next = ""
        self._untried = []
        self._discard()
        if self._thread is not None:
            _end(self._thread)
            self._thread = None

    def _discard(self) -> None:
        self._patience.stop()
        self._silence_engine()
        for engine in (self._candidate, self._engine):
            if engine is not None:
                engine.deleteLater()
        self._candidate = self._engine = None

    def _silence_engine(self) -> bool:
        was_speaking, self._spoken = bool(self._spoken), ""
        if self._engine is None or not was_speaking:
            return False
        QMetaObject.invokeMethod(self._engine, "stop")
        return True

    def _try_next(self) -> None:
        while self._untried:
            from PyQt6.QtTextToSpeech import QTextToSpeech

            name = self._untried.pop(0)
            if name == _SLOW_ENGINE and not QLibrary("speechd", 2).load():
                continue
            engine = QTextToSpeech("none")
            engine.engineChanged.connect(self._judge)
            engine.stateChanged.connect(self._follow)
            if name == _SLOW_ENGINE:
                engine.moveToThread(self._background())
            self._candidate = engine
            QMetaObject.invokeMethod(
                engine, "setEngine", Qt.ConnectionType.QueuedConnection, Q_ARG(str, name)
            )
            return
        self._settle()

    @pyqtSlot()
    def _judge(self) -> None:
        engine = self._candidate
        if engine is None or self.sender() is not engine:
            return
        self._candidate = None
        best = _nearest(QLocale(self._locale), engine.availableLocales())
        if best is None or engine.state() == engine.State.Error:
            engine.deleteLater()
            self._try_next()
            return
        self._engine, self._ready = engine, True
        QMetaObject.invokeMethod(engine, "setLocale", Q_ARG(QLocale, best))
        self.set_volume(self._volume)
        self._settle()

    def _settle(self) -> None:
        self.opened.emit()
        self._begin()

    def _begin(self) -> None:
        if not self._next or self._candidate is not None:
            return
        if self._engine is None:
            text, self._next = self._next, ""
            self.ended.emit(text)
        elif self._ready:
            self._spoken, self._next, self._ready = self._next, "", False
            length_ms = _PATIENCE_PER_CHARACTER_MS * len(self._spoken)
            self._patience.start(_PATIENCE_MS + length_ms)
            QMetaObject.invokeMethod(self._engine, "say", Q_ARG(str, self._spoken))

    def _follow(self, state: "QTextToSpeech.State") -> None:
        engine = self._engine
        if engine is None or self.sender() is not engine:
            return
        if state == engine.State.Error:
            self._lose()
            return
        if state != engine.State.Ready:
            return
        self._patience.stop()
        self._ready = True
        text, self._spoken = self._spoken, ""
        if text:
            self.ended.emit(text)
        self._begin()

    def _lose(self) -> None:
        """Look for a voice anew: the engine failed, or does not answer any more."""
        text, self._spoken = self._spoken, ""
        self.open(self._locale)
        if text:
            self.ended.emit(text)

    def _background(self) -> QThread:
        """Return a thread in which an engine may take its time, and never the window's."""
        if self._thread is None:
            app = QCoreApplication.instance()
            self._thread = QThread(app)
            self._thread.setObjectName("vrfer-voice")
            self.destroyed.connect(partial(_end, self._thread))
            weakref.finalize(self, _end, self._thread)
            if app is not None:
                app.aboutToQuit.connect(self.close)
            self._thread.start()
        return self._thread


def _end(thread: QThread, _destroyed: QObject | None = None) -> None:
    if not sip.isdeleted(thread):
        thread.quit()
        thread.wait()


def _nearest(wanted: QLocale, offered: Sequence[QLocale]) -> QLocale | None:
    """Return the offered locale of the wanted language, of its own country if there is one."""
    same = [locale for locale in offered if locale.language() == wanted.language()]
    exact = [locale for locale in same if locale.territory() == wanted.territory()]
    return next(iter(exact + same), None)
