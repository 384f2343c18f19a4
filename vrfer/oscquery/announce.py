"""Announces an OSCQuery server to the programs of this computer, for as long as it runs."""

import asyncio
from collections.abc import Callable
from typing import Final

import zeroconf

from vrfer.oscquery.multicast import (
    MDNS_ERRORS,
    OSC,
    OSC_QUERY,
    local_mdns,
    own_addresses,
    usable_addresses,
)

_TXT: Final = {"txtvers": "1"}
_LOOK_EVERY_S: Final = 5.0
_TRY_EVERY_S: Final = 15.0


async def announce(
    instance: str, http: tuple[str, int], osc: tuple[str, int], on_state: Callable[[str], None]
) -> None:
    """Announce until cancelled, on one interface at a time; a change of the network is followed.

    Args:
        instance: Name of the service, unlike all others.
        http: Loopback address and port where OSCQuery is served.
        osc: The same of where OSC is heard.
        on_state: Called with "" when it is announced, and with the reason when it cannot be.
    """
    while True:
        try:
            before = own_addresses()
            usable = await usable_addresses()
            if not usable:
                on_state("no network interface passes multicast on")
                await asyncio.sleep(_TRY_EVERY_S)
                continue
            async with local_mdns(usable[:1]) as mdns:
                for kind, where in ((OSC_QUERY, http), (OSC, osc)):
                    # The name is unlike all others, so nobody is asked whether it is free.
                    await mdns.async_register_service(
                        _service(instance, kind, where), cooperating_responders=True
                    )
                on_state("")
                while own_addresses() == before:
                    await asyncio.sleep(_LOOK_EVERY_S)
        except MDNS_ERRORS as err:
            on_state(str(err) or type(err).__name__)
            await asyncio.sleep(_TRY_EVERY_S)


def _service(instance: str, kind: str, where: tuple[str, int]) -> zeroconf.ServiceInfo:
    address, port = where
    return zeroconf.ServiceInfo(
        kind,
        f"{instance}.{kind}",
        port,
        properties=_TXT,
        server=f"{instance}.{kind.split('.')[0].removeprefix('_')}.local.",
        parsed_addresses=[address],
    )
