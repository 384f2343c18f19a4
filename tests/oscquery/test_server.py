"""The server over real sockets: what it answers, whom it refuses, and that nothing stops it."""

import contextlib
import gc
import http.client
import json
import logging
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oscquery.playing import eventually
from outputs.made_up import only

from vrfer.errors import OutputError
from vrfer.oscquery import http_serving as serving_module
from vrfer.oscquery import multicast
from vrfer.oscquery.http_answer import LONGEST_HEAD
from vrfer.oscquery.http_serving import MOST_CLIENTS
from vrfer.oscquery.server import OscQueryServer
from vrfer.outputs.profiles import load_profile


@pytest.fixture(scope="module")
def server() -> Iterator[OscQueryServer]:
    with OscQueryServer(load_profile("generic"), osc_port=9010, announce=False) as serving:
        yield serving


def get(
    server: OscQueryServer, path: str, *, method: str = "GET", **headers: str
) -> tuple[int, Any, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if body else None, response.headers


def test_host_info_says_where_osc_is_heard(server: OscQueryServer) -> None:
    status, info, headers = get(server, "/?HOST_INFO")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert info["NAME"] == server.name
    assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == ("127.0.0.1", 9010, "UDP")
    assert info["EXTENSIONS"]["VALUE"] is True
    assert get(server, "/vrfer/label?HOST_INFO")[1] == info


def test_values_are_those_of_the_last_reading() -> None:
    with OscQueryServer(load_profile("generic"), osc_port=1, announce=False) as serving:
        assert get(serving, "/vrfer/label?VALUE")[0] == 204
        serving.take(only(1))
        serving.take(only(6, 0.75))
        assert get(serving, "/vrfer/label?VALUE")[1] == {"VALUE": ["fear"]}
        assert get(serving, "/vrfer/fear")[1]["VALUE"] == [0.75]
        root = get(serving, "/")[1]
        assert root["CONTENTS"]["vrfer"]["CONTENTS"]["happiness"]["VALUE"] == [0.0]


def test_another_profile_is_served_from_then_on() -> None:
    with OscQueryServer(load_profile("generic"), osc_port=1, announce=False) as serving:
        serving.take(only(1))
        serving.set_profile(load_profile("vrchat"))
        assert get(serving, "/vrfer/label")[0] == 404
        assert get(serving, "/avatar/parameters/vrfer/happiness?VALUE")[1] == {"VALUE": [1.0]}
        assert get(serving, "/vrfer/control/start")[0] == 200


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/vrfer/fear?TYPE", 200, {"TYPE": "f"}),
        ("/vrfer/fear?ACCESS", 200, {"ACCESS": 1}),
        ("/vrfer/fear?RANGE", 200, {"RANGE": [{"MIN": 0.0, "MAX": 1.0}]}),
        ("/vrfer/fear?FULL_PATH", 200, {"FULL_PATH": "/vrfer/fear"}),
        ("/vrfer/fear?CONTENTS", 204, None),
        ("/vrfer/fear?UNIT", 204, None),
        ("/vrfer/control/start?VALUE", 204, None),
        ("/vrfer?TYPE", 204, None),
        ("/vrfer/fear?", 400, {"ERROR": "Bad Request"}),
        ("/vrfer/fear?value", 400, {"ERROR": "Bad Request"}),
        ("/vrfer/fear?NONSENSE", 400, {"ERROR": "Bad Request"}),
        ("/nothing", 404, {"ERROR": "Not Found"}),
        ("/nothing?VALUE", 404, {"ERROR": "Not Found"}),
        ("/vrfer/../../etc/passwd", 404, {"ERROR": "Not Found"}),
        ("/%00%ff", 404, {"ERROR": "Not Found"}),
        ("http://127.0.0.1/vrfer/fear", 400, {"ERROR": "Bad Request"}),
    ],
)
def test_attributes_and_paths(server: OscQueryServer, path: str, status: int, body: object) -> None:
    assert get(server, path)[:2] == (status, body)


def test_a_slash_at_the_end_and_quoting_change_nothing(server: OscQueryServer) -> None:
    assert get(server, "/vrfer/fear/")[1] == get(server, "/vrfer/%66ear")[1]
    assert get(server, "/vrfer/")[1]["FULL_PATH"] == "/vrfer"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"])
def test_it_can_only_be_read(server: OscQueryServer, method: str) -> None:
    status, _, headers = get(server, "/vrfer/fear", method=method)
    assert (status, headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5", "localhost", "LOCALHOST:80", "[::1]:9", "127.9.9.9"]
)
def test_names_of_this_computer_are_fine(server: OscQueryServer, host: str) -> None:
    assert get(server, "/vrfer/fear", Host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "192.168.1.5", "localhost.evil.example", "", "[",
     "127.0.0.1.evil.example"],
)  # fmt: skip
def test_a_web_page_that_lets_its_name_point_here_reads_nothing(
    server: OscQueryServer, host: str
) -> None:
    assert get(server, "/vrfer/fear", Host=host)[:2] == (403, {"ERROR": "Forbidden"})


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "file://", "http://[", "https://localhost.evil.example"],
)
def test_a_web_page_from_elsewhere_reads_nothing(server: OscQueryServer, origin: str) -> None:
    status, _, headers = get(server, "/vrfer/fear", Origin=origin)
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


