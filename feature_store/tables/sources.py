"""The addresses that the ledger knows, each with its latest row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from feature_store.schemas import LEDGER
from feature_store.tables.pinned import PinnedTable

_OF_IMAGES = pc.field("image_index") >= 0


class Sources:
    """The ledger's rows of a snapshot's partitions, found by `image_uri`.

    The first question reads the addresses of every row, later ones only the days that hold an
    answer.
    """

    def __init__(self, ledger: PinnedTable) -> None:
        """Name what to look in; nothing is read yet."""
        self._ledger = ledger

    def rows(self, uris: Sequence[str]) -> pa.Table:
        """Return the latest row (schema LEDGER) of each of these addresses that has one."""
        wanted = pa.array(uris, pa.string())
        latest = self._latest
        hits = latest.filter(pc.is_in(latest["image_uri"], value_set=wanted))
        parts = [LEDGER.empty_table()]
        for number in sorted(pc.unique(hits["day"]).to_pylist()):
            of_day = hits.filter(pc.equal(hits["day"], number))["image_uri"].combine_chunks()
            only = pc.field("image_uri").isin(of_day) & _OF_IMAGES
            parts.append(_first_of_each(self._ledger.read(self._days[number], LEDGER.names, only)))
        return pa.concat_tables(parts)

    @cached_property
    def _days(self) -> list[str]:
        return list(self._ledger.partitions)

    @cached_property
    def _latest(self) -> pa.Table:
        """Each address, and the number of the latest day that has a row of it."""
        parts = [pa.schema([LEDGER.field("image_uri"), ("day", pa.int32())]).empty_table()]
        for number, ds in enumerate(self._days):
            uris = self._ledger.read(ds, ["image_uri"], _OF_IMAGES)
            day = pa.repeat(pa.scalar(number, pa.int32()), uris.num_rows)
            parts.append(uris.append_column("day", day))
        rows = pa.concat_tables(parts).group_by("image_uri").aggregate([("day", "max")])
        return rows.rename_columns({"day_max": "day"})


def _first_of_each(rows: pa.Table) -> pa.Table:
    numbered = rows.select(["image_uri"]).append_column("row", pa.array(range(rows.num_rows)))
    first = numbered.group_by("image_uri").aggregate([("row", "min")])["row_min"]
    return rows.take(first)
