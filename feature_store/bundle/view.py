"""A bundle and its fresh tier as one catalogue, under one numbering of items and of regions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.columns import Mask
from feature_store.bundle.facets import AllFacets
from feature_store.bundle.filters import Filter
from feature_store.bundle.fresh_vectors import FreshVectors
from feature_store.bundle.ids import SortedIds, order_of
from feature_store.bundle.nearest import Floats, Ints
from feature_store.bundle.open import Bundle
from feature_store.bundle.tier import Tier
from feature_store.errors import UnknownItemError

Numbers = npt.NDArray[np.integer[Any]]

NOTHING: tuple[Ints, Floats] = (np.empty(0, np.int32), np.empty(0, np.float32))


class View:
    """What is for sale now: items 0…N-1 and regions 0…R-1 are the bundle's, those after the tier's.

    An item of the bundle that has a new row goes by the number of that row alone, and keeps its
    regions; one that is gone has no number, and its regions no owner. Without a tier every method
    is a read of the bundle.
    """

    def __init__(self, bundle: Bundle, tier: Tier | None = None) -> None:
        """Take an open bundle, and the tier that was opened for it."""
        self.bundle = bundle
        self.tier = tier
        self._items, self._regions = len(bundle.items), len(bundle.owners)
        self._owners, subject = bundle.owners, bundle.subject
        self._segments = bundle.segment_of
        self._fresh = NOTHING[0]
        self.facets = AllFacets(bundle.facets, tier.facets if tier else None)
        """The filterable columns of all items."""
        if tier is not None:
            self._segments = np.concatenate([bundle.segment_of, _numbered(bundle, tier)])
            base = tier.alias[bundle.owners]
            self._owners = np.concatenate([base, tier.owners])
            subject = np.concatenate([bundle.subject & (base >= 0), tier.subject])
            self._fresh = np.flatnonzero(tier.subject).astype(np.int32)

        self.sold_by: Ints = np.where(subject, self._owners, np.int32(-1))
        """int32 (regions,): the item that a region is a hit of; -1 where it is none, because it
        shows something else, or is no longer for sale."""

    @property
    def item_count(self) -> int:
        """How many items there are: those that an answer may name."""
        return len(self.live_items())

    def live_items(self) -> Ints:
        """Return the numbers of all items that there are, int32, ascending."""
        numbers = np.arange(self._items, dtype=np.int32)
        if self.tier is None:
            return numbers
        fresh = np.arange(self._items, self._items + len(self.tier.items), dtype=np.int32)
        return np.concatenate([numbers[self.tier.alias == numbers], fresh])

    def item_number(self, item_id: str) -> int:
        """Return an item's number; UnknownItemError for one that is not, or no longer, there."""
        if self.tier is None:
            return self.bundle.item_number(item_id)
        fresh = self.tier.ids.find(item_id)
        if fresh is not None:
            return self._items + fresh
        number = self.bundle.item_number(item_id)
        if self.tier.alias[number] != number:
            raise UnknownItemError(
                f"item {item_id!r} is no longer for sale since bundle {self.bundle.bundle_id}"
            )
        return number

    def item_rows(self, items: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of items with these numbers, in this order."""
        if self.tier is None:
            return self.bundle.item_rows(items)
        return _mixed(items, self._items, self.bundle.items, self.tier.items)

    def region_rows(self, regions: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of regions with these numbers, in this order; `item` is the view's."""
        if self.tier is None:
            return self.bundle.region_rows(regions)
        rows = _mixed(regions, self._regions, self.bundle.regions, self.tier.regions)
        return [
            row | {"item": int(self._owners[region])}
            for row, region in zip(rows, regions, strict=True)
        ]

    def regions_of(self, item: int) -> range:
        """Return the numbers of an item's regions."""
        if self.tier is None or item < self._items:
            return self.bundle.regions_of(item)
        first = int(self.tier.first_region[item - self._items])
        return range(first, first + int(self.tier.region_count[item - self._items]))

    def region_number(self, item: int, region_id: str) -> int:
        """Return the number of a region of one item; UnknownItemError if it is not the item's."""
        if self.tier is None:
            return self.bundle.region_number(item, region_id)
        for region in self.regions_of(item):
            if self.region_id(region) == region_id:
                return region
        item_id = self.item_rows([item])[0]["item_id"]
        raise UnknownItemError(f"item {item_id!r} has no region {region_id!r}")

    def find_region(self, region_id: str) -> tuple[int, int]:
        """Return the item and the number of the first region of a name that is for sale.

        UnknownItemError if there is none.
        """
        if self.tier is not None and self._by_region_id is not None:
            found = self._by_region_id.find(region_id)
            if found is not None:
                return int(self.tier.owners[found]), self._regions + found
        for region in self.bundle.regions_named(region_id):
            if self._owners[region] >= 0:
                return int(self._owners[region]), region
        raise UnknownItemError(f"region {region_id!r} is not in bundle {self.bundle.bundle_id}")

    @cached_property
    def _by_region_id(self) -> SortedIds | None:
        if self.tier is None:
            return None
        column = self.tier.regions["region_id"].combine_chunks()
        return SortedIds(column, order_of(column))

    def region_id(self, region: int) -> str:
        """Return the name of a region."""
        if self.tier is None or region < self._regions:
            return self.bundle.region_id(region)
        return str(self.tier.regions["region_id"][region - self._regions].as_py())

    def primary_region(self, item: int) -> int:
        """Return the region that is asked when an item is."""
        if self.tier is None or item < self._items:
            return int(self.bundle.primary_region[item])
        return int(self.tier.primary_region[item - self._items])

    def primary_regions(self, items: Ints) -> Ints:
        """Return the region that is asked when an item is, of each of `items`."""
        bundle = self.bundle.primary_region
        if self.tier is None:
            return bundle[items]
        here = items < self._items
        fresh = self.tier.primary_region[items[~here] - self._items]
        found = np.empty(len(items), np.int32)
        found[here], found[~here] = bundle[items[here]], fresh
        return found

    def segment_of(self, region: int) -> int:
        """Return the number of a region's segment.

        Items of the tier belong to the segment of their value; one that the bundle does not have
        has a number after the bundle's, and holds nothing but them.
        """
        return int(self._segments[region])

    def is_fresh(self, region: int) -> bool:
        """Whether a region is the tier's: the bundle stores no neighbours for it."""
        return region >= self._regions

    def owners(self, regions: Numbers) -> Ints:
        """Return the item of each region; -1 where the region is no longer for sale."""
        return self._owners[regions]

    def subject(self, regions: Numbers) -> Mask:
        """Return which regions show the item that their photo sells, and may be hits."""
        return np.asarray(self.sold_by[regions] >= 0)

    def allowed(self, filters: Sequence[Filter], items: Numbers) -> Mask:
        """Return which of `items` pass every filter; none that is gone (-1) does. FilterError."""
        return self.facets.allowed(filters, items)

    def background_of(self, region: int) -> float:
        """Return the background of a region's scores."""
        if region < self._regions:
            return self.bundle.background_of(region)
        return float(self.bundle.background.of(self.vectors(np.array([region])))[0])

    def vectors(self, regions: Numbers) -> Floats:
        """Return the centred vectors, float32 (n, dim), of regions."""
        base = self.bundle.vectors
        if self.tier is None:
            return base[regions]
        found = np.empty((len(regions), base.shape[1]), np.float32)
        fresh = regions >= self._regions
        found[~fresh] = base[regions[~fresh]]
        found[fresh] = self.tier.vectors[self.tier.vector_rows[regions[fresh] - self._regions]]
        return found

    def cosines(self, centred: Floats, regions: Numbers) -> Floats:
        """Return the cosines of one centred query (dim,) with regions, float32 (n,)."""
        if self.tier is None:
            return self.bundle.vectors.cosines(centred, regions)
        found = np.empty(len(regions), np.float32)
        fresh = regions >= self._regions
        found[~fresh] = self.bundle.vectors.cosines(centred, regions[~fresh])
        if fresh.any():
            rows = self.tier.vector_rows[regions[fresh] - self._regions]
            found[fresh] = (self.tier.vectors[: rows.max() + 1] @ centred)[rows]
        return found

    def findable(
        self, filters: Sequence[Filter], excluded: Sequence[int], segment: int | None = None
    ) -> tuple[Ints, Ints]:
        """Return all regions that may be hits, and their items, the regions of an item together.

        `excluded`: numbers of items that may not; `segment`: the only one that is of interest.
        """
        regions, owners = self.subjects
        if not (filters or excluded or segment is not None):
            return regions, owners
        allowed = self.facets.all_allowed(filters)
        allowed[list(excluded)] = False
        mask = allowed[owners]
        if segment is not None:
            mask &= self._segments[regions] == segment
        return regions[mask], owners[mask]

    @cached_property
    def subjects(self) -> tuple[Ints, Ints]:
        """All regions that may be hits, int32, ascending, and their items."""
        regions = np.flatnonzero(self.sold_by >= 0).astype(np.int32)
        return regions, self._owners[regions]

    def with_fresh(
        self,
        centred: Floats,
        regions: Ints,
        cosines: Floats,
        *,
        complete: bool,
        segment: int | None = None,
    ) -> tuple[Ints, Floats]:
        """Add the tier's regions, or a segment's, to the nearest of the bundle, the best first.

        `complete`: whether what the bundle's list does not name is of no interest. Otherwise
        nothing that is further away than the list's end is added, because something of the bundle
        that the list leaves out may be nearer.
        """
        lowest = -np.inf if complete else float(cosines[-1]) if len(cosines) else np.inf
        fresh, near = self.fresh_near(centred, lowest, segment)
        if not len(fresh):
            return regions, cosines
        regions, cosines = np.r_[regions, fresh], np.r_[cosines, near]
        order = np.argsort(-cosines, kind="stable")
        return regions[order], cosines[order]

    def fresh_beats(self, region: int, cosine: float) -> bool:
        """Whether the tier has something that is as near to a region as that, or nearer."""
        if not len(self._fresh):
            return False
        query = self.bundle.vectors[region : region + 1][0]
        return len(self._fresh_vectors.near(query, cosine)[0]) > 0

    def prepare(self) -> None:
        """Work out now what questions will need, so that processes forked later share it."""
        self.facets.prepare()
        self.bundle.prepare()
        _ = self.subjects, self._by_region_id, self._fresh_vectors

    def fresh_near(
        self, centred: Floats, lowest: float, segment: int | None = None
    ) -> tuple[Ints, Floats]:
        """Return the tier's subject regions, or a segment's, with their cosines, from `lowest` on.

        `centred`: one query, float32 (dim,).
        """
        if not len(self._fresh):
            return NOTHING
        places, near = self._fresh_vectors.near(centred, lowest)
        fresh = self._fresh[places] + self._regions
        if segment is not None:
            of_segment = self._segments[fresh] == segment
            fresh, near = fresh[of_segment], near[of_segment]
        return fresh, near

    @cached_property
    def _fresh_vectors(self) -> FreshVectors:
        vectors = self.bundle.vectors[:0] if self.tier is None else self.tier.vectors
        return FreshVectors(vectors[: len(self._fresh)], self.bundle.projection.components)


def _numbered(bundle: Bundle, tier: Tier) -> Ints:
    """Number the segments of a tier's regions, those that the bundle lacks after its own."""
    numbers = {segment.name: segment.number for segment in bundle.segments}
    names = tier.regions["segment_name"].to_pylist()
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)


def _mixed(
    numbers: Sequence[int], split: int, base: pa.Table, fresh: pa.Table
) -> list[dict[str, Any]]:
    """Return rows of two tables that are numbered as one, in the order of the numbers."""
    rows: list[dict[str, Any]] = [{}] * len(numbers)
    for table, first, end in ((base, 0, split), (fresh, split, split + len(fresh))):
        places = [place for place, number in enumerate(numbers) if first <= number < end]
        rows_of = pa.array([numbers[place] - first for place in places], pa.int64())
        found = table.take(rows_of).to_pylist()
        for place, row in zip(places, found, strict=True):
            rows[place] = row
    return rows
