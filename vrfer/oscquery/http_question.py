"""Asks a program of this computer for JSON, and survives whatever it answers."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Final

PATIENCE_S: Final = 1.5
"""How long a program may take for its whole answer."""


def fetch_json(host: str, port: int, path: str, *, most_bytes: int) -> object:
    """Return the JSON that a program answers with.

    Args:
        host: Its address.
        port: Where it serves HTTP.
        path: What is asked for, with the query.
        most_bytes: A longer answer is none.

    Returns:
        None where there is no answer in time, or none that is JSON.
    """
    connection = HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.connect()
        with _cut_off_after(PATIENCE_S, connection.sock):
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            body = response.read(most_bytes + 1)
        cut_short = bool(response.length)  # more was promised
        if response.status != HTTPStatus.OK or len(body) > most_bytes or cut_short:
            return None
        return json.loads(body, parse_constant=_refuse)
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    finally:
        connection.close()


@contextlib.contextmanager
def _cut_off_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Hang up after a time: a socket's own timeout starts anew with every byte that comes."""

    def hang_up() -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, hang_up)
    timer.name, timer.daemon = "vrfer-osc-patience", True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
