"""Addresses such as gs://bucket/photos/1.jpg; the name is taken as it stands, nothing is decoded.

The rules are those of cloud.google.com/storage/docs/buckets and …/docs/objects.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from feature_store.errors import StorageError

SCHEME = "gs://"
MAX_NAME_BYTES = 1024
_BUCKET = re.compile(r"(?=.{3,222}\Z)[a-z0-9](?:[a-z0-9_-]|\.(?!\.))*[a-z0-9]")


class Address(NamedTuple):
    """A bucket, and the name (or the beginning of the names) of objects in it."""

    bucket: str
    name: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.name}"


def parse_address(uri: str, *, prefix: bool = False) -> Address:
    """Split `gs://bucket/name`; StorageError (`address`) for what can be neither.

    With `prefix` the name is one of a folder: it may be left out, and loses its last slash.
    """
    if uri[: len(SCHEME)].lower() != SCHEME:
        raise StorageError("address", f"{uri!r} is not of the form gs://bucket/name")
    bucket, _, name = uri[len(SCHEME) :].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise StorageError("address", f"{uri!r} names no possible bucket: {bucket!r}")
    if prefix:
        name = name.rstrip("/")
    if not (is_object_name(name) or (prefix and not name)):
        raise StorageError("address", f"{uri!r} names no possible object: {name!r}")
    return Address(bucket, name)


def is_object_name(name: str) -> bool:
    """Whether an object may be called so: 1 to 1024 bytes of UTF-8, no line break, no dot alone."""
    if name in ("", ".", "..") or any(mark in name for mark in "\r\n\0"):
        return False
    try:
        return len(name.encode()) <= MAX_NAME_BYTES
    except UnicodeEncodeError:  # half a surrogate pair
        return False
