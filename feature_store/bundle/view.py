"""A bundle and its fresh tier as one catalogue, under one numbering of items and of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.bundle.filters import Filter, Mask
from feature_store.bundle.nearest import Floats, Ints
from feature_store.bundle.open import Bundle
from feature_store.bundle.tier import Tier

Numbers = npt.NDArray[np.integer[Any]]

NOTHING: tuple[Ints, Floats] = (np.empty(0, np.int32), np.empty(0, np.float32))


class View:
    """What is for sale now: items 0…N-1 and regions 0…R-1 are the bundle's, those after the tier's.

    Without a tier every method is a read of the bundle.
    """

    def __init__(self, bundle: Bundle, tier: Tier | None = None) -> None:
        """Take an open bundle, and the tier that was opened for it."""
        self.bundle = bundle
        self.tier = tier

    @property
    def item_count(self) -> int:
        """How many items there are: those that an answer may name."""
        return len(self.bundle.items)

    def item_number(self, item_id: str) -> int:
        """Return an item's number; UnknownItemError for one that is not, or no longer, there."""
        return self.bundle.item_number(item_id)

    def item_rows(self, items: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of items with these numbers, in this order."""
        return self.bundle.item_rows(items)

    def region_rows(self, regions: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of regions with these numbers, in this order."""
        return self.bundle.region_rows(regions)

    def regions_of(self, item: int) -> range:
        """Return the numbers of an item's regions."""
        return self.bundle.regions_of(item)

    def region_number(self, item: int, region_id: str) -> int:
        """Return the number of a region of one item; UnknownItemError if it is not the item's."""
        return self.bundle.region_number(item, region_id)

    def region_id(self, region: int) -> str:
        """Return the name of a region."""
        return self.bundle.region_id(region)

    def primary_region(self, item: int) -> int:
        """Return the region that is asked when an item is."""
        return int(self.bundle.primary_region[item])

    def is_fresh(self, region: int) -> bool:
        """Whether a region is the tier's: the bundle stores no neighbours for it."""
        return region >= len(self.bundle.owners)

    def owners(self, regions: Numbers) -> Ints:
        """Return the item of each region; -1 where the region is no longer for sale."""
        return self.bundle.owners[regions]

    def subject(self, regions: Numbers) -> Mask:
        """Return which regions show the item that their photo sells, and may be hits."""
        return self.bundle.subject[regions]

    def allowed(self, filters: Sequence[Filter], items: Numbers) -> Mask:
        """Return which of `items` pass every filter; none that is gone (-1) does. FilterError."""
        return self.bundle.facets.allowed(filters, items)

    def vectors(self, regions: Numbers) -> Floats:
        """Return the centred vectors, float32 (n, dim), of regions."""
        return self.bundle.nearest.vectors[regions]

    def cosines(self, centred: Floats, regions: Numbers) -> Floats:
        """Return the cosines of one centred query (dim,) with regions, float32 (n,)."""
        return self.bundle.nearest.cosines(centred, regions)

    def findable(self, filters: Sequence[Filter], excluded: Sequence[int]) -> tuple[Ints, Ints]:
        """Return all regions that may be hits, and their items, the regions of an item together.

        `excluded`: numbers of items that may not.
        """
        bundle = self.bundle
        allowed = bundle.facets.allowed(filters, np.arange(len(bundle.items)))
        allowed[list(excluded)] = False
        regions = np.flatnonzero(allowed[bundle.owners] & bundle.subject).astype(np.int32)
        return regions, bundle.owners[regions]

    def with_fresh(
        self, centred: Floats, regions: Ints, cosines: Floats, *, complete: bool
    ) -> tuple[Ints, Floats]:
        """Add the tier's regions to the nearest of the bundle, both the best first.

        `complete`: whether what the bundle's list does not name is of no interest. Otherwise
        nothing that is further away than the list's end is added, because something of the bundle
        that the list leaves out may be nearer.
        """
        fresh, near = self.fresh_candidates(centred)
        if not len(fresh):
            return regions, cosines
        if not complete:
            kept = near >= (cosines[-1] if len(cosines) else np.inf)
            fresh, near = fresh[kept], near[kept]
        regions, cosines = np.r_[regions, fresh], np.r_[cosines, near]
        order = np.argsort(-cosines, kind="stable")
        return regions[order], cosines[order]

    def fresh_candidates(self, centred: Floats) -> tuple[Ints, Floats]:
        """Return the tier's subject regions and their cosines with one centred query (dim,)."""
        return NOTHING
