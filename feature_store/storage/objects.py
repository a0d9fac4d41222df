"""What is done with the objects of one bucket, each step within limits of time and size."""

from __future__ import annotations

import base64
import datetime as dt
import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from feature_store.errors import StorageError

CHUNK_BYTES = 32 * 2**20
"""The pieces in which a large file is sent; each is retried by itself."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Timing:
    """How long a bucket may take."""

    connect_seconds: float = 10.0
    """Until it accepts a connection."""

    read_seconds: float = 30.0
    """How long it may be silent."""

    retry_seconds: float = 60.0
    """How long what fails in a way that may pass is tried again, in growing intervals."""

    total_seconds: float = 3600.0
    """How long the bytes of one object may take to arrive."""


@dataclass(frozen=True)
class Stored:
    """An object as its bucket describes it."""

    name: str
    generation: int
    """Another with every write."""
    size_bytes: int
    crc32c: str
    """The bytes' checksum as Google writes it: base64, big endian."""
    updated: dt.datetime


class Bucket:
    """One bucket; safe to use from many threads, and on both sides of a fork.

    Everything raises StorageError, whose reason is `missing`, `denied`, `changed` (the generation
    is not the expected one), `too_large`, `timed_out` or `unreachable`. Credentials are found as
    Google's libraries find them; with STORAGE_EMULATOR_HOST set there are none.
    """

    def __init__(self, name: str, timing: Timing = Timing()) -> None:
        self.name = name
        self._timing = timing

    def about(self, name: str) -> Stored:
        """Describe an object without reading it: one request."""
        with self._asking(name) as (bucket, limits):
            blob = bucket.blob(name)
            blob.reload(**limits)
            return _stored(blob)

    def read(self, name: str, limit_bytes: int) -> tuple[bytes, int]:
        """Return an object's bytes as they are stored, and their generation.

        No more than `limit_bytes` and one piece are ever held; `too_large` if there are more.
        """
        sink = io.BytesIO()
        generation = self._download(name, sink, limit_bytes)
        return sink.getvalue(), generation

    def download(self, name: str, path: Path, limit_bytes: int) -> int:
        """Write an object's bytes to `path`, synced; return their generation."""
        with path.open("wb") as file:
            generation = self._download(name, file, limit_bytes)
            file.flush()
            os.fsync(file.fileno())
        return generation

    def write(self, name: str, data: bytes, *, if_generation: int) -> int:
        """Write a small object if its generation is still that (0: if there is none).

        Returns the new generation. Nobody on the way may keep a copy: readers see what is now.
        """
        return self._upload(name, io.BytesIO(data), len(data), if_generation, "no-store")

    def upload(self, name: str, path: Path, *, if_generation: int) -> int:
        """Write a file's bytes if the object's generation is still that; return the new one."""
        with path.open("rb") as file:
            return self._upload(name, file, path.stat().st_size, if_generation, None)

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Yield the objects whose names begin so, in the order of their names."""
        with self._asking(prefix) as (bucket, limits):
            for blob in bucket.list_blobs(prefix=prefix, **limits):
                yield _stored(blob)

    def delete(self, name: str) -> None:
        """Remove an object; it is fine if there is none."""
        try:
            with self._asking(name) as (bucket, limits):
                bucket.blob(name).delete(**limits)
        except StorageError as error:
            if error.reason != "missing":
                raise

    def _download(self, name: str, file: IO[bytes], limit_bytes: int) -> int:
        sink = _Sink(file, limit_bytes, self._timing.total_seconds)
        with self._asking(name) as (bucket, limits):
            blob = bucket.blob(name)
            # Raw: nothing that was stored compressed is unpacked into more than was allowed.
            blob.download_to_file(sink, raw_download=True, **limits)
            return int(blob.generation)

    def _upload(
        self, name: str, file: IO[bytes], size: int, if_generation: int, cache: str | None
    ) -> int:
        with self._asking(name) as (bucket, limits):
            blob = bucket.blob(name, chunk_size=CHUNK_BYTES)
            blob.cache_control = cache
            blob.upload_from_file(
                file, size=size, if_generation_match=if_generation, checksum="crc32c", **limits
            )
            return int(blob.generation)

    @contextmanager
    def _asking(self, name: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Give Google's bucket and each request's limits; what fails is told in our words."""
        where = f"gs://{self.name}/{name}"
        try:
            from google.cloud.storage.retry import DEFAULT_RETRY
        except ImportError as error:
            raise StorageError(
                "unreachable", f"{where} needs the package google-cloud-storage; install it"
            ) from error
        limits = {
            "timeout": (self._timing.connect_seconds, self._timing.read_seconds),
            "retry": DEFAULT_RETRY.with_timeout(self._timing.retry_seconds),
        }
        try:
            yield _client().bucket(self.name), limits
        except StorageError as error:
            raise StorageError(error.reason, f"{where}: {error.detail}") from error
        except Exception as error:
            _close_answer(error)
            known = _translated(error)
            if known is None:
                raise
            raise StorageError(known[0], f"{where}: {known[1]}") from error


