"""What an answer must keep to: how many hits, of what kind, and how varied."""

from __future__ import annotations

import re
from dataclasses import dataclass

from feature_store.bundle.filters import Filter
from feature_store.errors import FilterError


@dataclass(frozen=True)
class AtMost:
    """No more than so many hits have the same value of an attribute."""

    attribute: str
    count: int
    """At least 1. Items without a value are not counted: nothing says that they are alike."""


def parse_at_most(text: str) -> AtMost:
    """Read `attribute:count`, such as `brand:2`; FilterError when the text is not of this form."""
    attribute, _, count = text.rpartition(":")
    if not attribute.strip() or not re.fullmatch("[0-9]{1,6}", count.strip()) or not int(count):
        raise FilterError(f"{text!r} says not how many of what; write brand:2")
    return AtMost(attribute.strip(), int(count))


@dataclass(frozen=True)
class Rules:
    """What the hits of an answer keep to. ValueError for a number that is out of its range.

    Hits are picked greedily, the best first: whatever the filters and the threshold allow, that
    neither `at_most` nor `collapse` rules out because of better hits.
    """

    limit: int = 12
    """Hits of an answer; fewer only where there are no more."""
    offset: int = 0
    """Hits that are skipped. Pages of one limit share no hit, and miss none."""
    threshold: float = 0.0
    """The lowest score of a hit, 0 to 100."""
    filters: tuple[Filter, ...] = ()
    """All of them must hold."""
    at_most: tuple[AtMost, ...] = ()
    """All of them must hold."""
    collapse: float | None = None
    """Of hits that are so much alike (0 to 100: 100 · cosine) or more, the best is kept."""

    def __post_init__(self) -> None:
        """Refuse what no answer can keep to."""
        if self.limit < 0 or self.offset < 0:
            raise ValueError(f"limit {self.limit} and offset {self.offset} are 0 or more")
        if not 0 <= self.threshold <= 100:
            raise ValueError(f"a threshold runs from 0 to 100, not {self.threshold}")
        if self.collapse is not None and not 0 <= self.collapse <= 100:
            raise ValueError(f"collapse runs from 0 to 100, not {self.collapse}")
        if any(one.count < 1 for one in self.at_most):
            raise ValueError(f"at most 0 hits are none: {self.at_most}")


ANYTHING = Rules()
"""A dozen hits of whatever kind."""
