"""Find an item by its id in a sorted column, without a dictionary to hold."""

from __future__ import annotations

import bisect

import numpy as np
import pyarrow as pa


class SortedIds:
    """Finds an id in a sorted column by halving, in the mapped bytes that all processes share."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        """Take a column of one chunk of texts, sorted by their bytes, each once."""
        array = column.chunk(0) if column.num_chunks else pa.array([], pa.string())
        _, offsets, data = array.buffers()
        self._offsets = np.frombuffer(offsets or b"", np.int32)[array.offset :]
        self._data = memoryview(data) if data is not None else memoryview(b"")
        self._count = len(array)

    def find(self, item_id: str) -> int | None:
        """Return the row of `item_id`, or None."""
        wanted = item_id.encode("utf-8", "surrogatepass")
        row = bisect.bisect_left(range(self._count), wanted, key=self._at)
        return row if row < self._count and self._at(row) == wanted else None

    def _at(self, row: int) -> bytes:
        return bytes(self._data[self._offsets[row] : self._offsets[row + 1]])