class _Sink:
    """Passes bytes on to a file until they are too many or too late."""

    def __init__(self, file: IO[bytes], limit_bytes: int, seconds: float) -> None:
        self._file = file
        self._limit = limit_bytes
        self._left = limit_bytes
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def write(self, piece: bytes) -> int:
        """Take the next bytes."""
        self._left -= len(piece)
        if self._left < 0:
            raise StorageError("too_large", f"more than {self._limit:,} bytes")
        if time.monotonic() > self._until:
            raise StorageError("timed_out", f"took longer than {self._seconds:g} s in all")
        return self._file.write(piece)


def crc32c_of(path: Path) -> str:
    """Compute a file's checksum as a bucket tells it."""
    import google_crc32c

    checksum = google_crc32c.Checksum()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            checksum.update(piece)
    return base64.b64encode(checksum.digest()).decode()


_held: dict[tuple[int, str | None], Any] = {}


def _client() -> Any:
    """One client for each process, since a forked one must not use its parent's connections."""
    from google.cloud.storage import Client

    key = (os.getpid(), os.environ.get("STORAGE_EMULATOR_HOST"))
    client = _held.get(key)
    if client is None:
        for process, emulator in list(_held):
            if process == key[0]:  # another emulator now: only tests have several
                _held.pop((process, emulator)).close()
        # Or a thread would ask each bucket for its place, for traces, which not everyone may.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        # A project only matters to whoever makes buckets.
        client = _held.setdefault(key, Client(project="none"))
    return client


def _stored(blob: Any) -> Stored:
    return Stored(blob.name, int(blob.generation), int(blob.size), blob.crc32c, blob.updated)


def _translated(error: Exception) -> tuple[str, str] | None:
    """Tell a failure of Google's library by reason and detail; None for one that is a bug."""
    import requests
    import urllib3
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth
    from google.cloud.storage.exceptions import DataCorruption

    if isinstance(error, api.RetryError) and isinstance(error.cause, Exception):
        return _translated(error.cause) or ("unreachable", str(error.cause))
    if isinstance(error, auth.DefaultCredentialsError):
        return "denied", (
            "there are no credentials; set GOOGLE_APPLICATION_CREDENTIALS, or use a machine with a "
            "service account"
        )
    reasons: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
        ((api.NotFound,), "missing", "there is no such object, or no such bucket"),
        ((api.PreconditionFailed,), "changed", "somebody else has written it meanwhile"),
        ((api.Forbidden, api.Unauthorized, auth.RefreshError), "denied", "access is denied"),
        (
            (requests.Timeout, urllib3.exceptions.TimeoutError, api.GatewayTimeout),
            "timed_out",
            "no answer in time",
        ),
        ((DataCorruption,), "unreachable", "its bytes came damaged"),
        ((api.GoogleAPICallError,), "unreachable", "the bucket refused"),
        ((auth.GoogleAuthError,), "unreachable", "no credentials could be had"),
        (
            (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError),
            "unreachable",
            "no connection",
        ),
    )
    for kinds, reason, detail in reasons:
        if isinstance(error, kinds):
            return reason, f"{detail} ({_first_line(error)})"
    return None


def _close_answer(error: Exception) -> None:
    """Give back the connection of a refused download, whose answer the library never reads."""
    cause = getattr(error, "cause", None) or error
    answer = getattr(cause, "response", None)
    if answer is not None:
        answer.close()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
