"""One Delta table: made on first use, one partition replaced at a time, its files counted."""

from __future__ import annotations

import functools
import hashlib
import operator
import random
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.fs as pafs
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from feature_store.errors import CommitConflictError, StoreError
from feature_store.tables.check import check_ds
from feature_store.tables.location import Location

ATTEMPTS = 40
"""How often a write that lost a race is tried again, after a growing pause of at most a second."""

ROW_GROUP_ROWS = 2048
"""Rows of a Parquet row group: what a reader of single vectors has to decode at a time."""

CONFIGURATION: Mapping[str, str] = {
    # Old versions stay readable for ten years: a snapshot names the versions that it reads.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.checkpointInterval": "20",
}


_CAUSE = re.compile(r"↳(?:\x1b\[\d+m)? *(.+)")
"""What Delta writes before each cause of an error, with the codes that colour it."""


@dataclass(frozen=True)
class Pin:
    """Where a commit's rows are: the partition `ds` of a table at `version`.

    `files` is a digest of the names of the partition's files there. A later version in which the
    partition has the same files holds the same rows.
    """

    ds: str
    version: int
    files: str


class PartitionedTable:
    """A Delta table partitioned by day, at a location."""

    def __init__(
        self, location: Location, schema: pa.Schema, partition_by: tuple[str, ...]
    ) -> None:
        """Name the location, the columns and the partitioning; nothing is written yet."""
        self._location = location
        self._uri = location.uri
        self.name = location.name
        self.schema = schema
        self._partition_by = list(partition_by)
        self._keys = {f"partition.{name}": name for name in partition_by}

    def exists(self) -> bool:
        """Tell whether the table has been made."""
        return bool(DeltaTable.is_deltatable(self._uri))

    def create(self) -> None:
        """Make the table unless it is there."""
        if self.exists():
            return
        with refusing(f"the table {self.name} cannot be made"):
            try:
                DeltaTable.create(
                    self._uri,
                    schema=self.schema,
                    mode="ignore",
                    partition_by=self._partition_by,
                    configuration=dict(CONFIGURATION),
                )
            except DeltaError:
                if not self.exists():  # otherwise another writer made it at the same moment
                    raise

    def open(self, version: int | None = None) -> DeltaTable:
        """Open the table at a version (default: the newest); StoreError if it cannot be."""
        with refusing(f"the table {self._uri} cannot be opened at version {version}"):
            return DeltaTable(self._uri, version=version)

    def rows(self, table: DeltaTable) -> pa.Table:
        """Read all rows of this table as `table` has them."""
        with refusing(f"the table {self.name} cannot be read"):
            return table.to_pyarrow_dataset(filesystem=self._location.files()).to_table()

    def fragments(self, table: DeltaTable) -> dict[str, list[pads.ParquetFileFragment]]:
        """Return the files of each partition of this table as `table` has them, by their names.

        Not those of `DeltaTable.to_pyarrow_dataset`, which reads the statistics of every file into
        expressions: for many days that takes longer than to read them.
        """
        with refusing(f"the files of {self.name} cannot be listed"):
            added = pa.table(table.get_add_actions(flatten=True))
            files, form = self._location.files(), pads.ParquetFileFormat()
            found: dict[str, list[pads.ParquetFileFragment]] = {}
            for row in added.select(["path", *self._keys]).sort_by("path").to_pylist():
                keys = [pc.field(name) == row[key] for key, name in self._keys.items()]
                fragment = form.make_fragment(
                    unquote(row["path"]), files, functools.reduce(operator.and_, keys)
                )
                found.setdefault(row["partition.ds"], []).append(fragment)
        return found

    def replace(self, ds: str, rows: pa.Table) -> Pin:
        """Replace the partition `ds` by `rows`, atomically, and say where they are.

        Writers of other partitions are no hindrance. One that writes the same partition meanwhile
        makes this one start over; CommitConflictError if that happens again and again.
        """
        for pause_seconds in pauses():
            table = self.open()
            if not rows.num_rows and not partition_files(table, ds):
                return self.pin(table, ds, rows.num_rows)
            try:
                self._overwrite(table, ds, rows)
            except CommitFailedError:
                time.sleep(pause_seconds)
                continue
            return self.pin(table, ds, rows.num_rows)
        raise CommitConflictError(
            f"other writers keep replacing the partition {ds} of {self.name}; "
            "let them finish, then run this day again"
        )

    def _overwrite(self, table: DeltaTable, ds: str, rows: pa.Table) -> None:
        with refusing(f"the partition {ds} of {self.name} cannot be written"):
            write_deltalake(
                table,
                rows,
                mode="overwrite",
                schema_mode="merge",  # a table of an older version lacks columns
                predicate=f"ds = '{check_ds(ds)}'",
                writer_properties=_writing(),
            )

    def compact(self, table: DeltaTable, ds: str | None = None) -> None:
        """Put small files together, those of the partition `ds` or all; CommitFailedError if
        another writer replaces them meanwhile."""
        with refusing(f"{self.name} cannot be compacted"):
            table.optimize.compact(
                partition_filters=None if ds is None else [("ds", "=", check_ds(ds))],
                writer_properties=_writing(),
            )

    def vacuum(self, young_hours: int, keep_versions: Collection[int]) -> list[int]:
        """Remove the files that neither the newest version nor one to keep has; return their bytes.

        Those written or given up within `young_hours` stay. Also makes a checkpoint.
        """
        table = self.open()
        with refusing(f"old files of {self.name} cannot be removed"):
            sizes = self.file_bytes()
            which = {
                "retention_hours": young_hours,
                "enforce_retention_duration": False,
                "full": True,
                "keep_versions": sorted(keep_versions),
            }
            # What an earlier vacuum removed is listed for as long as the log remembers it.
            doomed = sizes.keys() & set(table.vacuum(dry_run=True, **which))
            if doomed:
                with suppress(CommitFailedError):  # only the note that it was done is refused
                    table.vacuum(dry_run=False, **which)
            table.create_checkpoint()
        return [sizes[path] for path in doomed]

    def file_bytes(self) -> dict[str, int]:
        """Return the bytes of every file under the table's folder, by its path in there."""
        if not self.exists():
            return {}
        with refusing(f"the files of {self.name} cannot be listed"):
            found = self._location.files().get_file_info(pafs.FileSelector("", recursive=True))
        return {info.path: info.size for info in found if info.type == pafs.FileType.File}

    def pin(self, table: DeltaTable, ds: str, rows: int) -> Pin:
        """Name the partition `ds` as `table` has it; CommitConflictError unless of so many rows."""
        files = partition_files(table, ds)
        if sum(files.values()) != rows:
            raise CommitConflictError(
                f"the partition {ds} of {self.name} was replaced while it was written"
            )
        return Pin(ds, table.version(), files_digest(files))

    def newest_pin(self, ds: str) -> Pin:
        """Name the partition `ds` as the newest version has it."""
        table = self.open()
        return Pin(ds, table.version(), files_digest(partition_files(table, ds)))


