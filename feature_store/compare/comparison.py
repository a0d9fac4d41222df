"""What the comparison of two bundles found, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CAUSES: Mapping[str, str] = {
    "catalogue": "items came, went, or moved to another segment or region",
    "photo": "another photo",
    "detector": "the same photo, other boxes",
    "extractor": "other extractors or weights",
    "index": "none of these: parameters, approximate search, the mean",
}
"""Why a look-alike came or went: the first of these that explains it."""


@dataclass(frozen=True)
class Cause:
    """How many look-alikes came and went for one reason."""

    lost: int
    gained: int
    share: float
    """Of all that came and went, 0..1."""


@dataclass(frozen=True)
class CategoryChurn:
    """How much changed for the items of one category; "" for those without."""

    category: str
    items: int
    churn: float


@dataclass(frozen=True)
class Shown:
    """One look-alike in a row of the contact sheet."""

    item_id: str
    title: str
    score: float
    """0 to 100."""
    fate: str
    """`kept`, `lost` (before) or `gained` (after)."""
    cause: str
    """One of `CAUSES`; "" for one that is kept."""
    region: int
    """Its number in the bundle that shows it."""


@dataclass(frozen=True)
class ItemChange:
    """One item, with its look-alikes before and after."""

    item_id: str
    title: str
    category: str
    churn: float
    before: tuple[Shown, ...]
    after: tuple[Shown, ...]
    asked_before: int
    """The region that is asked with, by its number in the bundle before."""
    asked_after: int


@dataclass(frozen=True)
class Comparison:
    """What would change for shoppers if the bundle `after` took the place of `before`."""

    before: str
    after: str
    hits: int
    """Look-alikes compared for each item."""
    items_before: int
    items_after: int
    items_both: int
    items_changed: int
    """Of those, the ones with at least one other look-alike."""
    churn: float
    """The share (0..1) of the look-alikes of the items in both that are others; 1 if none is."""
    limit: float
    """The churn above which a person has to agree."""
    causes: Mapping[str, Cause]
    categories: tuple[CategoryChurn, ...]
    """Most changed first."""
    distribution: tuple[int, ...]
    """How many items have 0, 1, … `hits` other look-alikes."""
    facts: Mapping[str, tuple[str, str]]
    """What the two bundles say of themselves where it differs: (before, after) by name."""
    asked: tuple[ItemChange, ...]
    """The items that somebody asked to see."""
    worst: tuple[ItemChange, ...]
    random: tuple[ItemChange, ...]
    """Drawn at random among the other changed ones."""
    report: Path
    """The contact sheet, `compare.html`; `compare.json` is beside it."""

    @property
    def needs_approval(self) -> bool:
        """Whether so much changes that a person has to agree before it is published."""
        return self.churn > self.limit

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {**asdict(self), "needs_approval": self.needs_approval, "report": str(self.report)}

    def summary(self) -> dict[str, Any]:
        """Return a few plain values: how much changes, why, and where the report is."""
        return {
            "before": self.before,
            "after": self.after,
            "items": self.items_both,
            "items_changed": self.items_changed,
            "churn": round(self.churn, 4),
            "limit": self.limit,
            "needs_approval": self.needs_approval,
            "causes": {name: asdict(cause) for name, cause in self.causes.items()},
            "report": str(self.report),
        }


def explain(summary: Mapping[str, Any]) -> str:
    """Say in a sentence what the summary of a comparison means."""
    if not summary["items"]:
        return f"{summary['before']} and {summary['after']} have no item in common"
    shares = sorted(
        ((cause["share"], name) for name, cause in summary["causes"].items() if cause["share"]),
        reverse=True,
    )
    why = ", ".join(f"{name} {percent(share)}" for share, name in shares)
    told = (
        f"{percent(summary['churn'])} of the look-alikes of {summary['items']:,} items "
        f"would change (limit {percent(summary['limit'])})"
    )
    return f"{told}: {why}" if why else told


def percent(share: float) -> str:
    """Return a share in percent: 0 and 100 only where it is exactly that."""
    shown = f"{100 * share:.1f}"
    if shown == "0.0" and share > 0:
        return "< 0.1 %"
    if shown == "100.0" and share < 1:
        return "> 99.9 %"
    return f"{shown.removesuffix('.0')} %"
