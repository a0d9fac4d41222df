"""The live rows of a store in BigQuery as of one version of its log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.schemas import ITEMS, LEDGER
from feature_store.tables.bigquery.commits import WarehouseCommit
from feature_store.tables.bigquery.layout import TABLES
from feature_store.tables.bigquery.ordered import Read, ordered_features, ordered_regions
from feature_store.tables.bigquery.service import NONE, Parameters, Warehouse, pieces
from feature_store.tables.commits import snapshot_hash
from feature_store.tables.content import sort_rows
from feature_store.tables.store import Coverage, PartitionBatch

_NUMBER = pa.field("number", pa.int64())
_DAY = pa.schema([ITEMS.field("ds")])
_OF_ITEMS = "found.item_id IN UNNEST(@items)"


class PinnedRows:
    """The rows that commits of some days wrote, wherever they are now.

    A row keeps the version that wrote it when it moves to the history, and a query reads all its
    tables as of one moment: what is replaced meanwhile is found all the same, and found once.
    Tables are partitioned by day: the first and the last one bound what is read, and paid for.
    """

    def __init__(self, warehouse: Warehouse, commits: Sequence[WarehouseCommit]) -> None:
        """Name the dataset and the commits; nothing is read yet."""
        self._warehouse = warehouse
        self._versions = [entry.rows_version for entry in commits]
        self._days = [entry.commit.ds for entry in commits]

    def of(self, name: str, columns: Sequence[str]) -> str:
        """Write a table expression of columns of the table `name`."""
        listed = ", ".join(columns)
        parts = (
            f"SELECT {listed} FROM {self._warehouse.table(table)}"
            " WHERE ds BETWEEN @first_day AND @last_day AND version IN UNNEST(@versions)"
            for table in (name, f"{name}_history")
        )
        return f"({' UNION ALL '.join(parts)})"

    def rows(self, sql: str, schema: pa.Schema, parameters: Parameters = NONE) -> pa.Table:
        """Return what a query about these rows gives."""
        if not self._versions:
            return schema.empty_table()
        return self._warehouse.rows(sql, schema, {**self.parameters(), **parameters})

    def stream(self, sql: str, schema: pa.Schema, parameters: Parameters) -> Iterator[pa.Table]:
        """Yield what a query about these rows gives piece by piece."""
        if self._versions:
            yield from self._warehouse.stream(sql, schema, {**self.parameters(), **parameters})

    def parameters(self) -> dict[str, tuple[str, Any]]:
        """Return the parameters of every query about these rows; there must be commits."""
        days = {"first_day": ("DATE", min(self._days)), "last_day": ("DATE", max(self._days))}
        return {"versions": ("INT64", self._versions), **days}


class BigQuerySnapshot:
    """A `Snapshot` in BigQuery; it stays the same whatever is written after it."""

    def __init__(
        self, warehouse: Warehouse, partitions: list[WarehouseCommit], scratch: Path
    ) -> None:
        """Take one commit of each partition, and a folder for the vectors in their order."""
        self._warehouse = warehouse
        self._partitions = partitions
        self._scratch = scratch
        self._pinned = PinnedRows(warehouse, partitions)
        self.version = max((entry.commit.version for entry in partitions), default=0)

    @cached_property
    def content_hash(self) -> str:
        """64 hex digits that are the same whenever the snapshot's partitions hold the same rows."""
        return snapshot_hash(self._partitions)

    def items(self) -> pa.Table:
        """The latest row (schema ITEMS) of each live item, by `item_id`."""
        return sort_rows("items", self._live("items", ITEMS))

    def ledger(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of the live items, by `item_id` and `image_index`."""
        return sort_rows("ledger", self._live("ledger", LEDGER))

    def failed(self) -> pa.Table:
        """The rows of `ledger` of the images that could not be used."""
        only = "status = 'failed' AND image_index >= 0"
        return sort_rows("ledger", self._live("ledger", LEDGER, only))

    def rejected(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of catalogue rows that the newest day could not use."""
        newest = max(self._partitions, key=lambda entry: entry.commit.ds, default=None)
        pinned = PinnedRows(self._warehouse, [newest] if newest else [])
        source = pinned.of("ledger", LEDGER.names)
        sql = f"SELECT * FROM {source} WHERE image_index < 0"
        return sort_rows("ledger", pinned.rows(sql, LEDGER))

    def features(
        self, extractor: str, items: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The live features (schema FEATURES) of one extractor, ordered, in bounded memory.

        Of `items` alone, only days between those on which they changed last are read, and paid for.
        """
        if items is None:
            yield from ordered_features(self._reader(extractor), extractor, self._scratch)
            return
        for piece in pieces(sorted(items)):
            asked: Parameters = {"items": ("STRING", piece)}
            sql = self._live_sql("items", ["ds"], _OF_ITEMS)
            days = {*self._pinned.rows(sql, _DAY, asked)["ds"].to_pylist()}
            of_days = [entry for entry in self._partitions if entry.commit.ds in days]
            narrowed = BigQuerySnapshot(self._warehouse, of_days, self._scratch)
            read = narrowed._reader(extractor, f" AND {_OF_ITEMS}", asked)
            yield from ordered_features(read, extractor, self._scratch)

    def regions(self, extractor: str) -> pa.Table:
        """All that `features` gives but the vectors, in the same order."""
        return ordered_regions(self._reader(extractor))

    def _reader(self, extractor: str, more: str = "", asked: Parameters = NONE) -> Read:
        """Return what reads columns of the features of an extractor for which `more` holds."""
        parameters = {"extractor": ("STRING", extractor), **asked}

        def read(schema: pa.Schema) -> Iterator[pa.Table]:
            sql = self._live_sql("features", schema.names, f"extractor = @extractor{more}")
            return self._pinned.stream(sql, schema, parameters)

        return read

    def about(self, item_id: str) -> PartitionBatch:
        """All that the snapshot says about one item: no rows unless it lives."""
        wanted = {"item": ("STRING", item_id)}
        found = self._about("items", "item_id = @item", wanted)
        latest = found.filter(pc.equal(found["ds"], pc.max(found["ds"])))
        items = latest.filter(pc.invert(latest["deleted"]))
        if not items.num_rows:
            return PartitionBatch(**{name: schema.empty_table() for name, schema in TABLES.items()})
        wanted["day"] = ("DATE", items["ds"][0].as_py())
        rest = {
            name: sort_rows(name, self._about(name, "item_id = @item AND ds = @day", wanted))
            for name in ("ledger", "features")
        }
        return PartitionBatch(items=items, **rest)

    def extractors(self) -> list[str]:
        """The extractors that described any live item, sorted."""
        return sorted(self._described)

    def coverage(self, extractor: str) -> Coverage:
        """How much of the snapshot `extractor` has described."""
        described, regions = self._described.get(extractor, (0, 0))
        images, failed = self._images
        return Coverage(
            items=self._live_items,
            images=images,
            indexed=images - sum(failed.values()),
            described=described,
            regions=regions,
            failed=failed,
        )

    @cached_property
    def _described(self) -> dict[str, tuple[int, int]]:
        """How many images and how many regions of live items each extractor has described."""
        rows = self._count("features", ["extractor", "kind"])
        found: dict[str, tuple[int, int]] = {}
        for row in rows.to_pylist():
            images, regions = found.get(row["extractor"], (0, 0))
            described = row["number"] if row["kind"] == "whole" else 0
            found[row["extractor"]] = images + described, regions + row["number"]
        return found

    @cached_property
    def _images(self) -> tuple[int, dict[str, int]]:
        """How many images the live items have, and how many of them failed for each reason."""
        rows = self._count("ledger", ["status", "reason"], "image_index >= 0")
        failed = rows.filter(pc.equal(rows["status"], "failed"))
        reasons = zip(failed["reason"].to_pylist(), failed["number"].to_pylist(), strict=True)
        return _sum(rows), dict(sorted(reasons))

    @cached_property
    def _live_items(self) -> int:
        return _sum(self._count("items", []))

    def live_query(self, name: str, columns: Sequence[str], only: str = "TRUE") -> str:
        """Write the query of columns of live rows, for whoever asks more of them in BigQuery."""
        return self._live_sql(name, columns, only)

    def parameters(self) -> dict[str, tuple[str, Any]]:
        """Return what every such query asks with; StoreError for an empty snapshot."""
        if not self._partitions:
            raise StoreError("the store in BigQuery is empty; ingest a catalogue")
        return self._pinned.parameters()

    def _live(self, name: str, schema: pa.Schema, only: str = "TRUE") -> pa.Table:
        return self._pinned.rows(self._live_sql(name, schema.names, only), schema)

    def _live_sql(self, name: str, columns: Sequence[str], only: str = "TRUE") -> str:
        """Write the query of columns of the rows that live items have on their latest day."""
        needed = dict.fromkeys((*columns, "item_id", "ds", *_named(only)))
        listed = ", ".join(f"found.{column}" for column in columns)
        # What is written here are names of tables and columns of ours.
        return f"""SELECT {listed}
FROM {self._pinned.of(name, list(needed))} AS found
JOIN (
  SELECT item_id, MAX(ds) AS ds
  FROM {self._pinned.of("items", ["item_id", "ds", "deleted"])}
  GROUP BY item_id
  HAVING NOT MAX_BY(deleted, ds)
) AS live ON found.item_id = live.item_id AND found.ds = live.ds
WHERE {only}"""

    def _count(self, name: str, by: Sequence[str], only: str = "TRUE") -> pa.Table:
        """Count the rows of live items, for each value of some columns of text."""
        schema = pa.schema([*(pa.field(c, pa.string()) for c in by), _NUMBER])
        rows = self._live_sql(name, by or ["item_id"], only)
        grouped = f"GROUP BY {', '.join(by)}" if by else ""
        listed = ", ".join([*by, "COUNT(*) AS number"])
        return self._pinned.rows(f"SELECT {listed} FROM ({rows}) {grouped}", schema)

    def _about(self, name: str, only: str, parameters: Parameters) -> pa.Table:
        source = self._pinned.of(name, TABLES[name].names)
        sql = f"SELECT * FROM {source} WHERE {only}"
        return self._pinned.rows(sql, TABLES[name], parameters)


def _named(only: str) -> list[str]:
    """The columns that a condition of ours asks about."""
    return [column for column in ("extractor", "image_index", "status") if column in only]


def _sum(counted: pa.Table) -> int:
    return int(pc.sum(counted["number"]).as_py() or 0)
