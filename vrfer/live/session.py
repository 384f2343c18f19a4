"""A running session: the pipeline in a thread of its own, steered from any other thread.

What it says comes back as a snapshot (`status`), as readings that wait to be taken, and as events.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from vrfer.frames import Box, Reading
from vrfer.live.board import Seen
from vrfer.live.status import Event, Status
from vrfer.live.wishes import NetworkWish, SourceWish, SteadyWish
from vrfer.live.worker import Worker
from vrfer.outputs.osc import Receiver
from vrfer.people import People
from vrfer.pipeline import Summary
from vrfer.rules import Rule
from vrfer.sources.orientation import Orientation

_AS_USUAL = SteadyWish()


class Session:
    """The pipeline, from any thread; a context manager that ends it."""

    def __init__(
        self,
        network: NetworkWish,
        *,
        steady: SteadyWish = _AS_USUAL,
        people: People | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        """Begin without a source; the network is loaded in the session's thread.

        Args:
            network: Which network, and where it runs.
            steady: How calm readings are.
            people: Where baselines are kept; None is this user's folder.
            on_event: Called in the session's thread for everything that happens; must be quick.
        """
        people = People.of_this_user() if people is None else people
        self._worker = Worker(network, steady, people, on_event)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.close()

    # What may be asked for, from any thread. Everything returns at once.

    def open(self, wish: SourceWish) -> None:
        """Open a source in place of the one that is open."""
        self._worker.post(lambda: self._worker.open(wish))

    def start(self, wish: SourceWish) -> None:
        """Open a source unless one is open; one that is paused goes on."""
        self._worker.post(lambda: self._worker.start(wish))

    def close_source(self) -> None:
        """Close the source, or give up opening it."""
        self._worker.post(self._worker.close_source)

    def pause(self, paused: bool | None) -> None:
        """Let the source stand still, or go on; receivers hear of no face meanwhile.

        Args:
            paused: None changes over.
        """
        self._worker.post(lambda: self._worker.pause(paused))

    def seek(self, position_s: float) -> None:
        """Go on at another position of a file."""
        self._worker.post(lambda: self._worker.seek(position_s))

    def turn(self, orientation: Orientation) -> None:
        """Turn and mirror the open source's pictures otherwise, without opening it anew."""
        self._worker.post(lambda: self._worker.turn(orientation))

    def look_only_in(self, region: Box | None) -> None:
        """Look for faces in a part of the picture only, in pixels; None is everywhere."""
        self._worker.post(lambda: self._worker.look_only_in(region))

    def set_receivers(self, receivers: Sequence[Receiver]) -> None:
        """Send to these from now on."""
        chosen = tuple(dict.fromkeys(receivers))
        self._worker.post(lambda: self._worker.set_receivers(chosen))

    def test_receivers(self) -> None:
        """Send every receiver the test signal: each expression in turn, for about 3 s."""
        self._worker.post(self._worker.test_receivers)

    def refresh_receivers(self) -> None:
        """Send everything anew with the next frame; where none comes, that no face is seen."""
        self._worker.post(self._worker.refresh_receivers)

    def set_network(self, network: NetworkWish) -> None:
        """Read with another network, or elsewhere."""
        self._worker.post(lambda: self._worker.set_network(network))

    def set_steady(self, steady: SteadyWish) -> None:
        """Be calmer or quicker."""
        self._worker.post(lambda: self._worker.set_steady(steady))

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Follow these rules from now on."""
        chosen = tuple(rules)
        self._worker.post(lambda: self._worker.set_rules(chosen))

    def hold_neutral(self, held: bool | None) -> None:
        """Say neutral, whatever the face does, until released.

        Args:
            held: None changes over.
        """
        self._worker.post(lambda: self._worker.hold_neutral(held))

    def use_person(self, person: str | None) -> None:
        """Use someone's baseline, or nobody's."""
        self._worker.post(lambda: self._worker.choose_person(person))

    def learn_resting(self, person: str | None = None, seconds: float = 5.0) -> None:
        """Watch a resting face for some seconds, keep it as the person's baseline, and use it.

        Args:
            person: None is the one whose baseline is in use, or nobody named.
            seconds: How long the face must be seen.
        """
        self._worker.post(lambda: self._worker.learn_resting(person, seconds))

    def stop_learning(self) -> None:
        """Give the making of a baseline up."""
        self._worker.post(self._worker.stop_learning)

    def record(self, path: Path, *, film: bool = False) -> None:
        """Record into new files from now on.

        Args:
            path: The recording's CSV file.
            film: Whether the pictures themselves are kept beside it.
        """
        self._worker.post(lambda: self._worker.record(path, film=film))

    def stream_lsl(self, name: str | None) -> None:
        """Offer readings and markers as LSL streams of this name; None ends that."""
        self._worker.post(lambda: self._worker.stream_lsl(name))

    def serve_oscquery(self, osc_port: int | None) -> None:
        """Tell programs on this computer of vrfer's addresses; None ends that.

        Args:
            osc_port: Where commands are heard.
        """
        self._worker.post(lambda: self._worker.serve_oscquery(osc_port))

    def stop_recording(self) -> None:
        """End the recording."""
        self._worker.post(self._worker.stop_recording)

    def mark(self, text: str, moment: tuple[int, int] | None = None) -> None:
        """Write a marker into the recording.

        Args:
            text: What is noted.
            moment: By `time.time_ns()` and `time.perf_counter_ns()`; None is that of this call.
        """
        unix_ns, ns = moment or (time.time_ns(), time.perf_counter_ns())
        self._worker.post(lambda: self._worker.mark(unix_ns, ns, text))

    def want_evidence(self, wanted: bool) -> None:
        """Have Grad-CAM maps made, or not: they cost an inference each."""
        self._worker.board.evidence_wanted = wanted

    # What it says, to any thread.

    def status(self) -> Status:
        """Return the newest snapshot."""
        return self._worker.board.status

    def take_readings(self) -> list[tuple[Reading, float]]:
        """Return the readings since the last call, with their latencies in ms."""
        return self._worker.board.take_readings()

    def take_seen(self) -> Seen | None:
        """Return the newest processed frame; None if nothing new was seen since the last call."""
        return self._worker.board.take_seen()

    @property
    def summary(self) -> Summary:
        """What was done since the source was opened; whole once the session is closed."""
        return self._worker.summary

    def close(self) -> None:
        """End: the recording is closed properly, receivers hear that no face is seen."""
        self._worker.post(self._worker.end)
        self._worker.join()
