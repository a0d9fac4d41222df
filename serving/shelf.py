"""The shelf of the demo shop: in which order it shows its items, and what filters leave of them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.filters import Filter
from feature_store.bundle.open import Bundle
from feature_store.bundle.tier import Tier
from feature_store.bundle.view import View

Numbers = npt.NDArray[np.int64]

_BRANDS = 40
"""So many brands are offered, those with the most items."""
_COUNTED = ("brand", "price", "currency")


@dataclass(frozen=True)
class Narrowed:
    """What filters leave of a shelf."""

    numbers: Numbers
    """The items, in the order of the shelf."""
    facets: dict[str, Any]
    """`brand`: values and how many items have each; `price`: low, high and currency, or None.
    Each is counted without its own filter, so that another value can be chosen."""


class Shelf:
    """The items of a bundle, mixed, but always in the same order; those of its tier before them."""

    def __init__(self, bundle: Bundle) -> None:
        """Mix a bundle's items."""
        self._all, self._of = _mixed(bundle.items)
        self._counted = bundle.items.select(_COUNTED)

    def with_tier(self, tier: Tier) -> Shelf:
        """Return the shelf of the same bundle with another tier."""
        fresh, fresh_of = _mixed(tier.items)
        beyond = len(tier.alias)
        unchanged = tier.alias == np.arange(beyond)
        other = Shelf.__new__(Shelf)
        other._counted = pa.concat_tables([self._counted, tier.items.select(_COUNTED)])
        other._all = np.concatenate([fresh + beyond, self._all[unchanged[self._all]]])
        nothing = np.array([], np.int64)
        other._of = {}
        for name in {*self._of, *fresh_of}:
            base = self._of.get(name, nothing)
            new = fresh_of.get(name, nothing) + beyond
            if len(numbers := np.concatenate([new, base[unchanged[base]]])):
                other._of[name] = numbers
        return other

    @property
    def categories(self) -> list[dict[str, Any]]:
        """Each category's name, and how many items it has."""
        return [{"name": name, "items": len(self._of[name])} for name in sorted(self._of)]

    def numbers(self, category: str | None) -> Numbers:
        """Return the numbers of the items on the shelf, of one category or of all."""
        if category is None:
            return self._all
        return self._of.get(category, np.array([], np.int64))

    def narrowed(self, view: View, category: str | None, filters: Sequence[Filter]) -> Narrowed:
        """Return the items of one category, or of all, that pass every filter; FilterError.

        `view`: the bundle and the tier that the shelf shows.
        """
        numbers = self.numbers(category)

        def left(but: str | None = None) -> Numbers:
            kept = [one for one in filters if one.attribute != but]
            return numbers[view.allowed(kept, numbers)] if kept else numbers

        facets = {"brand": self._brands(left("brand")), "price": self._prices(left("price"))}
        return Narrowed(left(), facets)

    def _brands(self, numbers: Numbers) -> list[dict[str, Any]]:
        counts = pc.value_counts(self._counted["brand"].take(pa.array(numbers))).to_pylist()
        named = [(count["values"], count["counts"]) for count in counts if count["values"]]
        most = sorted(named, key=lambda one: (-one[1], one[0]))[:_BRANDS]
        return [{"value": name, "count": count} for name, count in sorted(most)]

    def _prices(self, numbers: Numbers) -> dict[str, Any] | None:
        """Return the range of prices; None without any, or in several currencies."""
        of = self._counted.take(pa.array(numbers))
        of = of.filter(pc.is_valid(of["price"]))
        currencies = pc.unique(of["currency"]).to_pylist()
        if len(currencies) != 1:
            return None
        bounds = pc.min_max(of["price"]).as_py()
        return {"low": bounds["min"], "high": bounds["max"], "currency": currencies[0]}


def _mixed(items: pa.Table) -> tuple[Numbers, Mapping[str, Numbers]]:
    """Return the rows' numbers in the order of the shelf: all, and by category."""
    ids = items["item_id"].to_pylist()
    names = items["category"].to_pylist()
    mixed = sorted(range(len(ids)), key=lambda number: zlib.crc32(ids[number].encode()))
    by_name: dict[str, list[int]] = {}
    for number in mixed:
        if names[number] is not None:
            by_name.setdefault(names[number], []).append(number)
    return np.array(mixed, np.int64), {
        name: np.array(numbers, np.int64) for name, numbers in by_name.items()
    }
