"""Training recipes: one TOML file an experiment, checked on reading, saved whole in checkpoints.

This module knows neither torch nor data; it only says what an experiment is.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vrfer.errors import RecipeError

Region = Literal["full-face", "lower-half"]
Occlusion = Literal["mask", "crop"]
Schedule = Literal["plateau", "cosine", "cosine-per-batch", "constant", "steps"]
Phase = Literal["dense", "sparse", "re-dense"]
Start = Literal[
    "scratch", "faceres-deep", "efficientnet-lite0", "imagenet-vgg-f", "vgg-face", "checkpoint"
]
Dataset = Literal["ferplus", "affectnet", "ferplus+affectnet", "folders"]
Votes = Literal["official", "fer2013new"]
Labels = Literal["majority", "soft", "probability", "multi-target"]
Share = Annotated[float, Field(ge=0, lt=1)]

STARTS_WITH_MEAN_PICTURE: tuple[Start, ...] = ("imagenet-vgg-f",)
"""Starting weights that subtract a whole picture instead of three numbers."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(_Strict):
    """Which pictures and which labels."""

    dataset: Dataset = "ferplus"
    """`ferplus+affectnet` trains on both and is validated on FER+; `folders` are people's own
    pictures, a folder an expression (docs/data.md)."""
    folder: str = "pictures"
    """`folders`: their name inside the data's folder."""
    face_px: int = Field(default=48, ge=16, le=512, multiple_of=2)
    """Side of the faces in memory, and the resolution that cameras' pictures are brought to."""
    per_class: int | None = Field(default=None, ge=1)
    """AffectNet: the most training pictures of an expression (15,000 in the paper)."""
    votes: Votes = "official"
    """`official`: Microsoft's label.csv files, the paper's counts; `fer2013new`: fer2013new.csv."""
    labels: Labels = "majority"
    """FER+'s four modes. `majority`: one class a picture (the paper); `soft`: the distribution of
    the votes; `probability`: a class drawn from it anew each epoch; `multi-target`: any expression
    with enough votes is right."""
    training_list: Literal["official", "leak-free"] = "leak-free"
    """`leak-free` drops training pictures whose pixels stand in the validation or test split."""
    photographs: bool = False
    """Adds the photographs' faces, half of them with drawn headsets, as the teachers see them."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of a face that a network sees, and the size it is brought to."""

    region: Region
    height: int
    width: int


