"""The protocol under the application: answers at once, and clients that keep it waiting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import cast

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from serving.patience import Patience
from serving.protocol import Answer, BoundedProtocol

HOST = b"Host: shop\r\n"
LARGE = b"x" * 100_000


class App:
    """Answers /now at once and all else as ASGI has it; notes what it was asked, and how."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def at_once(self, scope: Scope) -> Answer | None:
        if scope["path"] == "/broken":
            raise RuntimeError("planted")
        if not scope["path"].startswith("/now"):
            return None
        self.asked.append(("at once", scope["method"], scope["path"]))
        body = LARGE if scope["path"] == "/now/large" else scope["query_string"]
        return 200, [(b"content-length", b"%d" % len(body)), (b"x-way", b"at-once")], body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive()).get("more_body") or message.get("body"):
            body += message["body"]
            if not message["more_body"]:
                break
        self.asked.append(("asgi", scope["method"], scope["path"]))
        if scope["path"] == "/slow":
            await asyncio.sleep(0.2)
        answer = body or scope["path"].encode()
        headers = [(b"content-length", b"%d" % len(answer)), (b"x-way", b"asgi")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


class Server(uvicorn.Server):
    """One worker's server, in a thread, on a free port."""

    def __init__(self, app: App, head_seconds: float, idle_seconds: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.app = app
        self.patience = Patience(head_seconds, idle_seconds)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=lambda: self.run(sockets=[self.listener]))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    async def on_tick(self, counter: int) -> bool:
        connections = cast("set[BoundedProtocol]", self.server_state.connections)
        self.patience.look(connections, time.monotonic())
        return await super().on_tick(counter)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    head_seconds, idle_seconds = getattr(request, "param", (30.0, 30.0))
    server = Server(App(), head_seconds, idle_seconds)
    server.thread.start()
    yield server
    server.should_exit = True
    server.thread.join(20)


def receive(sender: socket.socket, count: int) -> list[tuple[int, dict[str, str], bytes]]:
    """Read so many answers: status, headers, body."""
    answers = []
    with sender.makefile("rb") as stream:
        for _ in range(count):
            status = int(stream.readline().split()[1])
            lines = iter(lambda: stream.readline().decode().strip(), "")
            headers = dict(line.split(": ", 1) for line in lines)
            answers.append((status, headers, stream.read(int(headers["content-length"]))))
    return answers


def rest(sender: socket.socket) -> bytes:
    """Read until the other side closes."""
    read = b""
    while piece := sender.recv(65536):
        read += piece
    return read


def ways(answers: list[tuple[int, dict[str, str], bytes]]) -> list[str]:
    return [headers["x-way"] for _, headers, _ in answers]


def test_a_plain_get_is_answered_at_once(server: Server) -> None:
    with server.connect() as sender:
        sender.sendall(b"GET /now%20too?a=1&b HTTP/1.1\r\n" + HOST + b"\r\n")
        [(status, headers, body)] = receive(sender, 1)
        assert (status, headers["x-way"], body) == (200, "at-once", b"a=1&b")
        assert headers["date"].endswith("GMT")
        # and again over the same connection, in pieces
        for piece in (b"GE", b"T /now?c HTTP/1.1\r\nHo", b"st: shop\r\n", b"\r\n"):
            sender.sendall(piece)
        assert receive(sender, 1)[0][2] == b"c"
    assert server.app.asked == [("at once", "GET", "/now too"), ("at once", "GET", "/now")]


@pytest.mark.parametrize(
    "head",
    [
        b"HEAD /now HTTP/1.1\r\n" + HOST,
        b"POST /now HTTP/1.1\r\nContent-Length: 0\r\n" + HOST,
        b"GET /now HTTP/1.1\r\nConnection: close\r\n" + HOST,
        b"GET /now HTTP/1.0\r\nConnection: keep-alive\r\n" + HOST,
        b"GET /later HTTP/1.1\r\n" + HOST,
    ],
    ids=["head", "post", "close", "http-1.0", "not-mine"],
)
def test_all_else_goes_the_ordinary_way(server: Server, head: bytes) -> None:
    with server.connect() as sender:
        sender.sendall(head + b"\r\n")
        answer = sender.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"x-way: asgi" in answer
    assert [way for way, _, _ in server.app.asked] == ["asgi"]


def test_a_get_with_a_body_goes_the_ordinary_way(server: Server) -> None:
    with server.connect() as sender:
        head = b"GET /now HTTP/1.1\r\nContent-Length: 4\r\n" + HOST + b"\r\n"
        sender.sendall(head)
        sender.sendall(b"body")
        [(_, headers, body)] = receive(sender, 1)
        assert (headers["x-way"], body) == ("asgi", b"body")
        chunked = b"GET /now HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
        sender.sendall(chunked + b"4\r\nmore\r\n0\r\n\r\n")
        assert receive(sender, 1)[0][2] == b"more"
        expecting = head.replace(HOST, HOST + b"Expect: 100-continue\r\n")
        sender.sendall(expecting)
        assert sender.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sender.sendall(b"last")
        assert receive(sender, 1)[0][2] == b"last"


def test_answers_come_in_the_order_of_the_questions(server: Server) -> None:
    questions = [b"/now?1", b"/slow", b"/now?2", b"/later", b"/now?3", b"/now?4"]
    with server.connect() as sender:
        sender.sendall(b"".join(b"GET " + q + b" HTTP/1.1\r\n" + HOST + b"\r\n" for q in questions))
        answers = receive(sender, len(questions))
    # Only the first of what arrives together is answered at once: others have their turn between.
    assert ways(answers) == ["at-once", *["asgi"] * 5]
    paths = [path for _, _, path in server.app.asked]
    assert paths == ["/now", "/slow", "/now", "/later", "/now", "/now"]


def test_a_client_that_does_not_read_is_not_answered_into_memory(server: Server) -> None:
    request = b"GET /now/large HTTP/1.1\r\n" + HOST + b"\r\n"
    with server.connect() as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sender.settimeout(2)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 2**28:  # until the server no longer reads either
                sent += sender.send(request)
        assert sent < 2**28
        [one] = server.server_state.connections
        connection = cast("BoundedProtocol", one)
        assert connection.transport.get_write_buffer_size() < 3 * len(LARGE)
        # At most what one read from the socket brought waits.
        assert 0 < len(connection.pipeline) <= 2**18 // len(request)


def test_a_failure_is_answered_and_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with server.connect() as sender:
        sender.sendall(b"GET /broken HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = rest(sender)
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert b"urn:nitamono:problem:internal" in answer
    assert "planted" not in answer.decode()
    assert "planted" in caplog.text


@pytest.mark.parametrize("server", [(0.3, 30.0)], indirect=True)
def test_half_a_head_is_waited_for_only_so_long(server: Server) -> None:
    with server.connect() as sender, server.connect() as silent, server.connect() as dripping:
        sender.sendall(b"GET /now HTTP/1.1\r\nHost")
        stop = threading.Event()

        def drip() -> None:  # one byte now and then does not count as progress
            while not stop.wait(0.05):
                try:
                    dripping.sendall(b"G" if not stop.is_set() else b"")
                except OSError:
                    return

        dripping.sendall(b"GET /now?")
        thread = threading.Thread(target=drip)
        thread.start()
        answer = rest(sender)
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
        assert b"urn:nitamono:problem:head-too-slow" in answer
        assert rest(silent) == b""
        with contextlib.suppress(ConnectionResetError):  # its next byte may come after the end
            assert rest(dripping).startswith(b"HTTP/1.1 408")
        stop.set()
        thread.join()
    assert server.app.asked == []


@pytest.mark.parametrize("server", [(30.0, 0.3)], indirect=True)
def test_a_quiet_connection_is_closed_but_not_one_that_waits(server: Server) -> None:
    with server.connect() as quiet, server.connect() as waiting:
        quiet.sendall(b"GET /now?x HTTP/1.1\r\n" + HOST + b"\r\n")
        assert receive(quiet, 1)[0][2] == b"x"
        body = b"POST /later HTTP/1.1\r\nContent-Length: 4\r\n" + HOST + b"\r\nbo"
        waiting.sendall(body)
        assert rest(quiet) == b""
        waiting.sendall(b"dy")  # a body has its own limit, in the application
        assert receive(waiting, 1)[0][2] == b"body"
        assert rest(waiting) == b""
