"""The eight expressions in vrfer's canonical order, which is FER+'s own.

Data sets with another order are translated where they are loaded, and nowhere else.
"""

from typing import Annotated, Final

from pydantic import AfterValidator

EXPRESSIONS: Final = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
"""Names of the classes; a class's index in this tuple is its id everywhere in vrfer."""

NO_FACE_LABEL: Final = "none"
"""The label that is sent and recorded while no face is seen; its id is `NO_FACE_ID`."""

NO_FACE_ID: Final = -1
"""The id that stands for `NO_FACE_LABEL`."""


def _known_expression(name: str) -> str:
    if name not in EXPRESSIONS:
        raise ValueError(f"the expressions are {', '.join(EXPRESSIONS)}")
    return name


ExpressionName = Annotated[str, AfterValidator(_known_expression)]
"""A name of `EXPRESSIONS`, as the field of a pydantic model."""
