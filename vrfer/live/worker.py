"""The thread of a session: it owns source, reader, senders and recorder.

Wishes are posted to it and obeyed between two frames; nothing that a wish does holds frames up for
long, but for loading a network.

Long, for it is one state: what every wish changes is what the loop goes by.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

from vrfer.baseline import Baseline
from vrfer.errors import VrferError
from vrfer.frames import Box, Frame, Reading
from vrfer.live.board import Board, Seen
from vrfer.live.keeping import Keeping
from vrfer.live.opening import Opening
from vrfer.live.pace import Pace
from vrfer.live.publishing import Publishing
from vrfer.live.receivers import Receivers
from vrfer.live.repeats import Repeats
from vrfer.live.status import Event, Happening, Phase, Status
from vrfer.live.test_signal import TestSignal
from vrfer.live.wishes import NetworkWish, SourceWish, SteadyWish
from vrfer.outputs.messages import example_reading
from vrfer.outputs.osc import OscSender, Receiver
from vrfer.outputs.rows import NEUTRAL_HELD, NEUTRAL_RELEASED, SOURCE_CHANGED, TIME_STEP_NS
from vrfer.people import NOBODY_NAMED, People
from vrfer.pipeline import (
    Look,
    Outputs,
    Reader,
    Summary,
    describe_run,
    describe_source,
    run,
    take_leave,
    tell_events,
    tell_gone,
)
from vrfer.resting import Resting
from vrfer.rules import Rule, RuleBook
from vrfer.sources import Source
from vrfer.sources.opening import without_credentials
from vrfer.sources.orientation import Orientation

logger = logging.getLogger(__name__)

_EXPLAIN_EVERY_S = 0.12
_STATUS_EVERY_S = 0.1
_FACE_LOST_S = 1.0
"""A face counts as lost after this long, and is told then."""
SETTLED_S = 1.0
"""What is turned by hand is noted once it stays as it is for this long."""
_FAILED_TURN_S = 1.0
_MARKS_TOLD_EVERY_S = 0.1
"""Of markers that follow each other faster only the first is told: nobody could see them all."""
_TRIED_AGAIN = 3
"""So many failures in a row of what should never fail end a source."""


class Worker:
    """One session's state; but for `post`, `join` and the board, for its own thread alone."""

    def __init__(
        self,
        network: NetworkWish,
        steady: SteadyWish,
        people: People,
        on_event: Callable[[Event], None],
    ) -> None:
        """Start the thread; see `vrfer.live.session.Session`."""
        self.board = Board()
        """What other threads may see."""
        self._people = people
        self._on_event = on_event
        self._wishes: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._interrupt = threading.Event()
        self._ending = False
        self._network, self._steady = network, steady
        self._reader: Reader | None = None
        self._person: str | None = None
        """Whose baseline is in use."""
        self._wished_person: str | None = None
        """Whose baseline is to be used, where it fits the network."""
        self._opening: Opening | None = None
        self._wish: SourceWish | None = None
        self._source: Source | None = None
        self._phase = Phase.IDLE
        self.summary = Summary()
        """What was done since the source was opened; changes while it runs."""
        self._pace = Pace()
        self.receivers = Receivers(self.post)
        """Where readings go."""
        self._rules = RuleBook()
        self._outputs = Outputs(self.receivers.senders, rules=self._rules, on_reading=self._take)
        self._publishing = Publishing(self._outputs)
        self._keeping = Keeping(self._outputs, on_event)
        self._test_signal: TestSignal | None = None
        self._resting: Resting | None = None
        self._neutral_held = False
        self._last: Look | None = None
        self._newest: Reading | None = None
        """The last reading, if the next one follows it without a break."""
        self._face_since_s = 0.0
        self._face_told = False
        self._evidence: NDArray[np.float32] | None = None
        self._explained_s = -math.inf
        self._stated_s = -math.inf
        self._marked_s = -math.inf
        self._failures = 0
        self._steady_changed: tuple[int, int] | None = None
        """When readings began to be calmer or quicker, on both clocks; None once that is noted."""
        self._rules_changed: tuple[int, int] | None = None
        self._settled_s = 0.0
        self._repeats = Repeats()
        self._baseline: Baseline | None = None
        self._thread = threading.Thread(target=self._work, name="vrfer-session", daemon=True)
        self._thread.start()

    def post(self, wish: Callable[[], None]) -> None:
        """Have a wish fulfilled between two frames; from any thread."""
        self._wishes.put(wish)

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self) -> None:
        try:
            while not self._ending:
                if not self._guarded(self._turn):
                    time.sleep(_FAILED_TURN_S)  # what fails at once would fail without a pause
        finally:
            for end in (
                self.stop_recording,
                self.close_source,
                self.receivers.close,
                self._publishing.close,
                self._keeping.close,
                self._unload,
            ):
                self._guarded(end)

    def _turn(self) -> None:
        """Do what is to be done once, a source as long as it runs."""
        self._obey(wait_s=None if self._idle else _STATUS_EVERY_S)
        if self._source is not None and not self._ending:
            self._run_source(self._source)

    @property
    def _idle(self) -> bool:
        """Whether nothing needs to be looked at until someone wishes something."""
        outputs = self._outputs
        at_work = (
            self._test_signal is not None
            or self._repeats.pending
            or outputs.recorder is not None
            or outputs.lsl is not None
            or outputs.oscquery is not None
        )
        return self._source is None and not at_work and not self.receivers.awaited

    def _obey(self, wait_s: float | None = 0.0) -> None:
        """Fulfil what was wished for; wait for a wish if none is there."""
        obeyed = False
        try:
            wish = self._wishes.get(block=wait_s != 0.0, timeout=wait_s or None)
            while True:
                self._guarded(wish)
                obeyed = True
                wish = self._wishes.get_nowait()
        except Empty:
            pass
        self.receivers.look_up_again()
        self._go_on_testing()
        self._repeat_gone()
        self._keeping.look_for_losses()
        if time.monotonic() >= self._settled_s:
            self._note_settled()
        self._state(now=obeyed)

    def _guarded(self, deed: Callable[[], None]) -> bool:
        """Do something; return whether it went well, and tell what went wrong."""
        try:
            deed()
        except VrferError as err:
            self._tell(Happening.PROBLEM, str(err))
        except Exception as err:  # what fails must not end the session of a wearer
            logger.exception("something unforeseen went wrong")
            # The snapshot may be what fails, so it isn't renewed before.
            self._on_event(Event(Happening.PROBLEM, f"something went wrong: {err}"))
        else:
            return True
        return False

    def _run_source(self, source: Source) -> None:
        """Process the source until it ends, fails, or a wish interrupts."""
        # Not before: what interrupts one source may open the next in the same breath.
        self._interrupt.clear()
        try:
            self._load()
            run(
                source,
                self,
                self._outputs,
                stop=self._interrupt,
                summary=self.summary,
                between_frames=self._between_frames,
            )
            if source.exhausted and not self._interrupt.is_set():
                self.close_source(Phase.ENDED)
                self._tell(Happening.SOURCE_ENDED, source.name)
            self._failures = 0
        except VrferError as err:
            self._fail(str(err))
        except Exception as err:  # the wearer cannot restart anything: try again with a new reader
            logger.exception("reading %s failed", source.name)
            self._failures += 1
            self._unload()
            if self._failures >= _TRIED_AGAIN:
                self._fail(f"reading {source.name} failed: {err}")

    def read(self, frame: Frame) -> Reading:
        """Process a frame: for `vrfer.pipeline.run`, in the session's thread."""
        assert self._reader is not None
        self._last = self._reader.look(frame)
        return self._last.reading

    def _take(self, reading: Reading, latency_ms: float) -> None:
        """Keep what a window may want of a reading."""
        now_s = time.monotonic()
        self._failures = 0
        self._newest = reading
        self._pace.add(now_s, latency_ms)
        self._follow_face(reading, now_s)
        if self._resting is not None:
            self._resting.add(reading)
        look = self._last
        assert look is not None
        if look.patch is None or not self.board.evidence_wanted:
            self._evidence = None
        elif now_s - self._explained_s >= _EXPLAIN_EVERY_S:
            self._explained_s = now_s
            self._evidence = self._explain(look.patch)
        self.board.show(reading, latency_ms, Seen(look, self._evidence))
        if self._phase is Phase.PAUSED:  # a file was moved to another place meanwhile
            self._tell_gone()

    def _explain(self, patch: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        assert self._reader is not None
        classifier = self._reader.classifier
        return classifier.explain(patch) if classifier.explains_itself else None

    def _follow_face(self, reading: Reading, now_s: float) -> None:
        if reading.face is not None:
            self._face_since_s = now_s
            if not self._face_told:
                self._face_told = True
                self._tell(Happening.FACE_FOUND)
        elif self._face_told and now_s - self._face_since_s > _FACE_LOST_S:
            self._face_told = False
            self._tell(Happening.FACE_LOST)

    def _between_frames(self) -> None:
        source = self._source
        if source is not None:
            self._follow_source(source)
        self._obey()
        self._learn()
        source = self._source
        if source is None:
            return
        while self._phase is Phase.PAUSED and source.live and not self._interrupt.is_set():
            self._obey(wait_s=_STATUS_EVERY_S)

    def _follow_source(self, source: Source) -> None:
        """Notice that the camera is away, or back: before anything is told of it."""
        if source.missing and self._phase is Phase.RUNNING:
            self._phase, self._newest = Phase.AWAY, None
            self._repeats.begin(time.monotonic())
            self._tell(Happening.SOURCE_AWAY, source.name)
        elif not source.missing and self._phase is Phase.AWAY:
            self._phase = Phase.RUNNING
            self._tell(Happening.SOURCE_BACK, source.name)

    def _go_on_testing(self) -> None:
        """Show the test signal's next expression; readings wait until it is over."""
        if self._test_signal is not None and not self._test_signal.step(time.monotonic()):
            self._end_test()

    def _end_test(self) -> None:
        """Let readings and events through again; where none come, no face is seen."""
        if self._test_signal is not None:
            self._test_signal = None
            self._outputs.senders = self.receivers.senders
            if self._phase is not Phase.RUNNING:
                self._say_gone(self._outputs.senders)
                self._repeats.begin(time.monotonic())

    # Wishes, obeyed in the session's thread.

    def set_receivers(self, receivers: Sequence[Receiver]) -> None:
        """Send to these from now on; OSCQuery tells of the first one's profile."""
        if self._last is not None:
            take_leave(self.receivers.leaving(receivers), self._last.reading)
        self.receivers.set(receivers)
        self._publishing.use_profile(receivers[0].profile if receivers else None)

    def stream_lsl(self, name: str | None) -> None:
        """Offer LSL streams, or none."""
        self._load()
        assert self._reader is not None
        self._note_settled()  # for those who listen already
        self._publishing.stream(name, describe_run(self._source, self._reader))

    def serve_oscquery(self, osc_port: int | None) -> None:
        """Tell programs on this computer of vrfer's addresses, or do not."""
        self._publishing.serve(osc_port)

    def refresh_receivers(self) -> None:
        """Send everything anew, with the next frame or, where none comes, at once."""
        self.receivers.send_anew()
        if self._phase is not Phase.RUNNING and self._test_signal is None:
            self._say_gone(self._outputs.senders)

    def _say_gone(self, senders: Sequence[OscSender]) -> None:
        """Tell receivers that no face is seen, and which events last, though no frame comes."""
        seen = example_reading(0, time.perf_counter_ns(), time.time_ns())
        last = seen if self._last is None else self._last.reading
        take_leave(senders, last, active=self._rules.active, known=self._rules.followed)

    def _repeat_gone(self) -> None:
        """Tell other computers again that no face is seen, if it is time."""
        if self._phase is Phase.RUNNING or self._test_signal is not None:
            self._repeats.end()
        elif self._repeats.due(time.monotonic()):
            self._say_gone([one for one in self._outputs.senders if one.loses_packets])

    def test_receivers(self) -> None:
        """Begin to send the test signal in place of readings."""
        self._outputs.senders = []
        self._test_signal = TestSignal(time.monotonic(), self.receivers.show)

    def end(self) -> None:
        """Let the thread end."""
        self._ending = True
        self._interrupt.set()

    def open(self, wish: SourceWish) -> None:
        """Open a source in place of the one that is open."""
        self.close_source(Phase.OPENING)
        self._wish = wish
        self._opening = Opening(wish, lambda opening: self.post(lambda: self._opened(opening)))
        self._state(now=True)
        self._guarded(self._load)  # while the camera opens

    def start(self, wish: SourceWish) -> None:
        """Open a source unless one is open; one that is paused goes on."""
        if self._source is None and self._opening is None:
            self.open(wish)
        else:
            self.pause(False)

    def _opened(self, opening: Opening) -> None:
        if opening is not self._opening:
            opening.give_back()
            return
        self._opening = None
        if opening.source is None:
            self._fail(opening.error)
            return
        wish = self._wish or opening.wish  # turned or limited otherwise while it opened
        opening.source.orientation = wish.camera.orientation
        self._source, self._phase = opening.source, Phase.RUNNING
        recorder = self._outputs.recorder
        if recorder is not None and not recorder.describe(describe_source(opening.source)):
            self._note(f"{SOURCE_CHANGED}{opening.source.name}", names=True)
            self._note(f"picture turned: {json.dumps(asdict(wish.camera.orientation))}")
        self.summary, self._pace = Summary(), Pace()
        self._last, self._face_told = None, False
        if self._reader is not None:
            if self._reader.finder.region != wish.region:
                self._note(f"region changed: {json.dumps(wish.region)}")
            self._reader.finder.region = wish.region
            self._reader.finder.reset()
            self._reader.steady.reset()
        self._tell(Happening.SOURCE_OPENED, opening.source.name)

    def close_source(self, phase: Phase = Phase.IDLE) -> None:
        """Close the source, or give up opening it."""
        self._interrupt.set()
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._source is not None:
            self._tell_gone()
            self._source.close()
            self._source = None
        self._drop_learning("the camera was closed")
        self._last, self._phase, self._failures = None, phase, 0
        self._state(now=True)

    def _tell_gone(self) -> None:
        if self._last is not None:
            self._newest = None
            self._end_test()
            tell_gone(self._outputs, self._last.reading)
            self._repeats.begin(time.monotonic())

    def _fail(self, text: str) -> None:
        self.close_source(Phase.FAILED)
        self._tell(Happening.SOURCE_FAILED, text)

    def pause(self, paused: bool | None) -> None:
        """Let the source stand still, or go on; None changes over."""
        source, is_paused = self._source, self._phase is Phase.PAUSED
        paused = not is_paused if paused is None else paused
        if source is None or paused == is_paused:
            return
        if paused:
            source.pause()
            self._phase = Phase.PAUSED
            self._tell_gone()
        else:
            source.resume()
            self._phase = Phase.RUNNING

    def seek(self, position_s: float) -> None:
        """Go on at another position of a file."""
        if self._source is not None:
            self._source.seek(position_s)

    def turn(self, orientation: Orientation) -> None:
        """Turn and mirror the pictures otherwise; those of a source that opens, too."""
        if self._wish is not None:
            mirrored, rotation_deg = orientation.mirrored, orientation.rotation_deg
            camera = replace(self._wish.camera, mirrored=mirrored, rotation_deg=rotation_deg)
            self._wish = replace(self._wish, camera=camera)
        if self._source is not None and self._source.orientation != orientation:
            self._source.orientation = orientation
            self._note(f"picture turned: {json.dumps(asdict(orientation))}")

    def look_only_in(self, region: Box | None) -> None:
        """Look for faces in a part of the picture only: that may be another person's."""
        if self._wish is not None:
            self._wish = replace(self._wish, region=region)
        if self._reader is not None and self._reader.finder.region != region:
            self._reader.finder.region = region
            self._reader.finder.reset()
            self._reader.steady.reset()
            self._note(f"region changed: {json.dumps(region)}")
            self._rules.start_over()
            if self._resting is not None:
                self._resting.start_over()

    def _load(self) -> None:
        """Load network and finder, if they are not; the built-in network for one that is broken."""
        if self._reader is not None:
            return
        try:
            self._load_network()
        except VrferError as err:
            if self._network.model is None:
                raise
            self._tell(Happening.PROBLEM, f"{err} The built-in network is used.")
            self._network = replace(self._network, model=None)
            self._load_network()

    def _load_network(self) -> None:
        network = self._network
        region = None if self._wish is None else self._wish.region
        self._reader = Reader(network.model, device=network.device, region=region)
        self.set_steady(self._steady)
        self._reader.steady.neutral_held = self._neutral_held
        person = self._wished_person
        if person is not None:
            self._guarded(lambda: self.use_person(person))
        self._state(now=True)

    def _unload(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            try:
                reader.close()
            except Exception:  # what failed once may fail again; it is not used any more
                logger.exception("a network could not be released")

    def set_network(self, network: NetworkWish) -> None:
        """Read with another network; one that cannot be used changes nothing."""
        before, self._network = self._network, network
        self._drop_learning("another network was chosen")
        self._unload()
        try:
            self._load_network()
        except VrferError as err:
            self._network = before
            self._load()
            self._tell(Happening.NETWORK_FAILED, str(err))
        else:
            assert self._reader is not None
            loaded = self._reader.classifier
            self._note(f"network {loaded.contract.name}, SHA-256 {loaded.sha256}", names=True)
            self._note_in_stream(f"network of SHA-256 {loaded.sha256}")

    def set_steady(self, steady: SteadyWish) -> None:
        """Be calmer or quicker."""
        if steady != self._steady:
            self._steady_changed = self._steady_changed or (time.time_ns(), time.perf_counter_ns())
            self._settled_s = time.monotonic() + SETTLED_S
        self._steady = steady
        if self._reader is not None:
            self._reader.steady.settings = steady.settings(self._reader.own_steady)

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Follow other rules; events of those that are gone end."""
        if tuple(rules) != self._rules.rules:
            self._rules_changed = self._rules_changed or (time.time_ns(), time.perf_counter_ns())
            self._settled_s = time.monotonic() + SETTLED_S
        fired = self._rules.replace(rules)
        if self._last is not None:
            tell_events(self._outputs, fired, self._last.reading)
        self._publishing.tell_rules()

    def hold_neutral(self, held: bool | None) -> None:
        """Say neutral, or what the face shows; None changes over."""
        held = not self._neutral_held if held is None else held
        if held == self._neutral_held:
            return
        self._neutral_held = held
        if self._reader is not None:
            self._reader.steady.neutral_held = held
        self._note(NEUTRAL_HELD if held else NEUTRAL_RELEASED, self._since_last_reading())
        self._tell(Happening.NEUTRAL_HELD if held else Happening.NEUTRAL_RELEASED)

    def _since_last_reading(self) -> tuple[int, int] | None:
        """Return the moment from which on readings are new, on both clocks; None is now.

        Frames wait until they are read: the next one may have been captured before now.
        """
        last = self._newest
        if last is None:
            return None
        return last.captured_unix_ns + TIME_STEP_NS, last.captured_ns + TIME_STEP_NS

    def use_person(self, person: str | None) -> None:
        """Use someone's baseline, or nobody's."""
        before = self._baseline
        self._person, self._wished_person, self._baseline = None, person, None
        try:
            if self._reader is not None:
                self._reader.use_baseline(None)  # not the last person's, whatever fails now
            baseline = None if person is None else self._people.load(person)
            if self._reader is not None:
                self._reader.use_baseline(baseline)
            self._person, self._baseline = person, baseline
        finally:
            if self._baseline != before:
                self._note(f"baseline of {self._person or 'nobody'}", names=True)

    def choose_person(self, person: str | None) -> None:
        """Use someone's baseline, or nobody's; another one's is not made any more."""
        if self._resting is not None and person != self._resting.person:
            self._drop_learning("another person was chosen")
        self.use_person(person)

    def learn_resting(self, person: str | None, seconds: float) -> None:
        """Begin to watch a resting face."""
        person = person or self._wished_person or NOBODY_NAMED
        try:
            self._people.check_name(person)
        except VrferError as err:
            self._tell(Happening.BASELINE_FAILED, str(err))
            return
        if self._reader is None or self._source is None:
            self._tell(Happening.BASELINE_FAILED, "no camera is open yet")
            return
        try:
            self._resting = Resting(person, seconds, self._reader.classifier.contract)
        except VrferError as err:
            self._tell(Happening.BASELINE_FAILED, str(err))

    def _learn(self) -> None:
        """Keep the baseline once the resting face was seen long enough."""
        resting = self._resting
        if resting is None or not resting.over:
            return
        self._resting = None
        baseline = resting.baseline()
        if baseline is None:
            self._tell(
                Happening.BASELINE_FAILED, f"the face was seen for {resting.seconds:.1f} s only"
            )
            return

        try:
            self._people.save(resting.person, baseline)
        except VrferError as err:
            self._tell(Happening.BASELINE_FAILED, str(err))
            return
        self._guarded(lambda: self.use_person(resting.person))
        self._tell(Happening.BASELINE_MADE, resting.person)

    def _drop_learning(self, reason: str) -> None:
        if self._resting is not None:
            self._resting = None
            self._tell(Happening.BASELINE_FAILED, reason)

    def stop_learning(self) -> None:
        """Give the making of a baseline up."""
        self._resting = None

    def record(self, path: Path, *, film: bool) -> None:
        """Record into new files, with pictures or without; what is asked for twice goes on."""
        recorder = self._outputs.recorder
        if recorder is not None and recorder.path == path:
            return
        self.stop_recording()
        try:
            self._load()
            assert self._reader is not None
            about = describe_run(
                self._source, self._reader, person=self._person, rules=self._rules.rules
            )
            self._keeping.begin(path, about, film=film)
            self._steady_changed = self._rules_changed = None  # which it says itself
        except (VrferError, OSError) as err:
            self._tell(Happening.RECORDING_FAILED, str(err))
            return
        self._note_lasting_events()
        self._tell(Happening.RECORDING_STARTED, str(path))

    def stop_recording(self) -> None:
        """End the recording, if there is one."""
        self._note_settled()
        self._note_lasting_events()
        self._keeping.end()
        self._state(now=True)

    def mark(self, unix_ns: int, ns: int, text: str) -> None:
        """Set a marker wherever markers go."""
        self._outputs.mark(unix_ns, ns, text)
        now_s = time.monotonic()
        if now_s - self._marked_s < _MARKS_TOLD_EVERY_S:
            return
        self._marked_s = now_s
        streamed = self._outputs.recorder is None and self._outputs.lsl is not None
        if self._keeping.keeps or streamed:
            self._tell(Happening.MARKED, text)
        else:
            self._tell(Happening.NOT_MARKED)

    def _note_lasting_events(self) -> None:
        """Mark where a recording begins or ends amid events, which have no other mark there."""
        recorder = self._outputs.recorder
        if recorder is not None:
            for name in self._rules.active:
                recorder.mark(time.time_ns(), time.perf_counter_ns(), f"event {name} lasts")

    def _note_settled(self) -> None:
        moment, self._steady_changed = self._steady_changed, None
        if moment is not None and self._reader is not None:
            now = asdict(self._reader.steady.settings)
            self._note(f"reading settings changed: {json.dumps(now)}", moment)
        moment, self._rules_changed = self._rules_changed, None
        if moment is not None:
            told = json.dumps([rule.model_dump() for rule in self._rules.rules])
            self._note(f"rules changed: {told}", moment, names=True)

    def _note(
        self, text: str, moment: tuple[int, int] | None = None, *, names: bool = False
    ) -> None:
        """Set a marker of what changes the numbers.

        Args:
            text: What it is.
            moment: From when on, as `mark` takes it; None is from now on.
            names: Whether it names people or files, which no stream tells.
        """
        moment = moment or (time.time_ns(), time.perf_counter_ns())
        if not names:
            self._outputs.mark(*moment, text)
        elif self._outputs.recorder is not None:
            self._outputs.recorder.mark(*moment, text)

    def _note_in_stream(self, text: str) -> None:
        """Set a marker in the LSL stream alone, where names may not be told."""
        if self._outputs.lsl is not None:
            self._outputs.lsl.mark(time.time_ns(), time.perf_counter_ns(), text)

    # Telling.

    def _tell(self, happening: Happening, text: str = "") -> None:
        self._state(now=True)
        self._on_event(Event(happening, text))

    def _state(self, *, now: bool = False) -> None:
        """Renew the snapshot, ten times a second or at once."""
        moment_s = time.monotonic()
        if not now and moment_s - self._stated_s < _STATUS_EVERY_S:
            return
        self._stated_s = moment_s
        self.board.status = self._snapshot(moment_s)

    def _snapshot(self, now_s: float) -> Status:
        source, reader, summary = self._source, self._reader, self.summary
        contract = None if reader is None else reader.classifier.contract
        last = self._last if self._phase is Phase.RUNNING else None
        face = None if last is None else last.reading.face
        wished = without_credentials(self._wish.spec) if self._wish else ""
        return Status(
            phase=self._phase,
            source=source.name if source else wished,
            mode=source.current_mode if source else None,
            network=f"{contract.name}, {reader.classifier.note}" if reader and contract else "",
            reads_with=self._network,
            frames=summary.frames,
            with_face=summary.with_face,
            skipped=source.skipped if source else summary.skipped,
            corrupt=source.corrupt if source else summary.corrupt,
            fps=self._pace.fps(now_s),
            latency_p50_ms=self._pace.latency_ms(0.5),
            latency_p95_ms=self._pace.latency_ms(0.95),
            live=source.live if source else True,
            position_s=source.position_s if source else None,
            duration_s=source.duration_s if source else None,
            face=face is not None,
            headset=0.0 if face is None else face.headset,
            receivers=self.receivers.status(),
            recording=self._keeping.status(now_s),
            lsl=self._publishing.lsl_status(),
            oscquery=self._publishing.oscquery_status(),
            neutral_held=self._neutral_held,
            person=self._person,
            active_rules=self._rules.active,
            resting_s=None if self._resting is None else self._resting.seconds,
            unsure_below=0.0 if reader is None else reader.steady.settings.unsure_below,
        )
