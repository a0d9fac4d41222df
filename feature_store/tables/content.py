"""The canonical order of a partition's rows, and the hash that says whether two are the same."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import BOOKKEEPING
from feature_store.tables.check import SCHEMAS
from feature_store.tables.store import PartitionBatch

ORDER = {
    "items": ("item_id",),
    "ledger": ("item_id", "image_index", "image_uri", "detail"),
    "features": ("item_id", "image_index", "region_id", "extractor"),
}
"""The columns by which each table's rows are sorted before they are hashed and written."""


def sort_rows(name: str, table: pa.Table) -> pa.Table:
    """Return `table` in the canonical order of the table `name`; itself if it is in order."""
    order = pc.sort_indices(table, sort_keys=[(column, "ascending") for column in ORDER[name]])
    if np.array_equal(order.to_numpy(), np.arange(table.num_rows, dtype=np.uint64)):
        return table
    return table.take(order)


def canonical(batch: PartitionBatch) -> PartitionBatch:
    """Return `batch` with the rows of each table in the canonical order."""
    return PartitionBatch(**{name: sort_rows(name, getattr(batch, name)) for name in SCHEMAS})


def content_hash(batch: PartitionBatch) -> str:
    """Hash a batch in canonical order: 64 hex digits, whatever the chunks it is held in.

    Every value enters with its length or its validity, so that no two batches read the same, but
    for the ledger's bookkeeping, which enters not at all.
    """
    return _digest(batch, BOOKKEEPING)


def rows_hash(batch: PartitionBatch) -> str:
    """Hash a batch in canonical order with every column: 64 hex digits."""
    return _digest(batch, ())


def _digest(batch: PartitionBatch, without: Collection[str]) -> str:
    digest = hashlib.sha256(b"nitamono partition 1")
    for name, schema in SCHEMAS.items():
        table = getattr(batch, name)
        digest.update(f"{name} {table.num_rows}".encode())
        for field in schema:
            if field.name in without:
                continue
            column = table[field.name]
            if field.name == "vector":
                column = _vector_digests(column)
            digest.update(field.name.encode())
            for part in _encode(_whole(column)):
                digest.update(part)
    return digest.hexdigest()


def combined_hash(hashes: Iterator[tuple[str, str]]) -> str:
    """Hash (ds, content hash) pairs into one: 64 hex digits, whatever their order."""
    lines = "".join(f"{ds} {partition}\n" for ds, partition in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()


def _vector_digests(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Stand for each float32 vector by the SHA-256 of its bytes, so that no vector is copied."""
    digests = []
    for chunk in column.chunks:
        values = chunk.values.to_numpy()
        ends = chunk.offsets.to_numpy()
        digests += [
            hashlib.sha256(values[start:end].tobytes()).digest()
            for start, end in itertools.pairwise(ends)
        ]
    return pa.chunked_array([pa.array(digests, pa.binary(32))])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _encode(array: pa.Array) -> Iterator[bytes]:
    """Yield the bytes that stand for an array's validity, lengths and values."""
    yield np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes()
    kind = array.type
    if pa.types.is_list(kind):
        yield pc.list_value_length(array).fill_null(0).to_numpy().astype("<i8").tobytes()
        yield from _encode(array.flatten())
    elif pa.types.is_string(kind) or pa.types.is_fixed_size_binary(kind):
        data = pc.fill_null(array.cast(pa.large_binary()), b"")
        yield pc.binary_length(data).to_numpy().astype("<i8").tobytes()
        yield b"".join(data.to_pylist())
    elif pa.types.is_boolean(kind):
        yield np.packbits(array.fill_null(False).to_numpy(zero_copy_only=False)).tobytes()
    elif pa.types.is_timestamp(kind):
        yield array.cast(pa.int64()).fill_null(0).to_numpy().astype("<i8").tobytes()
    else:
        numbers = array.fill_null(0).to_numpy()
        yield numbers.astype(numbers.dtype.newbyteorder("<")).tobytes()
