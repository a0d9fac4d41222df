"""The columns that answers can be filtered by: numbers, and texts by their distinct values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_store.bundle.ids import SortedIds, order_of
from feature_store.errors import FilterError

Mask = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer[Any]] | slice

_VALUES_AT_ONCE = 65_536


class Range(NamedTuple):
    """All numbers from `low` to `high`, both included."""

    low: float
    high: float


class Column(Protocol):
    """One filterable column, a row for each item."""

    def allowed(self, alternatives: Sequence[str | Range], rows: Rows) -> Mask:
        """Return which of `rows` have a wanted value; those without a value have none."""
        ...

    def values(self, rows: npt.NDArray[np.integer[Any]]) -> list[str | float | None]:
        """Return the value of each of `rows`."""
        ...

    def numbers(self) -> Doubles:
        """Return the number of every row, float64; NaN where there is none."""
        ...


def column_of(array: pa.Array) -> Column:
    """Return the column that an Arrow array holds."""
    return _Numbers(array) if pa.types.is_floating(array.type) else _Values(array)


class _Numbers:
    """A column of numbers; NaN where an item has none."""

    def __init__(self, array: pa.Array) -> None:
        self._numbers: Doubles = array.fill_null(np.nan).to_numpy(zero_copy_only=False)

    def allowed(self, alternatives: Sequence[str | Range], rows: Rows) -> Mask:
        """Return which of `rows` are within a range, or equal to a number."""
        ranges = [part if isinstance(part, Range) else _exactly(part) for part in alternatives]
        return _within(self._numbers[rows], ranges)

    def values(self, rows: npt.NDArray[np.integer[Any]]) -> list[str | float | None]:
        """Return the number of each of `rows`."""
        return [None if math.isnan(number) else number for number in self._numbers[rows].tolist()]

    def numbers(self) -> Doubles:
        """Return all numbers."""
        return self._numbers


class _Values:
    """A column of texts (or yes and no), as codes into its distinct values; -1 for none.

    A wanted text is found by halving: a catalogue may have a million distinct values.
    """

    def __init__(self, array: pa.Array) -> None:
        if pa.types.is_boolean(array.type):
            array = pc.cast(array, pa.string())
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        self._codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self._texts = pc.cast(array.dictionary, pa.string())
        folded = [_folded(part) for part in _parts(self._texts)]
        column = pa.concat_arrays([pa.array([], pa.string()), *folded])
        self._by_text = SortedIds(column, order_of(column))
        numbers = [_numbers(part) for part in _parts(self._texts)]
        # One place more than there are values, for code -1.
        self._numbers = np.concatenate([*numbers, [np.nan]])

    def allowed(self, alternatives: Sequence[str | Range], rows: Rows) -> Mask:
        """Return which of `rows` have one of the texts, or a text that is a number in a range."""
        fits = _within(self._numbers, [part for part in alternatives if isinstance(part, Range)])
        for part in alternatives:
            if isinstance(part, str):
                fits[list(self._by_text.rows(part.casefold()))] = True
        return np.asarray(fits[self._codes[rows]])

    def values(self, rows: npt.NDArray[np.integer[Any]]) -> list[str | float | None]:
        """Return the text of each of `rows`."""
        codes = self._codes[rows]
        taken: list[str | float | None] = self._texts.take(
            pa.array(codes, mask=codes < 0)
        ).to_pylist()
        return taken

    def numbers(self) -> Doubles:
        """Return the numbers that the texts are."""
        return np.asarray(self._numbers[self._codes])


def _parts(texts: pa.Array) -> Iterator[list[str]]:
    for start in range(0, len(texts), _VALUES_AT_ONCE):
        yield texts.slice(start, _VALUES_AT_ONCE).to_pylist()


def _folded(texts: list[str]) -> pa.Array:
    return pa.array([text.casefold() for text in texts], pa.string())


def _numbers(texts: list[str]) -> Doubles:
    return np.array([_number(text) for text in texts], np.float64)


def _within(numbers: Doubles, ranges: Sequence[Range]) -> Mask:
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
