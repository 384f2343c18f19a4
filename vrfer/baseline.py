"""A wearer's resting face becomes neutral.

Some faces look sad, angry or amused at rest. From a few seconds of a resting face this module
learns by how much the network's log-probabilities are off for this person, against what it says
of resting faces in general, and takes that off every later reading.

Only misreadings are taken back: expressions that stand closer to neutral, or further above it,
than in resting faces in general. Where none does, the baseline does nothing.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from vrfer.contract import Contract
from vrfer.errors import ModelContractError
from vrfer.expressions import EXPRESSIONS
from vrfer.frames import Scores

LEAST_PROBABILITY = 1e-4
"""Probabilities are raised to this before the logarithm, so that none is minus infinity."""
LEAST_S = 2.0
"""Seconds of a resting face without which there is no baseline."""
_HALF_TRUST_S = 0.5
"""After so many seconds half of what was measured is believed."""
_NEUTRAL = EXPRESSIONS.index("neutral")


EightNumbers = Annotated[tuple[FiniteFloat, ...], Field(min_length=8, max_length=8)]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What to take off the log-probabilities of one person, read by one network."""

    network: str
    """Name of the network in its contract; another one errs otherwise."""
    usual: EightNumbers
    """What that network says of resting faces in general: its contract's `resting`."""
    offsets: EightNumbers
    """In canonical order, nats, not negative; 0 for neutral."""
    seconds: FiniteFloat
    """How long the resting face was seen."""

    def of(self, contract: Contract) -> NDArray[np.float64]:
        """Return the offsets for a network.

        Raises:
            ModelContractError: The baseline was made with another network.
        """
        if (contract.name, contract.resting) != (self.network, self.usual):
            another = "another" if contract.name == self.network else "the"
            raise ModelContractError(
                f"the baseline was made with {another} network {self.network}, not with this "
                f"{contract.name}",
                "Make it anew with: vrfer-app baseline make.",
            )
        return np.array(self.offsets)


def log_ratios(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return centred log-probabilities (... x 8): distributions in which differences add up."""
    logs = np.log(np.maximum(probabilities.astype(np.float64), LEAST_PROBABILITY))
    ratios: NDArray[np.float64] = logs - logs.mean(axis=-1, keepdims=True)
    return ratios


class RestingFace:
    """Collects what the network says of a person at rest."""

    def __init__(self, contract: Contract) -> None:
        """Begin empty.

        Raises:
            ModelContractError: The network's file does not say how it reads resting faces.
        """
        if contract.resting is None:
            raise ModelContractError(
                f"the network {contract.name} does not say how it reads resting faces",
                "Export it again with vrfer-train export.",
            )
        self._contract = contract
        self._usual = np.array(contract.resting)
        self._seen: list[NDArray[np.float64]] = []
        self._last_s: float | None = None
        self._person: int | None = None
        self.seconds = 0.0
        """How long a face was seen so far; gaps do not count."""

    def add(
        self, scores: Scores, at_s: float, *, longest_gap_s: float = 0.5, person: int = 0
    ) -> None:
        """Take in a frame with a face; where it is another person's, begin anew.

        Args:
            scores: What the network said of it.
            at_s: When, in seconds on any steady clock.
            longest_gap_s: A longer time between two frames does not count.
            person: `LowerFace.person`.
        """
        if person != self._person:
            self._person, self._last_s = person, None
            self._seen, self.seconds = [], 0.0
        if self._last_s is not None and 0 < at_s - self._last_s <= longest_gap_s:
            self.seconds += at_s - self._last_s
        self._last_s = at_s
        self._seen.append(log_ratios(scores.probabilities))

    def baseline(self) -> Baseline | None:
        """Return the baseline; None as long as the face was seen too briefly.

        The median over time forgives a blink of the detector or a swallowed word.
        """
        if self.seconds < LEAST_S:
            return None
        above_usual = np.median(self._seen, axis=0) - self._usual
        misread = np.maximum(0, above_usual - above_usual[_NEUTRAL])
        trust = self.seconds / (self.seconds + _HALF_TRUST_S)
        offsets = tuple(float(value) for value in trust * misread)
        usual = tuple(float(value) for value in self._usual)
        return Baseline(self._contract.name, usual, offsets, self.seconds)
