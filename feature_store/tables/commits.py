"""The log of commits: one appended row makes a partition visible, and pins its three tables."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from feature_store.errors import CommitConflictError, StoreError
from feature_store.schemas import TIMESTAMP
from feature_store.tables.content import combined_hash
from feature_store.tables.delta_table import PartitionedTable, Pin, pauses, refusing
from feature_store.tables.location import Location
from feature_store.tables.store import AsOf, Commit

_logger = logging.getLogger(__name__)

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
        # Since 0.2; null in the commits of older versions.
        pa.field("base", pa.string()),
        pa.field("committed_at", TIMESTAMP),
        pa.field("rows_hash", pa.string()),
    ]
)

FILES_BEFORE_COMPACTION = 50

CLOCKS_DIFFER = dt.timedelta(hours=1)
"""What lies further ahead than this was written by a clock that is wrong."""

FORGOTTEN, KEEP_DAYS = "nitamono.forgotten", "nitamono.keepDays"
"""The properties of the log's table in which upkeep writes down what is no longer kept."""


@dataclass(frozen=True)
class Retention:
    """What upkeep has done away with: rows superseded at or before `forgotten`, when history was
    kept for `keep_days` days."""

    forgotten: dt.datetime
    keep_days: int


@dataclass(frozen=True)
class LoggedCommit:
    """A commit, where the rows of each of its three tables are, and the hash of all columns of
    theirs (None: written before there was one)."""

    commit: Commit
    pins: dict[str, Pin]
    rows_hash: str | None = None

    @property
    def holds(self) -> tuple[str, str | None, str]:
        """What two commits of one partition share if they hold the same: hashes and base."""
        return self.commit.content_hash, self.rows_hash, self.commit.base


def utc_now() -> dt.datetime:
    """Return the time by this machine's clock, in UTC."""
    return dt.datetime.now(dt.UTC)


class CommitLog:
    """The table `commits` of a store. Each append sees the whole log before it, or is refused."""

    def __init__(self, location: Location, clock: Callable[[], dt.datetime] = utc_now) -> None:
        """Name the location of the log, which the first append makes, and what tells the time."""
        self._table = PartitionedTable(location, LOG, ())
        self._seen: tuple[object, list[LoggedCommit]] = None, []
        self._clock = clock

    def read(self) -> list[LoggedCommit]:
        """Return all commits, oldest first."""
        return self._read(self._table.open()) if self._table.exists() else []

    def append(self, draft: LoggedCommit, replaces: LoggedCommit | None) -> Commit:
        """Append `draft` as the newest commit, provided that its partition holds what `replaces`
        does; its version and time are given here.

        If another writer has committed the same rows meanwhile, theirs is returned; if others,
        CommitConflictError is raised.
        """
        self._table.create()
        ds = draft.commit.ds
        for pause_seconds in pauses():
            table = self._table.open()
            log = self._read(table)
            newest = latest(log).get(ds)
            if newest is not None and not _same_rows(newest, replaces):
                if newest.holds == draft.holds:
                    return newest.commit
                raise overtaken(newest.commit)
            stamped = {"version": table.version() + 1, "committed_at": self._next_time(log)}
            commit = replace(draft.commit, **stamped)
            try:
                self._append_as(table, replace(draft, commit=commit))
            except CommitFailedError:
                time.sleep(pause_seconds)
                continue
            self._compact(table)
            return commit
        raise CommitConflictError(f"other writers keep the log from the partition {ds}; run again")

    def retention(self) -> Retention | None:
        """Return what upkeep has written down about rows that are no longer kept, if anything."""
        if not self._table.exists():
            return None
        noted = self._table.open().metadata().configuration
        if FORGOTTEN not in noted:
            return None
        return Retention(dt.datetime.fromisoformat(noted[FORGOTTEN]), int(noted[KEEP_DAYS]))

    def retain(self, retention: Retention) -> None:
        """Write down which rows are no longer kept."""
        noted = {
            FORGOTTEN: retention.forgotten.astimezone(dt.UTC).isoformat(),
            KEEP_DAYS: str(retention.keep_days),
        }
        for pause_seconds in pauses():
            with refusing("the log of commits cannot be written"), suppress(CommitFailedError):
                alter = self._table.open().alter
                alter.set_table_properties(noted, raise_if_not_exists=False)
                return
            time.sleep(pause_seconds)
        raise CommitConflictError("other writers keep the log; run the upkeep again")

    def tidy(self, young_hours: int) -> list[int]:
        """Put the log's files together and remove the old ones; return the bytes of those."""
        if not self._table.exists():
            return []
        with suppress(CommitFailedError):  # a writer was faster; the next upkeep tries again
            self._table.compact(self._table.open())
        return self._table.vacuum(young_hours, ())

    def file_bytes(self) -> dict[str, int]:
        """Return the bytes of every file of the log."""
        return self._table.file_bytes()

    def _next_time(self, log: list[LoggedCommit]) -> dt.datetime:
        # Never before an older commit, so that a time names a version whatever the clocks say.
        before = [entry.commit.committed_at for entry in log if entry.commit.committed_at]
        now = self._clock().astimezone(dt.UTC)
        if before and before[-1] - now > CLOCKS_DIFFER:
            _logger.warning(
                "the newest commit is of %s, and this machine's clock says %s: one of the clocks "
                "is wrong. Until then every commit has that time, and nothing that they supersede "
                "is forgotten",
                *(before[-1].isoformat(timespec="seconds"), now.isoformat(timespec="seconds")),
            )
        return max([now, *before[-1:]])

    def _read(self, table: DeltaTable) -> list[LoggedCommit]:
        state = table.metadata().id, table.version()
        if self._seen[0] != state:  # a version of a table never changes
            rows = self._table.rows(table).to_pylist()
            self._seen = state, [_entry(r) for r in sorted(rows, key=lambda r: int(r["version"]))]
        return list(self._seen[1])

    def _append_as(self, table: DeltaTable, entry: LoggedCommit) -> None:
        row: dict[str, Any] = {**asdict(entry.commit), "rows_hash": entry.rows_hash}
        for name, pin in entry.pins.items():
            row[f"{name}_version"], row[f"{name}_files"] = pin.version, pin.files
        with refusing("the log of commits cannot be written"):
            # Without retries only the very next version is granted: a compare-and-swap.
            write_deltalake(
                table,
                pa.Table.from_pylist([row], schema=LOG),
                mode="append",
                schema_mode="merge",
                commit_properties=CommitProperties(max_commit_retries=0),
            )

    def _compact(self, table: DeltaTable) -> None:
        if len(table.file_uris()) >= FILES_BEFORE_COMPACTION:
            with suppress(CommitFailedError):  # another writer was faster; the next one tries again
                self._table.compact(table)


