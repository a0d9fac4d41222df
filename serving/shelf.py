"""The shelf of the demo shop: in which order it shows its items."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.open import Bundle
from feature_store.bundle.tier import Tier

Numbers = npt.NDArray[np.int64]


class Shelf:
    """The items of a bundle, mixed, but always in the same order; those of its tier before them."""

    def __init__(self, bundle: Bundle) -> None:
        """Mix a bundle's items."""
        self._all, self._of = _mixed(bundle.items)

    def with_tier(self, tier: Tier) -> Shelf:
        """Return the shelf of the same bundle with another tier."""
        fresh, fresh_of = _mixed(tier.items)
        beyond = len(tier.alias)
        unchanged = tier.alias == np.arange(beyond)
        other = Shelf.__new__(Shelf)
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
