"""Sources that look new and are the same: remembered, so that they are not read day after day.

The ledger keeps the fingerprint with which an image came. Where files are copied anew, or a host
gives the same bytes another tag, a second look finds nothing and leaves no row; it leaves this.
Losing the file costs nothing but another look.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from feature_store.errors import StoreError
from feature_store.ingest.staging import read_table, write_table

FILE = "looks.parquet"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("image_uri", "image_id", "fingerprint")])


class Seen(NamedTuple):
    """An image that was found at an address when its source had a fingerprint."""

    uri: str
    image_id: str
    fingerprint: str


class Looks:
    """What second looks have found, the latest of each address."""

    def __init__(self, home: Path) -> None:
        """Read what is remembered in a home: nothing if there is no file, or none that is whole."""
        self._path = home / FILE
        try:
            rows = read_table(self._path, _SCHEMA) if self._path.exists() else None
        except StoreError:
            rows = None
        columns = [rows[name].to_pylist() for name in _SCHEMA.names] if rows else []
        self._seen = {seen[0]: Seen(*seen) for seen in zip(*columns, strict=True)}

    def fingerprint(self, uri: str, image_id: str | None) -> str | None:
        """Return the latest fingerprint with which an address still had an image, if remembered."""
        seen = self._seen.get(uri)
        return seen.fingerprint if seen and seen.image_id == image_id else None

    def remember(self, found: Iterable[Seen]) -> None:
        """Add what second looks have found; of two who write at once the later counts."""
        new = {seen.uri: seen for seen in found}
        if new and any(self._seen.get(uri) != seen for uri, seen in new.items()):
            self._seen.update(new)
            columns = zip(*self._seen.values(), strict=True)
            arrays = [pa.array(column, pa.string()) for column in columns]
            write_table(self._path, pa.Table.from_arrays(arrays, schema=_SCHEMA))
