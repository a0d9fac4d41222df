"""The common question, `GET /v1/items/{item_id}/similar`, answered without a framework.

It is most of what is asked, and routing, request objects and middleware would cost more than the
answer. What every request meets before its route is here as well: preflights and limits.
"""

from __future__ import annotations

import logging
import time
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.answers import Answers, new_query_id
from serving.caching import Caching
from serving.limits import Limits
from serving.observed import PROTECTING, Observer, sent
from serving.origins import Origins, RawHeaders
from serving.parameters import similar_question
from serving.problems import ProblemError, internal, not_allowed, problem_response
from serving.replies import JSON, SMALLEST_BYTES, coding_of, compressed, has
from serving.service import Service

_LOG = logging.getLogger(__name__)
_BEFORE, _AFTER = b"/v1/items/", b"/similar"
_SHORTEST = len(_BEFORE) + 1 + len(_AFTER)
_LIMITED = b"/v1/"
_VARY = (b"vary", b"Accept-Encoding")


class Reply(NamedTuple):
    """An answer as it is sent."""

    status: int
    headers: RawHeaders
    body: bytes = b""


class Lookups:
    """The ASGI application before the application: it answers look-ups, and hands on the rest."""

    def __init__(self, service: Service, observer: Observer, limits: Limits, rest: ASGIApp) -> None:
        """Take the application for all other requests: `rest`."""
        self._served = service.served
        self._counters = service.counters
        self._caching = Caching(service.settings)
        self._origins = Origins(service.settings.cors_origins)
        self._observer = observer
        self._limits = limits
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        self._counters.in_flight(1)
        try:
            await self._serve(scope, receive, send)
        finally:
            self._counters.in_flight(-1)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        notes: dict[str, Any] = {}
        path: bytes = scope["raw_path"]
        similar = path.endswith(_AFTER) and path.startswith(_BEFORE) and len(path) >= _SHORTEST
        try:
            reply = self._before(scope, path)
            if reply is None and similar:
                reply = self._similar(scope, path, notes, begun)
        except ProblemError as error:
            reply = _as_reply(problem_response(error))
        except Exception:  # noqa: BLE001 - whatever failed, the shopper's page gets an answer
            _LOG.exception("%s %s failed", scope["method"], scope["path"])
            reply = _as_reply(internal())
        if reply is None:
            await self._rest(scope, receive, send)
            return
        headers = reply.headers + self._observer.headers(scope, notes, time.perf_counter() - begun)
        start = {"type": "http.response.start", "status": reply.status, "headers": headers}
        try:
            await send(start)
            await send({"type": "http.response.body", "body": reply.body})
        finally:
            route = "similar" if similar else "none"
            seconds = time.perf_counter() - begun
            self._observer.done(scope, route, reply.status, seconds, notes)

    def _before(self, scope: Scope, path: bytes) -> Reply | None:
        """Answer what needs no route; ProblemError for a client that asks too often."""
        if scope["method"] == "OPTIONS":
            method = sent(scope, b"access-control-request-method")
            if method is not None:
                allowed = self._origins.preflight(sent(scope, b"origin"), method)
                return Reply(204, [*allowed, *PROTECTING])
        if path.startswith(_LIMITED):
            self._limits.take(scope)
        return None

    def _similar(self, scope: Scope, path: bytes, notes: dict[str, Any], begun: float) -> Reply:
        """Answer with the look-alikes of an item."""
        if scope["method"] not in ("GET", "HEAD"):
            raise not_allowed(scope["method"], "GET, HEAD")
        item_id = path[len(_BEFORE) : -len(_AFTER)].decode("ascii", "replace")
        if "%" in item_id:
            item_id = unquote_to_bytes(item_id).decode("utf-8", "replace")
        question = similar_question(scope["query_string"])
        role, answers = self._served.choose(item_id, question.region_id)
        headers = self._headers(answers)
        if has(
            (sent(scope, b"if-none-match") or b"").decode("latin-1"), self._caching.etag(answers)
        ):
            return Reply(304, [*headers, *PROTECTING])
        notes["query_id"] = query_id = new_query_id()
        asked = time.perf_counter()
        found = answers.similar(query_id, item_id, question)
        answered = time.perf_counter()
        self._counters.answer(role, found.answered_by, found.hits, found.fallback)
        notes["kind"] = found.answered_by
        body = found.body
        if len(body) >= SMALLEST_BYTES:
            coding = coding_of(sent(scope, b"accept-encoding") or b"")
            if coding is not None:
                body = compressed(body, coding)
                headers.append((b"content-encoding", coding.encode()))
        notes["read_seconds"] = asked - begun
        notes["search_seconds"] = answered - asked
        notes["write_seconds"] = time.perf_counter() - answered
        headers += ((b"content-type", _JSON), (b"content-length", b"%d" % len(body)), *PROTECTING)
        return Reply(200, headers, body)

    def _headers(self, answers: Answers) -> RawHeaders:
        found = self._caching.headers(answers, "private")
        return [(name.lower().encode(), value.encode()) for name, value in found.items()]


_JSON = JSON.encode()


def _as_reply(response: Response) -> Reply:
    return Reply(response.status_code, [*response.raw_headers, *PROTECTING], bytes(response.body))
