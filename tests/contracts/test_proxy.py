"""deploy/nginx.conf in the real nginx: what a portal behind it is given, what it never sees."""

import http.client
import http.server
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portal.common.body_limits import ANONYMOUS_BYTES, SIGNED_IN_BYTES
from portal.training.process_settings import free_port
from tests.benchmarks.site import proxy_configuration


pytestmark = pytest.mark.engine("nginx")
MIB = 1024 * 1024
PIECE = "/dossiers/5b6f3c1e-0d0c-4c0e-9a41-7f1d2b8c6e10/pieces/"
SESSION = {"Cookie": "sessionid=abc"}
TLS = {"Host": "guichet.example", "X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}


@dataclass
class Portal:
    """Stands where gunicorn would: keeps what it was asked, refuses by the length alone."""

    port: int
    asked: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    found = Portal(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            limit = SIGNED_IN_BYTES + (25 * MIB if self.path == PIECE else 0)
            if "Cookie" not in self.headers:
                limit = ANONYMOUS_BYTES
            body = self.rfile.read(length) if length <= limit else b""
            found.asked.append({"headers": self.headers, "length": length, "read": len(body)})
            self.send_response(200 if length <= limit else 413)
            self.end_headers()
            self.wfile.write(b"du portail")

        do_GET = do_POST

        def log_message(self, *_args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()


@pytest.fixture(scope="module")
def port(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, front = tmp_path_factory.mktemp("nginx"), free_port()
    (folder / "nginx.conf").write_text(proxy_configuration(front, portal.port, folder))
    command = [os.environ["TEST_NGINX"], "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    log = Path(folder / "log").open("wb")
    child = subprocess.Popen([*command, "-g", "daemon off;"], stdout=log, stderr=log)
    try:
        for _try in range(200):
            try:
                socket.create_connection(("127.0.0.1", front), 1).close()
                break
            except OSError:
                assert child.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield front
    finally:
        child.terminate()
        child.wait(20)
        log.close()


@pytest.fixture(autouse=True)
def _afresh(portal: Portal) -> None:
    portal.asked.clear()


def post(port: int, path: str, size: int, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, b"a" * size, TLS | headers)
    except BrokenPipeError:  # refused before the whole was sent: the answer is there
        pass
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_what_may_be_sent_arrives_whole_with_what_the_proxy_of_tls_said(
    port: int, portal: Portal
) -> None:
    assert post(port, "/compte/profil/", SIGNED_IN_BYTES, **SESSION) == (200, b"du portail")
    assert post(port, PIECE, 26 * MIB, **SESSION)[0] == 200
    assert [one["read"] for one in portal.asked] == [SIGNED_IN_BYTES, 26 * MIB]
    for name, value in TLS.items():
        assert {one["headers"][name] for one in portal.asked} == {value}


@pytest.mark.parametrize("over", [1, 3_000, 60_000, 2 * MIB])
@pytest.mark.parametrize(("path", "most"), [("/compte/profil/", MIB), (PIECE, 26 * MIB)])
def test_what_is_too_large_is_shown_by_its_head_with_the_length_that_was_sent(
    path: str, most: int, over: int, port: int, portal: Portal
) -> None:
    """A smaller length would have the portal wait for a body that never comes."""
    assert post(port, path, most + over, **SESSION) == (413, b"du portail")
    [asked] = portal.asked
    assert asked["length"] == most + over
    assert {name: asked["headers"][name] for name in TLS} == TLS


def test_the_length_is_that_of_the_request_on_a_connection_already_warm(
    port: int, portal: Portal
) -> None:
    length = MIB + 40_000
    head = "".join(f"{name}: {value}\r\n" for name, value in TLS.items())
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        first = f"GET /a/ HTTP/1.1\r\n{head}\r\n"
        then = f"POST /a/ HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n"
        one.sendall((first + then).encode() + b"b" * 30_000)
        seen = b""
        while seen.count(b"HTTP/1.1") < 2:
            part = one.recv(65_536)
            assert part, seen
            seen += part
    assert [asked["length"] for asked in portal.asked] == [0, length]


def test_a_stranger_sends_no_piece(port: int, portal: Portal) -> None:
    """Without a session nothing large is taken in, where a piece may be handed in too."""
    assert post(port, PIECE, 2 * MIB)[0] == 413
    assert post(port, PIECE, 60_000)[0] == 200  # a form given back at login
    assert [(one["length"], one["read"]) for one in portal.asked] == [
        (2 * MIB, 0),
        (60_000, 60_000),
    ]


@pytest.mark.parametrize(("path", "cookie"), [("/a/", ""), (PIECE, ""), (PIECE, "sessionid=abc")])
def test_a_body_of_no_length_is_bounded_too(
    path: str, cookie: str, port: int, portal: Portal
) -> None:
    most = 26 if cookie else 1
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        one.sendall(f"{head}Cookie: {cookie}\r\n\r\n".encode())
        try:
            for _part in range(16 * most + 4):
                one.sendall(b"10000\r\n" + b"b" * 65_536 + b"\r\n")
            one.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # it closes on who goes on sending
        try:
            status = one.recv(200).split(b"\r\n")[0]
        except ConnectionResetError:
            status = b"HTTP/1.1 413"
    assert b"413" in status
    assert portal.asked == []


def test_one_address_holds_few_pieces_and_no_page_waits_for_them(port: int, portal: Portal) -> None:
    def begin(address: str, made_up: str = "10.0.0.1") -> socket.socket:
        one = socket.create_connection(("127.0.0.1", port), 20)
        told = f"X-Forwarded-For: {made_up}, {address}\r\n"
        head = f"POST {PIECE} HTTP/1.1\r\nHost: a\r\n{told}"
        one.sendall(f"{head}Cookie: sessionid=a\r\nContent-Length: {MIB}\r\n\r\n".encode())
        one.sendall(b"a" * 1000)
        return one

    held = [begin("192.0.2.7", f"10.0.0.{number}") for number in range(8)]
    refused = begin("192.0.2.7", "10.0.0.99")
    assert b"429" in refused.recv(200)
    other = begin("192.0.2.8")
    other.sendall(b"a" * (MIB - 1000))
    assert b"200" in other.recv(200)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", PIECE, headers=TLS)
    assert connection.getresponse().status == 200
    for one in [*held, refused, other]:
        one.close()
    connection.close()
