"""The searcher: what a shopper's question becomes, and the very code that the gate measures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from feature_store.bundle.counted import Between, Counted, count_values
from feature_store.bundle.filters import Filter
from feature_store.bundle.hits import Hit, Wanted
from feature_store.bundle.nearest import Floats, Nearest, merge
from feature_store.bundle.open import Bundle
from feature_store.bundle.rules import ANYTHING, Rules
from feature_store.bundle.scores import scores_of
from feature_store.bundle.segment import OpenSegment
from feature_store.bundle.stand_ins import StandIns
from feature_store.bundle.tier import Tier
from feature_store.bundle.view import View
from feature_store.bundle.ways import NEIGHBOURS, Ways

NEGATIVE_WEIGHT = 0.5
"""How far an unwanted item pushes away, when a wanted one pulls with 1 (Rocchio 1971 has 0.16 for
whole documents; half is what one click of "not this" should do)."""

IN_RANGE = 40
"""Hits that a graph is asked for first, when all within a score are wanted."""


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

    Wherever as many items as are wanted keep to the rules, as many hits come back. From stored
    neighbours and by comparing all they are exactly the best; a graph may miss one now and then.
    """

    def __init__(self, bundle: Bundle, tier: Tier | None = None, *, popularity: str = "") -> None:
        """Take an open bundle, and the tier that was opened for it.

        `popularity`: the attribute whose numbers say which items are popular, for stand-ins.
        """
        self.bundle = bundle
        self.view = View(bundle, tier)
        self._ways = Ways(self.view)
        self._stand_ins = StandIns(self.view, popularity)
        self._background = bundle.background
        self._list_length = bundle.neighbours.shape[1]

    @property
    def stand_in(self) -> str | None:
        """What stand-ins are: `popular`, `newest`, or None where nothing says which items are."""
        return self._stand_ins.kind

    def prepare(self) -> None:
        """Work out now what the first questions would, so that processes forked later share it.

        A second for a million items. Whatever was not prepared is when it is asked for.
        """
        self.view.prepare()
        self._stand_ins.prepare()

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

        Of several items that show the same photo the first is the asked one, and no hit. Raises
        UnknownItemError and FilterError.
        """
        return self._of_region(*self.view.find_region(region_id), rules)

    def by_vector(self, vector: Floats, rules: Rules = ANYTHING) -> Answer:
        """Return the items most like a feature vector, float32 (dim,), of the same extractor.

        ValueError for a vector of another length, a zero or a non-finite one; FilterError.
        """
        return self._of_vector(self._centred(vector), rules)

    def by_items(
        self, positive: Sequence[str], negative: Sequence[str] = (), rules: Rules = ANYTHING
    ) -> Answer:
        """Return the items most like the `positive` ones and least like the `negative` ones.

        None of them is a hit. Raises UnknownItemError, FilterError, and ValueError without a
        positive item.
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
        unit = np.asarray(centred / norm, np.float32)
        return self._of_vector(unit, rules, tuple({*liked, *disliked}))

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
        centred = self._centred(vector)
        rules = Rules(sys.maxsize if limit is None else limit, 0, score, tuple(filters))
        wanted = Wanted(rules, background=self._background_of(centred))
        return self._ways.like_vector(centred, wanted, IN_RANGE)[0]

    def facets(
        self, attributes: Sequence[str], rules: Rules, ask: Callable[[Rules], Answer]
    ) -> dict[str, list[Counted] | Between | None]:
        """Return the values that the nearest 100 hits of a question have of each attribute.

        Of a text attribute the twelve commonest values with their counts, of a number the lowest
        and the highest (None where no hit has one), as if the attribute were not filtered by, and
        whatever `at_most`, `collapse` and the page are. `ask` answers the question by other rules:
        `lambda rules: searcher.similar(item_id, rules)`, say. FilterError for an attribute that no
        item has.
        """
        return count_values(self.view.facets, attributes, rules, lambda other: ask(other).hits)

    def stand_ins(
        self, rules: Rules = ANYTHING, *, like: int | None = None, excluded: Collection[int] = ()
    ) -> list[Hit]:
        """Return items to show where there are too few hits: those of `stand_in`, with score 0.

        Those in stock come before those sold out, and of either those of the category of the item
        `like` before others. The rules hold but for the threshold; `excluded` are the numbers of
        items that are not wanted, such as those that are shown already. Empty where `stand_in` is
        None. Raises FilterError.
        """
        return self._stand_ins.pick(rules, like, excluded)

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

    def _of_region(self, item: int, region: int, rules: Rules) -> Answer:
        view = self.view
        background = view.background_of(region)
        hits, method = self._listed(item, region, rules, background), NEIGHBOURS
        if hits is None:
            segment = view.segment_of(region) if self.bundle.manifest.segmented_by else None
            wanted = Wanted(rules, (item,), segment, background)
            hits, method = self._ways.like_region(region, wanted)
        return Answer(item, view.region_id(region), hits, method)

    def _of_vector(self, centred: Floats, rules: Rules, excluded: tuple[int, ...] = ()) -> Answer:
        wanted = Wanted(rules, excluded, background=self._background_of(centred))
        return Answer(None, None, *self._ways.like_vector(centred, wanted))

    def _listed(self, item: int, region: int, rules: Rules, background: float) -> list[Hit] | None:
        """Return the page of a region's stored neighbours as it stands there.

        None where that takes a closer look: by other rules than a limit and a threshold, or where
        the fresh tier has something to say. This is the question that nearly everybody asks.
        """
        start, end = rules.offset, rules.offset + rules.limit
        if rules.filters or rules.at_most or rules.collapse is not None:
            return None
        view, bundle = self.view, self.bundle
        if end > self._list_length or start == end or view.is_fresh(region):
            return None
        regions = bundle.neighbours[region, :end]
        cosines = bundle.neighbour_scores[region, :end]
        items = view.sold_by.take(regions).tolist()
        if (
            regions[-1] < 0
            or item in items
            or min(items) < 0
            or (view.tier is not None and view.fresh_beats(region, float(cosines[-1])))
        ):
            return None
        scores = scores_of(cosines[start:], background).tolist()
        while scores and scores[-1] < rules.threshold:
            scores.pop()
        return list(map(Hit, items[start:], regions[start:].tolist(), scores))

    def _background_of(self, centred: Floats) -> float:
        return float(self._background.of(centred[None])[0])

    def _centred(self, vector: Floats) -> Floats:
        centred: Floats = self.bundle.projection.centre(np.asarray(vector, np.float32)[None])[0]
        return centred

    def _primary(self, items: Sequence[int]) -> Floats:
        return self.view.vectors(np.array([self.view.primary_region(item) for item in items]))

    def _numbered(self, segment: int | None) -> tuple[OpenSegment, ...]:
        segments = self.bundle.segments
        return segments if segment is None else (segments[segment],)
