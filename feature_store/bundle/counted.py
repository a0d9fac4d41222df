"""Count the values that hits have of an attribute, so that a shopper can narrow them down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from feature_store.bundle.facets import AllFacets
from feature_store.bundle.hits import Hit
from feature_store.bundle.rules import Rules

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


def count_values(
    facets: AllFacets,
    attributes: Sequence[str],
    rules: Rules,
    ask: Callable[[Rules], Sequence[Hit]],
) -> dict[str, list[Counted] | Between | None]:
    """Return what the nearest FACET_HITS hits have of each attribute.

    They keep to the threshold and the filters, but for those of the attribute itself: what may be
    chosen instead of what has been is what a shopper wants to see. `ask` returns the hits by other
    rules. FilterError for an attribute that no item has.
    """
    found: dict[str, list[Counted] | Between | None] = {}
    answers: dict[Rules, Sequence[Hit]] = {}
    for attribute in attributes:
        facets.refuse_unknown(attribute)
        left = tuple(one for one in rules.filters if one.attribute != attribute)
        wider = Rules(limit=FACET_HITS, threshold=rules.threshold, filters=left)
        if wider not in answers:
            answers[wider] = ask(wider)
        items = np.array([hit.item for hit in answers[wider]], np.int64)
        found[attribute] = _count(facets.values(attribute, items))
    return found


def _count(values: Sequence[str | float | None]) -> list[Counted] | Between | None:
    numbers = [one for one in values if isinstance(one, float)]
    if numbers:
        return Between(min(numbers), max(numbers))
    counts: dict[str, Counted] = {}
    for one in values:
        if isinstance(one, str):  # caseless, as filters are; written as the nearest hit does
            counted = counts.get(one.casefold(), Counted(one, 0))
            counts[one.casefold()] = counted._replace(hits=counted.hits + 1)
    return sorted(counts.values(), key=lambda one: -one.hits)[:FACET_VALUES]
