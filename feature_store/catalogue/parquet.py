"""Parquet files, read a few thousand rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from feature_store.catalogue.columns import check_columns
from feature_store.catalogue.rows import SourceRow
from feature_store.catalogue.settings import CatalogueSettings
from feature_store.errors import CatalogueError


def read_parquet(path: Path, settings: CatalogueSettings) -> Iterator[SourceRow]:
    """Yield the rows of `path`, numbered from 1.

    Raises CatalogueError if the file is empty, no Parquet, damaged, or lacks a required column.
    """
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            check_columns(str(path), file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=settings.batch_rows):
                for cells in _to_rows(batch):
                    number += 1
                    yield SourceRow(number, cells)
    except (pa.ArrowException, OSError, ValueError) as error:
        where = f" after row {number}" if number else ""
        raise CatalogueError(f"{path} is no readable Parquet file{where}: {error}") from error


def _to_rows(batch: pa.RecordBatch) -> list[dict[str, object]]:
    columns = [_with_microseconds(column) for column in batch.columns]
    rows: list[dict[str, object]] = pa.RecordBatch.from_arrays(
        columns, names=batch.schema.names
    ).to_pylist()
    return rows


def _with_microseconds(column: pa.Array) -> pa.Array:
    """Python's datetime has no nanoseconds: cut them off."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column
