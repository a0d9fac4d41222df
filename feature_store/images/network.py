"""HTTP connections that go only to addresses that were checked, and end at a deadline.

A host name is resolved once, its addresses are checked, and the connection is made to a checked
address itself, so that no second look-up can answer differently (DNS rebinding). TLS and the Host
header keep the name. Every redirect opens its connection here, too.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpcore
import httpx

from feature_store.errors import ImageError
from feature_store.images.addresses import is_public

Resolve = Callable[[str, int], list[str]]
"""From host name and port to IP addresses, best first; raises OSError."""

_MAX_ADDRESSES = 4


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver; each address once, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Deadline:
    """The time at which whatever this thread does on the network must be over."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Set this thread's deadline to `seconds` from now for the length of the block."""
        self._local.end = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._local.end

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Do not count the time within the block: it is spent on waiting for our own limits."""
        begun = time.monotonic()
        try:
            yield
        finally:
            if hasattr(self._local, "end"):
                self._local.end += time.monotonic() - begun

    def remaining_seconds(self) -> float:
        """What is left of this thread's time; without a deadline, for ever."""
        end: float | None = getattr(self._local, "end", None)
        return float("inf") if end is None else end - time.monotonic()

    def bound(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
        """`timeout` or what is left, whichever is less; raises `error` if nothing is left."""
        remaining = self.remaining_seconds()
        if remaining <= 0:
            raise error("the time for this image is over")
        if remaining == float("inf"):
            return timeout
        return remaining if timeout is None else min(timeout, remaining)


class _TimedStream(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline of the thread that waits."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.bound(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.bound(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        bound = self._deadline.bound(timeout, httpcore.ConnectTimeout)
        stream = self._inner.start_tls(ssl_context, server_hostname, bound)
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections to public addresses only, unless private ones are allowed."""

    def __init__(
        self,
        *,
        allow_private_hosts: bool,
        deadline: Deadline,
        resolve: Resolve = resolve,
        inner: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._allow_private_hosts = allow_private_hosts
        self._deadline = deadline
        self._resolve = resolve
        self._inner = inner or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to one of the checked addresses of `host`.

        Raises ImageError(blocked_host) if it has none, ImageError(unreachable) if there is no such
        host, httpcore's errors if none of them answers.
        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._checked_addresses(host, port)[:_MAX_ADDRESSES]:
            bound = self._deadline.bound(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(
                    address, port, bound, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure

    def _checked_addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolve(host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise httpcore.ConnectError(f"the name {host} cannot be resolved now") from error
            raise ImageError("unreachable", f"there is no host named {host}") from error
        except (OSError, UnicodeError) as error:
            raise ImageError("unreachable", f"there is no host named {host}") from error
        if self._allow_private_hosts:
            return addresses
        public = [address for address in addresses if is_public(address)]
        if addresses and not public:
            raise ImageError(
                "blocked_host",
                f"{host} is at {addresses[0]}, which is not a public address; "
                "allow_private_hosts would allow it",
            )
        return public


class CheckedTransport(httpx.BaseTransport):
    """httpx's door to a connection pool over a `CheckedBackend`; raises httpcore's errors."""

    def __init__(
        self, backend: httpcore.NetworkBackend, ssl_context: ssl.SSLContext, max_connections: int
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=10.0,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its answer with the body still to be read."""
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
