"""One HTTP request's bytes in, one answer's bytes out: OSCQuery's half of HTTP.

Web pages are kept out, for values tell of a person's face: a browser sends the page's origin and
the host that it believes to talk to. Both must be this computer; the second stops pages that let
their own name point here ("DNS rebinding").
"""

import ipaddress
import json
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from typing import Final
from urllib.parse import unquote, urlsplit

from vrfer.oscquery.tree import ROOT, Json

END_OF_HEAD: Final = b"\r\n\r\n"
LONGEST_HEAD: Final = 16_384
"""Bytes of a request; a longer one is refused."""

_ATTRIBUTES: Final = frozenset(
    {"FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION"}
    # Known to the proposal, and given by no node of ours.
    | {"TAGS", "EXTENDED_TYPE", "UNIT", "CRITICAL", "CLIPMODE", "OVERLOADS", "LISTEN", "HTML"}
)


def answer(head: bytes, look: Callable[[str], Json | None], host_info: Json) -> bytes:
    """Answer a request.

    Args:
        head: The request up to the empty line after its headers; anything at all.
        look: Returns the node at a path with all below it, or None.
        host_info: What `?HOST_INFO` is answered with.

    Returns:
        A whole HTTP response, after which the connection is closed.
    """
    if len(head) > LONGEST_HEAD:
        return _response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    request = _Request(head)
    if request.failure is not None:
        return _response(request.failure)
    if not _is_for_here(request.headers):
        return _response(HTTPStatus.FORBIDDEN)
    if request.command != "GET":
        return _response(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
    origin = request.headers.get("Origin")
    status, body = _look_up(request.path, look, host_info)
    return _response(
        status,
        body,
        {} if origin is None else {"Access-Control-Allow-Origin": origin, "Vary": "Origin"},
    )


def _look_up(
    target: str, look: Callable[[str], Json | None], host_info: Json
) -> tuple[HTTPStatus, Json | None]:
    quoted, question, query = target.partition("?")
    if not quoted.startswith("/"):
        return HTTPStatus.BAD_REQUEST, None
    attribute = query.partition("=")[0]
    if attribute == "HOST_INFO":
        return HTTPStatus.OK, host_info
    path = unquote(quoted)
    node = look(ROOT if path == ROOT else path.rstrip("/"))
    if node is None:
        return HTTPStatus.NOT_FOUND, None
    if not question:
        return HTTPStatus.OK, node
    if attribute not in _ATTRIBUTES:
        return HTTPStatus.BAD_REQUEST, None
    if attribute not in node:
        return HTTPStatus.NO_CONTENT, None
    return HTTPStatus.OK, {attribute: node[attribute]}


class _Request(BaseHTTPRequestHandler):
    """The standard library's reading of a request, without a socket."""

    def __init__(self, head: bytes) -> None:
        self.failure: int | None = None
        self.rfile = BytesIO(head)
        self.wfile = BytesIO()
        self.raw_requestline = self.rfile.readline(LONGEST_HEAD)
        if not self.parse_request() and self.failure is None:
            self.failure = HTTPStatus.BAD_REQUEST

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.failure = code

    def handle_expect_100(self) -> bool:
        return True  # no body is read anyway


def _is_for_here(headers: Message) -> bool:
    hosts, origins = headers.get_all("Host", []), headers.get_all("Origin", [])
    if len(hosts) > 1 or len(origins) > 1:
        return False
    return all(_is_here(f"//{host}") for host in hosts) and all(map(_is_here, origins))


def _is_here(url: str) -> bool:
    try:
        name = urlsplit(url).hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _response(code: int, body: Json | None = None, headers: dict[str, str] | None = None) -> bytes:
    status = HTTPStatus(code)
    lines = {
        "Connection": "close",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **(headers or {}),
    }
    content = b""
    if status != HTTPStatus.NO_CONTENT:
        said = {"ERROR": status.phrase} if body is None else body
        content = json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n{head}\r\n".encode("latin-1") + content