def latest(log: Iterable[LoggedCommit]) -> dict[str, LoggedCommit]:
    """Return each partition's last commit of a log, oldest day first."""
    newest = {entry.commit.ds: entry for entry in log}
    return dict(sorted(newest.items()))


def log_at(log: list[LoggedCommit], as_of: AsOf) -> list[LoggedCommit]:
    """Return the log as it was at a version or time; StoreError for one that it never had."""
    if as_of is None:
        return log
    if isinstance(as_of, dt.datetime):
        return _log_at_time(log, as_of)
    newest = log[-1].commit.version if log else 0
    if not 0 <= as_of <= newest:
        raise StoreError(f"there is no snapshot version {as_of}; the newest is {newest}")
    return [entry for entry in log if entry.commit.version <= as_of]


def _log_at_time(log: list[LoggedCommit], time: dt.datetime) -> list[LoggedCommit]:
    if time.tzinfo is None:
        raise StoreError(f"{time.isoformat()} has no time zone; write one, as in 12:00:00+00:00")
    # Commits without a time are older than all that have one, and times never run backwards.
    return [e for e in log if e.commit.committed_at is None or e.commit.committed_at <= time]


def overtaken(newest: Commit) -> CommitConflictError:
    """Return the error of a writer whose partition another one has replaced."""
    return CommitConflictError(
        f"another writer has replaced the partition {newest.ds} meanwhile (version "
        f"{newest.version}); run this day again if yours should count"
    )


def snapshot_hash(partitions: Iterable[LoggedCommit]) -> str:
    """Hash what partitions hold; a day on which no item changed does not count."""
    commits = [entry.commit for entry in partitions]
    return combined_hash((c.ds, c.content_hash) for c in commits if c.items or c.deleted)


def _same_rows(entry: LoggedCommit, other: LoggedCommit | None) -> bool:
    return other is not None and entry.holds == other.holds


def _entry(row: dict[str, Any]) -> LoggedCommit:
    pins = {name: Pin(row["ds"], row[f"{name}_version"], row[f"{name}_files"]) for name in TABLES}
    fields = ("version", "ds", "content_hash", "items", "images", "regions", "deleted")
    commit = Commit(
        **{name: row[name] for name in fields},
        base=row.get("base") or "",
        committed_at=row.get("committed_at"),
    )
    return LoggedCommit(commit, pins, row.get("rows_hash"))
