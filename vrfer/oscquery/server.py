"""Serves what vrfer sends and hears as OSCQuery (github.com/Vidvox/OSCQueryProposal).

HTTP and mDNS run in one thread. A reading costs the pipeline an assignment; values are worked out
when somebody asks. No request can do more than read.
"""

import asyncio
import ipaddress
import logging
import secrets
import socket
from collections.abc import Collection, Sequence
from typing import Final, Self

from vrfer.errors import OutputError
from vrfer.frames import Reading
from vrfer.oscquery.announce import announce as announce_service
from vrfer.oscquery.heard import HEARD, HeardNode
from vrfer.oscquery.http_answer import answer
from vrfer.oscquery.http_serving import MOST_CLIENTS, serve
from vrfer.oscquery.loop_thread import LoopThread, end
from vrfer.oscquery.multicast import LOOPBACK
from vrfer.oscquery.tree import Json, build_tree
from vrfer.outputs.messages import messages_of
from vrfer.outputs.profiles import Profile, Value
from vrfer.rules import Rule

logger = logging.getLogger(__name__)

VRFER: Final = "VRFER"
"""The extension by which one vrfer knows another."""

_EXTENSIONS: Final = {
    "ACCESS": True, "VALUE": True, "RANGE": True, "DESCRIPTION": True, VRFER: True,
    "LISTEN": False, "PATH_CHANGED": False, "CLIPMODE": False, "UNIT": False, "TAGS": False,
}  # fmt: skip


class OscQueryServer:
    """Serves a profile's addresses and their values to this computer; a context manager."""

    def __init__(
        self,
        profile: Profile,
        *,
        osc_port: int,
        name: str = "vrfer",
        port: int = 0,
        host: str = LOOPBACK,
        announce: bool = True,
        heard: Sequence[HeardNode] = HEARD,
    ) -> None:
        """Open the port, serve and announce.

        Args:
            profile: Whose addresses are served.
            osc_port: Where vrfer hears OSC.
            name: What programs show; with six characters behind it, it is the service's name.
            port: For HTTP; 0 takes any free one, see `port`.
            host: A loopback address: nothing is served to other computers.
            announce: Whether programs are told by mDNS.
            heard: The addresses that vrfer hears.

        Raises:
            OutputError: The port is taken, or the host is no loopback address.
        """
        self.name = f"{name}-{secrets.token_hex(3).upper()}"
        """The service's name."""
        self._heard = tuple(heard)
        self._rules: tuple[Rule, ...] = ()
        self._active: frozenset[str] = frozenset()
        self._reading: Reading | None = None
        self._error = ""
        self._host_info: Json = {
            "NAME": self.name,
            "EXTENSIONS": _EXTENSIONS,
            "OSC_IP": LOOPBACK,
            "OSC_PORT": osc_port,
            "OSC_TRANSPORT": "UDP",
        }
        self._osc = (LOOPBACK, osc_port)
        self._announced = announce
        self.set_profile(profile)
        self._listening = _listen(host, port)
        self.host = host
        """The loopback address that HTTP is served on."""
        self.port: int = self._listening.getsockname()[1]
        """Where HTTP is served."""
        self._thread = LoopThread("vrfer-oscquery", self._work)

    @property
    def error(self) -> str:
        """Why programs are not told of vrfer by mDNS; empty if they are, or shall not be."""
        return self._error

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Take back the announcement and stop serving; more calls do nothing."""
        self._thread.close()
        self._listening.close()

    def take(self, reading: Reading) -> None:
        """Let this be the reading whose values are served."""
        self._reading = reading

    def set_profile(self, profile: Profile) -> None:
        """Serve another profile's addresses from now on."""
        self._profile = profile
        self._serve_tree()

    def set_rules(self, rules: Sequence[Rule], active: Collection[str]) -> None:
        """Serve the events of these rules from now on.

        Args:
            rules: All rules.
            active: The names of those whose event lasts.
        """
        self._rules, self._active = tuple(rules), frozenset(active)
        self._serve_tree()

    def tell_event(self, rule_name: str, begins: bool) -> None:
        """Let a rule's event begin, or end."""
        self._active = self._active | {rule_name} if begins else self._active - {rule_name}

    def _serve_tree(self) -> None:
        tree = build_tree(self._profile, self._heard, self._rules)
        self._served = (self._profile, tree, [rule.name for rule in self._rules])

    def _reply(self, request: bytes) -> bytes:
        return answer(request, self._look, self._host_info)

    def _look(self, path: str) -> Json | None:
        (profile, tree, rule_names), reading, active = self._served, self._reading, self._active
        values = {} if reading is None else _values(profile, reading)
        events = profile.events
        values |= {
            events.address_of(name): (events.value_of(int(name in active)),) for name in rule_names
        }
        return tree.node(path, values)

    def _on_mdns(self, error: str) -> None:
        if error and not self._error:
            logger.warning(
                "programs cannot find vrfer by themselves (mDNS: %s); OSCQuery is served at "
                "http://%s:%d",
                error,
                self.host,
                self.port,
            )
        elif self._error and not error:
            logger.info("programs can find vrfer by themselves now")
        self._error = error

    async def _work(self, stop: asyncio.Event) -> None:
        tasks = [asyncio.create_task(serve(self._listening, self._reply))]
        if self._announced:
            http = (self.host, self.port)
            work = announce_service(self.name, http, self._osc, self._on_mdns)
            tasks.append(asyncio.create_task(work))
        await stop.wait()
        await end(*tasks)


def _values(profile: Profile, reading: Reading) -> dict[str, Sequence[Value]]:
    return {message.address: message.values for message in messages_of(profile, reading)}


def _listen(host: str, port: int) -> socket.socket:
    try:
        loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise OutputError(
            f"OSCQuery is not served on {host!r}: it tells of a person's face",
            f"Use {LOOPBACK}, which only this computer reaches.",
        )
    try:
        listening = socket.create_server((host, port), backlog=MOST_CLIENTS)
    except OSError as err:
        raise OutputError(
            f"TCP port {port} for OSCQuery cannot be listened to: {err.strerror or err}",
            "Close the program that uses it, or choose another.",
        ) from err
    listening.setblocking(False)
    return listening
