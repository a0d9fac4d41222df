"""Which web pages may read answers: the headers of cross-origin sharing (CORS)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import Scope

from serving.problems import ProblemError

RawHeaders = list[tuple[bytes, bytes]]

METHODS = ("GET", "HEAD", "POST")
"""What a page of another origin may ask for."""

_EXPOSED = (b"access-control-expose-headers", b"ETag, Server-Timing, Retry-After")
_DAY_SECONDS = b"86400"


class Origins:
    """The origins that may read; `*` is all of them. Cookies are no part of any answer."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._any = "*" in allowed
        self._allowed = {origin.encode() for origin in allowed}
        self._for_all: RawHeaders = [(b"access-control-allow-origin", b"*"), _EXPOSED]

    def headers(self, scope: Scope) -> RawHeaders:
        """Return the headers that let the page that asks read the answer."""
        if self._any:
            return self._for_all
        vary, origin = (b"vary", b"Origin"), sent(scope, b"origin")
        if origin is None or origin not in self._allowed:
            return [vary]
        return [(b"access-control-allow-origin", origin), _EXPOSED, vary]

    def preflight(self, origin: bytes | None, method: bytes) -> RawHeaders:
        """Return the headers of the answer to a preflight request; ProblemError 400 refuses it."""
        if not self._any and origin not in self._allowed:
            raise ProblemError(400, "cors-refused", "pages of this origin may not ask here")
        if method.decode("latin-1") not in METHODS:
            allowed = ", ".join(METHODS)
            detail = f"a page of another origin may use {allowed}"
            raise ProblemError(400, "cors-refused", detail, allowed=allowed)
        return [
            (b"access-control-allow-methods", ", ".join(METHODS).encode()),
            (b"access-control-allow-headers", b"Content-Type, If-None-Match"),
            (b"access-control-max-age", _DAY_SECONDS),
        ]


def sent(scope: Scope, name: bytes) -> bytes | None:
    """Return a header of the request, None if it was not sent; the last one if several were."""
    found: bytes | None = None
    for key, value in scope["headers"]:
        if key == name:
            found = value
    return found
