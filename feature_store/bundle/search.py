"""The searcher: what a shopper's question becomes, and the very code that the gate measures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from feature_store.bundle.filters import Filter
from feature_store.bundle.hits import Hit, Wanted, pick, scan, score_of
from feature_store.bundle.nearest import Floats, Nearest, merge
from feature_store.bundle.open import Bundle
from feature_store.bundle.rules import ANYTHING, Rules
from feature_store.bundle.segment import OpenSegment
from feature_store.bundle.tier import Tier
from feature_store.bundle.view import View
from feature_store.errors import UnknownItemError

NEGATIVE_WEIGHT = 0.5
"""How far an unwanted item pushes away, when a wanted one pulls with 1 (Rocchio 1971 has 0.16 for
whole documents; half is what one click of "not this" should do)."""

NEIGHBOURS, GRAPH, SCAN = "neighbours", "graph", "scan"
"""What an answer comes from: a stored list, a graph, or comparing all that is allowed."""

WIDER = 4
"""How many times as many it is asked for next, when those were too few."""
IN_RANGE = 100
"""Regions that a graph is asked for first, when all within a score are wanted."""
SCANNED = 5
"""Regions that are compared one after the other in the time of one candidate of a graph."""
SAMPLED = 1000
"""Items that tell how many a filter leaves."""


FACET_HITS = 100
"""Hits whose values are counted."""
FACET_VALUES = 12
"""Values of a text attribute that are returned."""


class Counted(NamedTuple):
    """A value, and how many hits have it."""

    value: str
    hits: int


class Between(NamedTuple):
    """The lowest and the highest number that hits have."""

    low: float
    high: float


class Answer(NamedTuple):
    """The look-alikes of what was asked."""

    item: int | None
    """The item that was asked; None for a vector, or several items."""
    region_id: str | None
    """The region that was asked; None as before."""
    hits: list[Hit]
    """The best first."""
    method: str
    """`neighbours`, `graph` or `scan`: the last of what was asked for them."""


class Searcher:
    """Answers questions from an open bundle and its fresh tier; stateless, and never writes.

    Wherever `limit` items pass the filters and the threshold, `limit` hits come back.
    """

    def __init__(self, bundle: Bundle, tier: Tier | None = None, *, popularity: str = "") -> None:
        """Take an open bundle, and the tier that was opened for it.

        `popularity`: the attribute whose numbers say which items are popular, for stand-ins.
        """
        self.bundle = bundle
        self.stand_in: str | None = None
        """What stand-ins are: `popular`, `newest`, or None where nothing says so."""
        self.view = View(bundle, tier)
        items = self.view.live_items()
        self._sample = items[:: 1 + len(items) // SAMPLED]
        self._regions_per_item = len(bundle.owners) / max(1, len(bundle.items))

    def similar(
        self, item_id: str, rules: Rules = ANYTHING, *, region_id: str | None = None
    ) -> Answer:
        """Return the items most like one region of an item, by default its most prominent product.

        They are of the item's own segment. Raises UnknownItemError and FilterError.
        """
        view = self.view
        item = view.item_number(item_id)
        if region_id is None:
            region = view.primary_region(item)
        else:
            region = view.region_number(item, region_id)
        return self._of_region(item, region, rules)

    def by_region(self, region_id: str, rules: Rules = ANYTHING) -> Answer:
        """Return the items most like a region, of its item's own segment.

        Of several items that show the same photo the first is asked. Raises UnknownItemError and
        FilterError.
        """
        for region, name in enumerate(self.bundle.regions["region_id"].to_pylist()):
            if name == region_id:
                return self._of_region(int(self.bundle.owners[region]), region, rules)
        raise UnknownItemError(f"region {region_id!r} is not in bundle {self.bundle.bundle_id}")

    def _of_region(self, item: int, region: int, rules: Rules) -> Answer:
        view = self.view
        segment = view.segment_of(region) if self.bundle.manifest.segmented_by else None
        wanted = Wanted(rules.limit, rules.threshold, rules.filters, (item,), segment)
        hits, method = self._like(region, wanted)
        return Answer(item, view.region_id(region), hits, method)

    def nearest(self, vectors: Floats, k: int, *, segment: int | None = None) -> Nearest:
        """Return the k nearest regions of feature vectors, float32 (q, dim), in two stages.

        A graph finds candidates among the short vectors, the stored vectors rank them. This is
        what the index gate measures. `segment`: the number of the only one that is asked.
        """
        centred = self.bundle.projection.centre(vectors)
        return merge([one.approximate(centred, k) for one in self._numbered(segment)])

    def exact(self, vectors: Floats, k: int, *, segment: int | None = None) -> Nearest:
        """Return the k nearest regions of feature vectors, float32 (q, dim), comparing all.

        `segment`: the number of the only one that is asked.
        """
        centred = self.bundle.projection.centre(vectors)
        return merge([one.nearest.exact(centred, k) for one in self._numbered(segment)])

    def by_vector(self, vector: Floats, rules: Rules = ANYTHING) -> Answer:
        """Return the items most like a feature vector, float32 (dim,), of the same extractor.

        ValueError for a vector of another length, a zero or a non-finite one; FilterError.
        """
        centred = self.bundle.projection.centre(np.asarray(vector, np.float32)[None])[0]
        wanted = Wanted(rules.limit, rules.threshold, rules.filters, ())
        return Answer(None, None, *self._find(centred, wanted))

    def within(
        self,
        vector: Floats,
        score: float,
        *,
        limit: int | None = None,
        filters: Sequence[Filter] = (),
    ) -> list[Hit]:
        """Return all items as much like a feature vector as `score` (0 to 100) says, or more.

        The best come first; `limit` keeps so many of them. A graph is asked for more and more
        until it comes to what is less alike, or until comparing all is quicker. ValueError for a
        score out of range, and as for `by_vector`.
        """
        if not 0 <= score <= 100:
            raise ValueError(f"a score runs from 0 to 100, not {score}")
        centred = self.bundle.projection.centre(np.asarray(vector, np.float32)[None])[0]
        wanted = Wanted(sys.maxsize if limit is None else limit, score, filters, ())
        if score == 0:  # everything is as much alike
            return scan(self.view, centred, wanted)
        return self._find(centred, wanted, IN_RANGE, rounds=8)[0]

    def by_items(
        self,
        positive: Sequence[str],
        negative: Sequence[str] = (),
        rules: Rules = ANYTHING,
    ) -> Answer:
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
        excluded = tuple({*liked, *disliked})
        wanted = Wanted(rules.limit, rules.threshold, rules.filters, excluded)
        return Answer(None, None, *self._find(np.asarray(centred / norm, np.float32), wanted))

    def facets(
        self, attributes: Sequence[str], rules: Rules, ask: Callable[[Rules], Answer]
    ) -> dict[str, list[Counted] | Between | None]:
        """Return the values that the nearest FACET_HITS hits have of each attribute.

        `ask` answers the question by other rules, as `lambda rules: searcher.similar(id, rules)`
        does. Of a text attribute the commonest FACET_VALUES values with their counts, of a number
        the lowest and the highest (None where no hit has one), as if the attribute were not
        filtered by. FilterError for an attribute that no item has.
        """
        return {}

    def stand_ins(
        self, rules: Rules = ANYTHING, *, like: int | None = None, excluded: Collection[int] = ()
    ) -> list[Hit]:
        """Return items to show where there are too few hits; their score is 0, none is a hit.

        They are those of `self.stand_in`: in stock before others, of the category of the item
        `like` before others. The rules hold but for the threshold. Empty where the bundle says
        nothing of either. Raises FilterError.
        """
        return []

    def _primary(self, items: Sequence[int]) -> Floats:
        return self.view.vectors(np.array([self.view.primary_region(item) for item in items]))

    def _numbered(self, segment: int | None) -> tuple[OpenSegment, ...]:
        segments = self.bundle.segments
        return segments if segment is None else (segments[segment],)

    def _asked(self, wanted: Wanted) -> tuple[OpenSegment, ...]:
        """Return the segments that can hold hits."""
        bundle = self.bundle
        segments, attribute = bundle.segments, bundle.manifest.segmented_by
        if wanted.segment is not None:  # one beyond them is of the fresh tier alone
            return segments[wanted.segment : wanted.segment + 1]
        naming = [one for one in wanted.filters if one.attribute == attribute]
        if len(segments) == 1 or not naming:
            return segments
        # All items of a segment have the same value, so that any of them tells.
        items = np.array([bundle.owners[segment.rows[0]] for segment in segments])
        allowed = bundle.facets.allowed(naming, items)
        return tuple(segment for segment in segments if allowed[segment.number])

    def _like(self, region: int, wanted: Wanted) -> tuple[list[Hit], str]:
        """Return what looks like a region, from its stored neighbours if they suffice."""
        bundle, view = self.bundle, self.view
        if view.is_fresh(region):
            return self._find(self._vector(region), wanted)
        stored = bundle.neighbours[region]
        stored = stored[stored >= 0]
        scores = bundle.neighbour_scores[region, : len(stored)]
        # The list is exact. It is also all there is if it names every other item, or if it goes
        # down to scores that the threshold refuses.
        complete = len(stored) >= bundle.segments[bundle.segment_of[region]].items - 1 or (
            len(stored) > 0 and score_of(scores[-1]) < wanted.threshold
        )
        if view.tier is not None:
            stored, scores = view.with_fresh(
                self._vector(region), stored, scores, complete=complete, segment=wanted.segment
            )
        hits = pick(self.view, stored, scores, wanted)
        if len(hits) >= wanted.limit or complete:
            return hits, NEIGHBOURS
        return scan(self.view, self._vector(region), wanted), SCAN

    def _vector(self, region: int) -> Floats:
        vector: Floats = self.view.vectors(np.array([region]))[0]
        return vector

    def _find(
        self, centred: Floats, wanted: Wanted, first: int = 0, rounds: int = 2
    ) -> tuple[list[Hit], str]:
        """Ask the graphs, then for more, and compare all that is allowed when that is quicker.

        `first`: regions to ask for at first; by default as many as the hits wanted may have.
        """
        segments = self._asked(wanted)
        if all(segment.about.search.method == "exact" for segment in segments):
            return scan(self.view, centred, wanted), SCAN
        share = self._share(wanted.filters, segments)
        allowed = share * sum(segment.about.regions for segment in segments)
        candidates = sum(segment.about.search.candidates for segment in segments) / 10
        hits = wanted.limit + len(wanted.excluded)
        likely = self._regions_per_item * hits / max(share, 1 / SAMPLED)
        # Twice as much beyond the hits as on average lies between them: a second round is rare.
        k = first or 1 + int(hits + 2 * (likely - hits))
        while rounds and SCANNED * candidates * k < allowed:
            found = merge([segment.approximate(centred[None], k) for segment in segments])
            regions, cosines = found.regions[0], found.cosines[0]
            complete = bool(regions[-1] >= 0 and score_of(cosines[-1]) < wanted.threshold)
            there = regions >= 0
            regions, cosines = self.view.with_fresh(
                centred, regions[there], cosines[there], complete=complete, segment=wanted.segment
            )
            picked = pick(self.view, regions, cosines, wanted)
            if len(picked) >= wanted.limit or complete:
                return picked, GRAPH
            k, rounds = k * WIDER, rounds - 1
        return scan(self.view, centred, wanted), SCAN

    def _share(self, filters: Sequence[Filter], segments: Sequence[OpenSegment]) -> float:
        """Return roughly which share (0..1) of the items of some segments the filters leave."""
        if not filters or not len(self._sample):
            return 1.0
        left = self.view.allowed(filters, self._sample).mean() * len(self.bundle.items)
        return float(min(1.0, left / sum(segment.items for segment in segments)))
