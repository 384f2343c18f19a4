"""The contract that every network file carries: what it expects, gives, and was measured at.

It is one JSON document in the ONNX file's metadata under the key `vrfer`. This module knows no
runtime; it only reads and checks the document.
"""

from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from vrfer.crop import CropGeometry, Region
from vrfer.documents import first_problem
from vrfer.errors import ModelContractError
from vrfer.expressions import EXPRESSIONS
from vrfer.metadata import Strict, Training

SCHEMA_VERSION = 1


class NetworkInput(Strict):
    """The graph's input: uint8 gray, N x 1 x height x width, 0-255."""

    name: Literal["patches"] = "patches"
    height: int = Field(ge=8, le=1024)
    width: int = Field(ge=8, le=1024)
    color: Literal["gray"] = "gray"


class Figures(Strict):
    """Measured on this very file by `vrfer-train evaluate`; shares are 0-1."""

    split: str
    pictures: int
    accuracy: float
    accuracy_low: float
    """Lower end of the 95 % interval."""
    accuracy_high: float
    macro_f1: float
    ece: float
    """Expected calibration error, 15 bins, against the majority labels."""
    kl_nats: float
    """Mean Kullback-Leibler divergence from the votes to the prediction."""


class Contract(Strict):
    """Everything that a program needs to know to use a network file rightly."""

    schema_version: Literal[1] = 1
    name: str
    architecture: str
    classes: tuple[str, ...] = EXPRESSIONS
    region: Region
    input: NetworkInput
    crop: CropGeometry
    temperature: float = Field(gt=0)
    """Divides the logits inside the graph; stated for the record."""
    lifts: tuple[float, ...] = Field(default=(0.0,) * len(EXPRESSIONS), min_length=8, max_length=8)
    """Added to the divided logits inside the graph, nats: what lifts rare expressions."""
    unsure_below: float = Field(ge=0, le=1)
    """Confidence under which the network was wrong more often than right on validation."""
    resting: tuple[float, ...] | None = Field(default=None, min_length=8, max_length=8)
    """Mean centred log-probabilities over validation pictures labelled neutral, nats: what
    personal baselines are measured against. None in files of before."""
    training: Training
    figures: tuple[Figures, ...] = ()

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        if self.classes != EXPRESSIONS:
            raise ValueError(f"the classes must be {', '.join(EXPRESSIONS)}, in this order")
        return self


def read_contract(text: str | None, *, file: str) -> Contract:
    """Parse the document from a network file's metadata.

    Args:
        text: The document, or None where the file has none.
        file: Name of the file, for messages.

    Raises:
        ModelContractError: There is no document, or it is not a contract of this version.
    """
    remedy = "Use a network that vrfer-train export wrote."
    if text is None:
        raise ModelContractError(f"the network {file} carries no vrfer contract", remedy)
    try:
        return Contract.model_validate_json(text)
    except ValidationError as err:
        raise ModelContractError(
            f"the network {file} carries a contract that this vrfer cannot use: "
            f"{first_problem(err)}",
            remedy,
        ) from err
