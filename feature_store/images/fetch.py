"""The bytes behind an image's address: a local file, an https URL, an object in a bucket."""

from __future__ import annotations

import contextlib
import functools
import random
import re
import ssl
from collections.abc import Iterator
from typing import NoReturn

import httpcore
import httpx

from feature_store.errors import ImageError
from feature_store.images.addresses import is_allowed_host
from feature_store.images.answers import MayPassError, check_status, pass_over_body, read_body
from feature_store.images.files import read_file
from feature_store.images.network import (
    CheckedBackend,
    CheckedTransport,
    Deadline,
    Resolve,
    resolve,
)
from feature_store.images.pacing import Pace, Turn
from feature_store.images.settings import ImageSettings
from feature_store.images.source import Source, conditions, fingerprint_of_answer

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")


@functools.cache
def _trusted_roots() -> ssl.SSLContext:
    """Reading a few hundred certificates takes longer than fetching a photo: once is enough."""
    return httpx.create_ssl_context()


class Fetcher:
    """Fetches images by address; safe to use from many threads, which share its connections."""

    def __init__(
        self,
        settings: ImageSettings,
        *,
        resolve: Resolve = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.pace = Pace(settings)
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

    def fetch(self, uri: str, known: str | None = None) -> Source:
        """What is at `uri` now: a local path, an https:// (where allowed, http://) or gs:// one.

        `known` is the fingerprint of an earlier fetch: if it still holds, no bytes are fetched.
        Raises ImageError with reason missing, unreachable, timed_out, blocked_host, too_large or
        not_an_image.
        """
        with self.pace.turn() as turn:
            return self.fetch_in(turn, uri, known)

    def fetch_in(self, turn: Turn, uri: str, known: str | None = None) -> Source:
        """Do as `fetch` does, in a turn of `pace` that the caller holds and that counts attempts.

        Its place may be lent to others during the call, so that no bytes should wait for it.
        """
        match = _SCHEME.match(uri)
        scheme = match[1].lower() if match else ""
        if not scheme:
            turn.attempts += 1
            return read_file(uri, self._settings, known)
        if scheme in ("https", "http"):
            with self._deadline.within(self._settings.total_seconds):
                return self._download(turn, uri, known)
        if scheme == "gs":
            return self._object(turn, uri, known)
        raise ImageError("blocked_host", f"{scheme}: is not read; give a path or an https:// URL")

    def _object(self, turn: Turn, uri: str, known: str | None) -> Source:
        try:
            from feature_store.images.objects import fetch_object
        except ModuleNotFoundError as error:
            raise ImageError("blocked_host", f"gs:// needs {error.name}, not installed") from error
        turn.attempts += 1
        bucket = uri[len("gs://") :].partition("/")[0]
        with self._at(f"gs://{bucket}", turn):
            return fetch_object(uri, self._settings, known)

    @contextlib.contextmanager
    def _at(self, host: str, turn: Turn) -> Iterator[None]:
        """Make a request of `host` within the block; to wait for its turn costs no image time."""
        with self._deadline.standing_still():
            turn.enter(host)
        try:
            yield
        finally:
            turn.leave(host)

    def _download(self, turn: Turn, uri: str, known: str | None) -> Source:
        """Ask until there is an answer, the attempts are used up or the time is."""
        for attempt in range(1, self._settings.attempts + 1):
            turn.attempts += 1
            try:
                return self._follow(turn, uri, known)
            except MayPassError as failure:
                wait = self._wait_seconds(attempt, failure)
                last = attempt == self._settings.attempts
                if last or wait >= self._deadline.remaining_seconds():
                    raise failure.error from failure
                if failure.host and failure.wait_seconds:
                    self.pace.pause(failure.host, failure.wait_seconds)
                turn.wait(wait)
        raise AssertionError("there is at least one attempt")

    def _wait_seconds(self, attempt: int, failure: MayPassError) -> float:
        """Twice as long each time, spread so that many do not ask again at the same moment."""
        spread = random.uniform(0.5, 1.5)  # noqa: S311 -- no secret
        wait = self._settings.backoff_seconds * 2.0 ** (attempt - 1) * spread
        return max(wait, failure.wait_seconds)

    def _follow(self, turn: Turn, uri: str, known: str | None) -> Source:
        """Fetch `uri` through its redirects, each checked like the first address."""
        try:
            url = asked = httpx.URL(uri)
            for _ in range(self._settings.max_redirects + 1):
                self._check_url(url)
                with self._at(url.host, turn):
                    found = self._ask(asked, url, known)
                if isinstance(found, Source):
                    return found
                url = url.join(found)
        except httpcore.TimeoutException as error:
            self._raise_timed_out(url, error)
        except (httpcore.NetworkError, httpcore.RemoteProtocolError) as error:
            failure = ImageError("unreachable", f"{url.host}: {error or 'the connection broke'}")
            raise MayPassError(failure) from error
        except (httpx.InvalidURL, httpcore.LocalProtocolError, UnicodeError, ValueError) as error:
            raise ImageError("unreachable", f"this is not a valid address: {error}") from error
        raise ImageError("unreachable", f"more than {self._settings.max_redirects} redirects")

    def _ask(self, asked: httpx.URL, url: httpx.URL, known: str | None) -> Source | str:
        """Make one request: what is at `url`, or where it redirects to."""
        conditional = conditions(known, str(asked), str(url))
        request = httpx.Request(
            "GET", url, headers={**self._headers, **conditional}, extensions=self._extensions
        )
        response = self._transport.handle_request(request)
        try:
            location: str | None = response.headers.get("location")
            if response.status_code == 304 and conditional:
                pass_over_body(response)
                return Source(None, known)
            if 300 <= response.status_code < 400 and location:
                pass_over_body(response)
                return location
            check_status(response, url.host)
            fingerprint = fingerprint_of_answer(response.headers, str(asked), str(url))
            if "If-None-Match" in conditional and fingerprint == known:
                return Source(None, known)  # it cannot answer 304, but its tag says the same
            return Source(read_body(response, url.host, self._settings.max_bytes), fingerprint)
        finally:
            response.close()

    def _raise_timed_out(self, url: httpx.URL, error: Exception) -> NoReturn:
        limits = self._settings
        if self._deadline.remaining_seconds() <= 0:
            limit = f"{limits.total_seconds:g} s in all"
            raise ImageError("timed_out", f"{url.host} took longer than {limit}") from error
        failure = ImageError(
            "timed_out",
            f"{url.host} was silent for {limits.read_seconds:g} s, "
            f"or took longer than {limits.connect_seconds:g} s to accept a connection",
        )
        raise MayPassError(failure) from error

    def _check_url(self, url: httpx.URL) -> None:
        if url.scheme == "http" and not self._settings.allow_http:
            raise ImageError("blocked_host", f"{url.host} is asked by http://, not https://")
        if url.scheme not in ("http", "https") or not url.host:
            raise ImageError("blocked_host", f"a redirect leads to {url.scheme}://, not https://")
        if url.userinfo:
            raise ImageError("blocked_host", f"the address on {url.host} carries a user name")
        if not is_allowed_host(url.raw_host.decode("ascii"), self._settings.allowed_hosts):
            raise ImageError("blocked_host", f"{url.host} is not among the allowed_hosts")
