"""What a host's answer means: an image's bytes, a failure for good, or one that may pass."""

from __future__ import annotations

import datetime as dt
import email.utils
import io

import httpx

from feature_store.errors import ImageError
from feature_store.images.files import too_many_bytes

_GONE = frozenset((404, 410))
_REFUSED = frozenset((401, 403, 451))
_PASSING = frozenset((408, 425, 429))
_WORTH_READING_BYTES = 16_384


class MayPassError(Exception):
    """A failure worth another attempt: what to raise when there is none left.

    `wait_seconds` is for how long `host` has asked not to be asked again; 0 if it has not.
    """

    def __init__(self, error: ImageError, host: str = "", wait_seconds: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.host = host
        self.wait_seconds = wait_seconds


def check_status(response: httpx.Response, host: str) -> None:
    """Raise ImageError (missing, unreachable) or MayPassError unless the answer is an image."""
    status = response.status_code
    if status == 200:
        return
    if status in _GONE:
        raise ImageError("missing", f"{host} answered {status}")
    if status in _REFUSED:
        raise ImageError("unreachable", f"{host} answered {status}: it lets us not see this image")
    failure = ImageError("unreachable", f"{host} answered {status}")
    if status < 500 and status not in _PASSING:
        raise failure
    wait = retry_after_seconds(response.headers.get("retry-after", ""))
    if wait:
        failure = ImageError(failure.reason, f"{failure.detail}, to be asked again in {wait:.0f} s")
    raise MayPassError(failure, host, wait)


def retry_after_seconds(text: str) -> float:
    """Read a Retry-After header, seconds or an HTTP date; 0 if it says nothing or nonsense."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = email.utils.parsedate_to_datetime(text)
        return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def pass_over_body(response: httpx.Response) -> None:
    """Read a short body that nobody needs, so that its connection serves the next request too."""
    # The length that a 304 may tell is that of the body it does not send.
    announced = "0" if response.status_code == 304 else response.headers.get("content-length", "")
    if _announced_bytes(announced, _WORTH_READING_BYTES + 1) <= _WORTH_READING_BYTES:
        for _ in response.iter_raw():
            pass


def read_body(response: httpx.Response, host: str, limit_bytes: int) -> bytes:
    """Read the body, refused as soon as it is longer than allowed.

    Raises ImageError: too_large, not_an_image (compressed); httpcore's errors, among them one for
    a body that ends before the announced length.
    """
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ImageError("not_an_image", f"{host} sent compressed bytes that nobody asked for")
    if _announced_bytes(response.headers.get("content-length", ""), 0) > limit_bytes:
        raise too_many_bytes(limit_bytes)
    body = io.BytesIO()  # hands its bytes out without copying them
    for chunk in response.iter_raw():
        body.write(chunk)
        if body.tell() > limit_bytes:
            raise too_many_bytes(limit_bytes)
    return body.getvalue()


def _announced_bytes(length: str, otherwise: int) -> int:
    return int(length[:20]) if length.isascii() and length.isdigit() else otherwise
