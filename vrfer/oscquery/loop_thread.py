"""An asyncio loop in a thread of its own, which ends when it is told to."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine


class LoopThread:
    """Runs one coroutine until it is closed."""

    def __init__(
        self, name: str, work: Callable[[asyncio.Event], Coroutine[object, object, None]]
    ) -> None:
        """Start the thread.

        Args:
            name: Of the thread.
            work: Runs in it; must end soon after the event is set.
        """
        # The same kind everywhere; Windows' own kind cannot watch a listening socket.
        self._loop = asyncio.SelectorEventLoop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Set the event and wait for the end; more calls do nothing."""
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, work: Callable[[asyncio.Event], Coroutine[object, object, None]]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(work(self._stop))


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks and wait until they have cleaned up.

    Raises:
        Exception: What a task had failed with: that is a bug.
    """
    for task in tasks:
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended
