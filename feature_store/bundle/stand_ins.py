"""Stand-ins: what is shown where there are no look-alikes, and never passed off as such."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.columns import Doubles
from feature_store.bundle.filters import Filter
from feature_store.bundle.hits import Hit, Picker, Wanted
from feature_store.bundle.nearest import Ints
from feature_store.bundle.rules import Rules
from feature_store.bundle.tables import UPDATED
from feature_store.bundle.view import View

POPULAR, NEWEST = "popular", "newest"
IN_STOCK, CATEGORY = "in_stock", "category"
FIRST_BLOCK, WIDER = 256, 4
"""Items that are looked at first, and how many times as many next."""


class StandIns:
    """The popular items of a view, or its newest, those in stock before those sold out."""

    def __init__(self, view: View, popularity: str = "") -> None:
        """Take the attribute whose numbers say how popular an item is; empty for none.

        Where it says nothing of any item, the newest are taken, and where no item says when it was
        last updated, none.
        """
        self._view = view
        self._popularity = popularity

    @property
    def kind(self) -> str | None:
        """`popular`, `newest`, or None where nothing says which items are."""
        return self._ranked[0]

    def prepare(self) -> None:
        """Bring all items into order now, so that processes forked later share it."""
        _ = self._ranked

    def pick(self, rules: Rules, like: int | None, excluded: Collection[int]) -> list[Hit]:
        """Return the page of stand-ins that the rules ask for; FilterError.

        `like`: the item whose category comes first; `excluded`: items that are none.
        """
        rules = replace(rules, threshold=0.0)
        picker = Picker(self._view, Wanted(rules, tuple(excluded)))
        for items in self._blocks(self._category_of(like)):
            if picker.full:
                break
            regions = self._view.primary_regions(items)
            picker.take(regions, np.zeros(len(regions), np.float32))
        return picker.page()

    def _blocks(self, category: Filter | None) -> Iterator[Ints]:
        """Yield all items, in the order in which they are wanted, those of a category twice."""
        for part in self._ranked[1]:
            for wanted in (category, None) if category else (None,):
                start, count = 0, FIRST_BLOCK
                while start < len(part):
                    items = part[start : start + count]
                    if wanted is not None:
                        items = items[self._view.allowed([wanted], items)]
                    yield items
                    start, count = start + count, count * WIDER

    def _category_of(self, item: int | None) -> Filter | None:
        if item is None or CATEGORY not in self._view.facets.attributes:
            return None
        [name] = self._view.facets.values(CATEGORY, np.array([item]))
        return None if name is None else Filter(CATEGORY, (str(name),))

    @cached_property
    def _ranked(self) -> tuple[str | None, tuple[Ints, Ints]]:
        """What they are, and all items: those that may be in stock, and those sold out."""
        live = self._view.live_items()
        for kind, values in self._values():
            known = values[live]
            if not np.isnan(known).all():
                stock = self._stock()[live]
                # The last key counts most; those without a value come last, then the numbers go.
                order = live[np.lexsort((live, -known, stock))]
                sold_out = int(np.searchsorted(np.sort(stock), 2))
                return kind, (order[:sold_out], order[sold_out:])
        return None, (live[:0], live[:0])

    def _values(self) -> Iterator[tuple[str, Doubles]]:
        if self._popularity in self._view.facets.attributes:
            yield POPULAR, self._view.facets.numbers(self._popularity)
        tier = self._view.tier
        tables = [self._view.bundle.items] + ([] if tier is None else [tier.items])
        yield NEWEST, np.concatenate([_times(table) for table in tables])

    def _stock(self) -> npt.NDArray[np.int8]:
        """Return 0 for every item in stock, 2 for one sold out, 1 where nothing is known."""
        facets = self._view.facets
        count = len(facets)
        stock = np.ones(count, np.int8)
        if IN_STOCK in facets.attributes:
            stock[facets.all_allowed([Filter(IN_STOCK, ("true",))])] = 0
            stock[facets.all_allowed([Filter(IN_STOCK, ("false",))])] = 2
        return stock


def _times(items: pa.Table) -> Doubles:
    """Return when each item was last updated, as a number; NaN where it does not say."""
    if UPDATED not in items.column_names:
        return np.full(len(items), np.nan)
    numbers: Any = pc.cast(pc.cast(items[UPDATED], pa.int64()), pa.float64())
    return np.asarray(pc.fill_null(numbers, np.nan).to_numpy(), np.float64)
