"""Programs that answer over HTTP with whatever a test wants."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(**what: object) -> bytes:
    return http(json.dumps(what).encode())


@contextmanager
def answering(answer: bytes, *, endlessly: bytes = b"") -> Iterator[str]:
    """Answer every request with these bytes, then with others for ever; yield HOST:PORT."""
    stop = threading.Event()

    def attend(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            connection.recv(65_536)
            connection.sendall(answer)
            while endlessly and not stop.is_set():
                connection.sendall(endlessly)
                if len(endlessly) < 100:  # a trickle
                    stop.wait(0.05)

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listening.accept()
                clients.append(threading.Thread(target=attend, args=(connection,)))
                clients[-1].start()

    clients: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.02)
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            for thread in (accepting, *clients):
                thread.join()
