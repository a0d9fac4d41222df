"""List every region's nearest look-alike items, each by the best of its regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.index.finders import Finder

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]

BLOCK_ROWS = 8192
"""Regions whose lists are held at once."""
CELLS = 4_000_000
"""Answers held at once."""


class Neighbours(NamedTuple):
    """For each region the best region of each of its K nearest items, nearest first."""

    regions: Ints
    """(n, K) region numbers, -1 where there are fewer than K other items."""
    scores: Floats
    """(n, K) cosines, 0 beside -1."""


def find_neighbours(finder: Finder, asked: Ints, owners: Ints, count: int) -> Iterator[Neighbours]:
    """Yield the `count` nearest items of every region of `asked`, as the best region of each.

    In blocks of BLOCK_ROWS. `finder` knows which regions may be found; `owners`: int32 (all
    regions,), each one's item. A region's own item is left out; each other item appears once, so
    that the first hits of a list are the first hits of a search over items.
    """
    for start in range(0, len(asked), BLOCK_ROWS):
        part = asked[start : start + BLOCK_ROWS]
        shape = (len(part), count)
        found = Neighbours(np.full(shape, -1, np.int32), np.zeros(shape, np.float32))
        rows, width = np.arange(len(part)), count + count // 8 + 8
        while rows.size:
            # Items of many photos fill a list: those lists are asked for again, longer.
            blocks = np.array_split(rows, 1 + len(rows) * width // CELLS)
            rows = np.concatenate([_list(finder, part, owners, found, b, width) for b in blocks])
            width *= 4
        yield found


def all_neighbours(finder: Finder, asked: Ints, owners: Ints, count: int) -> Neighbours:
    """Return what `find_neighbours` yields as one, (len(asked), count)."""
    blocks = list(find_neighbours(finder, asked, owners, count))
    return Neighbours(
        np.concatenate([block.regions for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
    )


def _list(
    finder: Finder,
    asked: Ints,
    owners: Ints,
    found: Neighbours,
    rows: npt.NDArray[np.intp],
    width: int,
) -> npt.NDArray[np.intp]:
    """Fill `rows` of `found` from the `width` nearest regions; return those that need more."""
    nearest = finder.nearest(asked[rows], width)
    kept = _first_of_each_item(nearest.regions, owners, found.regions.shape[1])
    regions = np.take_along_axis(nearest.regions, kept, axis=1)
    scores = np.take_along_axis(nearest.cosines, kept, axis=1)
    real = (np.diff(kept, axis=1, prepend=-1) > 0) & (regions >= 0)
    found.regions[rows] = np.where(real, regions, -1)
    found.scores[rows] = np.where(real, scores, 0)
    return rows[~(real[:, -1] | (nearest.regions[:, -1] < 0))]


def _first_of_each_item(regions: Ints, owners: Ints, count: int) -> npt.NDArray[np.intp]:
    """Return the places (q, count) of the first region of each item, ascending, then zeros."""
    items = np.where(regions >= 0, owners[regions], -1)
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    first = np.ones(ordered.shape, np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new = np.zeros(first.shape, np.bool_)
    np.put_along_axis(new, order, first & (ordered >= 0), axis=1)
    rank = np.cumsum(new, axis=1)
    row, place = np.nonzero(new & (rank <= count))
    kept = np.zeros((len(regions), count), np.intp)
    kept[row, rank[row, place] - 1] = place
    return kept
