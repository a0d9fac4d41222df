"""The log of commits: one appended row makes a partition visible, and pins its three tables."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from feature_store.errors import CommitConflictError, StoreError
from feature_store.tables.content import combined_hash
from feature_store.tables.delta_table import PartitionedTable, Pin, pauses, refusing
from feature_store.tables.store import Commit

TABLES = ("features", "ledger", "items")
"""The tables in the order in which a partition is written; the log comes last."""

LOG = pa.schema(
    [
        pa.field("version", pa.int64(), nullable=False),
        pa.field("ds", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        *(pa.field(n, pa.int64(), nullable=False) for n in ("items", "images", "regions")),
        pa.field("deleted", pa.int64(), nullable=False),
        *(pa.field(f"{name}_version", pa.int64(), nullable=False) for name in TABLES),
        *(pa.field(f"{name}_files", pa.string(), nullable=False) for name in TABLES),
    ]
)

FILES_BEFORE_COMPACTION = 50


@dataclass(frozen=True)
class LoggedCommit:
    """A commit, and where the rows of each of its three tables are."""

    commit: Commit
    pins: dict[str, Pin]


class CommitLog:
    """The table `commits` of a store. Each append sees the whole log before it, or is refused."""

    def __init__(self, folder: Path) -> None:
        """Name the folder of the log, which the first append makes."""
        self._table = PartitionedTable(folder, LOG, ())

    def read(self) -> list[LoggedCommit]:
        """Return all commits, oldest first."""
        return self._read(self._table.open()) if self._table.exists() else []

    def append(self, draft: LoggedCommit, replaces: LoggedCommit | None) -> Commit:
        """Append `draft`, its version aside, provided that its partition's commit is `replaces`.

        If another writer has committed the same content meanwhile, theirs is returned; if other
        content, CommitConflictError is raised.
        """
        self._table.create()
        ds = draft.commit.ds
        for pause_seconds in pauses():
            table = self._table.open()
            newest = latest(self._read(table)).get(ds)
            if newest is not None and _version(newest) != _version(replaces):
                if newest.commit.content_hash == draft.commit.content_hash:
                    return newest.commit
                raise CommitConflictError(
                    f"another writer has replaced the partition {ds} meanwhile (version "
                    f"{_version(newest)}); run this day again if yours should count"
                )
            version = table.version() + 1
            try:
                self._append_as(table, draft, version)
            except CommitFailedError:
                time.sleep(pause_seconds)
                continue
            self._compact(table)
            return Commit(**{**asdict(draft.commit), "version": version})
        raise CommitConflictError(f"other writers keep the log from the partition {ds}; run again")

    def _read(self, table: DeltaTable) -> list[LoggedCommit]:
        with refusing("the log of commits cannot be read"):
            rows = self._table.dataset(table).to_table().to_pylist()
        return [_entry(row) for row in sorted(rows, key=lambda row: int(row["version"]))]

    def _append_as(self, table: DeltaTable, draft: LoggedCommit, version: int) -> None:
        row: dict[str, Any] = {**asdict(draft.commit), "version": version}
        for name, pin in draft.pins.items():
            row[f"{name}_version"], row[f"{name}_files"] = pin.version, pin.files
        with refusing("the log of commits cannot be written"):
            # Without retries only the very next version is granted: a compare-and-swap.
            write_deltalake(
                table,
                pa.Table.from_pylist([row], schema=LOG),
                mode="append",
                commit_properties=CommitProperties(max_commit_retries=0),
            )

    def _compact(self, table: DeltaTable) -> None:
        if len(table.file_uris()) >= FILES_BEFORE_COMPACTION:
            with suppress(CommitFailedError):  # another writer was faster; the next one tries again
                table.optimize.compact()


def latest(log: Iterable[LoggedCommit]) -> dict[str, LoggedCommit]:
    """Return each partition's last commit of a log, oldest day first."""
    newest = {entry.commit.ds: entry for entry in log}
    return dict(sorted(newest.items()))


def log_at(log: list[LoggedCommit], version: int | None) -> list[LoggedCommit]:
    """Return the log as it was at `version`; StoreError for one that it never had."""
    if version is None:
        return log
    newest = log[-1].commit.version if log else 0
    if not 0 <= version <= newest:
        raise StoreError(f"there is no snapshot version {version}; the newest is {newest}")
    return [entry for entry in log if entry.commit.version <= version]


def snapshot_hash(partitions: Iterable[LoggedCommit]) -> str:
    """Hash what partitions hold; a day on which no item changed does not count."""
    commits = [entry.commit for entry in partitions]
    return combined_hash((c.ds, c.content_hash) for c in commits if c.items or c.deleted)


def _version(entry: LoggedCommit | None) -> int:
    return entry.commit.version if entry else 0


def _entry(row: dict[str, Any]) -> LoggedCommit:
    pins = {name: Pin(row["ds"], row[f"{name}_version"], row[f"{name}_files"]) for name in TABLES}
    fields = ("version", "ds", "content_hash", "items", "images", "regions", "deleted")
    return LoggedCommit(Commit(**{name: row[name] for name in fields}), pins)