class Input(_Strict):
    """What the network sees."""

    size: int = Field(default=224, ge=32, le=512, multiple_of=2)
    """Side of the full face in pixels."""
    lower_half_height: int | None = Field(default=None, ge=24, le=512)
    """Height that lower halves are stretched to; size/2, which stretches nothing, if left out."""
    scale: float = Field(default=1.0, gt=0)
    """Gray values minus their mean are multiplied by this (1 in the paper)."""

    def view(self, region: Region) -> View:
        """Return what a network sees of a region."""
        if region == "full-face":
            return View(region, self.size, self.size)
        return View(region, self.lower_half_height or self.size // 2, self.size)


class Augmentation(_Strict):
    """Random changes of each training picture, drawn anew each epoch."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a mirrored picture (paper: horizontal flips)."""
    rotation_deg: float = Field(default=0, ge=0, le=45)
    """Largest rotation to either side, degrees."""
    zoom: Share = 0
    """Largest change of scale: 0.1 draws from 0.9 to 1.1."""
    shift: Share = 0
    """Largest shift along either axis, in face sides."""
    contrast: Share = 0
    """Largest change of contrast about the mean."""
    brightness: float = Field(default=0, ge=0, le=128)
    """Largest change of brightness, gray values."""
    skew: Share = 0
    """Largest horizontal shift of the top against the middle, in half face sides."""
    aspect: Share = 0
    """Largest stretch of the height alone."""
    yaw_deg: float = Field(default=0, ge=0, le=60)
    """Largest turn of the head to either side, degrees; half of the pictures. Cameras stand beside
    people in headsets more often than beside those whom photographers look at."""
    gamma: float = Field(default=0, ge=0, le=2)
    """Largest logarithm of the exponent: 0.4 draws exponents from 0.67 to 1.5."""
    light: float = Field(default=0, ge=0, le=1)
    """Largest change of brightness from the middle to the edge: light from one side."""
    noise: float = Field(default=0, ge=0, le=64)
    """Largest standard deviation of noise a pixel of the data set, gray values."""
    blur_px: float = Field(default=0, ge=0, le=4)
    """Largest standard deviation of blur, pixels of the data set; half of the pictures."""
    jpeg: float = Field(default=0, ge=0, le=1)
    """Probability of compression as JPEG, of quality 20 to 70."""
    headset_edge: float = Field(default=0, ge=0, le=1)
    """Lower halves: probability that a headset's lower edge covers the top."""
    occluder: float = Field(default=0, ge=0, le=1)
    """Probability of something before the face: a hand, a microphone."""
    mixup: float = Field(default=0, ge=0, le=0.5)
    """Largest share of another picture that shines through, in its labels too (Zhang et al., ICLR
    2018): each picture draws its own share, uniformly from 0 on."""


class Distillation(_Strict):
    """Learning from other networks' answers beside people's votes (Hinton et al., 2015)."""

    weight: float = Field(default=0.5, gt=0, le=1)
    """Share of the teachers in the loss; the votes have what this and `live` leave."""
    live: float = Field(default=0, ge=0, lt=1)
    """Share in the loss of live teachers, who are asked about each drawn picture itself: moved,
    covered and mixed as the student sees it (function matching: Beyer et al., CVPR 2022)."""
    temperature: float = Field(default=1.0, gt=0, le=20)
    """Divides the teachers' and the student's logits."""

    @model_validator(mode="after")
    def _shares_are_at_most_everything(self) -> Self:
        if self.weight + self.live > 1:
            raise ValueError("weight and live are shares of one loss: together at most 1")
        return self


class Dsd(_Strict):
    """Dense-Sparse-Dense training of a stage (paper section 3; Han et al., ICLR 2017)."""

    first_sparsity: Share = 0.2
    """Share of zeroed weights in the second convolution; the first is never pruned."""
    last_sparsity: Share = 0.5
    """Share of zeroed weights in the last convolution; linear in between."""
    rounds: int = Field(default=1, ge=1)
    """How often sparse and re-dense follow one another."""
    dense_share: float = Field(default=0.5, gt=0, lt=1)
    """Share of the stage's epochs before the first sparse phase."""
    redense_rate: float = Field(default=0.1, gt=0, le=1)
    """Factor on the learning rate in re-dense phases."""
    zeroing: bool = True
    """False makes the control: same length, same rules for learning rates, nothing is zeroed."""


class Stage(_Strict):
    """One of the two stages: full faces, then lower halves."""

    region: Region
    occlusion: Occlusion = "mask"
    """Lower halves only: `mask` zeroes the upper half (paper), `crop` cuts it away."""
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Of `sgd`."""
    weight_decay: float = Field(default=5e-4, ge=0)
    """On kernels only, none on biases (MatConvNet's habit)."""
    schedule: Schedule = "plateau"
    patience: int = Field(default=10, ge=0)
    """`plateau`: divide by 10 after more than this many epochs without a lower error."""
    steps: tuple[tuple[int, float], ...] = ()
    """`steps`: from an epoch counted from 0 on, a factor on the learning rate."""
    lowest_learning_rate: float = Field(default=0, ge=0)
    warmup_epochs: int = Field(default=0, ge=0)
    """Epochs over which the learning rate rises linearly to its value."""
    average: float = Field(default=0, ge=0, lt=1)
    """Decay a batch of the weights' moving average, which is what is measured and kept; 0: none."""
    repeat_below: Share = 0
    """Pictures of expressions with a smaller share than this are drawn more often: repeat-factor
    sampling (Gupta et al., CVPR 2019). Photographs are not."""
    photographs_share: float = Field(default=1, gt=0, le=1)
    """Of the photographs' faces, how many an epoch draws, other ones each time."""
    balanced: bool = False
    """Weights each expression's loss inversely to its share."""
    frozen: int = Field(default=0, ge=0)
    """Convolutions at the input that stay as the stage found them, with their normalisation. On a
    processor the first layers, whose maps are the largest, take much of a small network's time."""
    dropout: float = Field(default=1, ge=0, le=1)
    """Factor on the dropout rates of the network's convolutions (1 in the paper)."""
    distillation: Distillation | None = None
    """Needs teachers: checkpoints named with --teacher."""
    dsd: Dsd | None = None

    @model_validator(mode="after")
    def _enough_epochs(self) -> Self:
        if self.dsd is not None and self.epochs < 2 + 2 * self.dsd.rounds:
            raise ValueError(f"{self.epochs} epochs are too few for {self.dsd.rounds} DSD rounds")
        return self

    @model_validator(mode="after")
    def _averages_are_not_zeroed(self) -> Self:
        if self.dsd is not None and self.average:
            raise ValueError("a stage with DSD has no average, whose weights would not be zero")
        return self

    @model_validator(mode="after")
    def _frozen_layers_are_not_zeroed(self) -> Self:
        if self.dsd is not None and self.frozen:
            raise ValueError("a stage with frozen layers has no DSD, which would zero them")
        return self

    @property
    def asks_live_teachers(self) -> bool:
        """Whether live teachers have a share in the loss."""
        return self.distillation is not None and self.distillation.live > 0

    def phase(self, epoch: int) -> Phase:
        """Return the DSD phase of an epoch counted from 0; a stage without DSD is dense."""
        if self.dsd is None:
            return "dense"
        halves = 2 * self.dsd.rounds
        dense = min(max(1, round(self.epochs * self.dsd.dense_share)), self.epochs - halves)
        if epoch < dense:
            return "dense"
        half = (epoch - dense) * halves // (self.epochs - dense)
        return "sparse" if half % 2 == 0 else "re-dense"

    def selectable(self, epoch: int) -> bool:
        """Whether the weights of this epoch may be chosen: those of the last phase only."""
        return all(self.phase(later) == self.phase(epoch) for later in range(epoch, self.epochs))


class Recipe(_Strict):
    """Everything that decides the outcome of a training, except the data's bytes."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    about: str = ""
    """One line for people: what the recipe is for and where it leaves the paper."""
    network: Literal[
        "vgg_f", "vgg_face", "vgg_13", "alexnet", "mobilenet", "efficientnet_lite0"
    ] = "vgg_f"
    start: Start = "scratch"
    """Where the weights begin: at random, in a face network's files that people bring, or in
    another run's checkpoint."""
    data_dependent_init: bool = False
    """`scratch` alone: scales each layer's random weights until its outputs over some training
    faces have mean 0 and variance 1. Deep networks without normalisation hardly learn otherwise."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    data: Data = Data()
    input: Input = Input()
    augmentation: Augmentation = Augmentation()
    stages: tuple[Stage, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _masked_halves_are_not_stretched(self) -> Self:
        masked = [s for s in self.stages if s.region == "lower-half" and s.occlusion == "mask"]
        if masked and self.input.lower_half_height is not None:
            raise ValueError('lower_half_height goes with occlusion = "crop" alone')
        return self

    @model_validator(mode="after")
    def _only_random_weights_are_scaled(self) -> Self:
        if self.data_dependent_init and self.start != "scratch":
            raise ValueError('data_dependent_init goes with start = "scratch" alone')
        return self

    @model_validator(mode="after")
    def _mixtures_have_no_single_right_answer(self) -> Self:
        if self.augmentation.mixup and self.data.labels == "multi-target":
            raise ValueError('mixup does not go with labels = "multi-target"')
        return self

    @model_validator(mode="after")
    def _photographs_are_taught(self) -> Self:
        if self.data.photographs and any(stage.distillation is None for stage in self.stages):
            raise ValueError("photographs have no votes, so every stage needs distillation")
        return self

    def shortened(self) -> "Recipe":
        """Return the same recipe with the fewest epochs that pass through every phase."""
        stages = tuple(
            stage.model_copy(
                update={"epochs": 1 if stage.dsd is None else 2 + 2 * stage.dsd.rounds}
            )
            for stage in self.stages
        )
        return self.model_copy(update={"stages": stages})

    def control(self) -> "Recipe":
        """Return the equal-length control: the same recipe without the zeroing."""
        if all(stage.dsd is None for stage in self.stages):
            raise RecipeError(
                f"recipe {self.name} has no DSD stage to control for",
                "Run it without --control, or choose a recipe with DSD (vrfer-train recipes).",
            )
        stages = tuple(
            stage
            if stage.dsd is None
            else stage.model_copy(update={"dsd": stage.dsd.model_copy(update={"zeroing": False})})
            for stage in self.stages
        )
        return self.model_copy(update={"name": f"{self.name}-control", "stages": stages})
