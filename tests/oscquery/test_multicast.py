"""mDNS that stays on this computer, and what happens where it does not work."""

import asyncio
import contextlib
import gc
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import psutil
import pytest
from oscquery.playing import PATIENCE_S, eventually, needs_multicast
from zeroconf.asyncio import AsyncZeroconf

from vrfer.oscquery import announce as announcing
from vrfer.oscquery import multicast
from vrfer.oscquery.multicast import (
    LOOPBACK,
    MDNS_ERRORS,
    is_own,
    local_mdns,
    own_addresses,
    usable_addresses,
)
from vrfer.oscquery.server import OscQueryServer
from vrfer.outputs.profiles import load_profile

GROUP, PORT = "224.0.0.251", 5353


def test_own_addresses_end_with_loopback() -> None:
    assert own_addresses()[-1] == "127.0.0.1"


def test_addresses_of_others_and_nonsense_are_not_own() -> None:
    assert is_own("127.0.0.1")
    assert is_own("127.8.8.8")
    for address in ("203.0.113.7", "8.8.8.8", "", "::1", "localhost", "127.0.0.1 ", "0.0.0.0"):
        assert not is_own(address)


def test_an_address_without_an_interface_is_not_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multicast, "own_addresses", lambda: ("203.0.113.7",))
    assert asyncio.run(usable_addresses()) == ()


def listening_to_mdns(interface: str) -> socket.socket:
    hearing = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hearing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    hearing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    hearing.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL of Linux
    hearing.bind((GROUP, PORT))
    member = socket.inet_aton(GROUP) + socket.inet_aton(interface)
    hearing.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    hearing.settimeout(0.2)
    return hearing


@needs_multicast
@pytest.mark.skipif(sys.platform != "linux", reason="reads the time to live as Linux tells it")
def test_announcements_never_leave_this_computer_and_use_one_interface() -> None:
    interface = asyncio.run(usable_addresses())[0]
    heard: list[tuple[int, bytes, str]] = []
    with (
        listening_to_mdns(interface) as hearing,
        OscQueryServer(load_profile("generic"), osc_port=9010) as serving,
    ):
        deadline = time.monotonic() + PATIENCE_S
        while len(heard) < 4 and time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                packet, extra, _, sender = hearing.recvmsg(9000, 100)
                if serving.name.encode() in packet:
                    ttl = int.from_bytes(extra[0][2], sys.byteorder)
                    heard.append((ttl, packet, sender[0]))
    assert len(heard) >= 4
    assert {ttl for ttl, _, _ in heard} == {0}
    assert {sender for _, _, sender in heard} == {interface}
    assert all(socket.inet_aton("127.0.0.1") in packet for _, packet, _ in heard)
    # VRChat takes a program with two addresses for two programs.
    assert not any(socket.inet_aton(interface) in packet for _, packet, _ in heard)


@needs_multicast
def test_a_query_of_another_computer_is_not_answered_to_it_alone() -> None:
    async def sent_to(address: str) -> list[object]:
        sent: list[object] = []
        async with multicast.local_mdns(usable[:1]) as mdns:
            sender = mdns.zeroconf.engine.senders[0]

            class Noting:
                def sendto(self, packet: bytes, to: object) -> None:
                    sent.append(to)

            real, sender.transport = sender.transport, Noting()
            query = mdns.zeroconf.generate_service_query(
                announcing._service("a", multicast.OSC, ("127.0.0.1", 1))
            )
            mdns.zeroconf.async_send(query, address, 5353)
            sender.transport = real
        return sent

    usable = asyncio.run(usable_addresses())
    assert asyncio.run(sent_to("203.0.113.7")) == []
    assert asyncio.run(sent_to(usable[0])) == [(usable[0], 5353)]


@needs_multicast
def test_it_is_announced_again_when_the_network_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(announcing, "_TRY_EVERY_S", 0.05)
    real = multicast.own_addresses
    monkeypatch.setattr(multicast, "own_addresses", lambda: ())
    with OscQueryServer(load_profile("generic"), osc_port=9010) as serving:
        eventually(lambda: serving.error)
        monkeypatch.setattr(multicast, "own_addresses", real)
        eventually(lambda: not serving.error)


@needs_multicast
def test_beside_an_interface_without_multicast_it_is_announced_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, announced = [], []
    addresses = ("203.0.113.7", *own_addresses())

    def look() -> tuple[str, ...]:
        looks.append(1)
        return addresses

    def announce(usable: Sequence[str]) -> AbstractAsyncContextManager[AsyncZeroconf]:
        announced.append(usable)
        return multicast.local_mdns(usable)

    monkeypatch.setattr(announcing, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(announcing, "own_addresses", look)
    monkeypatch.setattr(multicast, "own_addresses", lambda: addresses)
    monkeypatch.setattr(announcing, "local_mdns", announce)
    with OscQueryServer(load_profile("generic"), osc_port=9010):
        eventually(lambda: len(looks) > 10)
    assert announced == [addresses[1:2]]


@needs_multicast
def test_it_is_announced_though_the_system_failed_to_name_its_addresses_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [OSError("an interface went meanwhile")]

    def look() -> tuple[str, ...]:
        if answers:
            raise answers.pop()
        return multicast.own_addresses()

    monkeypatch.setattr(announcing, "_TRY_EVERY_S", 0.5)
    monkeypatch.setattr(announcing, "own_addresses", look)
    with OscQueryServer(load_profile("generic"), osc_port=9010) as serving:
        eventually(lambda: "went meanwhile" in serving.error)
        eventually(lambda: not serving.error)


# Where zeroconf cannot start, it leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_mdns_fails_with_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def usable() -> tuple[str, ...]:
        return ("203.0.113.7",)  # no interface has it

    monkeypatch.setattr(announcing, "usable_addresses", usable)
    with OscQueryServer(load_profile("generic"), osc_port=9010) as serving:
        assert eventually(lambda: serving.error)
    gc.collect()


@pytest.mark.parametrize("turns", [1, 5])
def test_a_start_that_is_given_up_leaves_no_socket_open(turns: int) -> None:
    async def run() -> None:
        addresses = await usable_addresses() or [LOOPBACK]

        async def speak() -> None:
            async with local_mdns(addresses):
                await asyncio.Event().wait()

        speaking = asyncio.create_task(speak())
        for _ in range(turns):
            await asyncio.sleep(0)
        speaking.cancel()
        with contextlib.suppress(asyncio.CancelledError, *MDNS_ERRORS):
            await speaking

    before = mdns_sockets()
    asyncio.run(run())
    assert mdns_sockets() == before


def mdns_sockets() -> int:
    gc.collect()
    connections = psutil.Process().net_connections("udp4")
    return sum(one.laddr.port == 5353 for one in connections)
