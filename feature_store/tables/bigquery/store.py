"""The feature store in BigQuery, behind the same protocol as the one in files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import StoreError
from feature_store.tables.bigquery.commits import WarehouseCommit, WarehouseLog
from feature_store.tables.bigquery.known import known_of, sources_of
from feature_store.tables.bigquery.layout import DRAFT, TABLES, logical_bytes
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.bigquery.snapshot import BigQuerySnapshot, PinnedRows
from feature_store.tables.bigquery.staging import StagingArea, staging_name
from feature_store.tables.bigquery.upkeep import BigQueryUpkeep
from feature_store.tables.check import check_batch, check_ds, check_identity
from feature_store.tables.commits import LoggedCommit, latest, log_at, utc_now
from feature_store.tables.content import canonical, sort_rows
from feature_store.tables.drafts import check_replaces, draft_of
from feature_store.tables.history import readable
from feature_store.tables.settings import TablesSettings
from feature_store.tables.store import (
    AsOf,
    Commit,
    Known,
    PartitionBatch,
    StoreSize,
    StoreUpkeep,
)


class BigQueryFeatureStore:
    """A `FeatureStore` in a dataset of BigQuery, which its first write makes."""

    def __init__(
        self,
        settings: TablesSettings,
        scratch: Path,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        """Name the dataset, a folder for what is on its way there and back, and what tells the
        time; nothing is asked yet."""
        self._warehouse = Warehouse(settings)
        self._log = WarehouseLog(self._warehouse)
        self._staging = StagingArea(self._warehouse, settings.staging_address, scratch)
        self._scratch = scratch
        self._clock = clock

    def replace_partition(
        self, ds: str, batch: PartitionBatch, *, base: str = "", replaces: int | None = None
    ) -> Commit:
        """Replace the partition `ds` by `batch`: all of it, or nothing, whenever it is killed."""
        batch = canonical(check_batch(check_ds(ds), batch))
        _check_images(batch)
        log = self._log.read()
        newest = _latest(log).get(ds)
        draft = draft_of(ds, batch, base)
        if newest and newest.holds == draft.holds:
            return newest.commit
        if replaces is not None:
            check_replaces(log, newest, replaces, ds)
        self._warehouse.create()
        name = staging_name(self._clock())
        rows = {table: getattr(batch, table) for table in TABLES}
        rows["commit"] = _drafted(draft, rows, name, newest)
        with self._staging.holding(name, rows):
            return self._log.append(name, draft, newest).commit

    def partition(self, ds: str) -> tuple[PartitionBatch, int]:
        """Return what the day's newest commit holds, and that commit's version (0: none)."""
        newest = _latest(self._log.read()).get(check_ds(ds))
        pinned = PinnedRows(self._warehouse, [newest] if newest else [])
        batch = PartitionBatch(
            **{
                name: sort_rows(name, pinned.rows(pinned.of(name, schema.names), schema))
                for name, schema in TABLES.items()
            }
        )
        return batch, newest.commit.version if newest else 0

    def snapshot(self, as_of: AsOf = None, *, before: str | None = None) -> BigQuerySnapshot:
        """Return the store as of a version or time, of partitions before the day `before`."""
        log = self._log.read()
        then = latest(log_at(list(log), as_of))
        if before is not None:
            check_ds(before)
            then = {ds: entry for ds, entry in then.items() if ds < before}
        partitions = list(then.values())
        if as_of is not None:
            partitions = readable(partitions, list(log), self._log.retention())
        return BigQuerySnapshot(
            self._warehouse, cast("list[WarehouseCommit]", partitions), self._scratch
        )

    def known(self, image_ids: Sequence[str], detector: str, extractors: Sequence[str]) -> Known:
        """Return the regions that `detector` found in images, and the vectors of `extractors`."""
        for identity in (detector, *extractors):
            check_identity(identity)
        asked = image_ids if self._warehouse.exists() else []
        return known_of(self._warehouse, asked, detector, extractors)

    def sources(self, uris: Sequence[str]) -> pa.Table:
        """Return the latest ledger row (schema LEDGER) of each of these addresses that has one."""
        return sources_of(self._warehouse, uris if self._warehouse.exists() else [])

    def commits(self) -> list[Commit]:
        """Return the latest commit of each partition, oldest day first."""
        return [entry.commit for entry in _latest(self._log.read()).values()]

    def log(self) -> list[Commit]:
        """Return every commit there ever was, oldest first."""
        return [entry.commit for entry in self._log.read()]

    def size(self) -> StoreSize:
        """Return how much room the store takes: logical bytes, and partitions in place of files."""
        log = self._log.read()
        return self._upkeep().size(log, list(_latest(log).values()))

    def upkeep(self, keep_days: int) -> StoreUpkeep:
        """Remove rows superseded more than `keep_days` days ago; BigQuery does the rest itself."""
        return self._upkeep().run(keep_days, self._clock())

    def _upkeep(self) -> BigQueryUpkeep:
        return BigQueryUpkeep(self._warehouse, self._log, self._staging)


def _latest(log: list[WarehouseCommit]) -> dict[str, WarehouseCommit]:
    return cast("dict[str, WarehouseCommit]", latest(log))


def _drafted(
    draft: LoggedCommit,
    rows: dict[str, pa.Table],
    writer: str,
    replaces: WarehouseCommit | None,
) -> pa.Table:
    """The one row of the commit that is to be, as it is staged."""
    row = {
        **asdict(draft.commit),
        "rows_hash": draft.rows_hash,
        "bytes": sum(logical_bytes(table) for table in rows.values()),
        "writer": writer,
        "replaces": replaces.commit.version if replaces else 0,
    }
    return pa.Table.from_pylist([{name: row[name] for name in DRAFT.names}], schema=DRAFT)


def _check_images(batch: PartitionBatch) -> None:
    """Refuse a null among an item's images: no array of BigQuery holds one."""
    if pc.list_flatten(batch.items["images"]).null_count:
        raise StoreError("items: a null in 'images' cannot be stored in BigQuery; leave it out")
