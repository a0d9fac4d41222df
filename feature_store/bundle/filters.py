"""Filters such as `category:shoes,bags` or `price:10..50`, and the items that pass them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_store.bundle.columns import Column, Doubles, Mask, Range, Rows, column_of
from feature_store.errors import FilterError

Numbers = npt.NDArray[np.integer[Any]]
EVERY = slice(None)

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")


@dataclass(frozen=True)
class Filter:
    """One attribute and what it may be: any of the values (caseless) or ranges."""

    attribute: str
    alternatives: tuple[str | Range, ...]


def parse_filter(text: str) -> Filter:
    """Read `attribute:alternative,alternative…`; an alternative is a value or `low..high`.

    Either end of a range may be left out. A comma inside a value is written `\\,`. Raises
    FilterError when the text is not of this form.
    """
    attribute, colon, rest = text.partition(":")
    parts = [part.replace("\\,", ",").strip() for part in re.split(r"(?<!\\),", rest)]
    if not (attribute.strip() and colon and all(parts)):
        raise FilterError(f"{text!r} is no filter; write category:shoes,bags or price:10..50")
    return Filter(attribute.strip(), tuple(_alternative(part) for part in parts))


def _alternative(part: str) -> str | Range:
    found = _RANGE.fullmatch(part)
    if found is None or part == "..":
        return part
    low, high = found.groups()
    return Range(float(low) if low else -np.inf, float(high) if high else np.inf)


class Facets:
    """The filterable columns of a bundle's items; item number i is row i."""

    def __init__(self, table: pa.Table) -> None:
        """Take the table of all filterable columns; they are prepared when first asked for."""
        self._table = table
        self._columns: dict[str, Column] = {}

    def __len__(self) -> int:
        """Number of items."""
        return len(self._table)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names that a filter may use."""
        return tuple(self._table.column_names)

    def allowed(self, filters: Sequence[Filter], items: Rows = EVERY) -> Mask:
        """Return which of `items` (item numbers, by default all) pass every filter.

        No value passes none. Raises FilterError for an attribute that the bundle does not have.
        """
        mask = np.ones(len(self) if isinstance(items, slice) else len(items), np.bool_)
        for wanted in filters:
            mask &= self._column(wanted.attribute).allowed(wanted.alternatives, items)
        return mask

    def values(self, attribute: str, items: Numbers) -> list[str | float | None]:
        """Return the value that each of `items` has of an attribute; FilterError as above."""
        return self._column(attribute).values(items)

    def numbers(self, attribute: str) -> Doubles:
        """Return what number an attribute of each item is, float64 (items,); NaN for none.

        FilterError as above.
        """
        return self._column(attribute).numbers()

    def prepare(self) -> None:
        """Prepare every column now, so that processes forked later share it."""
        for attribute in self.attributes:
            self._column(attribute)

    def _column(self, attribute: str) -> Column:
        if attribute not in self._columns:
            if attribute not in self._table.column_names:
                known = ", ".join(self._table.column_names)
                raise FilterError(f"no item has the attribute {attribute!r}; there are: {known}")
            self._columns[attribute] = column_of(self._table[attribute].combine_chunks())
        return self._columns[attribute]
