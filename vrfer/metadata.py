"""What every network file of vrfer says about itself, whatever its kind."""

from pydantic import BaseModel, ConfigDict

METADATA_KEY = "vrfer"
"""Key of the JSON document in an ONNX file's metadata."""


class Strict(BaseModel):
    """A document without unknown fields that does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(Strict):
    """Where the weights come from."""

    recipe: str
    data: str
    """Data sets, their label files and lists."""
    terms: str
    """What their terms mean for the use of this file."""
    lineage: str
    """The weights that training started from."""
    epochs: int | None = None
    """That the weights went through, over all stages; None in files that do not say."""
