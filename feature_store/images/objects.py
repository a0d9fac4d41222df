"""Images in buckets: gs://bucket/name, whose generation tells whether they are the same still."""

from __future__ import annotations

import time

from feature_store.errors import ImageError, StorageError
from feature_store.images.settings import ImageSettings
from feature_store.images.source import Source
from feature_store.storage import Bucket, Timing, parse_address

_FINGERPRINT = "generation:"
_REASONS = {
    "address": "unreachable",
    "missing": "missing",
    "denied": "blocked_host",
    "too_large": "too_large",
    "timed_out": "timed_out",
}


def fetch_object(uri: str, settings: ImageSettings, known: str | None) -> Source:
    """The bytes of the object at `uri`; none where its generation is the `known` fingerprint's.

    Raises ImageError: missing (the object or its bucket), blocked_host (not one of the
    `allowed_buckets`, or access denied), too_large, timed_out, unreachable.
    """
    until = time.monotonic() + settings.total_seconds
    try:
        address = parse_address(uri)
        if settings.allowed_buckets and address.bucket not in settings.allowed_buckets:
            detail = f"the bucket {address.bucket} is not among the allowed_buckets"
            raise ImageError("blocked_host", detail)
        if known is not None and known.startswith(_FINGERPRINT):
            about = _bucket(address.bucket, settings, until).about(address.name)
            if known == f"{_FINGERPRINT}{about.generation}":
                return Source(None, known)
            if about.size_bytes > settings.max_bytes:
                raise StorageError("too_large", f"{uri}: more than {settings.max_bytes:,} bytes")
        bucket = _bucket(address.bucket, settings, until)
        data, generation = bucket.read(address.name, settings.max_bytes)
    except StorageError as error:
        reason = _REASONS.get(error.reason, "unreachable")
        raise ImageError(reason, error.detail) from error
    return Source(data, f"{_FINGERPRINT}{generation}")


def _bucket(name: str, settings: ImageSettings, until: float) -> Bucket:
    """The bucket, with what is left of the time that one image may take."""
    left = max(0.001, until - time.monotonic())
    timing = Timing(
        connect_seconds=min(settings.connect_seconds, left),
        read_seconds=min(settings.read_seconds, left),
        retry_seconds=left,
        total_seconds=left,
    )
    return Bucket(name, timing)
