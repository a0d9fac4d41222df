"""Features in their order within bounded memory: vectors are spooled to disk, each to its place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.schemas import FEATURES
from feature_store.tables.delta_table import refusing
from feature_store.tables.pinned import PinnedTable

BATCH_ROWS = 1024

NARROW = [name for name in FEATURES.names if name != "vector"]
"""Everything but the vectors fits in memory: some 200 bytes a feature."""

NARROW_SCHEMA = pa.schema([FEATURES.field(name) for name in NARROW])

REPEATING = ("ds", "kind", "label", "detector", "extractor")


Wanted = list[tuple[str, npt.NDArray[np.bool_]]]
"""Partitions, each with one bool for each of its rows under the extractor, as they are scanned."""


def ordered_features(
    features: PinnedTable, live: dict[str, pa.Array], extractor: str, folder: Path | None
) -> Iterator[pa.RecordBatch]:
    """Yield the features of live items (ds → item ids) in the order that `Snapshot` promises.

    Two passes over each file: the first finds the order without reading a vector, the second
    writes each vector to its place in an unnamed temporary file under `folder`. The file is never
    mapped: what the system caches of it is not this process's memory.
    """
    wanted, rows = _choose(features, live, extractor)
    if not rows.num_rows:
        return
    dim = one_dim(rows, extractor)
    order = order_of(rows)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    columns = taken(rows, order)
    del rows, order
    with tempfile.TemporaryFile(dir=folder, prefix="spool-", buffering=0) as file:
        spool = Spool(file.fileno(), dim)
        with refusing("the vectors cannot be put in order on disk"):
            spool.fill(place, _vectors(features, wanted, extractor, dim))
        yield from batches_of(columns, spool)


def ordered_regions(features: PinnedTable, live: dict[str, pa.Array], extractor: str) -> pa.Table:
    """Return the narrow columns of features of live items in the order that `Snapshot` promises."""
    _, rows = _choose(features, live, extractor)
    return in_order(rows)


class Spool:
    """Vectors float32 (n, dim) in an open file, each at its place."""

    def __init__(self, file: int, dim: int) -> None:
        """Name the descriptor of an empty file."""
        self._file = file
        self._dim = dim

    def fill(self, place: npt.NDArray[np.int64], blocks: Iterator[npt.NDArray[np.float32]]) -> None:
        """Write blocks of vectors, the nth of all to the row `place[n]`."""
        start = 0
        for block in filter(len, blocks):
            self.scatter(place[start : start + len(block)], block)
            start += len(block)
        if start != len(place):
            raise StoreError(f"{len(place)} features were found, but {start} vectors read")

    def scatter(self, place: npt.NDArray[np.int64], block: npt.NDArray[np.float32]) -> None:
        """Write a block of vectors, each to its row."""
        order = np.argsort(place)
        place = place[order]
        ends = np.append(np.flatnonzero(np.diff(place) != 1) + 1, len(place))
        start = 0
        for end in ends:  # one write for each run of neighbours
            run = memoryview(block[order[start:end]].data).cast("B")
            offset = int(place[start]) * self._dim * 4
            while run:
                written = os.pwrite(self._file, run, offset)
                run, offset = run[written:], offset + written
            start = end

    def read(self, start: int, count: int) -> npt.NDArray[np.float32]:
        """Read `count` vectors from the row `start`: float32 (count, dim)."""
        vectors = np.empty((count, self._dim), np.float32)
        rest, offset = memoryview(vectors.data).cast("B"), start * self._dim * 4
        while rest:
            if not (found := os.preadv(self._file, [rest], offset)):
                raise StoreError("the spooled vectors end too early")
            rest, offset = rest[found:], offset + found
        return vectors


def under(extractor: str) -> pc.Expression:
    """Keep the rows of one extractor; whole files are passed over."""
    return pc.field("extractor") == extractor


def _choose(
    features: PinnedTable, live: dict[str, pa.Array], extractor: str
) -> tuple[Wanted, pa.Table]:
    """Which rows of each partition are wanted, and the narrow columns of those, in that order."""
    wanted, parts = [], [NARROW_SCHEMA.empty_table()]
    for ds, items in live.items():
        if not len(items):
            continue
        rows = features.read(ds, NARROW, under(extractor))
        mask = pc.is_in(rows["item_id"], value_set=items)
        if pc.any(mask).as_py():
            wanted.append((ds, mask.to_numpy()))
            parts.append(rows.filter(mask))
    return wanted, pa.concat_tables(parts)


def taken(rows: pa.Table, order: npt.NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return columns in the order given, each in one piece; words that repeat are held once."""
    columns = {}
    for name in NARROW:
        column = rows[name]
        if name in REPEATING:
            column = column.dictionary_encode()
        rows = rows.drop_columns(name)
        whole = column.combine_chunks()
        if isinstance(whole, pa.ChunkedArray):
            whole = pa.concat_arrays(whole.chunks)
        columns[name] = whole.take(pa.array(order))
    return columns


