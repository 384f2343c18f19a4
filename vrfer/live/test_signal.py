"""The test signal: each expression in turn, slowly enough to be seen in the scene."""

from collections.abc import Callable

from vrfer.expressions import EXPRESSIONS

STEP_S = 0.4
"""How long each expression is shown."""
ORDER = (*range(1, len(EXPRESSIONS)), 0)
"""Neutral last, so that the scene is left at rest."""


class TestSignal:
    """Goes from expression to expression."""

    __test__ = False  # pytest takes every class of such a name for tests

    def __init__(self, began_s: float, show: Callable[[int], None]) -> None:
        """Begin.

        Args:
            began_s: Now, on the steady clock.
            show: Sends one expression at 1.
        """
        self._began_s = began_s
        self._show = show
        self._shown = 0

    def step(self, now_s: float) -> bool:
        """Send what is due, and say whether there is more to come."""
        due = min(len(ORDER), int((now_s - self._began_s) / STEP_S) + 1)
        for label_id in ORDER[self._shown : due]:
            self._show(label_id)
        self._shown = due
        return now_s - self._began_s < STEP_S * len(ORDER)
