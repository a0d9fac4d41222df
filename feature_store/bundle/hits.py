"""Hits: which of the regions that look alike are answers, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from feature_store.bundle.columns import Mask
from feature_store.bundle.nearest import Floats, Ints
from feature_store.bundle.rules import AtMost, Rules
from feature_store.bundle.scores import lowest_cosine, scores_of
from feature_store.bundle.view import View

BLOCK = 256
"""Candidates looked at together, where a better hit may rule others out."""
EQUAL = 1e-6
"""Cosines that differ by no more are the same but for rounding."""


class Hit(NamedTuple):
    """One look-alike: an item, and its region that looks alike."""

    item: int
    region: int
    score: float
    """0 to 100 (see `scores`), two decimals."""


@dataclass(frozen=True)
class Wanted:
    """What every hit must be."""

    rules: Rules
    excluded: tuple[int, ...] = ()
    """Items that are never hits: the ones that were asked about."""
    segment: int | None = None
    """The only segment that hits may be of; None for any."""
    background: float = 0.0
    """The cosine that scores 0."""

    @property
    def end(self) -> int:
        """Hits until the last of the page; none for a page of none."""
        return self.rules.offset + self.rules.limit if self.rules.limit else 0

    @property
    def lowest(self) -> float:
        """A cosine that no hit is below."""
        return lowest_cosine(self.rules.threshold, self.background)


class Picker:
    """Takes the best allowed hits out of lists of regions, one list after the other.

    Of what a list brings that is better than hits of lists before, and should have been in them,
    nothing is lost: it comes after those. So a page does not change with what is asked for the
    pages after it.
    """

    def __init__(self, view: View, wanted: Wanted) -> None:
        """Begin with no hit."""
        self._view = view
        self._wanted = wanted
        self._seen = set(wanted.excluded)
        self._kept: list[Hit] = []
        rules = wanted.rules
        varied = rules.at_most or rules.collapse is not None
        self._variety = Variety(view, rules) if varied else None

    @property
    def full(self) -> bool:
        """Whether all hits until the end of the page have been found."""
        return len(self._kept) >= self._wanted.end

    @property
    def missing(self) -> int:
        """How many of the best allowed items surely hold the hits that are missing.

        As far as no hit rules others out.
        """
        return self._wanted.end - len(self._kept) + len(self._seen)

    def take(self, regions: Ints, cosines: Floats) -> None:
        """Pick from regions that are sorted by cosine, the best first."""
        rules = self._wanted.rules
        items = self._view.sold_by[regions]
        mask = items >= 0
        if rules.filters:
            mask &= self._view.allowed(rules.filters, items)
        scores = scores_of(cosines, self._wanted.background)
        if rules.threshold:
            mask &= scores >= rules.threshold
        places = np.flatnonzero(mask)
        found = items[places], regions[places], scores[places].tolist()
        if self._variety is None:
            self._keep_new(*found)
        else:
            self._keep_varied(self._variety, *found)

    def page(self) -> list[Hit]:
        """Return the hits of the page, the best first."""
        page = self._kept[self._wanted.rules.offset : self._wanted.end]
        return sorted(page, key=lambda hit: -hit.score)

    def _keep_new(self, items: Ints, regions: Ints, scores: list[float]) -> None:
        kept, seen, end = self._kept, self._seen, self._wanted.end
        for item, region, score in zip(items.tolist(), regions.tolist(), scores, strict=True):
            if len(kept) >= end:
                break
            if item not in seen:
                seen.add(item)
                kept.append(Hit(item, region, score))

    def _keep_varied(
        self, variety: Variety, items: Ints, regions: Ints, scores: list[float]
    ) -> None:
        for start in range(0, len(items), BLOCK):
            block = slice(start, start + BLOCK)
            listed = items[block].tolist()
            fresh = np.array([item not in self._seen for item in listed], np.bool_)
            candidates = variety.look_at(items[block], regions[block], fresh)
            while not self.full:
                place = candidates.next()
                if place is None:
                    break
                item = listed[place]
                candidates.keep(place)
                self._seen.add(item)
                self._kept.append(Hit(item, int(regions[start + place]), scores[start + place]))
            if self.full:
                return


class Variety:
    """What the hits so far rule out: more of the same value, and what looks almost the same."""

    def __init__(self, view: View, rules: Rules) -> None:
        """Take the rules; FilterError for an attribute that no item has."""
        self._view = view
        self.quotas = [_Quota(one) for one in rules.at_most]
        for one in rules.at_most:
            view.facets.refuse_unknown(one.attribute)
        self.nearest = None if rules.collapse is None else rules.collapse / 100 - EQUAL
        """The cosine from which hits look almost the same."""
        self.kept: list[Floats] = []
        """The unit vectors of the hits so far."""

    def look_at(self, items: Ints, regions: Ints, candidates: Mask) -> Candidates:
        """Return those of `candidates` among the regions that nothing rules out so far."""
        values = [
            quota.codes(self._view.facets.values(quota.rule.attribute, items))
            for quota in self.quotas
        ]
        vectors = None
        if self.nearest is not None:
            vectors = self._view.vectors(regions)
            vectors = vectors / np.sqrt(np.vecdot(vectors, vectors))[:, None]
        return Candidates(self, items, values, vectors, candidates)


class Candidates:
    """Regions of which one after the other is kept, as long as nothing rules it out."""

    def __init__(
        self,
        variety: Variety,
        items: Ints,
        values: Sequence[Ints],
        vectors: Floats | None,
        candidates: Mask,
    ) -> None:
        """Leave out what is ruled out already.

        `values`: for each quota, the code of each region's value; `vectors`: float32 (n, dim).
        """
        self._variety = variety
        self._items = items
        self._values = values
        self._vectors = vectors
        self._left = candidates
        for quota, codes in zip(variety.quotas, values, strict=True):
            self._left &= ~np.isin(codes, quota.full)
        if vectors is not None and variety.kept and variety.nearest is not None:
            near = (vectors @ np.array(variety.kept).T).max(axis=1)
            self._left &= near < variety.nearest

    def next(self) -> int | None:
        """Return the place of the first that is left."""
        place = int(self._left.argmax()) if len(self._left) else 0
        return place if len(self._left) and self._left[place] else None

    def keep(self, place: int) -> None:
        """Make a hit of one, which may rule others out."""
        variety = self._variety
        self._left &= self._items != self._items[place]
        for quota, codes in zip(variety.quotas, self._values, strict=True):
            if quota.is_full_with(int(codes[place])):
                self._left &= codes != codes[place]
        if self._vectors is not None and variety.nearest is not None:
            variety.kept.append(self._vectors[place])
            self._left &= self._vectors @ self._vectors[place] < variety.nearest


class _Quota:
    """How often each value of an attribute has been taken."""

    def __init__(self, rule: AtMost) -> None:
        self.rule = rule
        self.full: list[int] = []
        """The codes of the values of which there are enough."""
        self._codes: dict[str | float, int] = {}
        self._taken: dict[int, int] = {}

    def codes(self, values: Sequence[str | float | None]) -> Ints:
        """Return a number for each value, -1 for none; caseless, as filters are."""
        known = self._codes
        folded = [one.casefold() if isinstance(one, str) else one for one in values]
        return np.array(
            [-1 if one is None else known.setdefault(one, len(known)) for one in folded], np.int32
        )

    def is_full_with(self, code: int) -> bool:
        """Count one more of a value; return whether there are enough of it now."""
        if code < 0:
            return False
        self._taken[code] = self._taken.get(code, 0) + 1
        if self._taken[code] < self.rule.count:
            return False
        self.full.append(code)
        return True
