"""What the window calls things, in the language that is set."""

from PyQt6.QtCore import QCoreApplication

from vrfer.expressions import NO_FACE_ID


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
