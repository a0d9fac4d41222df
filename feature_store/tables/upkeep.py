"""The upkeep of a Delta store: small files put together, rows that nobody can ask for removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath

from deltalake.exceptions import CommitFailedError

from feature_store.errors import CommitConflictError, StoreError
from feature_store.tables.commits import CommitLog, LoggedCommit, Retention, latest
from feature_store.tables.content import content_hash, rows_hash
from feature_store.tables.delta_table import PartitionedTable, all_files, files_digest
from feature_store.tables.history import forgotten, superseded_at
from feature_store.tables.pinned import read_partition
from feature_store.tables.store import StoreUpkeep

YOUNG_HOURS = 24
"""Files younger than this are never removed, nor those that were in use so recently: a writer may
be at work on them, a reader in the middle of them."""


class DeltaUpkeep:
    """Keeps one store's tables in order, beside whoever reads and writes them."""

    def __init__(self, log: CommitLog, tables: Mapping[str, PartitionedTable]) -> None:
        """Name the log of commits, and the tables that its commits pin."""
        self._log = log
        self._tables = tables

    def run(self, keep_days: int, now: dt.datetime) -> StoreUpkeep:
        """Compact, then forget what was superseded more than `keep_days` days before `now`."""
        if keep_days < 0:
            raise StoreError(f"history cannot be kept for {keep_days} days; write 0 or more")
        compacted = self._compact()
        before = self._log.retention()
        until = now - dt.timedelta(days=keep_days)
        until = max(until, before.forgotten) if before else until
        newly = self._forget(before, Retention(until, keep_days))
        removed = [size for name in self._tables for size in self._vacuumed(name, until)]
        removed += self._log.tidy(YOUNG_HOURS)
        return StoreUpkeep(compacted, newly, len(removed), sum(removed))

    def _compact(self) -> int:
        """Put the files of each partition together that has more than it needs; return how many."""
        newest = self._newest_files()
        count = 0
        for ds, entry in latest(self._log.read()).items():
            files = {name: found.get(ds, {}) for name, found in newest.items()}
            disturbed = any(files_digest(files[n]) != pin.files for n, pin in entry.pins.items())
            crowded = [name for name, paths in files.items() if len(paths) > len(_folders(paths))]
            if disturbed or crowded:
                count += self._move(entry, [] if disturbed else crowded)
        return count

    def _move(self, entry: LoggedCommit, crowded: list[str]) -> bool:
        """Compact tables of a partition, and pin what the newest tables then hold of it.

        They are read back and hashed: where they hold anything else (another writer is at work on
        the day, or was killed at it), the commit keeps its pins. Where they hold the same, an
        upkeep was killed before it could pin them.
        """
        ds = entry.commit.ds
        try:
            for name in crowded:
                self._tables[name].compact(self._tables[name].open(), ds)
        except CommitFailedError:
            return False
        pins = {name: table.newest_pin(ds) for name, table in self._tables.items()}
        if all(pin.files == entry.pins[name].files for name, pin in pins.items()):
            return False  # its files are too large to be put together
        moved = replace(entry, pins=pins)
        batch = read_partition(self._tables, moved, ds)
        if entry.rows_hash is None:  # of an older version, which hashed no bookkeeping
            same = content_hash(batch) == entry.commit.content_hash
        else:
            same = rows_hash(batch) == entry.rows_hash
        if not same:
            return False
        with suppress(CommitConflictError):  # another writer has replaced the day meanwhile
            self._log.append(moved, entry)
            return True
        return False

    def _newest_files(self) -> dict[str, dict[str, dict[str, int]]]:
        """The rows of each file of each partition of each table's newest version."""
        return {
            name: all_files(table.open()) if table.exists() else {}
            for name, table in self._tables.items()
        }

    def _forget(self, before: Retention | None, retention: Retention) -> int:
        """Write down that older rows cannot be read from now on; return of how many commits."""
        log = self._log.read()
        newly = forgotten(log, retention.forgotten)
        newly -= forgotten(log, before.forgotten) if before else set()
        if newly:
            self._log.retain(retention)
        return len(newly)

    def _vacuumed(self, name: str, until: dt.datetime) -> list[int]:
        """Remove the files of a table that only commits superseded by then need; return bytes."""
        table = self._tables[name]
        if not table.exists():
            return []
        log, newest = self._log.read(), all_files(table.open())
        superseded, keep = superseded_at(log), set()
        for entry in log:
            time, pin = superseded.get(entry.commit.version), entry.pins[name]
            # The newest version keeps its own files, and what it gives up from now on is young.
            held = files_digest(newest.get(pin.ds, {})) == pin.files
            if not held and (time is None or time > until):
                keep.add(pin.version)
        return table.vacuum(YOUNG_HOURS, keep)


def _folders(paths: Iterable[str]) -> set[PurePosixPath]:
    """The folders of files: one for each extractor, if they are of features."""
    return {PurePosixPath(path).parent for path in paths}
