"""HTTP off the socket: what is no HTTP, or has no end, is refused as problem details.

Nothing of this reaches the application, so that it is the one place below it that answers. What
the application can answer at once is written at once: most of what a small answer costs a server
is the machinery for answers that have to wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sized
from http import HTTPStatus
from typing import Any, Protocol, cast
from urllib.parse import unquote

import httptools
from starlette.responses import Response
from starlette.types import Scope
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from serving.log import event
from serving.problems import ProblemError, internal, problem_response

_LOG = logging.getLogger(__name__)

MAX_HEAD_BYTES = 65_536
"""The longest head of a request: its address and all its headers together."""

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers with names in lower case, body."""


class AnswersAtOnce(Protocol):
    """An application that knows some answers without waiting for anything."""

    def at_once(self, scope: Scope) -> Answer | None:
        """Answer a GET without a body over HTTP/1.1, or None: then it is asked as by ASGI."""
        ...


class _OneReadAhead(FlowControl):
    """Reads no more from a client whose requests are still queueing.

    uvicorn reads on with every answer, and so gathers questions faster than it answers them.
    """

    def __init__(self, transport: asyncio.Transport, queue: Sized) -> None:
        super().__init__(transport)
        self._queue = queue

    def resume_reading(self) -> None:
        """Read on, unless there is enough to do."""
        if not self._queue:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit to a request's head and with errors that say what is wrong.

    The parser below joins the pieces of a header until it ends: without a limit one that never
    does takes all memory, and time that grows with the square of its length.
    """

    turn = 0
    """Odd while a request's head is on its way: it grows by one where that begins and ends."""
    _moved = False
    _head_bytes = 0
    """Of the address and the headers that have ended."""
    _open_bytes = 0
    """Of the header that has not ended yet."""
    _may = False
    """Whether the next request may be answered at once: the first of what arrived together."""
    _held = False
    """Whether the request may be, once it has ended without a body."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take what uvicorn gives; an application may have more to it than ASGI asks for."""
        super().__init__(config, server_state, app_state, _loop)
        self._at_once = getattr(self.app, "at_once", None)

    @property
    def in_head(self) -> bool:
        """Whether a request's head has begun and not ended."""
        return self.turn % 2 == 1

    @property
    def is_answering(self) -> bool:
        """Whether a request has come and its answer has not gone."""
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin with a client."""
        super().connection_made(transport)
        self.flow = _OneReadAhead(transport, self.pipeline)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self._moved, self._may = False, True
        super().data_received(data)
        still_open = self.in_head and not self._moved
        self._open_bytes = self._open_bytes + len(data) if still_open else 0
        if self._head_bytes + self._open_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin to count."""
        self.turn += 1
        self._moved, self._head_bytes = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the count: a body is read only as fast as the application takes it."""
        self.turn += 1
        self._head_bytes = 0
        self._held = self._at_once is not None and self._may and self._is_simple()
        self._may = False
        if not self._held:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, with which nothing is answered at once."""
        if self._held:
            self._held = False
            super().on_headers_complete()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer at once what can be, and begin to answer all else."""
        if self._held:
            self._held = False
            if self._answered():
                return
            super().on_headers_complete()
        super().on_message_complete()

    def _count(self, more: int) -> None:
        self._moved = True
        self._head_bytes += more
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head is too long")  # the parser stops, and the request is refused

    def _is_simple(self) -> bool:
        """Whether this is a GET of a client that stays, reads, and waits for nothing else."""
        parser = self.parser
        return (
            parser.get_method() == b"GET"
            and not self.is_answering
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.flow.write_paused
            and not self.expect_100_continue
            and parser.get_http_version() == "1.1"
        )

    def _answered(self) -> bool:
        """Ask the application for its answer, and write it where there is one."""
        address = httptools.parse_url(self.url)
        path = address.path.decode("ascii")
        scope = cast("Scope", self.scope)
        scope["method"] = "GET"
        scope["raw_path"] = address.path
        scope["path"] = unquote(path) if "%" in path else path
        scope["query_string"] = address.query or b""
        assert self._at_once is not None
        try:
            answer: Answer | None = self._at_once(scope)
        except Exception:  # noqa: BLE001 - whatever failed, the client gets an answer
            _LOG.exception("GET %s failed", scope["path"], extra=event("request_failed"))
            self._refuse(internal())
            return True
        if answer is None:
            return False
        status, headers, body = answer
        pieces = [STATUS_LINE[status]]
        for name, value in (*self.server_state.default_headers, *headers):
            pieces += (name, b": ", value, b"\r\n")
        pieces += (b"\r\n", body)
        self.transport.write(b"".join(pieces))
        self.server_state.total_requests += 1
        return True

    def send_400_response(self, msg: str) -> None:
        """Refuse the request, and the connection with it; `msg` is uvicorn's, for its log."""
        del msg
        if self._head_bytes + self._open_bytes > MAX_HEAD_BYTES:
            detail = f"the address and the headers together are longer than {MAX_HEAD_BYTES} bytes"
            self._refuse(problem_response(ProblemError(431, "head-too-long", detail)))
        else:
            detail = "the request's method, address, headers or body are not as HTTP/1.1 wants them"
            self._refuse(problem_response(ProblemError(400, "bad-request", detail)))

    def give_up(self) -> None:
        """End a connection that kept us waiting; a head that has begun is told why."""
        if self.in_head:
            detail = "the request's head did not arrive in time"
            self._refuse(problem_response(ProblemError(408, "head-too-slow", detail)))
        else:
            self.transport.close()

    def _refuse(self, answer: Response) -> None:
        answer.headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status_code} {HTTPStatus(answer.status_code).phrase}".encode()]
        lines += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()
