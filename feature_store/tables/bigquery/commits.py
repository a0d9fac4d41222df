"""The transaction that replaces a partition by what is staged, and the log of all that there were.

BigQuery runs two transactions side by side unless they change rows of the same table, and adding
rows to the log changes none: so each transaction counts `head` first, which no two can do at once.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass

import pyarrow as pa

from feature_store.errors import CommitConflictError, StoreError
from feature_store.tables.bigquery.layout import GIVEN, HEAD, LOG, TABLES
from feature_store.tables.bigquery.service import Warehouse
from feature_store.tables.commits import LoggedCommit, Retention, latest, overtaken
from feature_store.tables.delta_table import Pin, pauses
from feature_store.tables.store import Commit

WRITTEN = pa.schema([*GIVEN, *LOG])
ROWS = "rows"
"""The one pin of a commit: the version that is written beside each of its rows."""


@dataclass(frozen=True)
class WarehouseCommit(LoggedCommit):
    """A commit, its rows' logical bytes and its writer; its one pin tells whose rows they are."""

    bytes: int = 0
    writer: str = ""

    @property
    def rows_version(self) -> int:
        """The version that the commit's rows were written by."""
        return self.pins[ROWS].version


class WarehouseLog:
    """The table `commits` of a store in BigQuery."""

    def __init__(self, warehouse: Warehouse) -> None:
        """Name the dataset; nothing is read yet."""
        self._warehouse = warehouse

    def read(self) -> list[WarehouseCommit]:
        """Return all commits, oldest first."""
        if not self._warehouse.exists():
            return []
        columns = ", ".join(WRITTEN.names)
        # Named in full: what is asked for is constants of ours.
        sql = f"SELECT {columns} FROM {self._warehouse.table('commits')}"
        rows = self._warehouse.rows(sql, WRITTEN, {}).sort_by("version")
        return [_entry(row) for row in rows.to_pylist()]

    def retention(self) -> Retention | None:
        """Return what upkeep has written down about rows that are no longer kept, if anything."""
        if not self._warehouse.exists():
            return None
        columns = ", ".join(HEAD.names)
        sql = f"SELECT {columns} FROM {self._warehouse.table('head')}"
        noted = self._warehouse.rows(sql, HEAD, {}).to_pylist()
        if noted[0]["forgotten"] is None:
            return None
        return Retention(noted[0]["forgotten"], noted[0]["keep_days"])

    def append(
        self, staging: str, draft: LoggedCommit, replaces: WarehouseCommit | None
    ) -> WarehouseCommit:
        """Replace a partition by what is staged as `staging`, if its commit is still `replaces`.

        If another writer has committed the same rows meanwhile, theirs is returned; if others,
        CommitConflictError is raised.
        """
        ds = draft.commit.ds
        script = commit_script(self._warehouse, staging)
        for pause_seconds in pauses():
            try:
                self._warehouse.script(script)
            except StoreError as error:
                if not _was_contended(error):
                    raise
                time.sleep(pause_seconds)
                continue
            newest = latest(self.read()).get(ds)
            assert isinstance(newest, WarehouseCommit | None)
            if newest and (newest.writer == staging or newest.holds == draft.holds):
                return newest
            if newest and newest != replaces:
                raise overtaken(newest.commit)
            raise StoreError(f"BigQuery ran the transaction of {ds} and committed nothing")
        raise CommitConflictError(f"other writers keep the log from the partition {ds}; run again")


def commit_script(warehouse: Warehouse, staging: str) -> str:
    """Write the transaction for what is staged as `staging`: all of it, or nothing.

    It takes everything from the staged tables, the commit itself too, and so has no parameters.
    """
    draft, commits = warehouse.table(f"{staging}_commit"), warehouse.table("commits")
    head = warehouse.table("head")
    columns = ", ".join(LOG.names)
    moves = "\n".join(_move(warehouse, staging, name) for name in TABLES)
    return f"""DECLARE this_day DATE DEFAULT (SELECT ds FROM {draft});
DECLARE replaced_version INT64 DEFAULT (SELECT replaces FROM {draft});
DECLARE newest_version INT64;
DECLARE this_version INT64;
BEGIN TRANSACTION;
UPDATE {head} SET version = version + 1 WHERE TRUE;
SET this_version = (SELECT version FROM {head});
SET newest_version = (SELECT IFNULL(MAX(version), 0) FROM {commits} WHERE ds = this_day);
IF newest_version = replaced_version THEN
{moves}
INSERT INTO {commits} (version, committed_at, {columns})
SELECT this_version,
  GREATEST(
    CURRENT_TIMESTAMP(),
    IFNULL((SELECT MAX(committed_at) FROM {commits}), CURRENT_TIMESTAMP())
  ),
  {columns}
FROM {draft};
COMMIT TRANSACTION;
ELSE
ROLLBACK TRANSACTION;
END IF;
"""


def _move(warehouse: Warehouse, staging: str, name: str) -> str:
    columns = ", ".join(TABLES[name].names)
    live, history = warehouse.table(name), warehouse.table(f"{name}_history")
    return f"""INSERT INTO {history} ({columns}, version)
SELECT {columns}, version FROM {live} WHERE ds = this_day;
DELETE FROM {live} WHERE ds = this_day;
INSERT INTO {live} ({columns}, version)
SELECT {columns}, this_version FROM {warehouse.table(f"{staging}_{name}")};"""


def _was_contended(error: StoreError) -> bool:
    """Tell whether BigQuery ended a transaction because another one changed the same table."""
    return "concurrent update" in str(error)


def _entry(row: dict[str, object]) -> WarehouseCommit:
    at = row["committed_at"]
    assert isinstance(at, dt.datetime)
    given = {name: row[name] for name in Commit.__dataclass_fields__ if name != "committed_at"}
    commit = Commit(**given, committed_at=at.astimezone(dt.UTC))  # type: ignore[arg-type]  # read from a row
    own = {name: row[name] for name in ("rows_hash", "bytes", "writer")}
    pins = {ROWS: Pin(commit.ds, commit.version, "")}
    return WarehouseCommit(commit, pins, **own)  # type: ignore[arg-type]  # read from a row
