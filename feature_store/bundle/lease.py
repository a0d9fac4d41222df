"""Leases: while a process has a bundle open, nobody removes it.

A lease is a shared lock on the file `.lease-<bundle>` beside the bundle's folder. The system gives
it back when the last process that holds it ends, however it ends; forked processes hold it too.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_store.errors import BundleError

log = logging.getLogger(__name__)

_ATTEMPTS = 10
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


class Lease:
    """A held lease; `release` gives it back, and so does forgetting it."""

    def __init__(self, descriptor: int) -> None:
        """Take an open file that is locked."""
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give the lease back, as far as this process holds it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.release()


def lease_file(folder: Path) -> Path:
    """Where the lease of the bundle in `folder` is: beside it, for a bundle is never changed."""
    return folder.with_name(f".lease-{folder.name}")


def hold(folder: Path) -> Lease | None:
    """Hold the bundle in `folder`; BundleError if it is being removed at this moment.

    None where no lease can be had: none was made, and its place cannot be written to.
    """
    for _ in range(_ATTEMPTS):
        try:
            descriptor = _open(lease_file(folder), os.O_RDONLY)
        except OSError as error:
            if error.errno not in _NOT_ALLOWED:
                raise BundleError(f"{lease_file(folder)} cannot be opened: {error}") from error
            log.info("no lease can be had for %s: %s", folder, error)
            return None
        if not _lock(descriptor, fcntl.LOCK_SH):
            os.close(descriptor)
            raise BundleError(f"{folder} is being removed")
        if _is_still(descriptor, lease_file(folder)):
            return Lease(descriptor)
        os.close(descriptor)  # of a bundle of this name that has just been removed
    raise BundleError(f"{folder} is being removed")


@contextmanager
def unheld(folder: Path) -> Iterator[bool]:
    """Keep others from opening the bundle in `folder` meanwhile; yields False if one has it open.

    Where its place cannot be written to, nobody can be kept from anything: False.
    """
    try:
        descriptor = _open(lease_file(folder), os.O_RDWR)
    except OSError as error:
        log.warning("%s cannot be locked: %s", folder, error)
        yield False
        return
    try:
        yield _lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def forget(folder: Path) -> None:
    """Remove the lease's file along with its bundle, within `unheld`."""
    lease_file(folder).unlink(missing_ok=True)


def _open(path: Path, flags: int) -> int:
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags | os.O_CLOEXEC)
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
