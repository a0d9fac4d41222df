"""What happens around every request: timing, counting, security headers, the access log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.counters import Counters
from serving.log import event, say
from serving.origins import Origins, RawHeaders
from serving.problems import internal

_LOG = logging.getLogger(__name__)

NOTES = "nitamono.notes"
"""The key of the request's scope under which endpoints leave `query_id`, `kind` (what answered)
and, for Server-Timing, all of `read_seconds` (of the question), `search_seconds` and
`write_seconds` (of the answer)."""

_LOGGED = {"query_id": "query_id", "kind": "answered_by"}
"""The notes that the access log has, and how it calls them."""

_PROTECTING = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Shops embed answers, photos and the widget in pages of their own origin.
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Timing-Allow-Origin": "*",
}
PROTECTING: RawHeaders = [
    (name.lower().encode(), value.encode()) for name, value in _PROTECTING.items()
]
"""The headers that every answer has, unless it sets one of them itself."""


@dataclass
class Draining:
    """Whether this worker is going: then each answer asks its connection to close."""

    begun: bool = False


class Observer:
    """What is told of every answer, whichever way it was made: in headers, counters and the log."""

    def __init__(
        self, counters: Counters, draining: Draining, origins: Origins, *, access_log: bool
    ) -> None:
        self._counters = counters
        self._draining = draining
        self._origins = origins
        self._access_log = access_log

    def headers(self, scope: Scope, notes: dict[str, Any], seconds: float) -> RawHeaders:
        """Return the headers that do not protect, but tell: origins, timing, whether it goes."""
        found = [
            *self._origins.headers(scope),
            (b"server-timing", server_timing(notes, seconds)),
        ]
        if self._draining.begun:
            found.append((b"connection", b"close"))
        return found

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a request as being answered, however that ends."""
        self._counters.in_flight(1)
        try:
            yield
        finally:
            self._counters.in_flight(-1)

    def done(
        self, scope: Scope, route: str, status: int, seconds: float, notes: dict[str, Any]
    ) -> None:
        """Count an answer and write the access log."""
        self._counters.request(route, status, seconds, notes.get("kind", "none"))
        if self._access_log:
            _write_log(scope, route, status, seconds, notes)


class Observed:
    """ASGI middleware that times, counts and completes every answer, and survives every failure."""

    def __init__(self, app: ASGIApp, *, observer: Observer) -> None:
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._observer.in_flight():
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        notes: dict[str, Any] = scope.setdefault(NOTES, {})
        status = 0

        async def complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _PROTECTING.items():
                    headers.setdefault(name, value)
                seconds = time.perf_counter() - begun
                _add(headers, self._observer.headers(scope, notes, seconds))
            await send(message)

        try:
            await self._app(scope, receive, complete)
        except Exception:  # noqa: BLE001 - whatever failed, the shopper's page gets an answer
            fields = event("request_failed", query_id=notes.get("query_id"))
            _LOG.exception("%s %s failed", scope["method"], scope["path"], extra=fields)
            if not status:
                await internal()(scope, receive, complete)
        finally:
            route = getattr(scope.get("endpoint"), "__name__", "none")
            self._observer.done(scope, route, status, time.perf_counter() - begun, notes)


def _add(headers: MutableHeaders, told: RawHeaders) -> None:
    for name, value in told:
        if name == b"vary":
            headers.add_vary_header(value.decode())
        else:
            headers[name.decode()] = value.decode("latin-1")


def server_timing(notes: dict[str, Any], seconds: float) -> bytes:
    """Return the Server-Timing header: what each stage took, and all, in milliseconds."""
    if "search_seconds" not in notes:
        return b"total;dur=%.2f" % (seconds * 1000)
    return b"read;dur=%.2f, search;dur=%.2f, write;dur=%.2f, total;dur=%.2f" % (
        1000 * notes.get("read_seconds", 0.0),
        1000 * notes.get("search_seconds", 0.0),
        1000 * notes.get("write_seconds", 0.0),
        1000 * seconds,
    )


def _write_log(
    scope: Scope, route: str, status: int, seconds: float, notes: dict[str, Any]
) -> None:
    say(
        "request",
        method=scope["method"],
        path=scope.get("raw_path", b"").decode("ascii", "replace"),
        query=scope.get("query_string", b"").decode("ascii", "replace"),
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 3),
        **{said: notes[note] for note, said in _LOGGED.items() if note in notes},
    )
