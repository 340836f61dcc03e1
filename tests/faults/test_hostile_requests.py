"""Bytes that no browser sends, at a real web server: refused, headed, survived."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import own_folder
from tests.faults.portal_process import PortalProcess

pytestmark = pytest.mark.slow

REFUSED = {400, 401, 405, 411, 413, 414, 417, 431, 501}
INNARDS = ("Traceback", "site-packages", "gunicorn/", "werkzeug", "Invalid HTTP", "<p>")

BROKEN = {
    "a method with a space": b"FOO BAR / HTTP/1.1\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "the preface of http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc" + b"\0" * 60 + b"\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\n\r\n",
    "a space in a name": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
    "a folded header": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nX-A: " + b"a" * 9_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
    "a long address": b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n\r\n",
    "a WSGI name": b"GET /login HTTP/1.1\r\nSCRIPT_NAME: /x\r\nHost: a\r\n\r\n",
    "two lengths": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Content-Length: 6\r\n\r\naaaaaa",
    "a negative length": b"POST /login HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    "length and chunks": b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": b"POST /login HTTP/1.1\r\nHost: a\r\n"
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an odd expectation": b"POST /login HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n"
    b"Content-Length: 3\r\n\r\nabc",
}


@pytest.fixture(scope="module")
def portal(stage_dir: Path, installed_stage: Path) -> Iterator[PortalProcess]:
    """One portal for the whole file: whatever is sent to it, it has to stay up."""
    for data_dir in own_folder(stage_dir, installed_stage):
        running = PortalProcess.start(data_dir)
        try:
            yield running.wait_ready()
            assert running.is_ready()
            assert "Traceback" not in running.logged
        finally:
            running.clean_up()


@pytest.fixture(scope="module", autouse=True)
def half_sent(portal: PortalProcess) -> Iterator[socket.socket]:
    """A connection on which half a header was sent before the other tests."""
    address = ("127.0.0.1", portal.port)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        yield connection


def _raw(portal: PortalProcess, data: bytes) -> tuple[int, str]:
    """Status and all that came back, headers included."""
    with socket.create_connection(("127.0.0.1", portal.port), timeout=20) as connection:
        connection.sendall(data)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    text = answer.decode("latin-1")
    return int(text.split(" ", 2)[1]), text


def _get(portal: PortalProcess, path: str, *headers: str, host: str = "") -> str:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{portal.port}'}"]
    request = "\r\n".join([*lines, *headers, "Connection: close", "", ""])
    return _raw(portal, request.encode("latin-1"))[1]


def test_broken_requests_are_refused_with_our_headers_and_no_details(
    portal: PortalProcess,
) -> None:
    for name, data in BROKEN.items():
        wanted = data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        status, answer = _raw(portal, wanted)
        assert status in REFUSED or (name == "a WSGI name" and status == 200), name
        assert "Content-Security-Policy: default-src 'none'" in answer, name
        assert "nosniff" in answer, name
        assert not any(word in answer for word in INNARDS), (name, answer)


def test_headers_that_claim_a_proxy_change_nothing(portal: PortalProcess) -> None:
    """Not even from this machine, which gunicorn would believe by itself."""
    forged = ("X-Forwarded-Proto: https", "X-Forwarded-For: 6.6.6.6",
              "X-Forwarded-Host: evil.example", "Forwarded: for=6.6.6.6;proto=https",
              "X-Script-Name: /x", "X-Original-URL: /healthz")  # fmt: skip
    answer = _get(portal, "/login", *forged)
    assert "Set-Cookie: gfo_state=" in answer
    assert "Strict-Transport-Security" not in answer
    assert "evil.example" not in answer
    assert "302" in _get(portal, "/", *forged).splitlines()[0]


@pytest.mark.parametrize(
    "path",
    ["/portal/../_dash-layout", "/portal/%2e%2e/app.py", "/login/..;/_dash-layout",
     "//_dash-layout", "/./", "/%2f", "/login/", "/healthz/../", "/_dash-layout#x",
     "http://evil.example/_dash-layout", "/portal/..%5c..%5capp.py"],
)  # fmt: skip
def test_no_spelling_of_an_address_opens_what_is_closed(
    portal: PortalProcess, path: str
) -> None:
    answer = _get(portal, path)
    assert answer.split(" ", 2)[1] in {"302", "308", "400", "401", "404"}, answer[:200]
    location = [line for line in answer.splitlines() if line.startswith("Location")]
    assert not location or location[0].startswith("Location: /login")


def test_another_host_in_the_request_leads_nowhere_else(portal: PortalProcess) -> None:
    answer = _get(portal, "/audit", host="evil.example")
    assert "Location: /login?next=/audit" in answer
    assert "evil.example" not in answer


def test_cookies_given_twice_or_garbled_are_no_login(portal: PortalProcess) -> None:
    for cookie in (
        "gfo_login=a; gfo_login=b; _csrf_token=x; _csrf_token=y",
        "gfo_login=\xff\xfe; gfo_state=\x80",
        "gfo_login=; =; ;;;",
        f"gfo_state={'a' * 7_000}",
    ):
        answer = _get(portal, "/", f"Cookie: {cookie}")
        assert " 302 " in answer.splitlines()[0], cookie


@pytest.mark.parametrize(
    ("path", "is_chunked", "status"),
    [
        ("/login", False, 413),
        ("/login", True, 411),
        ("/_dash-update-component", False, 401),
        ("/_dash-update-component", True, 411),
    ],
)
def test_ten_megabytes_are_not_read(
    portal: PortalProcess, path: str, is_chunked: bool, status: int
) -> None:
    origin = f"http://127.0.0.1:{portal.port}"
    length = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 10000000"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{portal.port}\r\nOrigin: {origin}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n{length}\r\n"
        "Connection: close\r\n\r\n"
    )
    piece = b"10000\r\n" + b"a" * 65_536 + b"\r\n" if is_chunked else b"a" * 65_536
    with socket.create_connection(("127.0.0.1", portal.port), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(10_000_000 // 65_536):
                connection.sendall(piece)
        except OSError:
            pass  # it stopped listening, which is the point
        try:
            answer = connection.recv(65_536).decode("latin-1")
        except ConnectionResetError:
            return
    assert answer.split(" ", 2)[1] == str(status), answer[:300]


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /login HTTP/1.1\r\nHost: a\r\nX-A: ",
        b"POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\nname=",
    ],
    ids=["nothing", "half a header", "half a body"],
)
def test_forty_connections_that_fall_silent_hold_nobody_up(
    portal: PortalProcess, begun: bytes
) -> None:
    """More than all threads of all web processes."""
    address = ("127.0.0.1", portal.port)
    silent = [socket.create_connection(address, timeout=20) for _ in range(40)]
    try:
        for connection in silent:
            connection.sendall(begun)
        for _ in range(10):
            began = time.monotonic()
            assert " 200 " in _get(portal, "/login").splitlines()[0]
            assert time.monotonic() - began < 1
    finally:
        for connection in silent:
            connection.close()


def test_a_strangers_body_is_small_or_not_waited_for(portal: PortalProcess) -> None:
    head = f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{portal.port}\r\n"
    origin = f"Origin: http://127.0.0.1:{portal.port}\r\n"
    length = "Content-Length: 70000\r\nConnection: close\r\n\r\n"
    began = time.monotonic()
    status, _answer = _raw(portal, (head + origin + length).encode())
    assert status == 413
    assert time.monotonic() - began < 9  # a thread's patience is 10 s


def test_a_request_that_comes_byte_by_byte_is_answered(portal: PortalProcess) -> None:
    """And so is the next one on its connection, sent before the first is answered."""
    request = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(("127.0.0.1", portal.port), timeout=20) as connection:
        for number in range(len(request)):
            connection.sendall(request[number : number + 1])
        connection.sendall(request + request[:9])
        connection.sendall(request[9:])
        answers = b""
        while answers.count(b"HTTP/1.1 200") < 3:
            received = connection.recv(65_536)
            assert received, answers
            answers += received


def test_a_request_that_is_never_whole_is_closed(half_sent: socket.socket) -> None:
    assert half_sent.recv(1) == b""
