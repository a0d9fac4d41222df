"""Two bundles side by side: which of them shoppers click and buy from more, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from feature_store.errors import BundleError
from feature_store.events.overview import Shown, read_overview
from feature_store.events.shares import Share, difference
from feature_store.events.summary import Summaries


@dataclass(frozen=True)
class Verdict:
    """What the answers of two bundles came to, on the same days if there are such."""

    before: Shown
    after: Shown
    days: tuple[str, ...]
    same_days: bool
    """Whether both were shown on each of these days."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "days": list(self.days),
            "same_days": self.same_days,
            "clicked": _difference(self.before.clicks, self.after.clicks),
            "converted": _difference(self.before.conversions, self.after.conversions),
            "says": self.sentences(),
        }

    def sentences(self) -> list[str]:
        """Say what follows from it, and what does not."""
        said = [
            _sentence("clicks", self.before.clicks, self.after.clicks),
            _sentence("purchases", self.before.conversions, self.after.conversions),
        ]
        if not self.same_days:
            said.append("they were shown on different days: what differs may be the days")
        return said


def compare_shown(summaries: Summaries, before: str, after: str, days: Sequence[str]) -> Verdict:
    """Compare two bundles on those of `days` on which both were shown; on all, if on none.

    Raises BundleError for a bundle of which no hit was seen on any of them.
    """
    if before == after:
        raise BundleError(f"{before} is both bundles; name two to compare")
    on = {shown.bundle: shown.days for shown in read_overview(summaries, days).bundles}
    for bundle in (before, after):
        if bundle not in on:
            named = f"from {days[0]} to {days[-1]}" if days else "yet: no day was counted"
            raise BundleError(f"no hit of bundle {bundle!r} was seen {named}")
    both = tuple(sorted(set(on[before]) & set(on[after])))
    either = tuple(sorted(set(on[before]) | set(on[after])))
    found = {shown.bundle: shown for shown in read_overview(summaries, both or either).bundles}
    return Verdict(found[before], found[after], both or either, bool(both))


def _difference(before: Share, after: Share) -> dict[str, float | str]:
    apart, low, high = difference(before, after)
    rounded = {"difference": round(apart, 5), "low": round(low, 5), "high": round(high, 5)}
    return {**rounded, "verdict": verdict(before, after)}


def verdict(before: Share, after: Share) -> str:
    """Return `more`, `fewer` or `open`: what the later one is by the whole interval."""
    _, low, high = difference(before, after)
    if low > 0:
        return "more"
    return "fewer" if high < 0 else "open"


def _sentence(what: str, before: Share, after: Share) -> str:
    apart, low, high = (100 * value for value in difference(before, after))
    ends = {
        "more": f"the later bundle brings more {what}",
        "fewer": f"the later bundle brings fewer {what}",
        "open": "not told apart yet",
    }
    return (
        f"{what}: {percent(after)} of {after.of:,} answers, before {percent(before)} of "
        f"{before.of:,}; {apart:+.2f} points (95 %: {low:+.2f} to {high:+.2f}): "
        f"{ends[verdict(before, after)]}"
    )


def percent(share: Share) -> str:
    """Return a share as people say it: "12.34 %"."""
    return f"{100 * share.share:.2f} %"
