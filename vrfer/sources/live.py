"""Live sources: a thread that keeps only the newest frame, and reopens its device for ever.

What kind of device it is, and how it is opened, is the business of the modules that make devices.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vrfer.errors import SourceError
from vrfer.frames import Frame
from vrfer.sources.base import Source

logger = logging.getLogger(__name__)

CANCEL_POLL_S = 0.02
"""How often a wait looks whether it was cancelled."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a live source waits for what."""

    silence_s: float = 4.0
    """A device that delivers no picture for this long counts as broken."""
    first_pause_s: float = 0.25
    """Pause before the first attempt to reopen; it doubles with every further one ..."""
    longest_pause_s: float = 5.0
    """... up to this."""
    opening_s: float = 90.0
    """How long the very first opening may take (Windows: up to a minute)."""
    closing_s: float = 2.0
    """How long `close` waits for a device that is blocked before abandoning its thread."""


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """What a device delivered."""

    image: NDArray[np.uint8] | None
    """Height x width x 3, BGR; None when this frame could not be decoded."""
    captured_ns: int
    """`time.perf_counter_ns()` at capture."""
    captured_unix_ns: int
    """The same moment in nanoseconds since the Unix epoch."""
    stale: int = 0
    """Older frames that were already waiting and were passed over undecoded."""


class Device(ABC):
    """An open camera or stream; used by the thread of its `LiveSource` alone, except `abort`."""

    mode: str | None = None
    """What it delivers, as "640x480 @ 30 MJPEG"; None where it does not tell."""

    @abstractmethod
    def read(self) -> Capture:
        """Wait for the next frame.

        Raises:
            SourceError: The device is gone, or has been silent for too long.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the device back."""

    @abstractmethod
    def abort(self) -> None:
        """Make a blocked `read` return soon, if possible. Called from another thread."""


Opener = Callable[[threading.Event], Device]
"""Opens the device or raises SourceError; long waits end when the event is set."""


class LiveSource(Source):
    """A device behind one slot, in which the newest frame replaces the one nobody has taken."""

    live = True

    def __init__(
        self,
        name: str,
        opener: Opener,
        patience: Patience | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        """Open the device and wait for its first frame.

        Args:
            name: For people.
            opener: Opens the device, in this source's own thread, as often as it goes away.
            patience: How long to wait for what.
            cancel: Ends the waiting when another thread sets it. The device is given back as soon
                as it lets itself be; nobody waits for that.

        Raises:
            SourceError: It cannot be opened, opens without delivering anything, or was cancelled.
        """
        self.name = name
        self._opener = opener
        self._patience = patience or Patience()
        self._stop = threading.Event()
        self._changed = threading.Condition()
        # Everything below is guarded by the condition.
        self._slot: Frame | None = None
        self._device: Device | None = None
        self._started = False
        self._failure: BaseException | None = None
        self._lost_ns: int | None = None
        self._paused = False
        self._last_ns = time.perf_counter_ns()
        self._captured = 0
        self._skipped = 0
        self._corrupt = 0
        self._thread = threading.Thread(target=self._run, name=f"vrfer {name}", daemon=True)
        check_cancelled(name, cancel)
        self._thread.start()
        try:
            self._wait_for_start(cancel)
        except BaseException:
            if cancel is not None and cancel.is_set():
                self._ask_to_stop()
            else:
                self.close()
            raise

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame that nobody has taken yet; see `Source.read`."""
        with self._changed:
            self._changed.wait_for(self._something_to_tell, timeout_s)
            frame, self._slot = self._slot, None
            if frame is None and self._failure is not None and not self._stop.is_set():
                raise RuntimeError(f"the thread of {self.name} died") from self._failure
        if frame is None:
            self._notice_silence()
            return None
        return replace(frame, image=self.orientation.apply(frame.image))

    @property
    def current_mode(self) -> str | None:
        """What it delivers; None while it is away, and where it does not tell."""
        with self._changed:
            return None if self._device is None else self._device.mode

    @property
    def exhausted(self) -> bool:
        """Whether it was closed; before that it may always come back."""
        return self._stop.is_set()

    @property
    def skipped(self) -> int:
        """Frames that were replaced by newer ones before anyone took them."""
        with self._changed:
            return self._skipped

    @property
    def missing(self) -> bool:
        """Whether it is away and being reopened."""
        self._notice_silence()
        with self._changed:
            return self._lost_ns is not None

    @property
    def corrupt(self) -> int:
        """How many frames could not be decoded."""
        with self._changed:
            return self._corrupt

    @property
    def paused(self) -> bool:
        """Whether nobody wants its frames, so that none of them counts as skipped."""
        with self._changed:
            return self._paused

    def pause(self) -> None:
        """Count no frame as skipped from now on."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Go on with the next frame."""
        with self._changed:
            self._paused, self._slot = False, None

    def close(self) -> None:
        """Stop the thread; one that OpenCV holds up is abandoned after two seconds."""
        first_time = self._ask_to_stop()
        if self._thread is threading.current_thread():
            return
        self._thread.join(self._patience.closing_s if first_time else 0.0)
        if first_time and self._thread.is_alive():
            logger.warning("%s does not answer; its thread is left behind", self.name)

    def _ask_to_stop(self) -> bool:
        """Tell the thread to give the device back; return whether it is told for the first time."""
        with self._changed:
            first_time = not self._stop.is_set()
            self._stop.set()
            self._slot = None
            if self._device is not None:
                self._device.abort()
            self._changed.notify_all()
        return first_time

    def _something_to_tell(self) -> bool:
        return self._slot is not None or self._stop.is_set() or self._failure is not None

    def _wait_for_start(self, cancel: threading.Event | None) -> None:
        give_up_s = time.monotonic() + self._patience.opening_s
        with self._changed:
            while not self._started and self._failure is None:
                check_cancelled(self.name, cancel)
                left_s = give_up_s - time.monotonic()
                if left_s <= 0:
                    raise SourceError(
                        f"{self.name} did not open within {self._patience.opening_s:.0f} s",
                        "Unplug it and plug it in again, or close other programs that use it.",
                    )
                # In one piece it could not be interrupted on Windows (cpython#125541).
                self._changed.wait(min(left_s, CANCEL_POLL_S))
            if self._failure is not None:
                raise self._failure

    def _run(self) -> None:
        """Open, pump, and open again, until stopped."""
        pause_s = self._patience.first_pause_s
        try:
            while not self._stop.is_set():
                opened_ns = time.perf_counter_ns()
                try:
                    self._pump()
                except SourceError as err:
                    if not self._started:
                        raise
                    self._lose(err.message)
                if time.perf_counter_ns() - opened_ns > self._patience.longest_pause_s * 1e9:
                    pause_s = self._patience.first_pause_s
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, self._patience.longest_pause_s)
        except BaseException as err:
            with self._changed:
                self._failure = err
                self._changed.notify_all()
            if not isinstance(err, SourceError):
                raise

    def _pump(self) -> None:
        """Deliver frames from the device until it breaks or the source is closed."""
        device = self._opener(self._stop)
        try:
            with self._changed:
                self._device = device
            decoded_s = time.monotonic()
            while not self._stop.is_set():
                capture = device.read()
                self._publish(capture)
                if capture.image is not None:
                    decoded_s = time.monotonic()
                elif time.monotonic() - decoded_s > self._patience.silence_s:
                    raise SourceError(
                        f"{self.name} delivers nothing but pictures that cannot be decoded",
                        "Check that it is a camera, and that its connection is good.",
                    )
        finally:
            with self._changed:
                self._device = None
            device.close()

    def _publish(self, capture: Capture) -> None:
        with self._changed:
            if self._stop.is_set():
                return
            self._captured += capture.stale
            if not self._paused:
                self._skipped += capture.stale
            if capture.image is None:
                self._corrupt += 1
                return
            self._last_ns = time.perf_counter_ns()
            if self._slot is not None and not self._paused:
                self._skipped += 1
            self._slot = Frame(
                image=capture.image,
                index=self._captured,
                captured_ns=capture.captured_ns,
                captured_unix_ns=capture.captured_unix_ns,
            )
            self._captured += 1
            self._started = True
            lost_ns, self._lost_ns = self._lost_ns, None
            self._changed.notify_all()
        if lost_ns is not None:
            away_s = (capture.captured_ns - lost_ns) / 1e9
            logger.info("%s is back after %.1f s", self.name, away_s)

    def _lose(self, reason: str) -> None:
        """Note that the device is away; tell it once."""
        with self._changed:
            if self._lost_ns is not None or self._stop.is_set():
                return
            self._lost_ns = time.perf_counter_ns()
        logger.warning("%s; it will be reopened until it is back", reason)

    def _notice_silence(self) -> None:
        """Count a device as away even while OpenCV blocks in it, unable to report."""
        with self._changed:
            silent_s = (time.perf_counter_ns() - self._last_ns) / 1e9
        if silent_s > self._patience.silence_s:
            self._lose(f"{self.name} has delivered nothing for {self._patience.silence_s:g} s")


def check_cancelled(name: str, cancel: threading.Event | None) -> None:
    """Do nothing unless opening was cancelled.

    Raises:
        SourceError: It was.
    """
    if cancel is not None and cancel.is_set():
        raise SourceError(f"opening {name} was cancelled", "Open it again, or something else.")
