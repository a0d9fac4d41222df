"""Whatever bytes come over a socket: no failure, no end of a worker, and the next one is served."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.service_process import ServiceProcess, children_of, until
from tests.serving.shop_bundle import PLAIN
from tests.serving.test_state import samples

PATIENCE_SECONDS = 0.05
"""How long a socket is listened to for an answer that may not come; the counters tell the rest."""

bounded = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def fuzzed(shop_home: Path) -> Iterator[ServiceProcess]:
    """A service of its own, which has to be unhurt in the end."""
    with ServiceProcess(shop_home, head_seconds=2) as service:
        [leader] = children_of(service.process.pid)
        workers = children_of(leader)
        yield service
        with httpx.Client(base_url=service.address, trust_env=False, timeout=10) as client:
            counted = samples(client)
            assert children_of(leader) == workers, "a worker ended"
            assert "Traceback" not in service.said()
            failed = {labels for labels in counted if re.search(r"5\d\d|5xx", str(labels))}
            assert sum(counted[labels] for labels in failed) == 0
            assert failed, "failures would not have been counted"


def send(service: ServiceProcess, sent: bytes) -> bytes:
    """Send bytes as they are and return the beginning of what comes back, if anything does."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as sender:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sender.sendall(sent)
        sender.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            return sender.recv(65_536)
    return b""


def hold(service: ServiceProcess, sent: bytes) -> None:
    answer = send(service, sent)
    assert not answer or re.match(rb"HTTP/1\.1 [1-4]\d\d ", answer), answer[:200]
    if b"application/problem+json" in answer and b"\r\n\r\n" in answer and sent[:4] != b"HEAD":
        head, _, body = answer.partition(b"\r\n\r\n")
        if f"content-length: {len(body)}" in head.decode().lower():
            assert json.loads(body)["type"].startswith("urn:nitamono:problem:")


junk = st.binary(max_size=40)
word = st.sampled_from(
    [
        *(b"GET", b"HEAD", b"POST", b"OPTIONS", b"/v1/items/", b"/similar", b"/v1/search", b"?"),
        *(b" ", b"\r\n", b"\r\n\r\n", b"HTTP/1.1", b"Host: shop", b"%", b"%00", b"%ff", b"&", b"="),
        *(b"filter", b"limit", b"threshold", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        *(b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: close", b"{", b"[", b":"),
    ]
)


@bounded
@given(st.lists(junk | word, max_size=12).map(b"".join))
def test_any_bytes(fuzzed: ServiceProcess, sent: bytes) -> None:
    hold(fuzzed, sent)


token = st.binary(max_size=30).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b""))
name = st.sampled_from(
    [
        *(b"If-None-Match", b"Accept-Encoding", b"Origin", b"X-Forwarded-For", b"Content-Type"),
        *(
            b"Access-Control-Request-Method",
            b"Accept",
            b"Connection",
            b"X-Any",
            b"Content-Encoding",
        ),
    ]
)
header = st.tuples(name, token).map(lambda pair: b"%b: %b\r\n" % pair)
method = st.sampled_from([b"GET", b"HEAD", b"OPTIONS", b"DELETE"])
part = st.binary(max_size=12) | st.sampled_from([PLAIN.encode(), b"%2F", b"..", b"%ed%a0%80"])
address = st.builds(
    lambda before, parts, after, query: before + b"".join(parts) + after + query,
    st.sampled_from([b"/v1/items/", b"/", b"/images/", b"/widget/", b"/demo/", b"http://x/"]),
    st.lists(part, max_size=3),
    st.sampled_from([b"", b"/similar", b".jpg"]),
    st.lists(part, max_size=3).map(lambda parts: b"?" + b"&".join(parts) if parts else b""),
).map(lambda raw: re.sub(rb"[\x00-\x20\x7f-\xff#]", b"", raw))


@bounded
@given(method, address, st.lists(header, max_size=5))
def test_any_address_and_headers(
    fuzzed: ServiceProcess, method: bytes, address: bytes, headers: list[bytes]
) -> None:
    head = b"%b %b HTTP/1.1\r\nHost: shop\r\n%b\r\n" % (method, address, b"".join(headers))
    hold(fuzzed, head)


@bounded
@given(
    st.sampled_from([b"/v1/search", b"/v1/events", b"/v1/search/image"]),
    st.sampled_from([b"application/json", b"image/jpeg", b"text/plain"]),
    st.binary(max_size=200)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")),
    st.integers(-3, 3),
)
def test_any_body_and_any_length_told_of_it(
    fuzzed: ServiceProcess, path: bytes, kind: bytes, body: bytes, more: int
) -> None:
    told = max(0, len(body) + more)
    head = b"POST %b HTTP/1.1\r\nHost: shop\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    hold(fuzzed, head % (path, kind, told) + body)


def test_it_still_serves(fuzzed: ServiceProcess) -> None:
    answer = httpx.get(f"{fuzzed.address}/v1/items/{PLAIN}/similar", trust_env=False, timeout=10)
    assert len(answer.json()["hits"]) == 12
    until(lambda: connections(fuzzed) <= 1)


def connections(service: ServiceProcess) -> int:
    """How many connections its port has that are not closed."""
    port = f":{service.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(1 for each in fields if each[1].endswith(port) and each[3] in ("01", "08"))
