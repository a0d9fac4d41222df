"""Compare one query with all that may be found: slow, exact, and never short of hits."""

from __future__ import annotations

import numpy as np

from feature_store.bundle.hits import Picker, Wanted
from feature_store.bundle.nearest import Floats, Ints
from feature_store.bundle.view import View

MORE = 8
"""How many times as many items are looked at next, where hits rule others out."""


def scan(view: View, centred: Floats, wanted: Wanted, picker: Picker) -> None:
    """Let the hits that are missing be picked from everything that is allowed."""
    if picker.full:
        return
    compared = Compared(view, centred, wanted)
    looked_at, count = 0, picker.missing
    while not picker.full and looked_at < len(compared):
        regions, cosines = compared.best(count)
        picker.take(regions[looked_at:], cosines[looked_at:])
        looked_at, count = len(regions), count * MORE


class Compared:
    """Every allowed item with its region that is most like a query."""

    def __init__(self, view: View, centred: Floats, wanted: Wanted) -> None:
        """Compare a centred query, float32 (dim,), leaving out what scores too little."""
        rules = wanted.rules
        regions, owners = view.findable(rules.filters, wanted.excluded, wanted.segment)
        cosines = view.cosines(centred, regions)
        self._regions, self._cosines = regions, cosines
        new_item = np.ones(len(owners), np.bool_)
        new_item[1:] = owners[1:] != owners[:-1]
        starts = np.flatnonzero(new_item)
        best = np.maximum.reduceat(cosines, starts) if len(starts) else cosines
        ends = np.append(starts[1:], len(cosines))
        kept = np.flatnonzero(best >= wanted.lowest)
        self._best, self._starts, self._ends = best[kept], starts[kept], ends[kept]

    def __len__(self) -> int:
        """Number of items."""
        return len(self._best)

    def best(self, count: int) -> tuple[Ints, Floats]:
        """Return the regions of the best `count` items, int32, and their cosines, float32.

        Sorted, and always in the same order: of equal cosines the first item's comes first.
        """
        best, chosen = self._best, np.arange(len(self._best))
        if count < len(best):
            last = np.partition(best, len(best) - count)[len(best) - count]
            chosen = np.flatnonzero(best >= last)
        chosen = chosen[np.lexsort((chosen, -best[chosen]))][:count]
        spans = zip(self._starts[chosen].tolist(), self._ends[chosen].tolist(), strict=True)
        cosines = self._cosines
        places = [start + int(cosines[start:end].argmax()) for start, end in spans]
        return self._regions[places], cosines[places]
