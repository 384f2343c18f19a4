"""What decides a training of the locator."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]


class LocatorRecipe(BaseModel):
    """One training of the lower-face locator; AdamW under a cosine with warm-up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["locate"]
    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    about: str = ""
    """One line for people."""
    seed: int = Field(default=1, ge=0)
    precision: Literal["32-true", "bf16-mixed"] = "bf16-mixed"
    epochs: Positive
    batches: Positive = 160
    """Batches of an epoch: squares are drawn, so an epoch is what lies between two validations."""
    batch_size: int = Field(default=96, ge=8)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)
    """On kernels only."""
    warmup_epochs: int = Field(default=1, ge=0)
    average: float = Field(default=0.998, ge=0, lt=1)
    """Decay of the moving average of the weights; that average is what is kept."""
    mine_every: Positive = 3
    """After so many epochs the network's own false finds become negatives."""
    mined_squares: int = Field(default=4000, ge=0)
    """The latest so many are kept."""

    def shortened(self) -> "LocatorRecipe":
        """Return a run of seconds that passes through every step."""
        return self.model_copy(
            update={"epochs": 2, "batches": 2, "batch_size": 16, "mine_every": 1}
        )
