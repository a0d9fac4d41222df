"""The feature store as four Delta tables: items, ledger, features, and the log of commits.

A partition is written table by table, each at once by Delta, and is seen by nobody until the log
names the versions it is in. Killed in between, the store reads as it did before; the next writer
of the partition writes over what was left.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from feature_store.schemas import BOOKKEEPING, FEATURES, ITEMS, LEDGER
from feature_store.tables.check import check_batch, check_ds, check_identity
from feature_store.tables.commits import (
    TABLES,
    CommitLog,
    LoggedCommit,
    latest,
    log_at,
    utc_now,
)
from feature_store.tables.content import canonical
from feature_store.tables.delta_table import (
    PartitionedTable,
    files_digest,
    partition_files,
)
from feature_store.tables.drafts import check_replaces, draft_of
from feature_store.tables.history import readable
from feature_store.tables.known import KnownFeatures
from feature_store.tables.location import Location
from feature_store.tables.pinned import PinnedTable, read_partition
from feature_store.tables.snapshot import DeltaSnapshot
from feature_store.tables.sources import Sources
from feature_store.tables.store import (
    AsOf,
    Commit,
    Known,
    PartitionBatch,
    StoreSize,
    StoreUpkeep,
)
from feature_store.tables.upkeep import DeltaUpkeep


class DeltaFeatureStore:
    """A `FeatureStore` in the folder or at the URL `location`, which its first write makes."""

    def __init__(self, location: Path | str, clock: Callable[[], dt.datetime] = utc_now) -> None:
        """Name where the store is, and what tells the time; nothing is read or written yet."""
        self._location = Location(location)
        self._clock = clock
        self._log = CommitLog(self._location / "commits", clock)
        schemas = {"features": FEATURES, "ledger": LEDGER, "items": ITEMS}
        keys = {"features": ("ds", "extractor"), "ledger": ("ds",), "items": ("ds",)}
        self._tables = {
            name: PartitionedTable(self._location / name, schemas[name], keys[name])
            for name in TABLES
        }
        self._known: tuple[int, KnownFeatures] | None = None
        self._sources: tuple[int, Sources] | None = None

    def replace_partition(
        self, ds: str, batch: PartitionBatch, *, base: str = "", replaces: int | None = None
    ) -> Commit:
        """Replace the partition `ds` by `batch`: all of it, or nothing, whenever it is killed."""
        batch = canonical(check_batch(check_ds(ds), batch))
        log = self._log.read()
        newest = latest(log).get(ds)
        draft = draft_of(ds, batch, base)
        if newest and _holds(newest, draft, batch) and self._undisturbed(newest):
            return newest.commit
        if replaces is not None:
            check_replaces(log, newest, replaces, ds)
        for name in TABLES:
            self._tables[name].create()
            draft.pins[name] = self._tables[name].replace(ds, getattr(batch, name))
        return self._log.append(draft, newest)

    def partition(self, ds: str) -> tuple[PartitionBatch, int]:
        """Return what the day's newest commit holds, and that commit's version (0: none)."""
        newest = latest(self._log.read()).get(check_ds(ds))
        batch = read_partition(self._tables, newest, ds)
        return batch, newest.commit.version if newest else 0

    def snapshot(self, as_of: AsOf = None, *, before: str | None = None) -> DeltaSnapshot:
        """Return the store as of a version or time, of partitions before the day `before`."""
        log = self._log.read()
        newest = latest(log_at(log, as_of))
        if before is not None:
            check_ds(before)
            newest = {ds: entry for ds, entry in newest.items() if ds < before}
        partitions = list(newest.values())
        if as_of is not None:
            partitions = readable(partitions, log, self._log.retention())
        tables = {name: self._pinned(name, partitions) for name in TABLES}
        return DeltaSnapshot(partitions, tables, self._location.scratch())

    def known(self, image_ids: Sequence[str], detector: str, extractors: Sequence[str]) -> Known:
        """Return the regions that `detector` found in images, and the vectors of `extractors`."""
        for identity in (detector, *extractors):
            check_identity(identity)
        log = self._log.read()
        version = log[-1].commit.version if log else 0
        if self._known is None or self._known[0] != version:
            features = self._pinned("features", list(latest(log).values()))
            self._known = (version, KnownFeatures(features))
        return self._known[1].of(image_ids, detector, extractors)

    def sources(self, uris: Sequence[str]) -> pa.Table:
        """Return the latest ledger row (schema LEDGER) of each of these addresses that has one."""
        log = self._log.read()
        version = log[-1].commit.version if log else 0
        if self._sources is None or self._sources[0] != version:
            ledger = self._pinned("ledger", list(latest(log).values()))
            self._sources = (version, Sources(ledger))
        return self._sources[1].rows(uris)

    def commits(self) -> list[Commit]:
        """Return the latest commit of each partition, oldest day first."""
        return [entry.commit for entry in latest(self._log.read()).values()]

    def log(self) -> list[Commit]:
        """Return every commit there ever was, oldest first."""
        return [entry.commit for entry in self._log.read()]

    def size(self) -> StoreSize:
        """Return how much room the store takes."""
        partitions = list(latest(self._log.read()).values())
        live: list[int] = []
        kept = list(self._log.file_bytes().values())
        for name, table in self._tables.items():
            sizes = table.file_bytes()
            kept += sizes.values()
            live += [sizes.get(path, 0) for path in self._pinned(name, partitions).paths()]
        return StoreSize(sum(live), len(live), sum(kept), len(kept))

    def upkeep(self, keep_days: int) -> StoreUpkeep:
        """Put small files together, and remove rows superseded more than `keep_days` days ago."""
        return DeltaUpkeep(self._log, self._tables).run(keep_days, self._clock())

    def _pinned(self, name: str, partitions: list[LoggedCommit]) -> PinnedTable:
        return PinnedTable(self._tables[name], [entry.pins[name] for entry in partitions])

    def _undisturbed(self, entry: LoggedCommit) -> bool:
        """Tell whether the newest tables hold a commit's very files, and no killed writer's."""
        return all(
            files_digest(partition_files(self._tables[name].open(), pin.ds)) == pin.files
            for name, pin in entry.pins.items()
        )


def _holds(entry: LoggedCommit, draft: LoggedCommit, batch: PartitionBatch) -> bool:
    """Tell whether a commit holds the very rows and the base of a draft made of `batch`."""
    if entry.rows_hash is None:  # of an older version, which kept no books
        blank = all(batch.ledger[n].null_count == batch.ledger.num_rows for n in BOOKKEEPING)
        return blank and entry.holds[::2] == draft.holds[::2]
    return entry.holds == draft.holds
