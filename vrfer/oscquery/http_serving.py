"""Serves short HTTP answers on a socket, in an asyncio loop, to a bounded number of clients."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from vrfer.oscquery.http_answer import END_OF_HEAD, LONGEST_HEAD
from vrfer.oscquery.loop_thread import end

MOST_CLIENTS: Final = 16
"""More than so many at once are sent away."""
PATIENCE_S: Final = 5.0
"""How long a client may take for its request and the answer."""

_CHUNK: Final = 4096
_PAUSE_S: Final = 0.1


async def serve(listening: socket.socket, reply: Callable[[bytes], bytes]) -> None:
    """Answer clients until cancelled.

    Connections are accepted without asyncio's help: it loses one that it accepts while it is
    cancelled.

    Args:
        listening: A listening TCP socket that does not block.
        reply: Returns the answer to a request, up to the end of its headers or to where it is
            longer than `LONGEST_HEAD`.
    """
    loop = asyncio.get_running_loop()
    clients: set[asyncio.Task[None]] = set()
    trouble = asyncio.Event()

    def accept() -> None:
        try:
            connection, _ = listening.accept()
        except OSError:  # the client is gone already, or no file handles are left
            trouble.set()
            return
        if len(clients) >= MOST_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        client = loop.create_task(_attend(connection, reply))
        clients.add(client)
        client.add_done_callback(clients.discard)
        client.add_done_callback(lambda _: connection.close())

    try:
        while True:
            trouble.clear()
            loop.add_reader(listening, accept)
            await trouble.wait()
            loop.remove_reader(listening)
            await asyncio.sleep(_PAUSE_S)
    finally:
        loop.remove_reader(listening)
        await end(*clients)


async def _attend(connection: socket.socket, reply: Callable[[bytes], bytes]) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):  # the client's affair
        async with asyncio.timeout(PATIENCE_S):
            head = await _read_head(connection)
            if not head:
                return
            await loop.sock_sendall(connection, reply(head))
            # Closing with bytes of the request unread would take the answer back.
            connection.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(connection, _CHUNK):
                pass


async def _read_head(connection: socket.socket) -> bytes:
    """Return what comes up to the end of the headers, or more than `LONGEST_HEAD` bytes."""
    head = b""
    while END_OF_HEAD not in head and len(head) <= LONGEST_HEAD:
        more = await asyncio.get_running_loop().sock_recv(connection, _CHUNK)
        if not more:
            break
        head += more
    return head