def in_order(rows: pa.Table) -> pa.Table:
    """Return narrow columns in the order that `Snapshot` promises, with the schema's types."""
    columns = taken(rows, order_of(rows))
    return pa.table(
        {name: column.cast(NARROW_SCHEMA.field(name).type) for name, column in columns.items()},
        NARROW_SCHEMA,
    )


def one_dim(rows: pa.Table, extractor: str) -> int:
    """Return the length that all vectors of features have; StoreError if they have several."""
    dims = pc.unique(rows["dim"]).to_pylist()
    if len(dims) > 1:
        raise StoreError(f"the extractor {extractor} has vectors of several lengths: {dims}")
    return int(dims[0])


def order_of(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the row numbers of features in the order that `Snapshot` promises."""
    keys = rows.select(["item_id", "image_index", "confidence", "region_id"])
    keys = keys.append_column("product", pc.not_equal(rows["kind"], "whole").cast(pa.int8()))
    by = [
        ("item_id", "ascending"),
        ("image_index", "ascending"),
        ("product", "ascending"),
        ("confidence", "descending"),
        ("region_id", "ascending"),
    ]
    order: npt.NDArray[np.int64] = pc.sort_indices(keys, sort_keys=by).to_numpy().astype(np.int64)
    return order


def _vectors(
    features: PinnedTable, wanted: Wanted, extractor: str, dim: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the wanted vectors, float32 (n, dim), in the order of the first pass."""
    for ds, mask in wanted:
        start = 0
        batches = features.scan(ds, ["vector"], under(extractor)).to_batches()
        for batch in _readable(batches, ds):
            kept = batch["vector"].filter(pa.array(mask[start : start + batch.num_rows]))
            start += batch.num_rows
            if pc.any(pc.not_equal(pc.list_value_length(kept), dim)).as_py():
                raise StoreError(f"a vector of {ds} does not have the length {dim}")
            yield kept.flatten().to_numpy().reshape(len(kept), dim)


def _readable(batches: Iterator[pa.RecordBatch], ds: str) -> Iterator[pa.RecordBatch]:
    with refusing(f"the vectors of {ds} cannot be read"):
        yield from batches


def batches_of(columns: dict[str, pa.Array], spool: Spool) -> Iterator[pa.RecordBatch]:
    """Yield the columns that `taken` put in order (schema FEATURES), with their vectors."""
    rows = len(columns["item_id"])
    for start in range(0, rows, BATCH_ROWS):
        count = min(BATCH_ROWS, rows - start)
        narrow = {name: column.slice(start, count) for name, column in columns.items()}
        yield _batch(narrow, spool.read(start, count))


def _batch(narrow: dict[str, pa.Array], vectors: npt.NDArray[np.float32]) -> pa.RecordBatch:
    count, dim = vectors.shape
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * dim)
    lists = pa.ListArray.from_arrays(offsets, pa.array(vectors.ravel()))
    columns = [
        lists if field.name == "vector" else narrow[field.name].cast(field.type)
        for field in FEATURES
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FEATURES)
