"""Features in their order within bounded memory, out of a warehouse that gives them in none.

Sorting vectors in BigQuery would have one worker hold them all, which it refuses for large
stores. So the narrow columns are read first and put in order here, and the vectors follow in
whatever order they come, each written to its place in a temporary file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.schemas import FEATURES
from feature_store.tables.spool import (
    NARROW_SCHEMA,
    Spool,
    batches_of,
    in_order,
    one_dim,
    order_of,
    taken,
)

KEY = ("item_id", "image_index", "region_id")
"""What names a live feature of one extractor."""

VECTOR_SCHEMA = pa.schema([FEATURES.field(name) for name in (*KEY, "vector")])

Read = Callable[[pa.Schema], Iterator[pa.Table]]
"""Reads the wanted features, of which only the columns of a schema."""

Key = tuple[object, ...]


def ordered_features(read: Read, extractor: str, folder: Path) -> Iterator[pa.RecordBatch]:
    """Yield the features that `read` reads in the order that `Snapshot` promises.

    The vectors wait in an unnamed temporary file under `folder`.
    """
    rows = pa.concat_tables([NARROW_SCHEMA.empty_table(), *read(NARROW_SCHEMA)])
    if not rows.num_rows:
        return
    dim = one_dim(rows, extractor)
    order = order_of(rows)
    places = {key: place for place, key in enumerate(_keys(rows.take(order)))}
    columns = taken(rows, order)
    del rows, order
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix="spool-", buffering=0) as file:
        spool = Spool(file.fileno(), dim)
        _fill(spool, places, read(VECTOR_SCHEMA), dim)
        yield from batches_of(columns, spool)


def ordered_regions(read: Read) -> pa.Table:
    """Return the narrow columns of what `read` reads in the order that `Snapshot` promises."""
    return in_order(pa.concat_tables([NARROW_SCHEMA.empty_table(), *read(NARROW_SCHEMA)]))


def _keys(rows: pa.Table) -> Iterator[Key]:
    return zip(*(rows[name].to_pylist() for name in KEY), strict=True)


def _fill(spool: Spool, places: dict[Key, int], pieces: Iterator[pa.Table], dim: int) -> None:
    found = 0
    for piece in pieces:
        if not piece.num_rows:
            continue
        place = np.array([places[key] for key in _keys(piece)], np.int64)
        spool.scatter(place, _block(piece, dim))
        found += len(place)
    if found != len(places):
        raise StoreError(f"{len(places)} features were found, but {found} vectors read")


def _block(piece: pa.Table, dim: int) -> npt.NDArray[np.float32]:
    """The vectors of a piece, float32 (n, dim)."""
    if pc.any(pc.not_equal(pc.list_value_length(piece["vector"]), dim)).as_py():
        raise StoreError(f"a vector does not have the length {dim} of the others")
    values = pa.concat_arrays(pc.list_flatten(piece["vector"]).chunks)
    block: npt.NDArray[np.float32] = values.to_numpy().reshape(piece.num_rows, dim)
    return block
