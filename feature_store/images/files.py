"""The bytes of local files, as far as the settings allow."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from feature_store.errors import ImageError
from feature_store.images.settings import ImageSettings
from feature_store.images.source import Source, fingerprint_of_stat


def read_file(path: str, settings: ImageSettings, known: str | None = None) -> Source:
    """Read the regular file at `path`, unless its fingerprint is the `known` one.

    Raises ImageError: missing, unreachable (not readable), blocked_host (outside `local_roots`,
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
            found = os.fstat(descriptor)
            _check_regular(path, found)
            fingerprint = fingerprint_of_stat(found)
            if known is not None and known == fingerprint:
                return Source(None, fingerprint)
            # What has no size but yields bytes is a window into the system, not a file.
            data = file.read(settings.max_bytes + 1) if found.st_size else b""
            if fingerprint_of_stat(os.fstat(descriptor)) != fingerprint:
                fingerprint = None  # it was written to meanwhile
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        reason = "missing" if gone else "unreachable"
        raise ImageError(reason, f"{path!r}: {error.strerror or error}") from error
    except ValueError as error:  # a NUL, or half a surrogate pair
        raise ImageError("unreachable", f"{path!r} is not a possible path") from error
    if len(data) > settings.max_bytes:
        raise too_many_bytes(settings.max_bytes)
    return Source(data, fingerprint)


def too_many_bytes(limit: int) -> ImageError:
    """The error of an image of more than `limit` bytes."""
    return ImageError("too_large", f"more than {limit:,} bytes")


def _is_inside(real: Path, roots: tuple[str, ...]) -> bool:
    return any(real.is_relative_to(os.path.realpath(root)) for root in roots)


def _check_regular(path: str, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise ImageError("not_an_image", f"{path!r} is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise ImageError("not_an_image", f"{path!r} is a device or a pipe, not a file")
