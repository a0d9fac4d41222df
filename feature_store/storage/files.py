"""Small files by name, in a folder of this machine or in a bucket; each is there whole or not."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Protocol

from feature_store.errors import StorageError
from feature_store.storage.address import SCHEME, parse_address
from feature_store.storage.objects import Bucket, Timing

LIMIT_BYTES = 2**31
"""The largest file that is read."""

_PART = ".part"
_PATIENT = Timing()


class Files(Protocol):
    """Files by their names, which have slashes in them; a name that begins with a dot is none.

    What a bucket refuses is a StorageError, what a disk refuses an OSError.
    """

    def names(self, folder: str = "") -> list[str]:
        """Return the names of all files, or of those below `folder`, in their order."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes; StorageError (`missing`) where there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it; readers see the old one or the new one, never a part."""

    def delete(self, name: str) -> None:
        """Remove a file; it is fine if there is none."""


def open_files(location: str, timing: Timing = _PATIENT) -> Files:
    """Return the files of a folder's path or of gs://bucket/prefix; neither need exist yet.

    `timing` is for a bucket. Raises StorageError (`address`) for what can be no bucket.
    """
    if location[: len(SCHEME)].lower() == SCHEME:
        return _InBucket(location, timing)
    return _InFolder(Path(location).expanduser().absolute())


class _InFolder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, folder: str = "") -> list[str]:
        found = []
        for path, folders, files in os.walk(self._root / folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            below = Path(path).relative_to(self._root)
            found += [(below / name).as_posix() for name in files if not name.startswith(".")]
        return sorted(found)

    def read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except FileNotFoundError as error:
            raise StorageError("missing", f"there is no file {self._root / name}") from error

    def write(self, name: str, data: bytes) -> None:
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
        try:
            with beside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def delete(self, name: str) -> None:
        """Remove the file, and its folder if nothing is left there but what killed writers left."""
        path = self._root / name
        path.unlink(missing_ok=True)
        if path.parent == self._root or not path.parent.is_dir():
            return
        if all(left.name.endswith(_PART) for left in path.parent.iterdir()):
            for left in path.parent.iterdir():
                left.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody has written there meanwhile
                path.parent.rmdir()


class _InBucket:
    def __init__(self, location: str, timing: Timing) -> None:
        address = parse_address(location, prefix=True)
        self._bucket = Bucket(address.bucket, timing)
        self._prefix = f"{address.name}/" if address.name else ""

    def names(self, folder: str = "") -> list[str]:
        prefix = f"{self._prefix}{folder}/" if folder else self._prefix
        listed = (found.name.removeprefix(self._prefix) for found in self._bucket.list(prefix))
        return sorted(name for name in listed if "/." not in f"/{name}")

    def read(self, name: str) -> bytes:
        return self._bucket.read(self._prefix + name, LIMIT_BYTES)[0]

    def write(self, name: str, data: bytes) -> None:
        try:
            generation = self._bucket.about(self._prefix + name).generation
        except StorageError as error:
            if error.reason != "missing":
                raise
            generation = 0
        self._bucket.write(self._prefix + name, data, if_generation=generation)

    def delete(self, name: str) -> None:
        self._bucket.delete(self._prefix + name)
