"""Finds the programs of this computer that hear OSC, by mDNS and at addresses that are named."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

import zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo

from vrfer.errors import OutputError
from vrfer.oscquery.loop_thread import LoopThread, end
from vrfer.oscquery.multicast import (
    LOOPBACK,
    MDNS_ERRORS,
    OSC_QUERY,
    is_own,
    local_mdns,
    own_addresses,
    usable_addresses,
)
from vrfer.oscquery.programs import Program, ask

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 3.0
"""How often the programs are asked whether they are still there: a killed one says no goodbye."""

_MOST_SERVICES: Final = 64
_ASKERS: Final = 4
_TRY_EVERY_S: Final = 15.0
_RESOLVE_MS: Final = 2000


def find_programs(seconds: float = 3.0, *, known: Sequence[str] = ()) -> list[Program]:
    """Return the programs of this computer that hear OSC.

    Args:
        seconds: How long to look. Where mDNS does not work, it ends once `known` were asked.
        known: `127.0.0.1:PORT` of OSCQuery servers that are asked even without mDNS.

    Raises:
        OutputError: One of `known` is no address of this computer.
    """
    with Browser(lambda programs: None, known=known) as browser:
        browser.wait(seconds)
        return list(browser.programs)


class Browser:
    """Looks for programs in a thread of its own until it is closed; a context manager."""

    def __init__(
        self, on_found: Callable[[tuple[Program, ...]], None], *, known: Sequence[str] = ()
    ) -> None:
        """Begin to look.

        Args:
            on_found: Called in the thread with all programs, by name, whenever one comes, goes or
                changes; must be quick and not raise.
            known: As for `find_programs`.

        Raises:
            OutputError: One of `known` is no address of this computer.
        """
        self._on_found = on_found
        self._known = tuple(map(_parse, known))
        self.programs: tuple[Program, ...] = ()
        """All programs that are there, by name."""
        self.error = ""
        """Why mDNS does not work; empty while it does, or may."""
        self._services: dict[str, tuple[str, int]] = {}
        self._changed = asyncio.Event()
        self._looked = False
        self._nothing_more = threading.Event()
        self._thread = LoopThread("vrfer-osc-browser", self._work)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking."""
        self.close()

    def close(self) -> None:
        """Stop looking; more calls do nothing. Takes a second or two where a program hangs."""
        self._thread.close()

    def wait(self, seconds: float) -> None:
        """Wait, but not for mDNS where it does not work."""
        self._nothing_more.wait(seconds)

    async def _work(self, stop: asyncio.Event) -> None:
        with ThreadPoolExecutor(_ASKERS, "vrfer-osc-asker") as askers:
            tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._look(askers))]
            await stop.wait()
            await end(*tasks)
            askers.shutdown(cancel_futures=True)

    async def _watch(self) -> None:
        """Keep the list of announced services, by mDNS."""
        while True:
            try:
                before = own_addresses()
                usable = await usable_addresses()
                if not usable:
                    self._fail("no network interface passes multicast on")
                    await asyncio.sleep(_TRY_EVERY_S)
                    continue
                async with local_mdns(usable) as mdns, asyncio.TaskGroup() as resolving:
                    browser = AsyncServiceBrowser(
                        mdns.zeroconf,
                        OSC_QUERY,
                        handlers=[_Listener(self._services, self._changed, resolving)],
                        # An answer to one asker would reach only one of the programs that share
                        # mDNS's port.
                        question_type=zeroconf.DNSQuestionType.QM,
                    )
                    self.error = ""
                    while own_addresses() == before:
                        await asyncio.sleep(LOOK_EVERY_S)
                    await browser.async_cancel()
            except* MDNS_ERRORS as group:
                first = group.exceptions[0]
                self._fail(str(first) or type(first).__name__)
                await asyncio.sleep(_TRY_EVERY_S)

    def _fail(self, why: str) -> None:
        if not self.error:
            logger.warning("programs that hear OSC cannot be found by themselves (mDNS: %s)", why)
        self.error = why
        self._say_when_done()

    async def _look(self, askers: ThreadPoolExecutor) -> None:
        """Ask every program again and again what it is."""
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            places = dict.fromkeys(self._known, "")
            for name, place in self._services.items():
                places[place] = name
            answers = await asyncio.gather(
                *(
                    loop.run_in_executor(askers, ask, host, port, name)
                    for (host, port), name in places.items()
                )
            )
            self._tell([program for program in answers if program is not None])
            self._looked = True
            self._say_when_done()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _tell(self, answers: Sequence[Program]) -> None:
        at_ports = {(one.host, one.osc_port): one for one in sorted(answers, reverse=True)}
        programs = tuple(sorted(at_ports.values()))
        if programs != self.programs:
            self.programs = programs
            self._on_found(programs)

    def _say_when_done(self) -> None:
        if self.error and self._looked:
            self._nothing_more.set()


class _Listener:
    """What mDNS calls when services come and go, in the loop."""

    def __init__(
        self,
        services: dict[str, tuple[str, int]],
        changed: asyncio.Event,
        resolving: asyncio.TaskGroup,
    ) -> None:
        self._services = services
        self._changed = changed
        self._resolving = resolving

    def __call__(
        self,
        zeroconf: zeroconf.Zeroconf,
        service_type: str,
        name: str,
        state_change: zeroconf.ServiceStateChange,
    ) -> None:
        if state_change.name == "Removed":
            self._services.pop(name, None)
            self._changed.set()
        elif name in self._services or len(self._services) < _MOST_SERVICES:
            self._resolving.create_task(self._resolve(zeroconf, service_type, name))

    async def _resolve(self, mdns: zeroconf.Zeroconf, service_type: str, name: str) -> None:
        try:
            info = AsyncServiceInfo(service_type, name)
        except zeroconf.BadTypeInNameException:  # whatever others call themselves
            return
        if not await info.async_request(mdns, _RESOLVE_MS, zeroconf.DNSQuestionType.QM):
            return
        addresses = info.parsed_addresses(zeroconf.IPVersion.V4Only)
        here = sorted(filter(is_own, addresses), key=lambda address: address != LOOPBACK)
        if here and info.port:
            self._services[name] = (here[0], info.port)
            self._changed.set()


def _parse(text: str) -> tuple[str, int]:
    host, colon, port_text = text.strip().rpartition(":")
    host = LOOPBACK if host == "localhost" else host
    port = int(port_text) if port_text.isascii() and port_text.isdigit() else 0
    if not colon or not is_own(host) or not 1 <= port <= 65535:
        raise OutputError(
            f"{text!r} is no address of this computer",
            f"Write {LOOPBACK}:PORT with the port where the program serves OSCQuery.",
        )
    return host, port
