"""The receivers of a running session: added, removed and looked up without holding frames up."""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrfer.errors import OutputError
from vrfer.live.status import ReceiverStatus
from vrfer.outputs.osc import OscSender, Receiver

logger = logging.getLogger(__name__)

RETRY_S = 10.0
"""A host that was not known is looked up again after this long."""
RENEW_S = 60.0
"""So often a name is looked up anyway: a headset that slept may have another address."""


@dataclass(slots=True, eq=False)
class _Line:
    """One receiver and what is known of it."""

    receiver: Receiver
    before: tuple[int, int] = (0, 0)
    """Counts of the line in whose place this one came."""
    sender: OscSender | None = None
    error: str = ""
    tried_s: float = 0.0
    looking: bool = True
    opened: OscSender | None = None
    """What a look-up has opened and the session's thread has not taken yet; guarded by the lock."""
    dropped: bool = False
    """Whether nothing is sent there any more; guarded by the lock."""

    @property
    def counts(self) -> tuple[int, int]:
        """Packets that were sent, and that the network did not take."""
        return self.before if self.sender is None else (self.sender.sent, self.sender.failed)


class Receivers:
    """Holds one sender a receiver; used by the session's thread alone, but for look-ups."""

    def __init__(self, post: Callable[[Callable[[], None]], None]) -> None:
        """Begin without any.

        Args:
            post: Runs something in the session's thread, soon; called from other threads.
        """
        self._post = post
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self.senders: list[OscSender] = []
        """Those that are ready."""

    def set(self, receivers: Sequence[Receiver]) -> None:
        """Send to these from now on; what is sent to already goes on."""
        kept = {line.receiver: line for line in self._lines}
        counts = {
            (line.receiver.host, line.receiver.port): line.counts
            for line in self._lines
            if line.receiver not in receivers
        }
        fresh = [
            _Line(receiver, counts.pop((receiver.host, receiver.port), (0, 0)))
            for receiver in receivers
            if receiver not in kept
        ]
        known = kept | {line.receiver: line for line in fresh}
        self._lines = [known[receiver] for receiver in receivers]
        for receiver, line in kept.items():
            if receiver not in receivers:
                self._drop(line)
        for line in fresh:
            self._look_up(line)
        self._gather()

    def leaving(self, receivers: Sequence[Receiver]) -> list[OscSender]:
        """Return the senders of those that `set` would drop."""
        return [
            line.sender
            for line in self._lines
            if line.sender is not None and line.receiver not in receivers
        ]

    def show(self, label_id: int) -> None:
        """Send one expression at 1 to all."""
        for sender in self.senders:
            sender.show(label_id)

    def send_anew(self) -> None:
        """Let the next bundle of each hold everything."""
        for sender in self.senders:
            sender.refresh()

    def look_up_again(self) -> None:
        """Look hosts up again that were not known, and now and then those that are names."""
        now_s = time.monotonic()
        for line in self._lines:
            again_s = RETRY_S if line.sender is None else RENEW_S
            fixed = line.sender is not None and _is_address(line.receiver.host)
            if not (line.looking or fixed) and now_s - line.tried_s > again_s:
                self._look_up(line)

    @property
    def awaited(self) -> bool:
        """Whether some are not ready yet."""
        return any(line.sender is None for line in self._lines)

    def status(self) -> tuple[ReceiverStatus, ...]:
        """Return how each does, in their order."""
        return tuple(
            ReceiverStatus(
                line.receiver,
                ready=line.sender is not None,
                sent=line.counts[0],
                failed=line.counts[1],
                error=line.sender.error if line.sender else line.error,
            )
            for line in self._lines
        )

    def close(self) -> None:
        """Close all."""
        self.set([])

    def _look_up(self, line: _Line) -> None:
        """Open a sender in a thread: a name's look-up may take seconds."""
        line.looking, line.tried_s = True, time.monotonic()

        def work() -> None:
            try:
                sender: OscSender | None = OscSender(line.receiver)
                error = ""
            except OutputError as err:
                sender, error = None, str(err)
            except Exception as err:  # or it would be looked up for ever
                logger.exception("looking up %s failed", line.receiver)
                sender, error = None, f"something went wrong: {err}"
            with self._lock:
                line.opened = sender
                dropped = line.dropped
            # The session may be over, and nobody left who would close it.
            if not dropped:
                self._post(lambda: self._looked_up(line, error))
            elif sender is not None:
                sender.close()

        threading.Thread(target=work, name="looking up a receiver", daemon=True).start()

    def _looked_up(self, line: _Line, error: str) -> None:
        line.looking = False
        with self._lock:
            if line.dropped:
                return
            opened, line.opened = line.opened, None
            if opened is None:
                pass  # it was not found: what was there goes on
            elif line.sender is None:
                opened.sent, opened.failed = line.before
                line.sender = opened
            else:
                line.sender = _moved(line.sender, opened)
        if error and error != line.error:
            logger.warning("%s", error)
        line.error = error
        self._gather()

    def _drop(self, line: _Line) -> None:
        with self._lock:
            line.dropped = True
            for sender in (line.sender, line.opened):
                if sender is not None:
                    sender.close()

    def _gather(self) -> None:
        self.senders[:] = [line.sender for line in self._lines if line.sender is not None]


def _moved(before: OscSender, now: OscSender) -> OscSender:
    """Return the one of two senders to a receiver that goes on; the other is closed."""
    # The addresses of a computer with several come in changing order: as long as ours is among
    # them, it has not moved.
    if before.address in now.addresses:
        now.close()
        return before
    logger.info("%s is at %s now", now.receiver, now.address)
    before.close()
    now.sent, now.failed = before.sent, before.failed
    return now


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
