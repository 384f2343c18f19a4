"""mDNS that stays on this computer.

VRChat does not notice a program that is announced on the loopback interface alone
(vrchat-community/osc#169), takes one that is announced on two interfaces for two
(minetake01/vrchat_osc#14), and is confused by those of other computers that give 127.0.0.1 as
their address (benaclejames/VRCFaceTracking#264). So everything is sent on an ordinary interface,
with a time to live of 0: the system hands such a packet to the programs of this computer and never
to the network.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psutil
import zeroconf
from zeroconf.asyncio import AsyncZeroconf

OSC_QUERY = "_oscjson._tcp.local."
OSC = "_osc._udp.local."
LOOPBACK = "127.0.0.1"
MDNS_ERRORS = (OSError, TimeoutError, zeroconf.Error)
"""What mDNS fails with where the network does not let it work."""

_GROUP = "224.0.0.251"
_ECHO_S = 0.5
_START_S = 5.0


def own_addresses() -> tuple[str, ...]:
    """Return the IPv4 addresses of this computer: the one of the default route first.

    Loopback comes last.
    """
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    addresses = {
        address.address
        for name, of_interface in psutil.net_if_addrs().items()
        for address in of_interface
        if name in up and address.family == socket.AF_INET
    }
    ordered = sorted(addresses, key=ipaddress.IPv4Address)
    preferred = _address_of_default_route()
    return tuple(
        sorted(ordered, key=lambda one: (ipaddress.ip_address(one).is_loopback, one != preferred))
    )


def is_own(address: str) -> bool:
    """Whether an IPv4 address is one of this computer's."""
    try:
        parsed = ipaddress.IPv4Address(address)
        return parsed.is_loopback or str(parsed) in own_addresses()
    except (ValueError, OSError):  # the system may fail to say while an interface goes
        return False


async def usable_addresses() -> tuple[str, ...]:
    """Return the own addresses on whose interface multicast comes back, in their order."""
    addresses = own_addresses()
    heard = await asyncio.gather(*map(_hears_itself, addresses))
    return tuple(
        address for address, comes_back in zip(addresses, heard, strict=True) if comes_back
    )


@asynccontextmanager
async def local_mdns(addresses: Sequence[str]) -> AsyncIterator[AsyncZeroconf]:
    """Speak mDNS on the interfaces with these addresses, heard by this computer alone.

    Raises:
        OSError, TimeoutError, zeroconf.Error: `MDNS_ERRORS`; the network does not allow it.
    """
    # It warns of each interface that fails, with a traceback; that nothing works is said by us.
    if (log := logging.getLogger("zeroconf")).level == logging.WARNING:
        log.setLevel(logging.ERROR)
    inner = _LocalZeroconf(list(addresses), ip_version=zeroconf.IPVersion.V4Only, use_asyncio=True)
    outer = AsyncZeroconf(zc=inner)
    try:
        # Cancelled itself it would leave zeroconf unable to close its sockets.
        await asyncio.shield(inner.async_wait_for_start(_START_S))
        if not inner.engine.senders:
            raise OSError("no interface takes part in mDNS")
        for sender in inner.engine.senders:
            sender.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        yield outer
    finally:
        with contextlib.suppress(*MDNS_ERRORS):
            await outer.async_close()


class _LocalZeroconf(zeroconf.Zeroconf):
    """Answers no other computer: an answer to a single asker has a time to live of its own."""

    def async_send(
        self,
        out: object,
        addr: str | None = None,
        *where: object,
        **how: object,
    ) -> None:
        if addr is None or is_own(addr):
            super().async_send(out, addr, *where, **how)  # type: ignore[arg-type]


def _address_of_default_route() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("203.0.113.1", 9))  # for documentation; nothing is sent
        except OSError:
            return ""
        return str(asking.getsockname()[0])


async def _hears_itself(address: str) -> bool:
    """Whether a packet to mDNS's group comes back on the interface with this address."""
    token = os.urandom(16)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hearing,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending,
    ):
        interface = socket.inet_aton(address)
        try:
            hearing.setblocking(False)
            hearing.bind(("", 0))
            group = socket.inet_aton(_GROUP) + interface
            hearing.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
            sending.sendto(token, (_GROUP, hearing.getsockname()[1]))
            async with asyncio.timeout(_ECHO_S):
                while await asyncio.get_running_loop().sock_recv(hearing, 64) != token:
                    pass
        except (OSError, TimeoutError):
            return False
        return True
