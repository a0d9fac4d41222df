"""What is at an image's address now, and the fingerprints by which it is known again.

A fingerprint is a line of text that a source gives cheaply, and that changes with its bytes:

    file:<size>:<mtime_ns>               a local file
    etag:<entity tag>                    an https:// answer that carries one, weak or strong
    modified:<HTTP date>:<length>        one that carries only a date; the length may be empty
    generation:<n>                       an object in a bucket

An https:// fingerprint ends with ` at <16 hex digits>` if redirects led to another address: a name
of that address, because the tag is only good there.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass

_ETAG = re.compile(r'(?:W/)?"[!#-~]{0,200}"')
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_KNOWN = re.compile(
    rf"(?:etag:(?P<etag>{_ETAG.pattern})|modified:(?P<modified>{_HTTP_DATE.pattern}):\d*)"
    r"(?: at (?P<at>[0-9a-f]{16}))?"
)


@dataclass(frozen=True)
class Source:
    """What is at an address now: its bytes, and its fingerprint if it has one."""

    data: bytes | None
    """None: nothing has changed since the fingerprint that was known, and nothing was fetched."""

    fingerprint: str | None


def fingerprint_of_file(path: str) -> str | None:
    """Tell the version of the file at `path` without opening it; None if it cannot be had."""
    try:
        return fingerprint_of_stat(os.stat(path))  # noqa: PTH116 no Path: it may hold a NUL
    except (OSError, ValueError):
        return None


def fingerprint_of_stat(found: os.stat_result) -> str | None:
    """Tell the version of a file by its state; None for what is not a regular file."""
    if not stat.S_ISREG(found.st_mode):
        return None
    return f"file:{found.st_size}:{found.st_mtime_ns}"


def fingerprint_of_answer(headers: Mapping[str, str], asked: str, answered: str) -> str | None:
    """Tell the version that an answer to `asked`, come from `answered`, carries; None if none.

    A date counts only if it is older than the answer: a file may change twice in one second.
    """
    etag = headers.get("etag", "").strip()
    if _ETAG.fullmatch(etag):
        found = f"etag:{etag}"
    else:
        modified = headers.get("last-modified", "").strip()
        if not _is_settled(modified, headers.get("date", "")):
            return None
        length = headers.get("content-length", "")
        found = f"modified:{modified}:{length if length.isascii() and length.isdigit() else ''}"
    return found if answered == asked else f"{found} at {_name(answered)}"


def conditions(known: str | None, asked: str, url: str) -> dict[str, str]:
    """The headers that ask `url` for the bytes only if they are not the known ones.

    `url` is `asked` itself or where its redirects led; empty if the fingerprint is of another
    address, or none of https://.
    """
    match = _KNOWN.fullmatch(known or "")
    if match is None or match["at"] != (None if url == asked else _name(url)):
        return {}
    if match["etag"]:
        return {"If-None-Match": match["etag"]}
    return {"If-Modified-Since": match["modified"]}


def _is_settled(modified: str, date: str) -> bool:
    """Whether an answer's Last-Modified is a strong validator (RFC 9110, section 8.8.2.2)."""
    if not _HTTP_DATE.fullmatch(modified):
        return False
    try:
        answered = email.utils.parsedate_to_datetime(date) if date else dt.datetime.now(dt.UTC)
        return email.utils.parsedate_to_datetime(modified) < answered
    except (ValueError, TypeError, OverflowError):  # the host tells no possible date
        return False


def _name(url: str) -> str:
    """A short name for an address, which may be long and may hold a signature."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
