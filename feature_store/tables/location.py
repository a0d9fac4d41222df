"""Where the tables of a store are: a folder on disk, or a URL that both Delta and Arrow take."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from feature_store.errors import StoreError

_UNREADABLE = re.compile(r"[\[\]^|\\\x00-\x1f]|%[0-9A-Fa-f]{2}")
"""What deltalake 1.6 takes for something else in a path, or dies of."""


class Location:
    """A folder on disk, or one at a URL such as `s3://bucket/shop` or `abfss://…`.

    What a URL needs besides (keys, regions, endpoints) is read from the environment.
    """

    def __init__(self, where: Path | str) -> None:
        """Take a path, or a text with `://` in it; StoreError for a path that Delta cannot name."""
        self.is_url = isinstance(where, str) and "://" in where
        self.uri = str(where).rstrip("/") if self.is_url else str(Path(where).absolute())
        self.name = self.uri.rpartition("/")[2]
        if not self.is_url and _UNREADABLE.search(self.uri):
            raise StoreError(
                f"Delta cannot keep a table in {self.uri!r}: choose a home whose path has "
                "none of [ ] ^ | \\, control characters, or % before two hex digits"
            )

    def __truediv__(self, name: str) -> Location:
        return Location(f"{self.uri}/{name}" if self.is_url else Path(self.uri, name))

    def files(self) -> pafs.FileSystem:
        """Return Arrow's own file system whose root is here.

        Delta's calls back into Python from Arrow's threads; one that does so while the interpreter
        ends aborts the process.
        """
        if not self.is_url:
            return pafs.SubTreeFileSystem(self.uri, pafs.LocalFileSystem())
        try:
            files, path = pafs.FileSystem.from_uri(self.uri)
        except pa.ArrowInvalid as error:
            raise StoreError(
                f"{self.uri!r} cannot hold a store ({error}); write a folder, or a URL that begins "
                "with s3://, gs:// or abfss://"
            ) from error
        return pafs.SubTreeFileSystem(path, files)

    def scratch(self) -> Path | None:
        """Return a folder for temporary files: here, or, where that is no disk, the system's."""
        return None if self.is_url else Path(self.uri)
