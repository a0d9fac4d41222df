"""A bundle and its fresh tier as one catalogue, under one numbering of items and of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.filters import Facets, Filter, Mask
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
        self._owners, self._subject = bundle.owners, bundle.subject
        self._segments = bundle.segment_of
        self._fresh = NOTHING[0]
        if tier is not None:
            self._segments = np.concatenate([bundle.segment_of, _numbered(bundle, tier)])
            base = tier.alias[bundle.owners]
            self._owners = np.concatenate([base, tier.owners])
            self._subject = np.concatenate([bundle.subject & (base >= 0), tier.subject])
            self._fresh = np.flatnonzero(tier.subject).astype(np.int32)

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
        return self._subject[regions]

    def allowed(self, filters: Sequence[Filter], items: Numbers) -> Mask:
        """Return which of `items` pass every filter; none that is gone (-1) does. FilterError."""
        if self.tier is None:
            return self.bundle.facets.allowed(filters, items)
        mask = items >= 0
        if filters:
            of_tier = items >= self._items
            of_bundle = mask & ~of_tier
            base, fresh = self.bundle.facets, self.tier.facets
            known = {*base.attributes, *fresh.attributes}
            if any(wanted.attribute not in known for wanted in filters):
                base.allowed(filters, items[:0])  # which says so
            mask[of_bundle] = _passing(base, filters, items[of_bundle])
            mask[of_tier] = _passing(fresh, filters, items[of_tier] - self._items)
        return mask

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
        # One place more than there are items: an owner of -1 finds it, and it never passes.
        fresh = 0 if self.tier is None else len(self.tier.items)
        allowed = np.zeros(self._items + fresh + 1, np.bool_)
        allowed[:-1] = self.allowed(filters, np.arange(self._items + fresh))
        allowed[list(excluded)] = False
        mask = allowed[self._owners] & self._subject
        if segment is not None:
            mask &= self._segments == segment
        regions = np.flatnonzero(mask).astype(np.int32)
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
        fresh, near = self.fresh_candidates(centred, segment)
        if not len(fresh):
            return regions, cosines
        if not complete:
            kept = near >= (cosines[-1] if len(cosines) else np.inf)
            fresh, near = fresh[kept], near[kept]
        regions, cosines = np.r_[regions, fresh], np.r_[cosines, near]
        order = np.argsort(-cosines, kind="stable")
        return regions[order], cosines[order]

    def fresh_candidates(self, centred: Floats, segment: int | None = None) -> tuple[Ints, Floats]:
        """Return the tier's subject regions, or a segment's, with their cosines.

        `centred`: one query, float32 (dim,).
        """
        if self.tier is None or not len(self._fresh):
            return NOTHING
        near = np.clip(self.tier.vectors[: len(self._fresh)] @ centred, -1, 1)
        fresh = self._fresh + self._regions
        if segment is not None:
            of_segment = self._segments[fresh] == segment
            fresh, near = fresh[of_segment], near[of_segment]
        return fresh, near


def _numbered(bundle: Bundle, tier: Tier) -> Ints:
    """Number the segments of a tier's regions, those that the bundle lacks after its own."""
    numbers = {segment.name: segment.number for segment in bundle.segments}
    names = tier.regions["segment_name"].to_pylist()
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int32)


def _passing(facets: Facets, filters: Sequence[Filter], items: Numbers) -> Mask:
    """Like `Facets.allowed`, but an attribute that no item here has is one that none passes."""
    known = facets.attributes
    if any(wanted.attribute not in known for wanted in filters):
        return np.zeros(len(items), np.bool_)
    return facets.allowed(filters, items)


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
