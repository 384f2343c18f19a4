"""Making a person's baseline out of readings, from a camera or a film."""

import time

from vrfer.baseline import Baseline, RestingFace
from vrfer.contract import Contract
from vrfer.frames import Reading, Scores

_PATIENCE = 4.0
"""A resting face is waited for this many times as long as it must be seen."""


class Resting:
    """Collects one person's resting face until it was seen long enough."""

    def __init__(self, person: str, wanted_s: float, contract: Contract) -> None:
        """Begin.

        Args:
            person: Whose.
            wanted_s: How long the face must be seen, in seconds.
            contract: Of the network that reads it.

        Raises:
            ModelContractError: The network's file does not say how it reads resting faces.
        """
        self.person = person
        self.wanted_s = wanted_s
        """How long the face must be seen, in seconds."""
        self._contract = contract
        self._face = RestingFace(contract)
        self._deadline_s = time.monotonic() + _PATIENCE * wanted_s

    def start_over(self) -> None:
        """Forget what was seen."""
        self._face = RestingFace(self._contract)

    @property
    def seconds(self) -> float:
        """How long the face was seen so far."""
        return self._face.seconds

    @property
    def over(self) -> bool:
        """Whether it was seen long enough, or did not appear for too long."""
        return self.seconds >= self.wanted_s or time.monotonic() > self._deadline_s

    def add(self, reading: Reading) -> None:
        """Take in a reading."""
        if reading.raw is not None and reading.face is not None:
            scores = Scores(reading.raw, 0.0)
            self._face.add(scores, reading.timeline_s, person=reading.face.person)

    def baseline(self) -> Baseline | None:
        """Return the baseline; None if the face was seen too briefly."""
        return self._face.baseline()
