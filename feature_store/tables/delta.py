"""The feature store as four Delta tables: items, ledger, features, and the log of commits.

A partition is written table by table, each at once by Delta, and is seen by nobody until the log
names the versions it is in. Killed in between, the store reads as it did before; the next writer
of the partition writes over what was left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import FEATURES, ITEMS, LEDGER
from feature_store.tables.check import check_batch, check_ds, check_identity
from feature_store.tables.commits import TABLES, CommitLog, LoggedCommit, latest, log_at
from feature_store.tables.content import canonical, content_hash
from feature_store.tables.delta_table import (
    PartitionedTable,
    files_digest,
    partition_files,
)
from feature_store.tables.known import KnownFeatures
from feature_store.tables.pinned import PinnedTable
from feature_store.tables.snapshot import DeltaSnapshot
from feature_store.tables.store import Commit, PartitionBatch

REGION_KEY = ["item_id", "image_index", "region_id"]


class DeltaFeatureStore:
    """A `FeatureStore` in the folder `folder`, which its first write makes."""

    def __init__(self, folder: Path) -> None:
        """Name the folder of the store; nothing is read or written yet."""
        self._folder = folder
        self._log = CommitLog(folder / "commits")
        self._tables = {
            "features": PartitionedTable(folder / "features", FEATURES, ("ds", "extractor")),
            "ledger": PartitionedTable(folder / "ledger", LEDGER, ("ds",)),
            "items": PartitionedTable(folder / "items", ITEMS, ("ds",)),
        }
        self._known: tuple[object, KnownFeatures] | None = None

    def replace_partition(self, ds: str, batch: PartitionBatch) -> Commit:
        """Replace the partition `ds` by `batch`: all of it, or nothing, whenever it is killed."""
        batch = canonical(check_batch(check_ds(ds), batch))
        replaces = latest(self._log.read()).get(ds)
        hashed = content_hash(batch)
        if replaces and replaces.commit.content_hash == hashed and self._undisturbed(replaces):
            return replaces.commit
        draft = _count(ds, hashed, batch)
        pins = {}
        for name in TABLES:
            self._tables[name].create()
            pins[name] = self._tables[name].replace(ds, getattr(batch, name))
        return self._log.append(LoggedCommit(draft, pins), replaces)

    def snapshot(self, version: int | None = None, *, before: str | None = None) -> DeltaSnapshot:
        """Return the store as of `version` (default: now), of the days before `before`."""
        newest = latest(log_at(self._log.read(), version))
        if before is not None:
            check_ds(before)
            newest = {ds: entry for ds, entry in newest.items() if ds < before}
        partitions = list(newest.values())
        tables = {name: self._pinned(name, partitions) for name in TABLES}
        return DeltaSnapshot(partitions, tables, self._folder)

    def known(self, image_ids: Sequence[str], detector: str, extractor: str) -> pa.Table:
        """Return the features that are stored for images, one for each region."""
        check_identity(detector)
        check_identity(extractor)
        log = self._log.read()
        key = (log[-1].commit.version if log else 0, detector, extractor)
        if self._known is None or self._known[0] != key:
            features = self._pinned("features", list(latest(log).values()))
            self._known = (key, KnownFeatures(features, detector, extractor))
        return self._known[1].rows(image_ids)

    def commits(self) -> list[Commit]:
        """Return the latest commit of each partition, oldest day first."""
        return [entry.commit for entry in latest(self._log.read()).values()]

    def _pinned(self, name: str, partitions: list[LoggedCommit]) -> PinnedTable:
        return PinnedTable(self._tables[name], [entry.pins[name] for entry in partitions])

    def _undisturbed(self, entry: LoggedCommit) -> bool:
        """Tell whether the newest tables hold a commit's very files, and no killed writer's."""
        return all(
            files_digest(partition_files(self._tables[name].open(), pin.ds)) == pin.files
            for name, pin in entry.pins.items()
        )


def _count(ds: str, hashed: str, batch: PartitionBatch) -> Commit:
    deleted = pc.sum(batch.items["deleted"]).as_py() or 0
    return Commit(
        version=0,
        ds=ds,
        content_hash=hashed,
        items=batch.items.num_rows - deleted,
        images=pc.sum(pc.greater_equal(batch.ledger["image_index"], 0)).as_py() or 0,
        regions=batch.features.select(REGION_KEY).group_by(REGION_KEY).aggregate([]).num_rows,
        deleted=deleted,
    )
