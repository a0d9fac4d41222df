"""Faults planted into what a day's shards hold, between its extraction and its gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Edit = Callable[[pa.Table], pa.Table]

STALE = "colours@0000000000ff"


@dataclass(frozen=True)
class Planted:
    """A fault: which files of the day's staging folder it is in, how, and which check is to see it.

    `everywhere`: in every shard, not only in the first one that has rows.
    """

    files: str
    edit: Edit
    check: str
    everywhere: bool = False

    def plant(self, staging: Path) -> None:
        """Change the files under the staging folder of a day."""
        planted = 0
        for path in sorted(staging.glob(f"*/shard-*.{self.files}.parquet")):
            table = pq.ParquetFile(path).read()
            if table.num_rows < 3 or (planted and not self.everywhere):
                continue
            pq.write_table(self.edit(table), path)
            planted += 1
        if not planted:
            raise RuntimeError(f"nothing under {staging} to plant a fault in")


def _vectors(change: Callable[[list[list[float]]], None]) -> Edit:
    """Make an edit out of a change to the list of vectors."""

    def edit(table: pa.Table) -> pa.Table:
        vectors = table["vector"].to_pylist()
        change(vectors)
        return _with(table, "vector", vectors)

    return edit


def _with(table: pa.Table, column: str, values: Any) -> pa.Table:
    place = table.column_names.index(column)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(values, field.type))


def _nan(vectors: list[list[float]]) -> None:
    vectors[1][0] = float("nan")


def _zero(vectors: list[list[float]]) -> None:
    vectors[1] = [0.0] * len(vectors[1])


def _short(vectors: list[list[float]]) -> None:
    vectors[1] = vectors[1][:-1]


def _alike(vectors: list[list[float]]) -> None:
    alike = float(np.float32(1 / np.sqrt(len(vectors[0]))))
    vectors[:] = [[alike] * len(vectors[0])] * len(vectors)


def _twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(1, 1)])


def _without_row(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table.slice(0, 1), table.slice(2)])


def _stale(table: pa.Table) -> pa.Table:
    return _with(table, "extractor", [STALE] * table.num_rows)


def _permuted(table: pa.Table) -> pa.Table:
    for column in ("image_id", "region_id"):
        values = table[column].to_pylist()
        table = _with(table, column, values[2:] + values[:2])
    return table


def _outside(table: pa.Table) -> pa.Table:
    values = table["x1"].to_pylist()
    return _with(table, "x1", [*values[:1], 1.5, *values[2:]])


def _another_reason(table: pa.Table) -> pa.Table:
    return _with(table, "status", ["perhaps", *table["status"].to_pylist()[1:]])


PLANTED = {
    "NaN": Planted("features", _vectors(_nan), "vectors finite"),
    "zero vector": Planted("features", _vectors(_zero), "vector norm"),
    "wrong dim": Planted("features", _vectors(_short), "vector length"),
    "duplicate keys": Planted("features", _twice, "features unique"),
    "stale extractor": Planted("features", _stale, "stale extractor"),
    "permuted ids": Planted("features", _permuted, "region ids"),
    "constant embedding": Planted("features", _vectors(_alike), "vectors distinct", True),
    "a box outside its image": Planted("features", _outside, "boxes"),
    "a region lost": Planted("features", _without_row, "regions counted"),
    "an image lost from the ledger": Planted("ledger", _without_row, "ledger complete"),
    "a status that is none": Planted("ledger", _another_reason, "ledger reasons"),
}
