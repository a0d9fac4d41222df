"""Scores and answers, worked out as their definitions say, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from feature_store.bundle import Bundle, Filter, Rules, Searcher
from feature_store.bundle.columns import Range


def background(bundle: Bundle, query: np.ndarray) -> float:
    """The cosine that scores 0 for a centred query."""
    sample = bundle.background.sample
    if len(sample) < 100:
        return 0.0
    cosines = [float(vector.astype(float) @ query.astype(float)) for vector in sample]
    chance = [cosine for cosine in cosines if cosine <= 0.99]
    return float(np.clip(np.mean(chance) + 2.33 * np.std(chance), 0, 0.7))


def score(cosine: float, zero: float) -> float:
    """The score of a cosine, where `zero` scores 0."""
    return round(100 * min(1.0, max(0.0, (float(cosine) - zero) / (1 - zero))), 2)


@dataclass(frozen=True)
class Question:
    """What is asked, as the searcher understands it."""

    query: np.ndarray
    """The centred vector."""
    excluded: frozenset[int] = frozenset()
    segment: str | None = None
    """The value of the segmenting attribute that hits must have; None for any."""


class Catalogue:
    """All that is for sale, item by item, and answers found by comparing and ruling out in turn."""

    def __init__(self, searcher: Searcher) -> None:
        self.view = view = searcher.view
        self.bundle = view.bundle
        halves = [view.bundle] if view.tier is None else [view.bundle, view.tier]
        rows = [row for half in halves for row in half.facets._table.to_pylist()]
        self.items = [int(item) for item in view.live_items()]
        self.rows = {item: rows[item] for item in self.items}
        self.regions = {
            item: [r for r in view.regions_of(item) if view.subject(np.array([r]))[0]]
            for item in self.items
        }
        every = sorted(region for regions in self.regions.values() for region in regions)
        vectors = view.vectors(np.array(every)).astype(float)
        self.vectors = dict(zip(every, vectors, strict=True))

    def question(self, region: int) -> Question:
        """The look-alikes of a region."""
        item = int(self.view.owners(np.array([region]))[0])
        attribute = self.bundle.manifest.segmented_by
        segment = str(self.rows[item].get(attribute) or "") if attribute else None
        vector = self.view.vectors(np.array([region]))[0]
        return Question(vector, frozenset([item]), segment)

    def ranked(self, question: Question, rules: Rules) -> list[tuple[int, float, int]]:
        """Every allowed item with its cosine and its best region, the best first."""
        attribute = self.bundle.manifest.segmented_by
        found = []
        for item, row in self.rows.items():
            of_segment = question.segment in (None, str(row.get(attribute) or ""))
            if item not in question.excluded and of_segment and passes(row, rules.filters):
                cosines = [(float(self.vectors[r] @ question.query), r) for r in self.regions[item]]
                cosine, region = max(cosines)
                found.append((item, cosine, region))
        return sorted(found, key=lambda one: -one[1])

    def hits(self, question: Question, rules: Rules) -> list[tuple[int, float]]:
        """All hits from the first page on: each item with its score."""
        zero = background(self.bundle, question.query)
        taken: dict[tuple[str, object], int] = {}
        kept: list[np.ndarray] = []
        hits = []
        for item, cosine, region in self.ranked(question, rules):
            if score(cosine, zero) < rules.threshold:
                break
            vector = self.vectors[region] / np.linalg.norm(self.vectors[region])
            near = rules.collapse is not None and any(
                100 * float(vector @ other) >= rules.collapse - 1e-4 for other in kept
            )
            keys = [
                (one.attribute, folded(self.rows[item].get(one.attribute))) for one in rules.at_most
            ]
            full = any(
                key[1] is not None and taken.get(key, 0) >= one.count
                for key, one in zip(keys, rules.at_most, strict=True)
            )
            if not near and not full:
                kept.append(vector)
                for key in set(keys):
                    taken[key] = taken.get(key, 0) + 1
                hits.append((item, score(cosine, zero)))
        return hits


def passes(row: dict[str, Any], filters: Sequence[Filter]) -> bool:
    """Whether a row has a wanted value of every attribute."""
    return all(
        row.get(one.attribute) is not None
        and any(
            part.low <= float(row[one.attribute]) <= part.high
            if isinstance(part, Range)
            else folded(row[one.attribute]) == part.casefold()
            for part in one.alternatives
        )
        for one in filters
    )


def folded(value: object) -> object:
    """A value as filters compare it; yes and no are texts."""
    return None if value is None else value if isinstance(value, float) else str(value).casefold()
