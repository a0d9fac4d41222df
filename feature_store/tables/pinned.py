"""One table as a snapshot sees it: each partition at the version that its commit pinned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from feature_store.errors import StoreError
from feature_store.tables.commits import LoggedCommit
from feature_store.tables.content import sort_rows
from feature_store.tables.delta_table import (
    PartitionedTable,
    Pin,
    all_files,
    files_digest,
    refusing,
)
from feature_store.tables.store import PartitionBatch


class PinnedTable:
    """The committed rows of one table, whatever half-written partitions lie beside them."""

    def __init__(self, table: PartitionedTable, pins: Sequence[Pin]) -> None:
        """Name the table and where its committed partitions are; nothing is read yet."""
        self.schema = table.schema
        self._table = table
        self._pins = pins

    @cached_property
    def partitions(self) -> dict[str, pads.Dataset]:
        """The rows of each partition that has any, oldest day first."""
        return {ds: self._dataset(fragments) for ds, fragments in self._pinned.items()}

    def scan(self, ds: str, columns: Sequence[str], only: pc.Expression | None) -> pads.Scanner:
        """Prepare to read columns of one partition, in the order of its rows, in little memory."""
        return self.partitions[ds].scanner(
            columns=list(columns),
            filter=only,
            batch_size=1024,
            batch_readahead=4,
            fragment_readahead=1,
        )

    def read(self, ds: str, columns: Sequence[str], only: pc.Expression | None = None) -> pa.Table:
        """Read columns of one partition, in the order of its rows; none if it has no rows."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        if ds not in self.partitions:
            return schema.empty_table()
        with refusing(f"the partition {ds} of {self._table.name} cannot be read"):
            return self.scan(ds, columns, only).to_table().cast(schema)

    def read_all(self, columns: Sequence[str], only: pc.Expression | None = None) -> pa.Table:
        """Read columns of all partitions at once, oldest day first: much faster than one by one."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        fragments = [fragment for of_day in self._pinned.values() for fragment in of_day]
        if not fragments:
            return schema.empty_table()
        try:
            with refusing(f"{self._table.name} cannot be read"):
                rows = self._dataset(fragments).to_table(columns=list(columns), filter=only)
                return rows.cast(schema)
        except StoreError:
            for ds in self._pinned:  # the one that cannot be read says so by its name
                self.read(ds, columns, only)
            raise

    def read_files(self, columns: Sequence[str]) -> Iterator[tuple[dict[str, str], pa.Table]]:
        """Read columns of all partitions at once; yield those of each file with its keys.

        The columns by which a table is partitioned are the same in a whole file: do not ask for
        them, a million times the same word takes its time.
        """
        rows, start = self.read_all(columns), 0
        for fragment in (fragment for of_day in self._pinned.values() for fragment in of_day):
            count = fragment.metadata.num_rows
            yield pads.get_partition_keys(fragment.partition_expression), rows.slice(start, count)
            start += count

    @cached_property
    def _pinned(self) -> dict[str, list[pads.ParquetFileFragment]]:
        """The files of each partition that has any, oldest day first."""
        if not self._pins:
            return {}
        newest = self._table.open(max(pin.version for pin in self._pins))
        digests = {ds: files_digest(files) for ds, files in all_files(newest).items()}
        fragments = self._table.fragments(newest)
        found = {}
        for pin in sorted(self._pins, key=lambda pin: pin.ds):
            # A neighbour's commit does not touch these files: then the newest version will do.
            same = digests.get(pin.ds, files_digest({})) == pin.files
            pinned = fragments if same else self._table.fragments(self._table.open(pin.version))
            if pin.ds in pinned:
                found[pin.ds] = pinned[pin.ds]
        return found

    def paths(self) -> list[str]:
        """The paths of all files, relative to the folder of the table."""
        return [str(file.path) for of_day in self._pinned.values() for file in of_day]

    def _dataset(self, fragments: list[pads.ParquetFileFragment]) -> pads.Dataset:
        first = fragments[0]
        return pads.FileSystemDataset(fragments, self.schema, first.format, first.filesystem)


def read_partition(
    tables: Mapping[str, PartitionedTable], entry: LoggedCommit | None, ds: str
) -> PartitionBatch:
    """Read all that a commit of the partition `ds` holds, in canonical order; nothing of none."""
    found = {}
    for name, table in tables.items():
        pinned = PinnedTable(table, [entry.pins[name]] if entry else [])
        found[name] = sort_rows(name, pinned.read(ds, table.schema.names))
    return PartitionBatch(**found)
