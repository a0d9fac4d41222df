"""The filterable columns of a bundle and of its fresh tier as one, by the numbers of the view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_store.bundle.columns import Doubles, Mask
from feature_store.bundle.filters import EVERY, Facets, Filter

Numbers = npt.NDArray[np.integer[Any]]
NO_ITEMS: Numbers = np.empty(0, np.int64)


class AllFacets:
    """What is known of each item: those of the bundle first, and after them those of the tier.

    An attribute that items of one of the two have is one that items of the other lack; one that
    neither knows is a FilterError, whatever is asked.
    """

    def __init__(self, base: Facets, fresh: Facets | None = None) -> None:
        """Take the columns of the bundle's items, and of the tier's."""
        self._base = base
        self._fresh = fresh
        self._halves = [(base, 0)] + ([] if fresh is None else [(fresh, len(base))])
        self._count = sum(len(facets) for facets, _ in self._halves)

    def __len__(self) -> int:
        """Number of items of both."""
        return self._count

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names that a filter may use."""
        names = [name for facets, _ in self._halves for name in facets.attributes]
        return tuple(dict.fromkeys(names))

    def refuse_unknown(self, attribute: str) -> None:
        """Raise FilterError for an attribute that no item has."""
        if self._fresh is None or attribute not in self._fresh.attributes:
            self._base.values(attribute, NO_ITEMS)

    def allowed(self, filters: Sequence[Filter], items: Numbers) -> Mask:
        """Return which of `items` pass every filter; none that is gone (-1) does."""
        if self._fresh is None:
            return self._base.allowed(filters, items)
        mask: Mask = items >= 0
        for wanted in filters:
            self.refuse_unknown(wanted.attribute)
        for facets, first in self._halves if filters else ():
            here = np.flatnonzero((items >= first) & (items < first + len(facets)))
            mask[here] = _passing(facets, filters, items[here] - first)
        return mask

    def all_allowed(self, filters: Sequence[Filter]) -> Mask:
        """Return which of all items pass every filter, bool (items of both,)."""
        if self._fresh is None:
            return self._base.allowed(filters, EVERY)
        return self.allowed(filters, np.arange(self._count))

    def values(self, attribute: str, items: Numbers) -> list[str | float | None]:
        """Return the value that each of `items` has of an attribute."""
        self.refuse_unknown(attribute)
        found: list[str | float | None] = [None] * len(items)
        for facets, first in self._halves:
            if attribute in facets.attributes:
                here = np.flatnonzero((items >= first) & (items < first + len(facets)))
                values = facets.values(attribute, items[here] - first)
                for place, value in zip(here.tolist(), values, strict=True):
                    found[place] = value
        return found

    def numbers(self, attribute: str) -> Doubles:
        """Return what number an attribute of each item is, float64 (items of both,); NaN: none."""
        self.refuse_unknown(attribute)
        parts = [
            facets.numbers(attribute)
            if attribute in facets.attributes
            else np.full(len(facets), np.nan)
            for facets, _ in self._halves
        ]
        return np.concatenate(parts)

    def prepare(self) -> None:
        """Prepare every column now, so that processes forked later share it."""
        for facets, _ in self._halves:
            facets.prepare()


def _passing(facets: Facets, filters: Sequence[Filter], items: Numbers) -> Mask:
    """Like `Facets.allowed`, but an attribute that no item here has is one that none passes."""
    known = facets.attributes
    if any(wanted.attribute not in known for wanted in filters):
        return np.zeros(len(items), np.bool_)
    return facets.allowed(filters, items)
