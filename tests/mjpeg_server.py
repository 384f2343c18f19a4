"""A real MJPEG-over-HTTP server for tests and benchmarks, that can misbehave as cameras do."""

import base64
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

CHUNK = 300
"""Bytes in an HTTP chunk: so few that every picture is cut."""


class MjpegServer:
    """Serves JPEG pictures as multipart/x-mixed-replace; every client starts with the first one.

    Everything but the port may be changed while it runs. `stop` and `start` keep the port, so that
    a test can take the "camera" away and bring it back.
    """

    def __init__(
        self, jpegs: Iterable[bytes], fps: float = 30.0, port: int = 0, loop: bool = True
    ) -> None:
        self.jpegs = list(jpegs)
        """The pictures; replace the list to change, for example, their resolution."""
        self.fps = fps
        self.loop = loop
        """Whether to begin again after the last picture, or to end the stream."""
        self.boundary = "frame"
        self.content_type = "multipart/x-mixed-replace; boundary={boundary}"
        self.content_length = True
        """Whether the parts say how long they are."""
        self.preamble = b""
        """Bytes before the first boundary."""
        self.chunked = False
        """Whether the body is sent in HTTP chunks, as ESP32 cameras do."""
        self.burst = 1
        """How many pictures are written in one go."""
        self.credentials: str | None = None
        """`user:password` that clients must give, or None."""
        self.body: bytes | None = None
        """When given, sent once instead of pictures, with `content_type`."""
        self.length_told = True
        """Whether it is said how long `body` is."""
        self.redirect: str | None = None
        """When given, `/` answers with a redirection to this address."""
        self.sent_ns: dict[int, int] = {}
        """Running number of a picture -> `time.perf_counter_ns()` just before it was written."""
        self.clients = 0
        """How many streams have been begun."""
        self.flowing = threading.Event()
        """Clear it and the server stalls without closing; set it and it goes on."""
        self.flowing.set()
        self._port = port
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the stream."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> Self:
        """Listen; returns itself."""
        self._stopping = threading.Event()
        self._server = _Server(self, self._stopping, self._port)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="mjpeg-server"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Cut every connection and stop listening."""
        if self._server is None or self._thread is None:
            return
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.cut_connections()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    allow_reuse_address = True

    def __init__(self, owner: MjpegServer, stopping: threading.Event, port: int) -> None:
        self.owner = owner
        self.stopping = stopping
        self._open: set[_Handler] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def remember(self, handler: "_Handler", is_open: bool) -> None:
        with self._lock:
            (self._open.add if is_open else self._open.discard)(handler)

    def cut_connections(self) -> None:
        with self._lock:
            for handler in self._open:
                try:
                    handler.connection.shutdown(2)
                except OSError:
                    continue  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def setup(self) -> None:
        super().setup()
        self.server.remember(self, True)

    def finish(self) -> None:
        self.server.remember(self, False)
        super().finish()

    def do_GET(self) -> None:
        owner = self.server.owner
        self.close_connection = True
        wanted = owner.credentials
        if wanted is not None:
            given = self.headers.get("Authorization", "")
            if given != "Basic " + base64.b64encode(wanted.encode()).decode():
                self._answer(401, {"WWW-Authenticate": 'Basic realm="camera"'}, b"")
                return
        if owner.redirect is not None and self.path == "/":
            self._answer(302, {"Location": owner.redirect}, b"")
        elif owner.body is not None:
            self._answer(200, {"Content-Type": owner.content_type}, owner.body)
        else:
            try:
                self._stream(owner)
            except OSError:
                return  # the client left, or the server was stopped

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.owner.length_told:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, owner: MjpegServer) -> None:
        owner.clients += 1
        self.send_response(200)
        self.send_header("Content-Type", owner.content_type.format(boundary=owner.boundary))
        if owner.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._write(owner.preamble)
        number, due = 0, time.monotonic()
        while not self.server.stopping.is_set() and (owner.loop or number < len(owner.jpegs)):
            if not owner.flowing.wait(0.02):
                due = time.monotonic()
                continue
            if self.server.stopping.wait(max(0.0, due - time.monotonic())):
                return
            data = b""
            for _ in range(owner.burst):
                data += self._part(owner, owner.jpegs[number % len(owner.jpegs)])
                owner.sent_ns[number] = time.perf_counter_ns()
                number += 1
            self._write(data)
            due += owner.burst / owner.fps
        self._write(f"--{owner.boundary}--\r\n".encode())

    def _part(self, owner: MjpegServer, jpeg: bytes) -> bytes:
        head = f"--{owner.boundary}\r\nContent-Type: image/jpeg\r\n"
        if owner.content_length:
            head += f"Content-Length: {len(jpeg)}\r\n"
        return head.encode() + b"\r\n" + jpeg + b"\r\n"

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self.server.owner.chunked:
            cut = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
            data = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in cut)
        self.wfile.write(data)
