"""Find every region's nearest look-alike items exactly, by comparing all with all in blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

BLOCK_CELLS = 16_000_000
"""Similarities held at once: 64 MB of float32, and as much again while they are sorted."""


class Neighbours(NamedTuple):
    """For each region the best region of each of its K nearest items, nearest first."""

    regions: Ints
    """(n, K) region numbers, -1 where there are fewer than K other items."""
    scores: Floats
    """(n, K) cosines, 0 beside -1."""


def find_neighbours(vectors: Floats, owners: Ints, subject: Mask, count: int) -> Neighbours:
    """Return the `count` nearest items of every region, as the best region of each.

    `vectors`: unit float32 (n, dim); `owners`: int32 (n,), the item of each region, ascending
    from 0 without gaps; `subject`: bool (n,), the regions that may be found, at least one of each
    item. A region's own item is left out; each other item appears once, so that the first hits of
    a list are exactly the first hits of an exact search over items.
    """
    n = len(vectors)
    starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    ends = np.r_[starts[1:], n]
    kept = min(count, len(starts) - 1)
    found = Neighbours(np.full((n, count), -1, np.int32), np.zeros((n, count), np.float32))
    rows = max(1, BLOCK_CELLS // max(n, 1))
    for start in range(0, n if kept else 0, rows):
        stop = min(start + rows, n)
        cosines = vectors[start:stop] @ vectors.T
        cosines[:, ~subject] = -np.inf
        best = np.maximum.reduceat(cosines, starts, axis=1)
        best[np.arange(stop - start), owners[start:stop]] = -np.inf
        items = _largest(best, kept)
        scores = np.take_along_axis(best, items, axis=1)
        found.regions[start:stop, :kept] = _regions_of(cosines, items, scores, starts, ends)
        found.scores[start:stop, :kept] = np.clip(scores, -1, 1)
    return found


def _largest(values: Floats, count: int) -> npt.NDArray[np.intp]:
    """Return the columns of the `count` largest values of each row, largest first."""
    columns = np.argpartition(-values, count - 1, axis=1)[:, :count]
    columns.sort(axis=1)  # equal values come in the order of their numbers
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def _regions_of(
    cosines: Floats,
    items: npt.NDArray[np.intp],
    scores: Floats,
    starts: npt.NDArray[np.intp],
    ends: npt.NDArray[np.intp],
) -> Ints:
    """Return for each item the first of its regions whose cosine is the item's score."""
    first, end = starts[items], ends[items]
    regions = np.full(items.shape, -1, np.int32)
    for offset in range(int((ends - starts).max())):
        place = np.minimum(first + offset, end - 1)
        matches = (regions < 0) & (np.take_along_axis(cosines, place, axis=1) == scores)
        regions[matches] = place[matches]
    return regions
