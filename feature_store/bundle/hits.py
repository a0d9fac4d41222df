"""Hits: which of the regions that look alike are answers, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from feature_store.bundle.filters import Filter
from feature_store.bundle.nearest import Floats, Ints
from feature_store.bundle.view import View


class Hit(NamedTuple):
    """One look-alike: an item, and its region that looks alike."""

    item: int
    region: int
    score: float
    """0 to 100: 100 · max(0, cosine), two decimals."""


@dataclass(frozen=True)
class Wanted:
    """What every hit must be."""

    limit: int
    threshold: float
    filters: Sequence[Filter]
    excluded: tuple[int, ...]
    """Items that are never hits: the ones that were asked about."""
    segment: int | None = None
    """The only segment that hits may be of; None for any."""


def pick(view: View, regions: Ints, cosines: Floats, wanted: Wanted) -> list[Hit]:
    """Return the first allowed hits of a list that is sorted by cosine."""
    items = view.owners(regions)
    allowed = view.allowed(wanted.filters, items) & view.subject(regions)
    hits: list[Hit] = []
    seen = set(wanted.excluded)
    for place in np.flatnonzero(allowed):
        item, score = int(items[place]), score_of(cosines[place])
        if len(hits) >= wanted.limit or score < wanted.threshold:
            break
        if item not in seen:
            seen.add(item)
            hits.append(Hit(item, int(regions[place]), score))
    return hits


def scan(view: View, centred: Floats, wanted: Wanted) -> list[Hit]:
    """Compare one query with all that may be found of every allowed item."""
    regions, owners = view.findable(wanted.filters, wanted.excluded, wanted.segment)
    cosines = view.cosines(centred, regions)
    if not len(cosines) or wanted.limit < 1:
        return []
    starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    best = np.maximum.reduceat(cosines, starts)
    # A little below the threshold: the score of a hit, which is rounded, decides.
    floor = wanted.threshold / 100 - 1e-4 if wanted.threshold > 0 else -np.inf
    chosen = np.flatnonzero(best >= floor)
    if wanted.limit < len(chosen):
        near = np.argpartition(-best[chosen], wanted.limit - 1)[: wanted.limit]
        chosen = chosen[near]
    # Among equal cosines at the edge any may be kept; the order of those kept is settled.
    chosen = chosen[np.lexsort((chosen, -best[chosen]))]
    ends = np.r_[starts[1:], len(cosines)]
    places = [int(starts[t] + np.argmax(cosines[starts[t] : ends[t]])) for t in chosen]
    hits = [Hit(int(owners[p]), int(regions[p]), score_of(cosines[p])) for p in places]
    return [hit for hit in hits if hit.score >= wanted.threshold]


def score_of(cosine: Any) -> float:
    """Return 100 · max(0, cosine) to two decimals."""
    return round(100.0 * min(1.0, max(0.0, float(cosine))), 2)