def test_a_web_page_of_this_computer_may_read(server: OscQueryServer) -> None:
    status, _, headers = get(server, "/vrfer/fear", Origin="http://localhost:8080")
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert "Access-Control-Allow-Origin" not in get(server, "/vrfer/fear")[2]


def raw(server: OscQueryServer, request: bytes) -> bytes:
    """Send bytes, say that there are no more, and return what comes back."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        with contextlib.suppress(OSError):  # it may hang up in the middle of a long request
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while more := connection.recv(65_536):
                answer += more
    return answer


def test_two_hosts_are_one_too_many(server: OscQueryServer) -> None:
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n"
    assert raw(server, request).startswith(b"HTTP/1.1 403 ")


def test_a_huge_request_is_refused(server: OscQueryServer) -> None:
    for request in (
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 150 + b"\r\n",
    ):
        answer = raw(server, request)
        assert answer.startswith(b"HTTP/1.1 431 "), answer[:80]
    assert get(server, "/vrfer/fear")[0] == 200


def test_a_request_that_just_fits_is_answered(server: OscQueryServer) -> None:
    start, end = b"GET / HTTP/1.1\r\nX: ", b"\r\n\r\n"
    request = start + b"y" * (LONGEST_HEAD - len(start) - len(end)) + end
    assert raw(server, request).startswith(b"HTTP/1.1 200 ")


snippets = st.sampled_from(
    [b"GET ", b"/", b"?VALUE", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Host: ", b"127.0.0.1", b"\0",
     b"HTTP/9.9", b"Expect: 100-continue\r\n", b"Content-Length: -5\r\n", b"%", b"//", b"\xff"]
)  # fmt: skip
hostile = st.lists(snippets | st.binary(max_size=12), max_size=12).map(b"".join)


@given(hostile)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_bytes_do_anything(server: OscQueryServer, request: bytes) -> None:
    answer = raw(server, request)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert get(server, "/vrfer/fear?TYPE")[:2] == (200, {"TYPE": "f"})


def test_clients_that_say_nothing_keep_nobody_out_for_long(
    server: OscQueryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "PATIENCE_S", 0.3)
    with contextlib.ExitStack() as stack:
        for _ in range(3 * MOST_CLIENTS):
            idle = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            stack.enter_context(idle).sendall(b"GET / HT")

        def served() -> bool:
            try:
                return get(server, "/vrfer/fear")[0] == 200
            except (OSError, http.client.HTTPException):
                return False

        assert eventually(served)


def test_no_more_clients_than_some_are_attended_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "PATIENCE_S", 300)
    with (
        OscQueryServer(load_profile("generic"), osc_port=1, announce=False) as serving,
        contextlib.ExitStack() as stack,
    ):
        idle = []
        for _ in range(MOST_CLIENTS + 5):
            client = socket.create_connection(("127.0.0.1", serving.port), timeout=30)
            idle.append(stack.enter_context(client))
        for client in idle[MOST_CLIENTS:]:
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(10) == b""


def test_closing_does_not_wait_for_idle_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "PATIENCE_S", 300)
    serving = OscQueryServer(load_profile("generic"), osc_port=1, announce=False)
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as idle:
        idle.sendall(b"GET / HT")
        closing = threading.Thread(target=serving.close)
        closing.start()
        with contextlib.suppress(ConnectionResetError):
            assert idle.recv(10) == b""
        closing.join()
    serving.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", serving.port), timeout=30)


def test_clients_that_come_while_it_closes_leave_nothing_behind() -> None:
    for _ in range(100):  # an unclosed socket is a warning, and so an error
        serving = OscQueryServer(load_profile("vrchat"), osc_port=1, announce=False)
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                client = socket.create_connection(("127.0.0.1", serving.port), timeout=30)
                stack.enter_context(client)
            serving.close()
    gc.collect()


def test_many_ask_at_once(server: OscQueryServer) -> None:
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(20):
            statuses.append(get(server, "/")[0])

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert statuses == [200] * 160


def test_a_port_that_is_taken_is_said(server: OscQueryServer) -> None:
    with pytest.raises(OutputError, match=f"TCP port {server.port} "):
        OscQueryServer(load_profile("generic"), osc_port=1, port=server.port, announce=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "", "example.org"])
def test_it_is_not_served_to_other_computers(host: str) -> None:
    with pytest.raises(OutputError, match="only this computer"):
        OscQueryServer(load_profile("generic"), osc_port=1, host=host, announce=False)


def test_without_multicast_it_serves_and_says_why_nobody_finds_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(multicast, "own_addresses", lambda: ())
    with (
        caplog.at_level(logging.INFO, "vrfer"),
        OscQueryServer(load_profile("generic"), osc_port=9010) as serving,
    ):
        assert "multicast" in eventually(lambda: serving.error)
        assert get(serving, "/?HOST_INFO")[0] == 200
        address = f"http://127.0.0.1:{serving.port}"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert address in caplog.records[0].message
