"""The upkeep of a store in BigQuery: superseded rows and what killed writers staged."""

from __future__ import annotations

import datetime as dt

from feature_store.errors import StoreError
from feature_store.tables.bigquery.commits import WarehouseCommit, WarehouseLog
from feature_store.tables.bigquery.layout import TABLES
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.bigquery.staging import StagingArea
from feature_store.tables.commits import Retention
from feature_store.tables.history import forgotten, superseded_at
from feature_store.tables.store import StoreSize, StoreUpkeep


class BigQueryUpkeep:
    """Keeps one store's tables in order, beside whoever reads and writes them.

    BigQuery puts small files together by itself: nothing is to be compacted.
    """

    def __init__(self, warehouse: Warehouse, log: WarehouseLog, staging: StagingArea) -> None:
        """Name the dataset, its log, and where rows wait for their transaction."""
        self._warehouse = warehouse
        self._log = log
        self._staging = staging

    def run(self, keep_days: int, now: dt.datetime) -> StoreUpkeep:
        """Forget what was superseded more than `keep_days` days before `now`; see `StoreUpkeep`."""
        if keep_days < 0:
            raise StoreError(f"history cannot be kept for {keep_days} days; write 0 or more")
        if not self._warehouse.exists():
            return StoreUpkeep(0, 0, 0, 0)
        log, before = self._log.read(), self._log.retention()
        until = now - dt.timedelta(days=keep_days)
        if before:
            until = max(until, before.forgotten)
        newly = forgotten(list(log), until)
        if before:
            newly -= forgotten(list(log), before.forgotten)
        freed = self._forget(log, Retention(until, keep_days), before)
        left = self._staging.remove_leftovers(now)
        return StoreUpkeep(0, len(newly), left.tables + left.objects, freed + left.bytes)

    def _forget(
        self, log: list[WarehouseCommit], retention: Retention, before: Retention | None
    ) -> int:
        """Write down what cannot be read from now on, then remove it; return its logical bytes."""
        times = superseded_at(list(log))
        gone = [v for v, time in times.items() if time <= retention.forgotten]
        if not gone:
            return 0
        head = self._warehouse.table("head")
        self._warehouse.execute(
            f"UPDATE {head} SET forgotten = @until, keep_days = @days WHERE TRUE",
            {"until": ("TIMESTAMP", retention.forgotten), "days": ("INT64", retention.keep_days)},
        )
        for name in TABLES:
            history = self._warehouse.table(f"{name}_history")
            self._warehouse.execute(
                f"DELETE FROM {history} WHERE version IN UNNEST(@versions)",
                {"versions": ("INT64", gone)},
            )
        earlier = before.forgotten if before else None
        return sum(
            entry.bytes
            for entry in log
            if entry.commit.version in gone
            and (earlier is None or times[entry.commit.version] > earlier)
        )

    def size(self, log: list[WarehouseCommit], newest: list[WarehouseCommit]) -> StoreSize:
        """Count the logical bytes and the partitions of what is live, and of all that is kept."""
        retention, times = self._log.retention(), superseded_at(list(log))
        kept = [
            entry
            for entry in log
            if not retention
            or (time := times.get(entry.commit.version)) is None
            or time > retention.forgotten
        ]
        return StoreSize(
            live_bytes=sum(entry.bytes for entry in newest),
            live_files=len(TABLES) * len(newest),
            kept_bytes=sum(entry.bytes for entry in kept),
            kept_files=len(TABLES) * len(kept),
        )
