"""What a store refuses to write: wrong columns, nulls, another day's rows, keys that repeat."""

from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables.store import PartitionBatch

SCHEMAS = {"items": ITEMS, "ledger": LEDGER, "features": FEATURES}

KEYS = {
    "items": ("item_id",),
    "ledger": ("item_id", "image_index"),
    "features": ("item_id", "image_index", "region_id", "extractor"),
}
"""The columns that name a row of each table within its partition."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_IDENTITY = re.compile(r"[\w .,()+-]{1,128}@[0-9a-f]{12}")


def check_ds(ds: str) -> str:
    """Return `ds` if it is a day, YYYY-MM-DD; StoreError otherwise."""
    try:
        if _DAY.fullmatch(ds):
            dt.date.fromisoformat(ds)
            return ds
    except ValueError:
        pass
    raise StoreError(f"{ds!r} does not name a partition; write a day as YYYY-MM-DD")


def check_identity(identity: str) -> str:
    """Return `identity` if it reads 'name@' and 12 hex digits; StoreError otherwise."""
    if _IDENTITY.fullmatch(identity):
        return identity
    raise StoreError(f"{identity!r} does not name a model; write 'name@' and 12 hex digits")


def check_batch(ds: str, batch: PartitionBatch) -> PartitionBatch:
    """Return `batch` in the very types of the schemas; StoreError names the first bad row."""
    checked = PartitionBatch(
        **{name: _check_table(name, getattr(batch, name), ds) for name in SCHEMAS}
    )
    _check_vectors(checked.features)
    return checked


def _check_table(name: str, table: pa.Table, ds: str) -> pa.Table:
    schema = SCHEMAS[name]
    missing = [column for column in schema.names if column not in table.column_names]
    unknown = [column for column in table.column_names if column not in schema.names]
    if missing or unknown:
        raise StoreError(f"{name}: columns missing: {missing}, not in the schema: {unknown}")
    table = _cast(name, table.select(schema.names), schema)
    for field in schema:
        if not field.nullable and table[field.name].null_count:
            refuse(name, table, pc.is_null(table[field.name]), f"{field.name!r} is null")
    other_day = pc.not_equal(table["ds"], ds)
    refuse(name, table, other_day, f"'ds' is not {ds}, the partition being written")
    _check_keys(name, table)
    return table


def _cast(name: str, table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for field in schema:
        try:
            columns.append(table[field.name].cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise StoreError(
                f"{name}: column {field.name!r} is {table[field.name].type}, not {field.type}: "
                f"{error}"
            ) from error
    return pa.Table.from_arrays(columns, schema=schema)


def _check_keys(name: str, table: pa.Table) -> None:
    keyed = table.select(KEYS[name])
    if name == "ledger":  # rejected catalogue rows have no key: they may repeat an id
        keyed = keyed.filter(pc.greater_equal(keyed["image_index"], 0))
    groups = keyed.group_by(list(KEYS[name])).aggregate([([], "count_all")])
    repeated = groups.filter(pc.greater(groups["count_all"], 1))
    if repeated.num_rows:
        raise StoreError(
            f"{name}: {repeated.num_rows} keys repeat, the first one {repeated['count_all'][0]} "
            f"times: {_shown(repeated, 0)}"
        )


def _check_vectors(features: pa.Table) -> None:
    vectors = features["vector"]
    wrong = pc.not_equal(pc.list_value_length(vectors), features["dim"])
    refuse("features", features, wrong, "'vector' does not have the length 'dim'")
    for chunk, start in zip(vectors.chunks, _starts(vectors), strict=True):
        values = chunk.flatten()
        if values.null_count:
            inside = pc.is_null(values).to_numpy(zero_copy_only=False).argmax()
            row = start + chunk.value_parent_indices()[int(inside)].as_py()
            raise StoreError(f"features row {row} ({_shown(features, row)}): null in 'vector'")
    for column in ("extractor", "detector"):
        for identity in pc.unique(features[column]).to_pylist():
            check_identity(identity)


def _starts(column: pa.ChunkedArray) -> list[int]:
    starts, total = [], 0
    for chunk in column.chunks:
        starts.append(total)
        total += len(chunk)
    return starts


def refuse(name: str, table: pa.Table, bad: pa.ChunkedArray, complaint: str) -> None:
    """Raise StoreError for the first row of table `name` at which the mask `bad` is true."""
    position = pc.index(bad, value=True).as_py()
    if position >= 0:
        raise StoreError(f"{name} row {position} ({_shown(table, position)}): {complaint}")


def _shown(table: pa.Table, row: int) -> str:
    """The row's key in words, long ids cut short."""
    named = [name for name in ("item_id", "image_index", "region_id") if name in table.column_names]
    return ", ".join(f"{name} {str(table[name][row].as_py())[:80]!r}" for name in named)
