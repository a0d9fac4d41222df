"""What happens around every request: timing, counting, security headers, the access log."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Counters
from serving.problems import internal

_LOG = logging.getLogger(__name__)

NOTES = "nitamono.notes"
"""The key of the request's scope under which endpoints leave `search_seconds` and `query_id`."""


@dataclass
class Draining:
    """Whether this worker is going: then each answer asks its connection to close."""

    begun: bool = False


class Observed:
    """ASGI middleware that times, counts and completes every answer, and survives every failure."""

    def __init__(
        self, app: ASGIApp, *, counters: Counters, draining: Draining, access_log: bool
    ) -> None:
        self._app = app
        self._counters = counters
        self._draining = draining
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        notes: dict[str, Any] = scope.setdefault(NOTES, {})
        status = 0

        async def complete(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(message, notes, time.perf_counter() - begun)
            await send(message)

        try:
            await self._app(scope, receive, complete)
        except Exception:  # noqa: BLE001 - whatever failed, the shopper's page gets an answer
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            if not status:
                await internal()(scope, receive, complete)
        finally:
            seconds = time.perf_counter() - begun
            route = getattr(scope.get("endpoint"), "__name__", "none")
            self._counters.request(route, status, seconds)
            if self._access_log:
                _write_log(scope, route, status, seconds, notes)

    def _add_headers(
        self, message: MutableMapping[str, Any], notes: dict[str, Any], seconds: float
    ) -> None:
        headers = MutableHeaders(scope=message)
        timing = f"total;dur={seconds * 1000:.2f}"
        if "search_seconds" in notes:
            timing = f"search;dur={notes['search_seconds'] * 1000:.2f}, {timing}"
        headers["Server-Timing"] = timing
        headers["Timing-Allow-Origin"] = "*"
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        # Shops embed answers, photos and the widget in pages of their own origin.
        headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin")
        if self._draining.begun:
            headers["Connection"] = "close"


def _write_log(
    scope: Scope, route: str, status: int, seconds: float, notes: dict[str, Any]
) -> None:
    line = {
        "time": round(time.time(), 3),
        "method": scope["method"],
        "path": scope.get("raw_path", b"").decode("ascii", "replace"),
        "query": scope.get("query_string", b"").decode("ascii", "replace"),
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 3),
        **({"query_id": notes["query_id"]} if "query_id" in notes else {}),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
