"""Which addresses are connected to and under which name, seen by a network that records."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore
import pytest

from feature_store.errors import ImageError
from feature_store.images.network import CheckedBackend, Deadline


class RecordingStream(httpcore.NetworkStream):
    def __init__(self, names: list[str | None]) -> None:
        self._names = names

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        self._names.append(server_hostname)
        raise httpcore.ConnectError("far enough")

    def close(self) -> None:
        pass


class RecordingNetwork(httpcore.NetworkBackend):
    """Connects to any address but those in `dead`, and remembers them all."""

    def __init__(self, dead: Iterable[str] = ()) -> None:
        self.dead = set(dead)
        self.connected: list[str] = []
        self.names: list[str | None] = []

    def connect_tcp(self, host: str, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.connected.append(host)
        if host in self.dead:
            raise httpcore.ConnectError("nobody there")
        return RecordingStream(self.names)


def backend(
    network: RecordingNetwork, resolve: Callable[[str, int], list[str]], *, private: bool = False
) -> CheckedBackend:
    return CheckedBackend(
        allow_private_hosts=private, deadline=Deadline(), resolve=resolve, inner=network
    )


def test_only_the_public_part_of_a_mixed_answer_is_connected_to() -> None:
    network = RecordingNetwork(dead=["8.8.8.8"])
    addresses = ["127.0.0.1", "8.8.8.8", "10.0.0.1", "1.1.1.1"]
    backend(network, lambda host, port: addresses).connect_tcp("mixed.example", 443)
    assert network.connected == ["8.8.8.8", "1.1.1.1"]


def test_a_name_that_rebinds_is_resolved_once_and_never_by_the_connection() -> None:
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    network = RecordingNetwork()
    checked = backend(network, lambda host, port: next(answers))
    checked.connect_tcp("rebind.example", 443)
    assert network.connected == ["8.8.8.8"]
    with pytest.raises(ImageError, match=r"127\.0\.0\.1, which is not a public address"):
        checked.connect_tcp("rebind.example", 443)
    assert network.connected == ["8.8.8.8"]


def test_tls_asks_for_the_name_not_the_address() -> None:
    network = RecordingNetwork()
    pool = httpcore.ConnectionPool(network_backend=backend(network, lambda *_: ["8.8.8.8"]))
    with pytest.raises(httpcore.ConnectError, match="far enough"):
        pool.request("GET", "https://photos.example/a.jpg")
    assert network.connected == ["8.8.8.8"]
    assert network.names == ["photos.example"]


def test_private_addresses_when_allowed_and_hosts_without_any_address() -> None:
    network = RecordingNetwork(dead=["10.0.0.1"])
    allowed = backend(network, lambda *_: ["10.0.0.1"], private=True)
    with pytest.raises(httpcore.ConnectError, match="nobody there"):
        allowed.connect_tcp("inner.example", 80)
    with pytest.raises(httpcore.ConnectError, match="has no address"):
        backend(network, lambda *_: []).connect_tcp("empty.example", 80)


@pytest.mark.parametrize(
    ("failure", "wanted"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), ImageError),
        (socket.gaierror(socket.EAI_AGAIN, "busy"), httpcore.ConnectError),
        (UnicodeError("label too long"), ImageError),
    ],
)
def test_names_that_do_not_resolve(failure: Exception, wanted: type[Exception]) -> None:
    def failing(host: str, port: int) -> list[str]:
        raise failure

    with pytest.raises(wanted):
        backend(RecordingNetwork(), failing).connect_tcp("nowhere.example", 443)


def test_after_the_deadline_nothing_is_begun() -> None:
    deadline = Deadline()
    network = RecordingNetwork()
    checked = CheckedBackend(
        allow_private_hosts=False,
        deadline=deadline,
        resolve=lambda *_: ["8.8.8.8"],
        inner=network,
    )
    with deadline.within(0.0), pytest.raises(httpcore.ConnectTimeout):
        checked.connect_tcp("late.example", 443, timeout=5.0)
    assert network.connected == []
    with deadline.within(60.0):
        assert deadline.bound(5.0, httpcore.ReadTimeout) == 5.0
        assert deadline.bound(None, httpcore.ReadTimeout) <= 60.0  # type: ignore[operator]
    assert deadline.bound(None, httpcore.ReadTimeout) is None
