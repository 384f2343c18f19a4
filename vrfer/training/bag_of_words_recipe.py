"""What decides the fitting of a bag of visual words."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vrfer.training.recipe import Data

Words = Annotated[int, Field(ge=1, le=20_000)]


class BagOfWordsRecipe(BaseModel):
    """A bag of visual words with local learning (Ionescu, Popescu and Grozea, ICML 2013 workshop).

    The paper names neither its grid nor the sizes of its vocabularies; ours were chosen on FER+'s
    validation split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["bag-of-words"]
    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    about: str = ""
    """One line for people."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    data: Data = Data()
    """Trains on the strongest expression of each face, whatever the kind of labels."""
    side: int = Field(default=96, ge=24, le=512)
    """Side in pixels that faces are brought to."""
    step: int = Field(default=6, ge=1)
    """Distance of the patches' centres along both axes, pixels of the brought face."""
    patches: tuple[Annotated[int, Field(ge=4, le=512)], ...] = Field(default=(16, 24), min_length=1)
    """Sides of the patches, each of which has a grid of its own."""
    blur_px: float = Field(default=0.8, gt=0.5, le=4)
    """Standard deviation that SIFT takes the face to; it takes 0.5 for what a camera does."""
    words: tuple[Words, Words, Words] = (2000, 1000, 500)
    """Words of a region: of the whole face, of each quarter and of each ninth."""
    vocabulary_faces: int = Field(default=3000, ge=1)
    """Training faces, drawn at random, whose patches the vocabularies are clustered from."""
    vocabulary_patches: int = Field(default=20_000, ge=1)
    """Patches, drawn from these faces, that each vocabulary is clustered from."""
    neighbours: int = Field(default=500, ge=2)
    """Training faces that a face's own classifier learns from."""
    penalty: float = Field(default=1.0, gt=0)
    """Cost of a misplaced training face in the support vector machines, their C."""

    @model_validator(mode="after")
    def _patches_in_every_region(self) -> Self:
        if max(self.patches) > self.side:
            raise ValueError("patches are larger than the face; lower patches or raise side")
        if 3 * max(self.step, min(self.patches)) >= self.side:
            raise ValueError("some ninth of the face has no patch; lower step and patches")
        return self

    @model_validator(mode="after")
    def _faces_are_labelled(self) -> Self:
        if self.data.photographs:
            raise ValueError("photographs have no votes, and nothing teaches a bag of words")
        return self

    def shortened(self) -> "BagOfWordsRecipe":
        """Return a fit of seconds that passes through every step."""
        few = {"words": (16, 8, 4), "vocabulary_faces": 50, "vocabulary_patches": 500}
        return self.model_copy(update={**few, "neighbours": min(self.neighbours, 20)})
