"""Shares that were seen, with what chance leaves open, and the difference of two of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_store.quality.intervals import wilson

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """`count` of `of`; both may be 0."""

    count: int
    of: int
    effect: float = 1.0
    """The design effect: how many times as many trials are needed as if none was like another."""

    @property
    def share(self) -> float:
        """The share (0..1); 0 of nothing. A click of a hit that was seen on the day before counts
        on its own day, so that of very few there may be more clicks than hits: then it is 1."""
        return min(1.0, self.count / self.of) if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval, of as many trials as these are worth (Rao and Scott 1992)."""
        return wilson(self.share, self.of / self.effect, CONFIDENCE)

    def to_dict(self) -> dict[str, float | int]:
        """Return everything as plain values, ready for JSON."""
        low, high = self.interval
        rounded = {"share": round(self.share, 5), "low": round(low, 5), "high": round(high, 5)}
        return {"count": self.count, "of": self.of, **rounded}


def design_effect(counts: npt.NDArray[np.int64], trials: npt.NDArray[np.int64]) -> float:
    """Return how much less the trials tell than as many independent ones: 1 or more.

    `counts` and `trials` (int64, one row a cluster: an asked item) add up to the share. Answers
    about one item are alike: some items draw clicks, others none, and a canary is drawn by item. It
    is the variance of the ratio of the sums over clusters, over that of a binomial (L. Kish 1965).
    """
    clusters, total = int(np.count_nonzero(trials)), int(trials.sum())
    share = min(1.0, float(counts.sum() / total)) if total else 0.0
    binomial = share * (1 - share) / total if total else 0.0
    if clusters < 2 or not binomial:
        return 1.0
    residuals = counts - share * trials
    variance = clusters / (clusters - 1) * float(np.square(residuals).sum()) / total**2
    return max(1.0, variance / binomial)


def difference(before: Share, after: Share) -> tuple[float, float, float]:
    """Return `after` less `before`, and its 95 % interval: Newcombe's (1998), from Wilson's two."""
    (low, high), (low_after, high_after) = before.interval, after.interval
    apart = after.share - before.share
    down = math.hypot(after.share - low_after, high - before.share)
    up = math.hypot(high_after - after.share, before.share - low)
    return apart, max(-1.0, apart - down), min(1.0, apart + up)
