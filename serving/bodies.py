"""What is sent to the service: a body that ends, in time, and is of a kind that is read here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from serving.problems import ProblemError

PATIENCE_SECONDS = 30.0
"""How long a body may take to arrive."""


async def read_body(request: Request, allowed: Collection[str], limit_bytes: int) -> bytes:
    """Return a request's body, of one of the `allowed` media types and so many bytes at most.

    ProblemError 415 for another type, 413 for a longer one, 408 for one that does not come.
    """
    sent = request.headers.get("content-type", "")
    if sent.partition(";")[0].strip().lower() not in allowed:
        kinds = ", ".join(sorted(allowed))
        detail = f"Content-Type is {sent[:200]!r}; allowed: {kinds}"
        raise ProblemError(415, "unsupported-media-type", detail, allowed=kinds)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        detail = "a compressed body is not read here; send it as it is"
        raise ProblemError(415, "unsupported-media-type", detail, allowed="identity")
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit_bytes:
        raise _too_long(limit_bytes)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _gather(request, limit_bytes)
    except TimeoutError as error:
        detail = f"the body did not arrive within {PATIENCE_SECONDS:g} seconds"
        raise ProblemError(408, "body-too-slow", detail) from error
    except ClientDisconnect as error:
        raise ProblemError(400, "bad-request", "the body ended too early") from error


def read_json(body: bytes) -> Any:
    """Return what a JSON text of UTF-8 says; ProblemError 400 if it is none.

    Neither NaN nor endless brackets nor half a surrogate pair come through.
    """
    try:
        read = json.loads(body.decode("utf-8"), parse_constant=_refuse)
        if b"\\u" in body:  # it may be half a surrogate pair, which UTF-8 has no bytes for
            json.dumps(read, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        detail = f"the body is no JSON in UTF-8: {str(error)[:200]}"
        raise ProblemError(400, "bad-body", detail) from error
    return read


async def _gather(request: Request, limit_bytes: int) -> bytes:
    pieces, length = [], 0
    async for piece in request.stream():
        length += len(piece)
        if length > limit_bytes:
            raise _too_long(limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _too_long(limit_bytes: int) -> ProblemError:
    detail = f"the body is longer than {limit_bytes} bytes"
    return ProblemError(413, "body-too-long", detail, allowed=f"at most {limit_bytes} bytes")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")
