"""HTTP off the socket: what is no HTTP, or has no end, is refused as problem details.

Nothing of this reaches the application, so that it is the one place below it that answers.
"""

from __future__ import annotations

from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.problems import ProblemError, problem_response

MAX_HEAD_BYTES = 65_536
"""The longest head of a request: its address and all its headers together."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a limit to a request's head and with errors that say what is wrong.

    The parser below joins the pieces of a header until it ends: without a limit one that never
    does takes all memory, and time that grows with the square of its length.
    """

    _in_head = False
    _moved = False
    _head_bytes = 0
    """Of the address and the headers that have ended."""
    _open_bytes = 0
    """Of the header that has not ended yet."""

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self._moved = False
        super().data_received(data)
        still_open = self._in_head and not self._moved
        self._open_bytes = self._open_bytes + len(data) if still_open else 0
        if self._head_bytes + self._open_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head, self._moved, self._head_bytes = True, True, 0
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
        super().on_headers_complete()
        self._in_head, self._head_bytes = False, 0

    def _count(self, more: int) -> None:
        self._moved = True
        self._head_bytes += more
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head is too long")  # the parser stops, and the request is refused

    def send_400_response(self, msg: str) -> None:
        """Refuse the request, and the connection with it; `msg` is uvicorn's, for its log."""
        del msg
        if self._head_bytes + self._open_bytes > MAX_HEAD_BYTES:
            detail = f"the address and the headers together are longer than {MAX_HEAD_BYTES} bytes"
            problem = ProblemError(431, "head-too-long", detail)
        else:
            detail = "the request's method, address, headers or body are not as HTTP/1.1 wants them"
            problem = ProblemError(400, "bad-request", detail)
        answer = problem_response(problem, {"Connection": "close"})
        lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()
