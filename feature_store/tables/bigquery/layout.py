"""The tables of a store in BigQuery, and the rows of our schemas in BigQuery's types.

`items`, `ledger` and `features` hold what the newest commit of each day holds; `…_history` what
was superseded, as long as it is kept; `commits` is the log; `head` counts it, and is what no two
writers can change at once. Days are DATE there, since only dates make partitions, and numbers
FLOAT64, which holds every float32 exactly.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import FEATURES, ITEMS, LEDGER, TIMESTAMP

TABLES = {"items": ITEMS, "ledger": LEDGER, "features": FEATURES}

LOG = pa.schema(
    [
        pa.field("ds", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("rows_hash", pa.string(), nullable=False),
        *(pa.field(n, pa.int64(), nullable=False) for n in ("items", "images", "regions")),
        pa.field("deleted", pa.int64(), nullable=False),
        pa.field("base", pa.string(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("writer", pa.string(), nullable=False),
    ]
)
"""What a writer says of its commit: `bytes` as `logical_bytes` counts them, `writer` its name."""

GIVEN = pa.schema(
    [
        pa.field("version", pa.int64(), nullable=False),
        pa.field("committed_at", TIMESTAMP, nullable=False),
    ]
)
"""What the transaction adds."""

HEAD = pa.schema(
    [
        pa.field("version", pa.int64(), nullable=False),
        pa.field("forgotten", TIMESTAMP),
        pa.field("keep_days", pa.int64()),
    ]
)
"""The one row of `head`: the newest version, and which superseded rows are no longer kept."""

DRAFT = pa.schema([*LOG, pa.field("replaces", pa.int64(), nullable=False)])
"""A commit that is to be, and the version of the day's commit that it replaces (0: none)."""

VERSION = pa.field("version", pa.int64(), nullable=False)


def ddl(prefix: str) -> str:
    """Write the statements that make the tables of the dataset `prefix` (`project.dataset`)."""
    statements = []
    for name, schema in TABLES.items():
        stored = pa.schema([*schema, VERSION])
        statements.append(_create(prefix, name, stored, "item_id"))
        statements.append(_create(prefix, f"{name}_history", stored, "version, item_id"))
    # Made together with its row: were it added afterwards, two that make the tables would add two.
    row = "SELECT 0, CAST(NULL AS TIMESTAMP), CAST(NULL AS INT64)"
    statements.append(_create(prefix, "head", HEAD, "").replace("\n);", f"\n) AS {row};"))
    # The last one: where it is, all are.
    statements.append(_create(prefix, "commits", pa.schema([*GIVEN, *LOG]), ""))
    return "\n".join(statements)


def _create(prefix: str, name: str, schema: pa.Schema, cluster_by: str) -> str:
    columns = ",\n".join(f"  {field.name} {_declared(field)}" for field in schema)
    layout = f"\nPARTITION BY ds\nCLUSTER BY {cluster_by}" if cluster_by else ""
    return f"CREATE TABLE IF NOT EXISTS `{prefix}.{name}` (\n{columns}\n){layout};"


def _declared(field: pa.Field) -> str:
    if pa.types.is_list(field.type):  # an array cannot be NULL there, and says so itself
        return f"ARRAY<{column_type(field)}>"
    return column_type(field) + ("" if field.nullable else " NOT NULL")


def column_type(field: pa.Field) -> str:
    """Name the type of a column, or of a list's elements, in BigQuery's SQL."""
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    if field.name == "ds":
        return "DATE"
    if pa.types.is_integer(kind):
        return "INT64"
    if pa.types.is_floating(kind):
        return "FLOAT64"
    return {pa.string(): "STRING", pa.bool_(): "BOOL", TIMESTAMP: "TIMESTAMP"}[kind]


def to_bigquery(table: pa.Table) -> pa.Table:
    """Return the rows as they are staged: days as dates, everything else as it is."""
    position = table.schema.get_field_index("ds")
    field = pa.field("ds", pa.date32(), nullable=False)
    return table.set_column(position, field, table["ds"].cast(pa.date32()))


def from_bigquery(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows that BigQuery gave in the very types of `schema`.

    A float32 comes back as it was: FLOAT64 holds it exactly.
    """
    columns = [_cast(rows[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    # Unsafe, or a float64 that is no whole float32 would be refused; there is none.
    return column if column.type.equals(kind) else column.cast(kind, safe=False)


def logical_bytes(table: pa.Table) -> int:
    """Count the bytes of a table as BigQuery's price list does: text by its length and two more.

    https://cloud.google.com/bigquery/pricing#data
    """
    return sum(_column_bytes(table[field.name]) for field in table.schema)


def _column_bytes(column: pa.ChunkedArray) -> int:
    if pa.types.is_list(column.type):
        return _column_bytes(pc.list_flatten(column))
    present: int = len(column) - column.null_count
    if pa.types.is_string(column.type):
        return 2 * present + int(pc.sum(pc.binary_length(column)).as_py() or 0)
    return present * (1 if pa.types.is_boolean(column.type) else 8)
