"""How an answer is sent: compressed for who can read that, and not again to who has it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import lru_cache

import brotli
from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
SMALLEST_BYTES = 1000
"""A shorter body is sent as it is: it fits a packet anyhow."""

_BROTLI_QUALITY = 4
_GZIP_LEVEL = 4
_GZIP_WINDOW = 31
"""15 bits of window, and 16 for a gzip header (zlib's manual)."""


@lru_cache(maxsize=256)
def coding_of(accept: bytes) -> str | None:
    """Return `br`, `gzip` or None for an Accept-Encoding header (RFC 9110, section 12.5.3)."""
    weights = dict(_weight(part) for part in accept.lower().split(b","))
    for coding in ("br", "gzip"):
        if weights.get(coding.encode(), weights.get(b"*", 0.0)) > 0:
            return coding
    return None


def _weight(part: bytes) -> tuple[bytes, float]:
    coding, _, parameter = part.partition(b";")
    name, _, value = parameter.partition(b"=")
    try:
        weight = float(value) if name.strip() == b"q" else 1.0
    except ValueError:
        weight = 0.0
    return coding.strip(), weight


def compressed(body: bytes, coding: str) -> bytes:
    """Return a body in the coding `br` or `gzip`, fast rather than small."""
    if coding == "br":
        small: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=_BROTLI_QUALITY)
        return small
    packer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW)
    return packer.compress(body) + packer.flush()


def json_reply(request: Request, body: bytes, headers: Mapping[str, str]) -> Response:
    """Return a JSON body as a response, compressed if the client can read that."""
    about = {**headers, "Vary": "Accept-Encoding"}
    if len(body) >= SMALLEST_BYTES:
        coding = coding_of(request.headers.get("accept-encoding", "").encode("latin-1"))
        if coding is not None:
            body, about["Content-Encoding"] = compressed(body, coding), coding
    return Response(body, media_type=JSON, headers=about)


def has(if_none_match: str, etag: str) -> bool:
    """Whether the client says that it has this already (RFC 9110, section 13.1.2: weakly)."""
    if not if_none_match:
        return False
    bare = etag.removeprefix("W/")
    known = [tag.strip() for tag in if_none_match.split(",")]
    return "*" in known or bare in (tag.removeprefix("W/") for tag in known)
