"""What a receiver has been told already, so that it is told of changes alone."""

from collections.abc import Sequence

from vrfer.outputs.messages import Message
from vrfer.outputs.profiles import Sending, Value


class Changes:
    """Remembers what one receiver was told.

    Messages are known by their place: VMC sends every shape to the same address.
    """

    def __init__(self, sending: Sending) -> None:
        """Begin with a receiver that was told nothing.

        Args:
            sending: What counts as a change, and when everything is sent anew.
        """
        self._sending = sending
        self._told: dict[int, tuple[Value, ...]] = {}
        self._complete_s: float | None = None

    def pending(
        self, messages: Sequence[Message], now_s: float, *, everything: bool = False
    ) -> list[int]:
        """Return the places of the messages that the receiver needs to be told now.

        Args:
            messages: All that could be said of this frame.
            now_s: Capture time in seconds.
            everything: Whatever has changed.
        """
        if everything or self._sending.least_change is None or self._is_stale(now_s):
            return list(range(len(messages)))
        changed = {place for place, message in enumerate(messages) if self._differs(place, message)}
        if not changed:
            return []
        return [
            place for place, message in enumerate(messages) if message.constant or place in changed
        ]

    def told(self, messages: Sequence[Message], places: Sequence[int], now_s: float) -> None:
        """Remember that messages went out.

        Args:
            messages: All of the frame.
            places: Of those that went out.
            now_s: Capture time in seconds.
        """
        for place in places:
            self._told[place] = messages[place].values
        if len(places) == len(messages):
            self._complete_s = now_s

    def forget(self) -> None:
        """Take the receiver for one that was told nothing."""
        self._told.clear()
        self._complete_s = None

    def _is_stale(self, now_s: float) -> bool:
        if self._complete_s is None or now_s < self._complete_s:
            return True
        every_s = self._sending.complete_every_s
        return every_s is not None and now_s - self._complete_s >= every_s

    def _differs(self, place: int, message: Message) -> bool:
        if message.constant:
            return False
        before = self._told.get(place)
        if before is None or len(before) != len(message.values):
            return True
        return any(map(self._value_differs, before, message.values))

    def _value_differs(self, before: Value, now: Value) -> bool:
        if isinstance(before, float) and isinstance(now, float):
            return before != now and abs(now - before) >= (self._sending.least_change or 0.0)
        return before != now
