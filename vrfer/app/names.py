"""What the window calls things, in the language that is set."""

from PyQt6.QtCore import QCoreApplication

from vrfer.expressions import NO_FACE_ID
from vrfer.live.status import Phase


def expression_names() -> tuple[str, ...]:
    """Return the eight expressions' names in canonical order."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Expressions", text)

    return (
        tr("Neutral"),
        tr("Happiness"),
        tr("Surprise"),
        tr("Sadness"),
        tr("Anger"),
        tr("Disgust"),
        tr("Fear"),
        tr("Contempt"),
    )


def label_name(label_id: int) -> str:
    """Return a label's name; of `NO_FACE_ID` that no face is seen."""
    if label_id == NO_FACE_ID:
        return QCoreApplication.translate("Expressions", "No face")
    return expression_names()[label_id]


def waiting_text(phase: Phase) -> str:
    """Return what a place for a picture says while none comes; empty while some do."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("MainView", text)

    texts = {
        Phase.IDLE: tr("Choose a camera at the right and press Start"),
        Phase.OPENING: tr("The camera is being opened. Some take half a minute."),
        Phase.AWAY: tr("The camera is gone. Plug it in again; I go on by myself."),
        Phase.ENDED: tr("The file is over"),
        Phase.FAILED: tr("The camera cannot be read; the line above says why"),
    }
    return texts.get(phase, "")
