"""The searcher: what a shopper's question becomes, and the very code that the gate measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from feature_store.bundle.filters import Filter
from feature_store.bundle.nearest import Floats, Nearest, merge
from feature_store.bundle.open import Bundle
from feature_store.bundle.segment import OpenSegment
from feature_store.bundle.tier import Tier
from feature_store.bundle.view import View

NEGATIVE_WEIGHT = 0.5
"""How far an unwanted item pushes away, when a wanted one pulls with 1 (Rocchio 1971 has 0.16 for
whole documents; half is what one click of "not this" should do)."""

EXACT_SCAN = "exact_scan"
"""The fallback of an answer that the stored neighbours could not give: all allowed regions were
compared with the question instead. Not less right, only slower."""


class Hit(NamedTuple):
    """One look-alike: an item, and its region that looks alike."""

    item: int
    region: int
    score: float
    """0 to 100: 100 · max(0, cosine), two decimals."""


@dataclass(frozen=True)
class Answer:
    """The look-alikes of one region of one item, the best first."""

    item: int
    region_id: str
    hits: list[Hit]
    fallback: str | None
    """None, or why the stored neighbours did not suffice (`exact_scan`)."""


@dataclass(frozen=True)
class _Wanted:
    """What every hit must be."""

    limit: int
    threshold: float
    filters: Sequence[Filter]
    excluded: tuple[int, ...]
    """Items that are never hits: the ones that were asked about."""


class Searcher:
    """Answers questions from an open bundle and its fresh tier; stateless, and never writes.

    Wherever `limit` items pass the filters and the threshold, `limit` hits come back.
    """

    def __init__(self, bundle: Bundle, tier: Tier | None = None) -> None:
        """Take an open bundle, and the tier that was opened for it."""
        self.bundle = bundle
        self.view = View(bundle, tier)

    def similar(
        self,
        item_id: str,
        *,
        region_id: str | None = None,
        limit: int = 12,
        threshold: float = 0.0,
        filters: Sequence[Filter] = (),
    ) -> Answer:
        """Return the items most like one region of an item, by default its most prominent product.

        `threshold` runs from 0 to 100. Raises UnknownItemError and FilterError.
        """
        view = self.view
        item = view.item_number(item_id)
        if region_id is None:
            region = view.primary_region(item)
        else:
            region = view.region_number(item, region_id)
        wanted = _Wanted(limit, threshold, filters, (item,))
        hits, fallback = self._like(region, wanted)
        return Answer(item, view.region_id(region), hits, fallback)

    def nearest(self, vectors: Floats, k: int, *, segment: int | None = None) -> Nearest:
        """Return the k nearest regions of feature vectors, float32 (q, dim), in two stages.

        A graph finds candidates among the short vectors, the stored vectors rank them. This is
        what the index gate measures. `segment`: the number of the only one that is asked.
        """
        centred = self.bundle.projection.centre(vectors)
        return merge([one.approximate(centred, k) for one in self._segments(segment)])

    def exact(self, vectors: Floats, k: int, *, segment: int | None = None) -> Nearest:
        """Return the k nearest regions of feature vectors, float32 (q, dim), comparing all.

        `segment`: the number of the only one that is asked.
        """
        centred = self.bundle.projection.centre(vectors)
        return merge([one.nearest.exact(centred, k) for one in self._segments(segment)])

    def _segments(self, segment: int | None) -> Sequence[OpenSegment]:
        segments = self.bundle.segments
        return segments if segment is None else segments[segment : segment + 1]

    def by_vector(
        self,
        vector: Floats,
        *,
        limit: int = 12,
        threshold: float = 0.0,
        filters: Sequence[Filter] = (),
    ) -> list[Hit]:
        """Return the items most like a feature vector, float32 (dim,), of the same extractor.

        ValueError for a vector of another length, a zero or a non-finite one.
        """
        centred = self.bundle.projection.centre(np.asarray(vector, np.float32)[None])[0]
        return self._find(centred, _Wanted(limit, threshold, filters, ()))[0]

    def by_items(
        self,
        positive: Sequence[str],
        negative: Sequence[str] = (),
        *,
        limit: int = 12,
        threshold: float = 0.0,
        filters: Sequence[Filter] = (),
    ) -> list[Hit]:
        """Return the items most like the `positive` ones and least like the `negative` ones.

        None of them is a hit. Raises UnknownItemError, and ValueError without a positive item.
        """
        if not positive:
            raise ValueError("a search by items needs at least one positive item")
        liked = [self.view.item_number(item_id) for item_id in positive]
        disliked = [self.view.item_number(item_id) for item_id in negative]
        centred = self._primary(liked).mean(axis=0)
        if disliked:
            centred = centred - NEGATIVE_WEIGHT * self._primary(disliked).mean(axis=0)
        norm = float(np.linalg.norm(centred))
        if norm < 1e-6:  # likes and dislikes that cancel out: the likes alone still say something
            centred, norm = self._primary(liked[:1])[0], 1.0
        wanted = _Wanted(limit, threshold, filters, tuple({*liked, *disliked}))
        return self._find(np.asarray(centred / norm, np.float32), wanted)[0]

    def _primary(self, items: Sequence[int]) -> Floats:
        return self.view.vectors(np.array([self.view.primary_region(item) for item in items]))

    def _like(self, region: int, wanted: _Wanted) -> tuple[list[Hit], str | None]:
        """Return what looks like a region, from its stored neighbours if they suffice."""
        bundle, centred = self.bundle, self.view.vectors(np.array([region]))[0]
        if self.view.is_fresh(region):
            return self._find(centred, wanted)
        stored = bundle.neighbours[region]
        stored = stored[stored >= 0]
        scores = bundle.neighbour_scores[region, : len(stored)]
        # The list is exact. It is also all there is if it names every other item, or if it goes
        # down to scores that the threshold refuses.
        complete = len(stored) >= len(bundle.items) - 1 or (
            len(stored) > 0 and _score(scores[-1]) < wanted.threshold
        )
        regions, cosines = self.view.with_fresh(centred, stored, scores, complete=complete)
        hits = self._pick(regions, cosines, wanted)
        if len(hits) >= wanted.limit or complete:
            return hits, None
        return self._scan(centred, wanted), EXACT_SCAN

    def _find(self, centred: Floats, wanted: _Wanted) -> tuple[list[Hit], str | None]:
        """Ask the graph first, and compare all that is allowed when its answers are too few."""
        segments = self.bundle.segments
        k = (40 if wanted.filters else 8) * (wanted.limit + len(wanted.excluded))
        graphs = any(segment.about.search.method != "exact" for segment in segments)
        if not graphs or k >= len(self.bundle.regions):
            return self._scan(centred, wanted), None
        found = merge([segment.approximate(centred[None], k) for segment in segments])
        regions, cosines = found.regions[0], found.cosines[0]
        complete = bool(regions[-1] >= 0 and _score(cosines[-1]) < wanted.threshold)
        regions, cosines = regions[regions >= 0], cosines[regions >= 0]
        regions, cosines = self.view.with_fresh(centred, regions, cosines, complete=complete)
        hits = self._pick(regions, cosines, wanted)
        if len(hits) >= wanted.limit or complete:
            return hits, None
        return self._scan(centred, wanted), EXACT_SCAN

    def _pick(self, regions: npt.NDArray[np.int32], cosines: Floats, wanted: _Wanted) -> list[Hit]:
        """Return the first allowed hits of a list that is sorted by cosine."""
        items = self.view.owners(regions)
        allowed = self.view.allowed(wanted.filters, items) & self.view.subject(regions)
        hits: list[Hit] = []
        seen = set(wanted.excluded)
        for place in np.flatnonzero(allowed):
            item, score = int(items[place]), _score(cosines[place])
            if len(hits) >= wanted.limit or score < wanted.threshold:
                break
            if item not in seen:
                seen.add(item)
                hits.append(Hit(item, int(regions[place]), score))
        return hits

    def _scan(self, centred: Floats, wanted: _Wanted) -> list[Hit]:
        """Compare one query with all that may be found of every allowed item."""
        regions, owners = self.view.findable(wanted.filters, wanted.excluded)
        cosines = self.view.cosines(centred, regions)
        if not len(cosines) or wanted.limit < 1:
            return []
        starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        best = np.maximum.reduceat(cosines, starts)
        kept = min(wanted.limit, len(best))
        top = np.argpartition(-best, kept - 1)[:kept]
        # Among equal cosines at the edge any may be kept; the order of those kept is settled.
        top = top[np.lexsort((top, -best[top]))]
        ends = np.r_[starts[1:], len(cosines)]
        places = [int(starts[t] + np.argmax(cosines[starts[t] : ends[t]])) for t in top]
        hits = [Hit(int(owners[p]), int(regions[p]), _score(cosines[p])) for p in places]
        return [hit for hit in hits if hit.score >= wanted.threshold]


def _score(cosine: Any) -> float:
    """Return 100 · max(0, cosine) to two decimals."""
    return round(100.0 * min(1.0, max(0.0, float(cosine))), 2)
