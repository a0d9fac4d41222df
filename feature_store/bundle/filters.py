"""Filters such as `category:shoes,bags` or `price:10..50`, and the columns they look at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.errors import FilterError

Mask = npt.NDArray[np.bool_]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})?\.\.({_NUMBER})?")


class Range(NamedTuple):
    """All numbers from `low` to `high`, both included."""

    low: float
    high: float


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
        self._columns: dict[str, _Column] = {}

    def __len__(self) -> int:
        """Number of items."""
        return len(self._table)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names that a filter may use."""
        return tuple(self._table.column_names)

    def allowed(self, filters: Sequence[Filter], items: npt.NDArray[np.integer[Any]]) -> Mask:
        """Return which of `items` (item numbers) pass every filter; no value passes none.

        Raises FilterError for an attribute that the bundle does not have.
        """
        mask = np.ones(len(items), np.bool_)
        for wanted in filters:
            mask &= self._column(wanted.attribute).allowed(wanted.alternatives, items)
        return mask

    def _column(self, attribute: str) -> _Column:
        if attribute not in self._columns:
            if attribute not in self._table.column_names:
                known = ", ".join(self._table.column_names)
                raise FilterError(f"no item has the attribute {attribute!r}; there are: {known}")
            column = self._table[attribute].combine_chunks()
            numeric = pa.types.is_floating(column.type)
            self._columns[attribute] = _Numbers(column) if numeric else _Values(column)
        return self._columns[attribute]


class _Column(Protocol):
    """One filterable column."""

    def allowed(
        self, alternatives: Sequence[str | Range], items: npt.NDArray[np.integer[Any]]
    ) -> Mask:
        """Return which of `items` have a wanted value."""


class _Numbers:
    """A column of numbers; NaN where an item has none."""

    def __init__(self, column: pa.Array) -> None:
        self._numbers = column.fill_null(np.nan).to_numpy(zero_copy_only=False)

    def allowed(
        self, alternatives: Sequence[str | Range], items: npt.NDArray[np.integer[Any]]
    ) -> Mask:
        """Return which of `items` are within a range, or equal to a number."""
        numbers = self._numbers[items]
        ranges = [part if isinstance(part, Range) else _exactly(part) for part in alternatives]
        return _within(numbers, ranges)


class _Values:
    """A column of texts (or yes and no), as codes into its distinct values; -1 for none."""

    def __init__(self, column: pa.Array) -> None:
        if pa.types.is_boolean(column.type):
            column = pc.cast(column, pa.string())
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        self._codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        values = [str(value) for value in column.dictionary.to_pylist()]
        self._numbers = np.array([_number(value) for value in values] + [np.nan])
        self._codes_of: dict[str, list[int]] = {}
        for code, value in enumerate(values):
            self._codes_of.setdefault(value.casefold(), []).append(code)

    def allowed(
        self, alternatives: Sequence[str | Range], items: npt.NDArray[np.integer[Any]]
    ) -> Mask:
        """Return which of `items` have one of the texts, or a text that is a number in a range."""
        # One place more than there are values: code -1 finds it, and it never fits.
        fits = _within(self._numbers, [part for part in alternatives if isinstance(part, Range)])
        for part in alternatives:
            if isinstance(part, str):
                fits[self._codes_of.get(part.casefold(), [])] = True
        return np.asarray(fits[self._codes[items]])


def _within(numbers: npt.NDArray[np.float64], ranges: Sequence[Range]) -> Mask:
    mask = np.zeros(len(numbers), np.bool_)
    for low, high in ranges:
        mask |= (numbers >= low) & (numbers <= high)
    return mask


def _exactly(text: str) -> Range:
    number = _number(text)
    if np.isnan(number):
        raise FilterError(f"{text!r} is not a number; write 10 or 10..50")
    return Range(number, number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