def _writing() -> WriterProperties:
    return WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP_ROWS)


@contextmanager
def refusing(complaint: str) -> Iterator[None]:
    """Turn what Delta and the file system raise into StoreError; a lost race passes through."""
    try:
        yield
    except CommitFailedError:
        raise
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise StoreError(f"{complaint}: {_said(error)}") from error


def _said(error: Exception) -> str:
    """Return an error's first line and the causes under it, such as a full disk, in one line.

    Where Rust is told to show them, stack traces follow.
    """
    first = next(iter(str(error).splitlines()), type(error).__name__)
    return ": ".join([first, *_CAUSE.findall(str(error))])


def pauses() -> Iterator[float]:
    """Yield the pauses between attempts, in seconds: growing, and never in step with another's."""
    for attempt in range(ATTEMPTS):
        # Not a secret: any number that another process does not draw will do.
        yield random.uniform(0.2, 1.0) * min(1.0, 0.02 * 2.0 ** min(attempt, 10))  # noqa: S311


def partition_files(table: DeltaTable, ds: str) -> dict[str, int]:
    """Return the rows of each file of the partition `ds`."""
    return all_files(table).get(ds, {})


def all_files(table: DeltaTable) -> dict[str, dict[str, int]]:
    """Return the rows of each file of each partition."""
    added = pa.table(table.get_add_actions(flatten=True))
    found: dict[str, dict[str, int]] = {}
    if not added.num_rows:
        return found
    columns = (added[name].to_pylist() for name in ("partition.ds", "path", "num_records"))
    for ds, path, rows in zip(*columns, strict=True):
        found.setdefault(ds, {})[path] = rows
    return found


def files_digest(files: Mapping[str, int]) -> str:
    """Name a set of files: 32 hex digits."""
    return hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest()[:32]
