"""The common question, `GET /v1/items/{item_id}/similar`, answered without a framework.

It is most of what is asked, and routing, request objects and middleware would cost more than the
answer. What every request meets before its route is here as well: preflights and limits.
"""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import unquote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.answers import new_query_id
from serving.caching import Caching
from serving.limits import Limits
from serving.log import event
from serving.observed import PROTECTING, Observer, server_timing
from serving.origins import Origins, RawHeaders, sent
from serving.parameters import similar_question
from serving.problems import ProblemError, internal, not_allowed, problem_response
from serving.protocol import Answer
from serving.replies import JSON, SMALLEST_BYTES, coding_of, compressed, has
from serving.service import Service

_LOG = logging.getLogger(__name__)
_BEFORE, _AFTER = b"/v1/items/", b"/similar"
_SHORTEST = len(_BEFORE) + 1 + len(_AFTER)
_LIMITED = b"/v1/"
_JSON = (b"content-type", JSON.encode())


class Lookups:
    """The ASGI application before the application: it answers look-ups, and hands on the rest."""

    def __init__(self, service: Service, observer: Observer, limits: Limits, rest: ASGIApp) -> None:
        """Take the application for all other requests: `rest`."""
        self._served = service.served
        self._counters = service.counters
        self._draining = service.draining
        self._caching = Caching(service.settings)
        self._origins = Origins(service.settings.cors_origins)
        self._observer = observer
        self._limits = limits
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self._answer(scope) if scope["type"] == "http" else None
        if answer is None:
            await self._rest(scope, receive, send)
            return
        status, headers, body = answer
        if self._draining.begun:
            headers = [*headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def at_once(self, scope: Scope) -> Answer | None:
        """Answer a look-up without waiting for anything; None for what is none, and at the end.

        Not to wait is what `BoundedProtocol` asks for: it saves a task and what comes with it.
        """
        # What is none is asked again by ASGI, and only then meets the limits.
        if self._draining.begun or not _is_lookup(scope["raw_path"]):
            return None
        return self._answer(scope)

    def _answer(self, scope: Scope) -> Answer | None:
        begun = time.perf_counter()
        path: bytes = scope["raw_path"]
        similar = _is_lookup(path)
        notes: dict[str, Any] = {}
        try:
            if scope["method"] == "OPTIONS" and (told := self._preflight(scope)) is not None:
                answer: Answer = (204, told, b"")
            elif not path.startswith(_LIMITED):
                return None
            else:
                self._limits.take(scope)
                if not similar:
                    return None
                answer = self._similar(scope, path, notes, begun)
        except ProblemError as error:
            answer = _sent(problem_response(error))
        except Exception:  # noqa: BLE001 - whatever failed, the shopper's page gets an answer
            fields = event("request_failed", query_id=notes.get("query_id"))
            _LOG.exception("%s %s failed", scope["method"], scope["path"], extra=fields)
            answer = _sent(internal())
        seconds = time.perf_counter() - begun
        status, headers, body = answer
        headers += self._origins.headers(scope)
        headers += (*PROTECTING, (b"server-timing", server_timing(notes, seconds)))
        self._observer.done(scope, "similar" if similar else "none", status, seconds, notes)
        return status, headers, body

    def _preflight(self, scope: Scope) -> RawHeaders | None:
        """Return what a preflight request is answered with; None for another one."""
        method = sent(scope, b"access-control-request-method")
        return None if method is None else self._origins.preflight(sent(scope, b"origin"), method)

    def _similar(self, scope: Scope, path: bytes, notes: dict[str, Any], begun: float) -> Answer:
        """Answer with the look-alikes of an item."""
        if scope["method"] not in ("GET", "HEAD"):
            raise not_allowed(scope["method"], "GET, HEAD")
        item_id = path[len(_BEFORE) : -len(_AFTER)].decode("ascii", "replace")
        if "%" in item_id:
            item_id = unquote(item_id, errors="replace")
        question = similar_question(scope["query_string"])
        role, answers = self._served.choose(item_id, question.region_id)
        headers = self._caching.raw_headers(answers)
        known, accept = sent_two(scope)
        if known is not None and has(known.decode("latin-1"), self._caching.etag(answers)):
            return 304, headers, b""
        query_id = notes["query_id"] = new_query_id()
        asked = time.perf_counter()
        found = answers.similar(query_id, item_id, question)
        answered = time.perf_counter()
        self._counters.answer(role, found.answered_by, found.hits, found.fallback)
        body, coding = found.body, None
        if accept is not None and len(body) >= SMALLEST_BYTES:
            coding = coding_of(accept)
            if coding is not None:
                body = compressed(body, coding)
                headers.append((b"content-encoding", coding.encode()))
        headers += (_JSON, (b"content-length", b"%d" % len(body)))
        notes["kind"] = found.answered_by
        notes["read_seconds"] = asked - begun
        notes["search_seconds"] = answered - asked
        notes["write_seconds"] = time.perf_counter() - answered
        return 200, headers, body


def _is_lookup(path: bytes) -> bool:
    return path.endswith(_AFTER) and path.startswith(_BEFORE) and len(path) >= _SHORTEST


def sent_two(scope: Scope) -> tuple[bytes | None, bytes | None]:
    """Return the request's If-None-Match and Accept-Encoding, each None if it was not sent."""
    known = accept = None
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known = value
        elif name == b"accept-encoding":
            accept = value
    return known, accept


def _sent(response: Response) -> Answer:
    return response.status_code, list(response.raw_headers), bytes(response.body)
