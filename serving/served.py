"""What one worker answers from now: the live bundle, its canary, and which of them is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from serving.answers import Answers
from serving.counters import CANARY, LIVE


class Chosen(NamedTuple):
    """The answers that a question gets, and whose they are: `live` or `canary`."""

    role: str
    answers: Answers


@dataclass(frozen=True)
class TierRefusal:
    """A tier that could not be opened; `at` tells one publication of it from the next."""

    tier_id: str | None
    at: str
    reason: str
    retry_at: float
    """On the monotonic clock."""


@dataclass
class Served:
    """The answers of each role, replaced one by one and whole: no question meets half a change."""

    live: Answers
    canary: Answers | None = None
    share: float = 0.0
    """The canary's share of all questions."""
    refusals: dict[str, TierRefusal] = field(default_factory=dict)
    """By role, the tier that is not served although it should be."""

    def each(self) -> Iterator[Chosen]:
        """Yield the roles there are."""
        yield Chosen(LIVE, self.live)
        if self.canary is not None:
            yield Chosen(CANARY, self.canary)

    def take(self, role: str, answers: Answers) -> None:
        """Answer from these from now on."""
        if role == LIVE:
            self.live = answers
        else:
            self.canary = answers

    def choose(self, item_id: str, region_id: str | None = None) -> Chosen:
        """Return who answers about an item: the canary for a share of the items.

        It is always the same for one item, so that a shopper who pages or comes back sees one
        bundle. An item, or region, that only one of the two knows is that one's to answer, unless
        a tier says that the item is gone.
        """
        live, canary = Chosen(LIVE, self.live), self.canary
        if canary is None or not self.share:
            return live
        beside = Chosen(CANARY, canary)
        drawn = drawn_share(item_id, canary.bundle_id) < self.share
        first, second = (beside, live) if drawn else (live, beside)
        for chosen in (first, second):
            if chosen.answers.lost(item_id):
                return chosen
        knows = first.answers.has(item_id, region_id)
        return first if knows or not second.answers.has(item_id, region_id) else second


def drawn_share(item_id: str, canary_id: str) -> float:
    """Return where an item lies between 0 and 1: evenly, and anew for each canary.

    So a greater share holds the items of a smaller one, and not every trial is on the same items.
    """
    key = hashlib.blake2b(canary_id.encode(), digest_size=16).digest()
    sent = item_id.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(sent, digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") / 2**64
