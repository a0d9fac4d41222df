"""What is no HTTP, or has no end, is refused in problem details before it costs anything."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from tests.serving.service_process import ServiceProcess

LINE = b"a" * 1000


def ask(service: ServiceProcess, *pieces: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are; return status, headers and body of what comes back."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as sender:
        try:
            for piece in pieces:
                sender.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has refused already
        answer = b""
        try:
            while piece := sender.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body


def problem(answer: tuple[int, dict[str, str], bytes], status: int, kind: str) -> dict[str, Any]:
    found, headers, body = answer
    assert found == status
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["content-length"]) == len(body)
    members: dict[str, Any] = json.loads(body)
    assert (members["status"], members["type"]) == (status, f"urn:nitamono:problem:{kind}")
    return members


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"FOO /healthz HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"GET /v1/items/\x80\xff HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: shop\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: shop\r\nContent-Length: many\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request(service: ServiceProcess, request_bytes: bytes) -> None:
    problem(ask(service, request_bytes), 400, "bad-request")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 66_000 + b" HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: shop\r\nX-Long: " + b"a" * 66_000 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X-%d: %b\r\n" % (n, LINE) for n in range(66)),
    ],
    ids=["address", "header", "headers"],
)
def test_a_long_head_is_refused(service: ServiceProcess, head: bytes) -> None:
    # The limit is passed at the end: what is sent after a refusal may cost the client the answer.
    answer = ask(service, head[:60_000], head[60_000:] + b"\r\n")
    assert "65536" in problem(answer, 431, "head-too-long")["detail"]


def test_a_header_without_an_end_is_refused(service: ServiceProcess) -> None:
    start = b"GET /healthz HTTP/1.1\r\nHost: shop\r\nX-Endless: "
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as sender:
        sender.sendall(start)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            sender.sendall(b"a" * 50_000_000)


def test_a_long_but_bounded_head_is_answered(service: ServiceProcess) -> None:
    headers = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(60))
    request = b"GET /healthz HTTP/1.1\r\nHost: shop\r\n" + headers
    first = request + b"\r\n"
    last = request + b"Connection: close\r\n\r\n"
    pieces = [first[:40_000], first[40_000:], last]
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as sender:
        for piece in pieces:
            sender.sendall(piece)
        answer = b""
        while piece := sender.recv(65536):
            answer += piece
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_long_body_is_no_long_head(client: httpx.Client) -> None:
    assert client.post("/healthz", content=b"a" * 500_000).status_code == 405
    assert client.get("/healthz").status_code == 200
