"""What a session's events are called, and with which sound they are said aloud."""

from PyQt6.QtCore import QCoreApplication

from vrfer.app.prompts import Sound
from vrfer.live.status import Event, Happening


def in_words(event: Event) -> tuple[str, Sound | None]:
    """Return what is said of an event, and its sound; no text: nothing is said."""
    translate = QCoreApplication.translate
    known: dict[Happening, tuple[str, Sound | None]] = {
        Happening.SOURCE_FAILED: (
            translate("Happening", "The camera cannot be read."),
            Sound.ATTENTION,
        ),
        Happening.SOURCE_AWAY: (
            translate("Happening", "The camera is gone. I wait for it."),
            Sound.ATTENTION,
        ),
        Happening.SOURCE_BACK: (translate("Happening", "The camera is back."), Sound.READY),
        Happening.SOURCE_ENDED: (translate("Happening", "The file is over."), None),
        Happening.FACE_LOST: (translate("Happening", "I do not see your face."), Sound.ATTENTION),
        Happening.FACE_FOUND: (translate("Happening", "I see your face."), Sound.READY),
        Happening.RECORDING_STARTED: (
            translate("Happening", "Recording."),
            Sound.RECORDING_STARTED,
        ),
        Happening.RECORDING_STOPPED: (
            translate("Happening", "The recording is saved."),
            Sound.RECORDING_STOPPED,
        ),
        Happening.RECORDING_FAILED: (
            translate("Happening", "The recording has a problem."),
            Sound.ATTENTION,
        ),
        Happening.MARKED: (translate("Happening", "Marker."), Sound.MARKER),
        Happening.NOT_MARKED: (
            translate("Happening", "Nothing is recorded: the marker is not kept."),
            Sound.ATTENTION,
        ),
        Happening.BASELINE_MADE: (
            translate("Happening", "Your resting face is known."),
            Sound.DONE,
        ),
        Happening.BASELINE_FAILED: (
            translate("Happening", "Your resting face could not be learned."),
            Sound.ATTENTION,
        ),
        Happening.NEUTRAL_HELD: (translate("Happening", "Neutral is held."), Sound.NEUTRAL_ON),
        Happening.NEUTRAL_RELEASED: (
            translate("Happening", "Expressions are sent again."),
            Sound.NEUTRAL_OFF,
        ),
        Happening.NETWORK_FAILED: (
            translate("Happening", "Another network cannot be used."),
            None,
        ),
        Happening.PROBLEM: (translate("Happening", "Please note:"), None),
    }
    return known.get(event.happening, ("", None))
