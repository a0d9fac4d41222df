"""Features in their order within bounded memory: vectors are spooled to disk, each to its place."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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
"""Everything but the vectors fits in memory: some 300 bytes a feature."""


@dataclass(frozen=True)
class Chosen:
    """The wanted rows of one partition: which of its rows under the extractor, and their columns.

    `wanted` is one bool for each row in the order of the scan, `rows` the narrow columns of those.
    """

    ds: str
    wanted: npt.NDArray[np.bool_]
    rows: pa.Table


def ordered_features(
    features: PinnedTable, live: dict[str, pa.Array], extractor: str, folder: Path
) -> Iterator[pa.RecordBatch]:
    """Yield the features of live items (ds → item ids) in the order that `Snapshot` promises.

    Two passes over each file: the first finds the order without reading a vector, the second
    writes each vector to its place in an unnamed temporary file under `folder`.
    """
    chosen = [found for ds in live if (found := _choose(features, ds, live[ds], extractor))]
    if not chosen:
        return
    rows = pa.concat_tables(found.rows for found in chosen)
    dim = _one_dim(rows, extractor)
    order = _order(rows)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    with tempfile.TemporaryFile(dir=folder, prefix="spool-") as file:
        file.truncate(max(1, len(order) * dim * 4))
        vectors = np.memmap(file, np.float32, "r+", shape=(len(order), dim))
        _fill(vectors, place, _vectors(features, chosen, extractor, dim))
        for start in range(0, len(order), BATCH_ROWS):
            taken = rows.take(order[start : start + BATCH_ROWS])
            yield _batch(taken, vectors[start : start + BATCH_ROWS])


def under(extractor: str) -> pc.Expression:
    """Keep the rows of one extractor; whole files are passed over."""
    return pc.field("extractor") == extractor


def _choose(features: PinnedTable, ds: str, items: pa.Array, extractor: str) -> Chosen | None:
    rows = features.read(ds, NARROW, under(extractor))
    wanted = pc.is_in(rows["item_id"], value_set=items)
    if not pc.any(wanted).as_py():
        return None
    return Chosen(ds, wanted.to_numpy(), rows.filter(wanted))


def _one_dim(rows: pa.Table, extractor: str) -> int:
    dims = pc.unique(rows["dim"]).to_pylist()
    if len(dims) > 1:
        raise StoreError(f"the extractor {extractor} has vectors of several lengths: {dims}")
    return int(dims[0])


def _order(rows: pa.Table) -> npt.NDArray[np.int64]:
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
    features: PinnedTable, chosen: list[Chosen], extractor: str, dim: int
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the wanted vectors, float32 (n, dim), in the order of the first pass."""
    for found in chosen:
        start = 0
        batches = features.scan(found.ds, ["vector"], under(extractor)).to_batches()
        for batch in _readable(batches, found.ds):
            wanted = found.wanted[start : start + batch.num_rows]
            start += batch.num_rows
            kept = batch["vector"].filter(pa.array(wanted))
            if pc.any(pc.not_equal(pc.list_value_length(kept), dim)).as_py():
                raise StoreError(f"a vector of {found.ds} does not have the length {dim}")
            yield kept.flatten().to_numpy().reshape(len(kept), dim)


def _readable(batches: Iterator[pa.RecordBatch], ds: str) -> Iterator[pa.RecordBatch]:
    with refusing(f"the vectors of {ds} cannot be read"):
        yield from batches


def _fill(
    vectors: npt.NDArray[np.float32],
    place: npt.NDArray[np.int64],
    blocks: Iterator[npt.NDArray[np.float32]],
) -> None:
    start = 0
    for block in blocks:
        vectors[place[start : start + len(block)]] = block
        start += len(block)
    if start != len(place):
        raise StoreError(f"{len(place)} features were found, but {start} vectors read")


def _batch(rows: pa.Table, vectors: npt.NDArray[np.float32]) -> pa.RecordBatch:
    count, dim = vectors.shape
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * dim)
    # Copied out of the spool, which ends with the iteration.
    lists = pa.ListArray.from_arrays(offsets, pa.array(np.array(vectors).ravel()))
    columns = [lists if n == "vector" else rows[n].combine_chunks() for n in FEATURES.names]
    whole = [pa.concat_arrays(c.chunks) if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.RecordBatch.from_arrays(whole, schema=FEATURES)
