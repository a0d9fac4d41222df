"""Which look-alikes of each item are others, and why: in blocks, without a loop over items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.compare.causes import Causes, Codes, missing_from
from feature_store.compare.comparison import CAUSES
from feature_store.compare.sides import Floats, Ints, Pair

BLOCK_ITEMS = 4096
"""Items compared at once: 4 MB for each of the arrays of a hundred neighbours."""


class Row(NamedTuple):
    """The first look-alikes of n items in one bundle, nearest first."""

    items: Ints
    """int32 (n, k), in the pair's numbering; -1 where there are fewer."""
    regions: Ints
    """int32 (n, k), in the bundle's own numbering."""
    scores: Floats
    """float32 (n, k) cosines."""
    codes: Codes
    """uint8 (n, k): why the other bundle does not show it, a number of `causes`; 0: it does."""


@dataclass(frozen=True)
class Churn:
    """How many look-alikes of every item of both bundles are others, and why."""

    kept: Ints
    """int32 (m,): look-alikes of each item of `Pair.both` that stay."""
    lost: Ints
    gained: Ints
    causes_lost: npt.NDArray[np.int64]
    """How many were lost for each number of `causes`, from 0."""
    causes_gained: npt.NDArray[np.int64]
    weight: Floats
    """float32 (m,): the cosines of what each item lost, summed."""

    @property
    def changed(self) -> Ints:
        """int32 (m,): look-alikes of each item that are others."""
        return np.maximum(self.lost, self.gained)

    @property
    def shown(self) -> Ints:
        """int32 (m,): look-alikes of each item, in the bundle that has more of them."""
        return self.kept + self.changed

    def share(self, chosen: npt.NDArray[np.intp] | slice = slice(None)) -> float:
        """Return the share (0..1) of the look-alikes of the chosen items that are others."""
        shown = int(self.shown[chosen].sum())
        return float(self.changed[chosen].sum() / shown) if shown else 0.0


def measure_churn(pair: Pair, causes: Causes, hits: int) -> Churn:
    """Compare the first `hits` look-alikes of every item that both bundles hold."""
    total = len(pair.both)
    kept, lost, gained = (np.zeros(total, np.int32) for _ in range(3))
    weight = np.zeros(total, np.float32)
    counts = np.zeros((2, len(CAUSES) + 1), np.int64)
    for start in range(0, total, BLOCK_ITEMS):
        rows = slice(start, start + BLOCK_ITEMS)
        before, after = compare_rows(pair, causes, pair.both[rows], hits)
        gone = before.codes > 0
        kept[rows] = ((before.items >= 0) & ~gone).sum(axis=1)
        lost[rows], gained[rows] = gone.sum(axis=1), (after.codes > 0).sum(axis=1)
        weight[rows] = np.where(gone, np.clip(before.scores, 0, 1), 0).sum(axis=1)
        for side, row in enumerate((before, after)):
            counts[side] += np.bincount(row.codes[row.codes > 0], minlength=len(CAUSES) + 1)
    return Churn(kept, lost, gained, counts[0], counts[1], weight)


def compare_rows(pair: Pair, causes: Causes, items: Ints, hits: int) -> tuple[Row, Row]:
    """Return the first `hits` look-alikes of `items` (of both bundles) before and after."""
    deep = [side.look_alikes(items) for side in (pair.before, pair.after)]
    k = min(hits, *(found.shape[1] for found, _, _ in deep))
    old, new = (found[:, :k] for found, _, _ in deep)
    rows = []
    for (found, regions, scores), others, across in (
        (deep[0], new, deep[1][0]),
        (deep[1], old, deep[0][0]),
    ):
        shown = found[:, :k]
        codes = causes.of(items, shown, missing_from(shown, others), across)
        rows.append(Row(shown, regions[:, :k], scores[:, :k], codes))
    return rows[0], rows[1]
