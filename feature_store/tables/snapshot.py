"""The live rows of a Delta store at one version of its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import ITEMS, LEDGER
from feature_store.tables.commits import LoggedCommit, snapshot_hash
from feature_store.tables.content import sort_rows
from feature_store.tables.pinned import PinnedTable
from feature_store.tables.spool import ordered_features, ordered_regions
from feature_store.tables.store import Coverage, PartitionBatch


class DeltaSnapshot:
    """A `Snapshot` of pinned Delta tables; it stays the same whatever is written after it."""

    def __init__(
        self, partitions: list[LoggedCommit], tables: Mapping[str, PinnedTable], folder: Path | None
    ) -> None:
        """Take one commit of each partition, the tables they pin, and a folder to spool in."""
        self._partitions = partitions
        self._tables = tables
        self._folder = folder
        self.version = max((entry.commit.version for entry in partitions), default=0)

    @cached_property
    def content_hash(self) -> str:
        """64 hex digits that are the same whenever the snapshot's partitions hold the same rows."""
        return snapshot_hash(self._partitions)

    @cached_property
    def _live(self) -> dict[str, pa.Array]:
        """The ids of the items whose latest row is in a partition, and says that they live."""
        rows = self._tables["items"].read_all(["item_id", "deleted", "ds"])
        coded = _whole(rows["item_id"]).dictionary_encode()
        newest = np.empty(len(coded.dictionary), np.int64)
        # Days are in order, and an item is in a day once: its last row is its latest.
        newest[coded.indices.to_numpy()] = np.arange(rows.num_rows)
        alive = rows.take(np.sort(newest)).filter(~pc.field("deleted"))
        ids = _whole(alive["item_id"])
        found, start = {}, 0
        for ds, count in _runs(alive["ds"]):
            found[ds] = ids.slice(start, count)
            start += count
        return found

    def items(self) -> pa.Table:
        """The latest row (schema ITEMS) of each live item, by `item_id`."""
        return self._live_rows("items", ITEMS.names).sort_by("item_id")

    def ledger(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of the live items, by `item_id` and `image_index`."""
        rows = self._live_rows("ledger", LEDGER.names)
        return rows.sort_by([("item_id", "ascending"), ("image_index", "ascending")])

    def failed(self) -> pa.Table:
        """The rows of `ledger` of the images that could not be used."""
        only = (pc.field("status") == "failed") & (pc.field("image_index") >= 0)
        failed, start = self._tables["ledger"].read_all(LEDGER.names, only), 0
        parts = [LEDGER.empty_table()]
        for ds, count in _runs(failed["ds"]):
            of_day = failed.slice(start, count)
            parts.append(of_day.filter(self._mask(ds, of_day)))
            start += count
        rows = pa.concat_tables(parts)
        return rows.sort_by([("item_id", "ascending"), ("image_index", "ascending")])

    def rejected(self) -> pa.Table:
        """The ledger's rows (schema LEDGER) of catalogue rows that the newest day could not use."""
        newest = max((entry.commit.ds for entry in self._partitions), default="")
        of_rows = pc.field("image_index") < 0
        return self._tables["ledger"].read(newest, LEDGER.names, of_rows)

    def features(
        self, extractor: str, items: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The live features (schema FEATURES) of one extractor, ordered, in bounded memory.

        Of `items` alone, only the days are read on which one of them changed last.
        """
        live = self._live
        if items is not None:
            wanted = pa.array(items, pa.string())
            live = {ds: ids.filter(pc.is_in(ids, value_set=wanted)) for ds, ids in live.items()}
        return ordered_features(self._tables["features"], live, extractor, self._folder)

    def regions(self, extractor: str) -> pa.Table:
        """All that `features` gives but the vectors, in the same order."""
        return ordered_regions(self._tables["features"], self._live, extractor)

    def about(self, item_id: str) -> PartitionBatch:
        """All that the snapshot says about one item: no rows unless it lives."""
        ds = next((ds for ds, ids in self._live.items() if pa.scalar(item_id) in ids), "")
        only = pc.field("item_id") == item_id
        return PartitionBatch(
            **{
                name: sort_rows(name, table.read(ds, table.schema.names, only))
                for name, table in self._tables.items()
            }
        )

    def extractors(self) -> list[str]:
        """The extractors that described any live item, sorted."""
        return sorted(self._described)

    def coverage(self, extractor: str) -> Coverage:
        """How much of the snapshot `extractor` has described."""
        described, regions = self._described.get(extractor, (0, 0))
        images, failed = self._images
        return Coverage(
            items=sum(len(ids) for ids in self._live.values()),
            images=images,
            indexed=images - sum(failed.values()),
            described=described,
            regions=regions,
            failed=failed,
        )

    @cached_property
    def _described(self) -> dict[str, tuple[int, int]]:
        """How many images and how many regions of live items each extractor has described."""
        found: dict[str, tuple[int, int]] = {}
        for keys, rows in self._tables["features"].read_files(["item_id", "kind"]):
            kinds = rows["kind"].filter(self._mask(keys["ds"], rows))
            if len(kinds):
                images, regions = found.get(keys["extractor"], (0, 0))
                whole = pc.sum(pc.equal(kinds, "whole")).as_py()
                found[keys["extractor"]] = images + whole, regions + len(kinds)
        return found

    @cached_property
    def _images(self) -> tuple[int, dict[str, int]]:
        """How many images the live items have, and how many of them failed for each reason."""
        images = self._live_rows("ledger", ["image_index", "status", "reason"])
        images = images.filter(pc.field("image_index") >= 0)
        failed = images.filter(pc.field("status") == "failed")["reason"].to_pylist()
        return images.num_rows, dict(sorted(Counter(failed).items()))

    def _live_rows(self, name: str, columns: list[str]) -> pa.Table:
        """Columns of the rows that live items have on the day of their latest row."""
        table = self._tables[name]
        parts = [pa.schema([table.schema.field(column) for column in columns]).empty_table()]
        for keys, rows in table.read_files(list(dict.fromkeys([*columns, "item_id"]))):
            parts.append(rows.filter(self._mask(keys["ds"], rows)).select(columns))
        return pa.concat_tables(parts)

    def _mask(self, ds: str, rows: pa.Table) -> pa.ChunkedArray:
        """Which rows of a day are of an item that lives, and whose latest row is of that day."""
        live = self._live.get(ds, pa.array([], pa.string()))
        return pc.is_in(rows["item_id"], value_set=live)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _runs(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    """The values of a column whose equal ones stand together, and how often each stands there."""
    counts = pc.value_counts(column).to_pylist()
    return [(str(found["values"]), found["counts"]) for found in counts]
