"""The ways to an answer: a region's stored neighbours, the graphs, or comparing all.

Stored neighbours cost next to nothing, and are enough for most questions. Where filters leave too
few of them, the graphs are asked for more and more, as long as that is quicker than comparing
everything that the filters leave.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from feature_store.bundle.filters import Filter
from feature_store.bundle.hits import Hit, Picker, Wanted
from feature_store.bundle.nearest import Floats, merge
from feature_store.bundle.scan import scan
from feature_store.bundle.segment import OpenSegment
from feature_store.bundle.view import View

NEIGHBOURS, GRAPH, SCAN = "neighbours", "graph", "scan"
"""What an answer comes from."""

WIDER = 4
"""How many times as many hits are looked for next, when there were too few."""
SCANNED = 5
"""Regions that are compared one after the other in the time of one candidate of a graph."""
SAMPLED = 1000
"""Items that tell how many a filter leaves."""


class Ways:
    """Finds the hits that a question wants, by whatever is quickest.

    How many hits a graph is asked for first depends on the question and its limit, not on the
    offset: what the pages before held is found again before what follows.
    """

    def __init__(self, view: View) -> None:
        """Take a bundle and its tier."""
        self._view = view
        self._bundle = view.bundle
        items = view.live_items()
        self._sample = items[:: 1 + len(items) // SAMPLED]
        self._regions_per_item = len(self._bundle.owners) / max(1, len(self._bundle.items))

    def like_region(self, region: int, wanted: Wanted) -> tuple[list[Hit], str]:
        """Return the page of hits most like a region, and what it comes from."""
        picker = Picker(self._view, wanted)
        if not self._view.is_fresh(region) and self._by_list(region, wanted, picker):
            return picker.page(), NEIGHBOURS
        return self._search(self.vector(region), wanted, picker)

    def like_vector(self, centred: Floats, wanted: Wanted, first: int = 0) -> tuple[list[Hit], str]:
        """Return the page of hits most like a centred query (dim,), and what it comes from.

        `first`: hits that the graphs are asked for at first, by default those of a page.
        """
        return self._search(centred, wanted, Picker(self._view, wanted), first)

    def vector(self, region: int) -> Floats:
        """Return the centred vector, float32 (dim,), of a region."""
        vector: Floats = self._view.vectors(np.array([region]))[0]
        return vector

    def _search(
        self, centred: Floats, wanted: Wanted, picker: Picker, first: int = 0
    ) -> tuple[list[Hit], str]:
        if self._by_graphs(centred, wanted, picker, first or wanted.rules.limit):
            return picker.page(), GRAPH
        scan(self._view, centred, wanted, picker)
        return picker.page(), SCAN

    def _by_list(self, region: int, wanted: Wanted, picker: Picker) -> bool:
        """Pick from a region's stored neighbours; return whether no more hits are needed."""
        bundle, view = self._bundle, self._view
        stored = bundle.neighbours[region]
        stored = stored[stored >= 0]
        cosines = bundle.neighbour_scores[region, : len(stored)]
        # The list is exact. It is also all there is if it names every other item, or if it goes
        # down to scores that the threshold refuses.
        complete = len(stored) >= bundle.segments[bundle.segment_of[region]].items - 1 or bool(
            len(stored) and cosines[-1] < wanted.lowest
        )
        if view.tier is not None:
            stored, cosines = view.with_fresh(
                self.vector(region), stored, cosines, complete=complete, segment=wanted.segment
            )
        picker.take(stored, cosines)
        return complete or picker.full

    def _by_graphs(self, centred: Floats, wanted: Wanted, picker: Picker, hits: int) -> bool:
        """Pick from what the graphs find; return whether no more hits are needed."""
        if picker.full:
            return True
        segments = self._asked(wanted)
        if all(segment.about.search.method == "exact" for segment in segments):
            return False
        share = self._share(wanted.rules.filters, segments)
        allowed = share * sum(segment.about.regions for segment in segments)
        candidates = sum(segment.about.search.candidates for segment in segments) / 10
        while True:
            k = self._regions_for(hits + len(wanted.excluded), share)
            if SCANNED * candidates * k >= allowed:
                return False
            found = merge([segment.approximate(centred[None], k) for segment in segments])
            there = found.regions[0] >= 0
            regions, cosines = found.regions[0][there], found.cosines[0][there]
            complete = bool(there.all() and cosines[-1] < wanted.lowest)
            regions, cosines = self._view.with_fresh(
                centred, regions, cosines, complete=complete, segment=wanted.segment
            )
            picker.take(regions, cosines)
            if complete or picker.full:
                return True
            hits *= WIDER

    def _regions_for(self, hits: int, share: float) -> int:
        """Return how many of the nearest regions hold so many hits, twice as many as likely."""
        likely = self._regions_per_item * hits / max(share, 1 / SAMPLED)
        return 1 + int(hits + 2 * (likely - hits))

    def _asked(self, wanted: Wanted) -> tuple[OpenSegment, ...]:
        """Return the segments that can hold hits."""
        bundle = self._bundle
        segments, attribute = bundle.segments, bundle.manifest.segmented_by
        if wanted.segment is not None:  # one beyond them is of the fresh tier alone
            return segments[wanted.segment : wanted.segment + 1]
        naming = [one for one in wanted.rules.filters if one.attribute == attribute]
        if len(segments) == 1 or not naming:
            return segments
        # All items of a segment have the same value, so that any of them tells.
        items = np.array([bundle.owners[segment.rows[0]] for segment in segments])
        allowed = bundle.facets.allowed(naming, items)
        return tuple(segment for segment in segments if allowed[segment.number])

    def _share(self, filters: Sequence[Filter], segments: Sequence[OpenSegment]) -> float:
        """Return roughly which share (0..1) of the items of some segments the filters leave."""
        if not filters or not len(self._sample):
            return 1.0
        left = self._view.allowed(filters, self._sample).mean() * len(self._bundle.items)
        return float(min(1.0, left / sum(segment.items for segment in segments)))
