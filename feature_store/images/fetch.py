"""The bytes behind an image's address: a local file or an https URL, never more than allowed."""

from __future__ import annotations

import functools
import os
import re
import ssl
import stat
import time
from pathlib import Path

import httpcore
import httpx

from feature_store.errors import ImageError
from feature_store.images.addresses import is_allowed_host
from feature_store.images.network import (
    CheckedBackend,
    CheckedTransport,
    Deadline,
    Resolve,
    resolve,
)
from feature_store.images.settings import ImageSettings

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSING_STATUS = frozenset((408, 425, 429))


@functools.cache
def _trusted_roots() -> ssl.SSLContext:
    """Reading a few hundred certificates takes longer than fetching a photo: once is enough."""
    return httpx.create_ssl_context()


class _MayPassError(Exception):
    """A failure worth another attempt; carries what to raise when there is none left."""

    def __init__(self, error: ImageError) -> None:
        super().__init__(str(error))
        self.error = error


class Fetcher:
    """Fetches images by address; safe to use from many threads, which share its connections."""

    def __init__(
        self,
        settings: ImageSettings,
        *,
        resolve: Resolve = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._deadline = Deadline()
        backend = CheckedBackend(
            allow_private_hosts=settings.allow_private_hosts,
            deadline=self._deadline,
            resolve=resolve,
        )
        # The bare transport, not httpx.Client: no cookies from one shop to the next request, no
        # proxies out of the environment, no log line for each of a million images.
        self._transport = CheckedTransport(
            backend, ssl_context or _trusted_roots(), settings.concurrency
        )
        self._headers = {
            "User-Agent": settings.user_agent,
            "Accept": "image/*",
            "Accept-Encoding": "identity",
        }
        timeout = httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds)
        self._extensions = {"timeout": timeout.as_dict()}

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def fetch(self, uri: str) -> bytes:
        """The bytes at `uri`: a local path or an https:// (where allowed, http://) address.

        Raises ImageError with reason unreachable, timed_out, blocked_host, too_large or
        not_an_image.
        """
        match = _SCHEME.match(uri)
        scheme = match[1].lower() if match else ""
        if not scheme:
            return read_file(uri, self._settings)
        if scheme in ("https", "http"):
            with self._deadline.within(self._settings.total_seconds):
                return self._download(uri)
        if scheme == "gs":
            raise ImageError("blocked_host", "gs:// images arrive with the next release")
        raise ImageError("blocked_host", f"{scheme}:// is not read; give a path or an https:// URL")

    def _download(self, uri: str) -> bytes:
        failure: ImageError | None = None
        for attempt in range(self._settings.attempts):
            if failure is not None:
                wait = self._settings.backoff_seconds * 2 ** (attempt - 1)
                if wait >= self._deadline.remaining_seconds():
                    break
                time.sleep(wait)
            try:
                return self._follow(uri)
            except _MayPassError as error:
                failure = error.error
        assert failure is not None, "there is at least one attempt"
        raise failure

    def _follow(self, uri: str) -> bytes:
        """Fetch `uri` through its redirects, each checked like the first address."""
        try:
            url = httpx.URL(uri)
            for _ in range(self._settings.max_redirects + 1):
                self._check_url(url)
                request = httpx.Request(
                    "GET", url, headers=self._headers, extensions=self._extensions
                )
                response = self._transport.handle_request(request)
                try:
                    location = response.headers.get("location")
                    if not (300 <= response.status_code < 400 and location):
                        return self._read(response, url.host)
                    url = url.join(location)
                finally:
                    response.close()
        except httpcore.TimeoutException as error:
            raise self._timed_out(url) from error
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
            failure = ImageError("unreachable", f"{url.host}: {error or 'the connection broke'}")
            raise _MayPassError(failure) from error
        except (httpx.InvalidURL, httpcore.LocalProtocolError, UnicodeError, ValueError) as error:
            raise ImageError("unreachable", f"this is not a valid address: {error}") from error
        raise ImageError("unreachable", f"more than {self._settings.max_redirects} redirects")

    def _timed_out(self, url: httpx.URL) -> Exception:
        if self._deadline.remaining_seconds() <= 0:
            limit = f"{self._settings.total_seconds:g} s in all"
            return ImageError("timed_out", f"{url.host} took longer than {limit}")
        limits = self._settings
        failure = ImageError(
            "timed_out",
            f"{url.host} was silent for {limits.read_seconds:g} s, "
            f"or took longer than {limits.connect_seconds:g} s to accept a connection",
        )
        return _MayPassError(failure)

    def _check_url(self, url: httpx.URL) -> None:
        if url.scheme == "http" and not self._settings.allow_http:
            raise ImageError("blocked_host", f"{url.host} is asked by http://, not https://")
        if url.scheme not in ("http", "https") or not url.host:
            raise ImageError("blocked_host", f"a redirect leads to {url.scheme}://, not https://")
        if url.userinfo:
            raise ImageError("blocked_host", f"the address on {url.host} carries a user name")
        if not is_allowed_host(url.raw_host.decode("ascii"), self._settings.allowed_hosts):
            raise ImageError("blocked_host", f"{url.host} is not among the allowed_hosts")

    def _read(self, response: httpx.Response, host: str) -> bytes:
        """The body, refused as soon as it is longer than allowed."""
        status = response.status_code
        if status != 200:
            failure = ImageError("unreachable", f"{host} answered {status}")
            passing = status >= 500 or status in _PASSING_STATUS
            raise _MayPassError(failure) if passing else failure
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ImageError("not_an_image", f"{host} sent compressed bytes that nobody asked for")
        limit = self._settings.max_bytes
        announced = response.headers.get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
            raise _too_many_bytes(limit)
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > limit:
                raise _too_many_bytes(limit)
        return bytes(body)


def read_file(path: str, settings: ImageSettings) -> bytes:
    """The bytes of the regular file at `path`.

    Raises ImageError: unreachable (missing, not readable), blocked_host (outside `local_roots`,
    symbolic links followed), not_an_image (a folder, device or pipe), too_large.
    """
    try:
        real = Path(os.path.realpath(path))
        if settings.local_roots and not _is_inside(real, settings.local_roots):
            raise ImageError("blocked_host", f"{path!r} leads outside the local_roots")
        _check_regular(path, real.stat())
        # The checked path once more without links; without blocking, were it a pipe by now.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _check_regular(path, os.fstat(descriptor))
            data = file.read(settings.max_bytes + 1)
    except OSError as error:
        raise ImageError("unreachable", f"{path!r}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL, or half a surrogate pair
        raise ImageError("unreachable", f"{path!r} is not a possible path") from error
    if len(data) > settings.max_bytes:
        raise _too_many_bytes(settings.max_bytes)
    return data


def _is_inside(real: Path, roots: tuple[str, ...]) -> bool:
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)


def _check_regular(path: str, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise ImageError("not_an_image", f"{path!r} is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise ImageError("not_an_image", f"{path!r} is a device or a pipe, not a file")


def _too_many_bytes(limit: int) -> ImageError:
    return ImageError("too_large", f"more than {limit:,} bytes")
