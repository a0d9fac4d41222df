"""Features that are in the store already: found by narrow columns, then read alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from feature_store.schemas import FEATURES
from feature_store.tables.delta_table import refusing
from feature_store.tables.pinned import PinnedTable
from feature_store.tables.spool import under

REGION = ["image_id", "region_id"]


class _Place(NamedTuple):
    """One row group of one file of features."""

    fragment: pads.ParquetFileFragment
    row_group: int


class KnownFeatures:
    """The features of one detector and one extractor in a snapshot, found by `image_id`.

    The first question reads the ids of every region, later ones only the row groups that hold an
    answer: vectors that nobody asked for are not read.
    """

    def __init__(self, features: PinnedTable, detector: str, extractor: str) -> None:
        """Name what to look in and for; nothing is read yet."""
        self._features = features
        self._detector = detector
        self._extractor = extractor

    def rows(self, image_ids: Sequence[str]) -> pa.Table:
        """Return the features (schema FEATURES) of these images, one for each region."""
        wanted = pa.array(image_ids, pa.string())
        hits = self._regions.filter(pc.is_in(self._regions["image_id"], value_set=wanted))
        # Several items may show one image: the first row group that has a region will do.
        first = hits.group_by(REGION).aggregate([("place", "min")])["place_min"]
        needed = sorted(pc.unique(first).to_pylist())
        parts = [self._read(self._places[number], wanted) for number in needed]
        return _one_for_each_region(pa.concat_tables([FEATURES.empty_table(), *parts]))

    @cached_property
    def _places(self) -> list[_Place]:
        with refusing("stored features cannot be read"):
            return [
                _Place(fragment, number)
                for partition in self._features.partitions.values()
                for fragment in partition.get_fragments(filter=under(self._extractor))
                for number in range(len(fragment.row_groups))
            ]

    @cached_property
    def _regions(self) -> pa.Table:
        """The ids of each stored region, and the number of the place that it is in."""
        parts = [
            pa.schema([*(FEATURES.field(n) for n in REGION), ("place", pa.int64())]).empty_table(),
            *self._narrow(),
        ]
        return pa.concat_tables(parts)

    def _narrow(self) -> Iterator[pa.Table]:
        for number, place in enumerate(self._places):
            rows = self._of(place, [*REGION, "detector", "extractor"])
            yield rows.select(REGION).append_column(
                "place", pa.repeat(pa.scalar(number), rows.num_rows)
            )

    def _read(self, place: _Place, wanted: pa.Array) -> pa.Table:
        rows = self._of(place, FEATURES.names)
        return rows.filter(pc.is_in(rows["image_id"], value_set=wanted))

    def _of(self, place: _Place, columns: list[str]) -> pa.Table:
        with refusing("stored features cannot be read"):
            part = place.fragment.subset(row_group_ids=[place.row_group])
            rows = part.to_table(schema=FEATURES, columns=columns)
        same_detector = pc.equal(rows["detector"], self._detector)
        rows = rows.filter(pc.and_(same_detector, pc.equal(rows["extractor"], self._extractor)))
        return rows.cast(pa.schema([FEATURES.field(name) for name in columns]))


def _one_for_each_region(rows: pa.Table) -> pa.Table:
    numbered = rows.select(REGION).append_column("row", pa.array(np.arange(rows.num_rows)))
    first = numbered.group_by(REGION).aggregate([("row", "min")])["row_min"].to_numpy()
    return rows.take(np.sort(first))
